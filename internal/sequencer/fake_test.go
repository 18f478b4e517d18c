package sequencer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// fakeTx is a transaction of the account: of a job, or of another process.
type fakeTx struct {
	seq     uint64
	key     string
	attempt uint32
	foreign bool
	expires int64
}

func (t fakeTx) name() string {
	return fmt.Sprintf("%d/%s/%d/%t/%d", t.seq, t.key, t.attempt, t.foreign, t.expires)
}

// fakeChain is a chain with one node that is talked to. It is written without regard to how a sequencer works: transactions wait
// in a pool, are taken into blocks, executed when their number is next, and all that cannot follow is thrown out of the pool.
// What the node once had other nodes have as well: it may be executed although the node has lost it.
type fakeChain struct {
	height   int64
	sequence uint64
	pool     []fakeTx
	gossip   []fakeTx // what other nodes still hold
	signed   map[string]fakeTx
	results  map[string]Result
	executed map[string]int    // how often each job had an effect
	paid     map[string]uint64 // what was paid for its gas
	nature   map[string]nature

	room int // transactions of a block
	// chance decides what goes wrong; each call is one decision between n ways, of which 0 is the ordinary one.
	chance func(label string, n int) int
	// calls counts calls, of which the one numbered kill, from 1, and all after it fail with errKilled.
	calls, kill int
	// lateKill lets the killed call still take effect.
	lateKill bool

	journal map[string]Tx
	settled map[string]Outcome
	foreign int
}

// nature is how a job behaves when it is executed.
type nature int

const (
	good   nature = iota
	fails         // fails in a block
	thirst        // is executed in vain once
	refuse        // the node refuses it
)

var errKilled = errors.New("killed")

const fakeFee = 7

func newFakeChain() *fakeChain {
	return &fakeChain{
		height: 7, sequence: 3, room: 4, signed: make(map[string]fakeTx), results: make(map[string]Result),
		executed: make(map[string]int), paid: make(map[string]uint64), nature: make(map[string]nature),
		journal: make(map[string]Tx), settled: make(map[string]Outcome),
		chance: func(string, int) int { return 0 },
	}
}

// killed counts a call.
func (c *fakeChain) killed() bool {
	c.calls++
	return c.kill > 0 && c.calls >= c.kill
}

func (c *fakeChain) View(context.Context) (View, error) {
	if c.killed() {
		return View{}, errKilled
	}
	if c.chance("view fails", 12) == 1 {
		return View{}, errors.New("connection lost")
	}
	return View{Height: c.height, Sequence: c.sequence}, nil
}

func (c *fakeChain) Fresh(height int64) bool { return height == c.height }

func (c *fakeChain) Sign(_ context.Context, job Job, seq uint64, expires int64) (Signature, error) {
	tx := fakeTx{seq: seq, key: job.Key, attempt: job.Attempt, expires: expires}
	c.signed[tx.name()] = tx
	return Signature{Raw: []byte(tx.name()), Hash: tx.name(), Fee: fakeFee}, nil
}

// Signed implements Journal.
func (c *fakeChain) Signed(_ context.Context, tx Tx) error {
	dead := c.killed()
	if !dead && c.chance("disk is full", 20) == 1 {
		return errors.New("disk is full")
	}
	if !dead || c.lateKill {
		c.journal[tx.Key] = tx
	}
	if dead {
		return errKilled
	}
	return nil
}

// Settled implements Journal.
func (c *fakeChain) Settled(_ context.Context, key string, o Outcome) error {
	dead := c.killed()
	if !dead && c.chance("disk is full", 20) == 1 {
		return errors.New("disk is full")
	}
	if !dead || c.lateKill {
		delete(c.journal, key)
		c.settled[key] = o
	}
	if dead {
		return errKilled
	}
	return nil
}

// expected is the number that the node expects next.
func (c *fakeChain) expected() uint64 { return c.sequence + uint64(len(c.pool)) }

func (c *fakeChain) Hand(_ context.Context, raw []byte) (Answer, error) {
	tx := c.signed[string(raw)]
	dead := c.killed()
	if dead && !c.lateKill {
		return Answer{}, errKilled
	}
	if dead {
		c.check(tx)
		return Answer{}, errKilled
	}
	switch c.chance("send", 15) {
	case 1:
		return Answer{}, errors.New("no connection")
	case 2:
		c.check(tx)
		return Answer{}, errors.New("connection lost before the answer")
	case 3:
		return Answer{Kind: AnswerBusy}, nil
	case 4: // for the moment, whatever it is
		return c.refusal(tx), nil
	case 5: // the price has risen
		if a := c.refusal(tx); a.Kind == AnswerHeld {
			return a, nil
		}
		return Answer{Kind: AnswerAnew}, nil
	}
	return c.check(tx), nil
}

// refusal is the answer to a transaction that the account cannot pay for: then the job never had an effect unless a copy was
// handed over before.
func (c *fakeChain) refusal(tx fakeTx) Answer {
	if slices.Contains(c.pool, tx) {
		return Answer{Kind: AnswerHeld}
	}
	return Answer{Kind: AnswerRefused, Err: errors.New("no funds")}
}

func (c *fakeChain) check(tx fakeTx) Answer {
	switch {
	case slices.Contains(c.pool, tx):
		return Answer{Kind: AnswerHeld}
	case c.nature[tx.key] == refuse:
		return Answer{Kind: AnswerRefused, Err: errors.New("insufficient fee")}
	case c.height >= tx.expires:
		return Answer{Kind: AnswerBusy}
	case tx.seq != c.expected():
		return Answer{Kind: AnswerSequence, Expected: c.expected()}
	}
	c.pool = append(c.pool, tx)
	if c.chance("gossip", 3) == 0 {
		c.gossip = append(c.gossip, tx)
	}
	return Answer{Kind: AnswerAccepted}
}

func (c *fakeChain) Find(_ context.Context, tx Tx, after, upto int64) (Result, error) {
	if c.killed() {
		return Result{}, errKilled
	}
	if c.chance("find fails", 12) == 1 {
		return Result{}, errors.New("connection lost")
	}
	if r, ok := c.results[tx.Hash]; ok && r.Height > after && r.Height <= upto {
		return r, nil
	} else if ok {
		panic(fmt.Sprintf("%s is in block %d, it is looked for from %d to %d", tx.Hash, r.Height, after, upto))
	}
	return Result{Kind: ResultAbsent}, nil
}

func (c *fakeChain) Wait(context.Context, int64, <-chan struct{}) error {
	if c.killed() {
		return errKilled
	}
	c.block()
	return nil
}

// block makes a block, after another process has perhaps sent something.
func (c *fakeChain) block() {
	for range c.chance("foreign transactions", 3) {
		c.foreign++
		c.pool = append(c.pool, fakeTx{seq: c.expected(), key: fmt.Sprint("foreign ", c.foreign), foreign: true, expires: c.height + 50})
	}
	c.height++
	block := slices.Clone(c.pool[:min(len(c.pool), c.room)])
	rest := slices.Clone(c.pool[len(block):])
	switch c.chance("disorder", 7) {
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
	case 5: // another node proposes, with all it ever got
		block = append(slices.Clone(c.gossip), block...)
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
	c.paid[tx.key] += fakeFee
	r := Result{Kind: ResultDone, Height: c.height}
	switch n := c.nature[tx.key]; {
	case n == fails:
		r.Kind, r.Err = ResultFailed, errors.New("the fee is too low")
	case n == thirst && tx.attempt == 0:
		r.Kind = ResultAgain
	default:
		c.executed[tx.key]++
	}
	c.results[tx.name()] = r
}

// left are the transactions that an earlier process has signed.
func (c *fakeChain) left() []Tx {
	var list []Tx
	for _, key := range slices.Sorted(maps.Keys(c.journal)) {
		list = append(list, c.journal[key])
	}
	return list
}
