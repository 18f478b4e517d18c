package modelpush

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// fakeTx is a transaction of the account: with a chunk of the file, or of another process.
type fakeTx struct {
	seq     uint64
	chunk   uint32
	foreign bool
	expires int64
}

func (t fakeTx) hash() string {
	return fmt.Sprintf("%d/%d/%t/%d", t.seq, t.chunk, t.foreign, t.expires)
}

// fakeChain is a chain with one node. It is written without regard to how a push works: transactions wait in a pool,
// are taken into blocks, executed when their number is next, and all that cannot follow is thrown out of the pool.
type fakeChain struct {
	height   int64
	sequence uint64
	chunks   []int // how often each chunk was paid for
	stored   []bool
	pool     []fakeTx
	results  map[string]Result

	room int // transactions of a block
	// chance decides what goes wrong; each call is one decision between n ways, of which 0 is the ordinary one.
	chance func(label string, n int) int
	// calls counts calls, of which the one numbered kill, from 1, and all after it fail with errKilled.
	calls, kill int
	// lateKill lets the killed call still reach the node.
	lateKill bool
}

var errKilled = errors.New("killed")

func newFakeChain(chunks int) *fakeChain {
	return &fakeChain{
		height: 7, sequence: 3, chunks: make([]int, chunks), stored: make([]bool, chunks), results: make(map[string]Result), room: 4,
		chance: func(string, int) int { return 0 },
	}
}

// killed counts a call.
func (c *fakeChain) killed() (bool, error) {
	c.calls++
	if c.kill > 0 && c.calls >= c.kill {
		return true, errKilled
	}
	return false, nil
}

func (c *fakeChain) View(context.Context) (View, error) {
	if dead, err := c.killed(); dead {
		return View{}, err
	}
	if c.chance("view fails", 12) == 1 {
		return View{}, errors.New("connection lost")
	}
	v := View{Height: c.height, Sequence: c.sequence}
	for i, there := range c.stored {
		if !there {
			v.Missing = append(v.Missing, uint32(i))
		}
	}
	return v, nil
}

// expected is the number that the node expects next.
func (c *fakeChain) expected() uint64 { return c.sequence + uint64(len(c.pool)) }

func (c *fakeChain) Send(_ context.Context, chunk uint32, seq uint64, expires int64) (Answer, error) {
	tx := fakeTx{seq: seq, chunk: chunk, expires: expires}
	dead, err := c.killed()
	if dead && !c.lateKill {
		return Answer{}, err
	}
	switch c.chance("send", 14) {
	case 1:
		return Answer{}, errors.New("no connection")
	case 2:
		c.check(tx)
		return Answer{}, errors.New("connection lost before the answer")
	case 3:
		return Answer{Kind: AnswerBusy, Hash: tx.hash()}, nil
	}
	answer := c.check(tx)
	return answer, err
}

func (c *fakeChain) check(tx fakeTx) Answer {
	a := Answer{Hash: tx.hash()}
	switch {
	case slices.Contains(c.pool, tx):
		a.Kind = AnswerHeld
	case c.height >= tx.expires:
		a.Kind = AnswerBusy
	case tx.seq != c.expected():
		a.Kind, a.Expected = AnswerSequence, c.expected()
	default:
		a.Kind = AnswerAccepted
		c.pool = append(c.pool, tx)
	}
	return a
}

func (c *fakeChain) Result(_ context.Context, hash string, _ int64) (Result, error) {
	if dead, err := c.killed(); dead {
		return Result{}, err
	}
	if r, ok := c.results[hash]; ok {
		return r, nil
	}
	return Result{Kind: ResultAbsent}, nil
}

func (c *fakeChain) Wait(context.Context, int64) error {
	if dead, err := c.killed(); dead {
		return err
	}
	c.block()
	return nil
}

// block makes a block, after another process has perhaps sent something.
func (c *fakeChain) block() {
	for range c.chance("foreign transactions", 3) {
		c.pool = append(c.pool, fakeTx{seq: c.expected(), foreign: true, expires: c.height + 50})
	}
	c.height++
	block := slices.Clone(c.pool[:min(len(c.pool), c.room)])
	rest := slices.Clone(c.pool[len(block):])
	switch c.chance("disorder", 6) {
	case 1:
		slices.Reverse(block)
	case 2: // an empty block
		rest, block = slices.Clone(c.pool), nil
	case 3: // the pool is lost
		rest, block = nil, nil
	case 4: // one transaction is lost
		if len(block) > 0 {
			i := c.chance("which", len(block))
			block = slices.Delete(block, i, i+1)
		}
	}
	for _, tx := range block {
		c.execute(tx)
	}
	c.pool = nil
	for _, tx := range rest {
		if tx.seq == c.expected() && c.height < tx.expires {
			c.pool = append(c.pool, tx)
		}
	}
}

func (c *fakeChain) execute(tx fakeTx) {
	if tx.seq != c.sequence || c.height > tx.expires {
		return // in the block, without any effect
	}
	c.sequence++
	if tx.foreign {
		return
	}
	c.chunks[tx.chunk]++
	if c.stored[tx.chunk] {
		c.results[tx.hash()] = Result{Kind: ResultFailed, Detail: "the chunk is there already"}
		return
	}
	c.stored[tx.chunk] = true
	c.results[tx.hash()] = Result{Kind: ResultDone}
}
