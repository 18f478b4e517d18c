package sequencer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// process is one run of a sequencer on a fake chain, up to its end or until it is killed.
type process struct {
	chain *fakeChain
	seq   *Sequencer
	run   *runner
	ctx   context.Context
	kill  context.CancelFunc
}

func start(c *fakeChain, window int) *process {
	p := &process{chain: c}
	p.ctx, p.kill = context.WithCancel(context.Background())
	p.seq = New(c, c, Options{Window: window, Lifetime: 6, Patience: 3, Pause: func(ctx context.Context, _ int) error {
		if c.kill > 0 && c.calls >= c.kill {
			p.kill()
		}
		return ctx.Err()
	}}, c.left())
	p.run = &runner{Sequencer: p.seq}
	return p
}

func (p *process) add(t require.TestingT, key string) *Ticket {
	ticket, err := p.seq.Add(key, []byte(key), bytes.Equal, nil)
	require.NoError(t, err)
	return ticket
}

// steps works until nothing is under way, and says whether it was killed.
func (p *process) steps(t require.TestingT) (killed bool) {
	for i := 0; !p.seq.machine.idle(); i++ {
		require.Less(t, i, 3000, "the sequencer has to come to an end")
		if err := p.run.step(p.ctx); err != nil {
			require.ErrorIs(t, err, context.Canceled)
			p.seq.shut()
			return true
		}
		check(t, p.seq.machine)
	}
	return false
}

// check holds the machine against its invariants.
func check(t require.TestingT, m *machine) {
	queued := make(map[*entry]bool)
	for _, e := range m.queue {
		require.False(t, queued[e], "a job is in the queue once")
		require.False(t, e.signed, "what waits has no transaction that can be executed")
		require.Same(t, e, m.entries[e.job.Key])
		queued[e] = true
	}
	for seq, e := range m.bound {
		require.Equal(t, seq, e.tx.Sequence)
		require.False(t, queued[e], "a job with a number does not wait")
		require.Same(t, e, m.entries[e.job.Key])
	}
	require.LessOrEqual(t, len(m.bound), m.window)
}

// requireOutcome fails unless a job had the effect that its nature has, and its outcome tells what was paid.
func requireOutcome(t require.TestingT, c *fakeChain, key string, o Outcome) {
	require.Equal(t, c.paid[key], o.Paid, "%s: gas is accounted for", key)
	switch c.nature[key] {
	case fails:
		if o.Result.Kind == ResultFailed {
			require.EqualValues(t, fakeFee, o.Paid)
		} else {
			require.Error(t, o.Err)
			require.Zero(t, o.Paid)
		}
	case refuse:
		require.Error(t, o.Err)
		require.Zero(t, o.Paid)
	default:
		if o.Err != nil {
			require.Zero(t, c.executed[key], "%s has ended without an effect: %s", key, o.Err)
			return
		}
		require.Equal(t, 1, c.executed[key], "%s is executed once", key)
		if c.nature[key] == thirst {
			require.EqualValues(t, 2*fakeFee, o.Paid)
		} else {
			require.EqualValues(t, fakeFee, o.Paid)
		}
	}
}

func TestJobsGoOutTogether(t *testing.T) {
	c := newFakeChain()
	p := start(c, 8)
	var tickets []*Ticket
	for i := range 9 {
		tickets = append(tickets, p.add(t, fmt.Sprint(i)))
	}
	require.False(t, p.steps(t))
	for i, ticket := range tickets {
		o := <-ticket.Done
		requireOutcome(t, c, fmt.Sprint(i), o)
		require.EqualValues(t, 8+i/4, o.Result.Height, "four in a block, in their order")
	}
	require.Empty(t, c.journal)
}

// drawTrouble makes a chain draw what goes wrong, up to so many times.
func drawTrouble(rt *rapid.T, c *fakeChain) {
	trouble := rapid.IntRange(0, 200).Draw(rt, "trouble")
	c.chance = func(label string, n int) int {
		if trouble == 0 {
			return 0
		}
		trouble--
		return rapid.IntRange(0, n-1).Draw(rt, label)
	}
}

// TestEveryJobOnce lets a second process use the key, loses and reorders transactions, answers and connections, and kills the
// process again and again: every job has its effect once and is paid for once.
func TestEveryJobOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newFakeChain()
		c.room = rapid.IntRange(1, 6).Draw(rt, "room")
		window := rapid.IntRange(1, 6).Draw(rt, "window")
		drawTrouble(rt, c)
		kills := rapid.IntRange(0, 4).Draw(rt, "kills")
		next := 0
		tickets := make(map[string]*Ticket)
		for round := 0; ; round++ {
			p := start(c, window)
			last := round == kills
			c.kill, c.lateKill = 0, rapid.Bool().Draw(rt, "late")
			if !last {
				c.kill = c.calls + rapid.IntRange(1, 30).Draw(rt, "kill")
			}
			for range rapid.IntRange(0, 12).Draw(rt, "jobs") {
				key := fmt.Sprint("job ", next)
				c.nature[key] = nature(rapid.IntRange(0, 3).Draw(rt, "nature"))
				tickets[key] = p.add(rt, key)
				next++
			}
			if !p.steps(rt) && last {
				break
			}
			for range rapid.IntRange(0, 2).Draw(rt, "blocks in between") {
				c.block()
			}
		}
		require.Empty(rt, c.journal, "everything signed was settled")
		for key, o := range c.settled {
			requireOutcome(rt, c, key, o)
		}
		for i := range next {
			key := fmt.Sprint("job ", i)
			if _, ok := c.settled[key]; !ok {
				require.Zero(rt, c.paid[key], "%s was lost with the process before it was signed, or paid for in the dark", key)
				o := <-tickets[key].Done
				require.ErrorIs(rt, o.Err, ErrClosed)
			}
		}
	})
}

// TestKilledAtEveryCall kills the process at each call it makes, before and after the call took effect.
func TestKilledAtEveryCall(t *testing.T) {
	jobs := func(p *process) {
		for i := range 9 {
			p.add(t, fmt.Sprint(i))
		}
	}
	whole := newFakeChain()
	p := start(whole, 4)
	jobs(p)
	require.False(t, p.steps(t))
	for at := 1; at <= whole.calls; at++ {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d late %t", at, late), func(t *testing.T) {
				c := newFakeChain()
				c.kill, c.lateKill = at, late
				p := start(c, 4)
				jobs(p)
				require.True(t, p.steps(t))
				c.kill = 0
				require.False(t, start(c, 4).steps(t))
				require.Empty(t, c.journal)
				for key, o := range c.settled {
					requireOutcome(t, c, key, o)
				}
				for key := range c.paid {
					require.Contains(t, c.settled, key, "what was paid for is settled")
				}
			})
		}
	}
}

func TestASecondWriterThatNeverStops(t *testing.T) {
	c := newFakeChain()
	c.chance = func(label string, n int) int {
		if label == "foreign transactions" {
			return n - 1
		}
		return 0
	}
	p := start(c, 6)
	for i := range 20 {
		p.add(t, fmt.Sprint(i))
	}
	require.False(t, p.steps(t))
	for key, o := range c.settled {
		requireOutcome(t, c, key, o)
		require.NoError(t, o.Err)
	}
	require.Len(t, c.settled, 20)
}

// TestLostPoolIsSentAgain: the node forgets what it was given. It gets the same bytes again within the patience.
func TestLostPoolIsSentAgain(t *testing.T) {
	c := newFakeChain()
	lost := false
	c.chance = func(label string, _ int) int {
		switch {
		case label == "gossip":
			return 1
		case label == "disorder" && !lost:
			lost = true
			return 3
		default:
			return 0
		}
	}
	p := start(c, 8)
	for i := range 4 {
		p.add(t, fmt.Sprint(i))
	}
	require.False(t, p.steps(t))
	for i := range 4 {
		o := c.settled[fmt.Sprint(i)]
		requireOutcome(t, c, fmt.Sprint(i), o)
		require.LessOrEqual(t, o.Result.Height, int64(11))
		require.EqualValues(t, 3+i, o.Tx.Sequence, "the number it was signed with")
	}
	require.Len(t, c.signed, 4, "nothing was signed anew")
}

func TestSameKeyIsOneJob(t *testing.T) {
	c := newFakeChain()
	p := start(c, 4)
	first, second := p.add(t, "k"), p.add(t, "k")
	_, err := p.seq.Add("k", []byte("other"), bytes.Equal, nil)
	require.ErrorIs(t, err, ErrKeyInUse)
	require.False(t, p.steps(t))
	require.Equal(t, <-first.Done, <-second.Done)
	require.Equal(t, 1, c.executed["k"])
}

func TestLeavingAJob(t *testing.T) {
	c := newFakeChain()
	p := start(c, 1)
	for name, tc := range map[string]struct {
		leave  func() bool
		goesOn bool
	}{
		"that was not signed": {func() bool { return p.seq.Leave(p.add(t, "a")) }, false},
		"others wait for": {func() bool {
			p.add(t, "b")
			return p.seq.Leave(p.add(t, "b"))
		}, true},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.goesOn, tc.leave()) })
	}
	require.False(t, p.under("a"))
	signed := p.add(t, "c")
	for !c.has("c") {
		require.NoError(t, p.run.step(p.ctx))
	}
	if p.under("c") {
		require.True(t, p.seq.Leave(signed), "what was signed goes on")
	}
	require.False(t, p.steps(t))
	require.Equal(t, map[string]int{"b": 1, "c": 1}, c.executed)
}

// has tells whether a job was signed.
func (c *fakeChain) has(key string) bool {
	for _, tx := range c.signed {
		if tx.key == key {
			return true
		}
	}
	return false
}

// under tells whether a job is under way.
func (p *process) under(key string) bool {
	_, there, err := p.seq.Attach(key, []byte(key), bytes.Equal)
	return there && err == nil
}

// unable is a chain whose key does not sign.
type unable struct{ *fakeChain }

func (u unable) Sign(context.Context, Job, uint64, int64) (Signature, error) {
	return Signature{}, errors.New("the device is locked")
}

func TestAJobThatCannotBeSigned(t *testing.T) {
	c := newFakeChain()
	p := start(c, 4)
	p.seq.chain = unable{c}
	ticket := p.add(t, "k")
	require.False(t, p.steps(t))
	require.ErrorContains(t, (<-ticket.Done).Err, "the device is locked")
	require.Empty(t, c.settled, "the journal never heard of it")
}

// choosy is a journal that lets only so many transactions of some jobs be sent.
type choosy struct {
	*fakeChain
	left map[string]int
}

func (c choosy) Signed(ctx context.Context, tx Tx) error {
	left, known := c.left[tx.Key]
	if known && left == 0 {
		return fmt.Errorf("%w: over the quota", ErrRejected)
	}
	if known {
		c.left[tx.Key]--
	}
	return c.fakeChain.Signed(ctx, tx)
}

// A job that the journal rejects ends alone, whether it was signed before or not.
func TestAJobThatTheJournalRejects(t *testing.T) {
	c := newFakeChain()
	c.nature["again"] = thirst
	p := start(c, 8)
	p.seq.journal = choosy{c, map[string]int{"never": 0, "again": 1}}
	tickets := make(map[string]*Ticket)
	for _, key := range []string{"first", "never", "again", "last"} {
		tickets[key] = p.add(t, key)
	}
	require.False(t, p.steps(t))
	for _, key := range []string{"first", "last"} {
		requireOutcome(t, c, key, <-tickets[key].Done)
	}
	never := <-tickets["never"].Done
	require.ErrorIs(t, never.Err, ErrRejected)
	require.False(t, never.Signed)
	require.Zero(t, never.Paid)
	require.NotContains(t, c.settled, "never", "the journal has nothing of it")
	again := <-tickets["again"].Done
	require.ErrorIs(t, again.Err, ErrRejected)
	require.True(t, again.Signed)
	require.EqualValues(t, fakeFee, again.Paid)
	require.Contains(t, c.settled, "again")
	require.Equal(t, map[string]int{"first": 1, "last": 1}, c.executed)
	require.Empty(t, c.journal)
}

func TestClosing(t *testing.T) {
	c := newFakeChain()
	p := start(c, 1)
	ticket := p.add(t, "k")
	p.kill()
	require.ErrorIs(t, p.seq.Run(p.ctx), context.Canceled)
	require.ErrorIs(t, (<-ticket.Done).Err, ErrClosed)
	_, err := p.seq.Add("l", nil, bytes.Equal, nil)
	require.ErrorIs(t, err, ErrClosed)
}

// TestWhatWasSignedBeforeMayBeElsewhere: a process was killed after it had handed over a transaction that its node then lost while
// another node kept it, and another process has taken the number at the first node. The job is not signed again while the
// transaction can still be executed.
func TestWhatWasSignedBeforeMayBeElsewhere(t *testing.T) {
	c := newFakeChain()
	tx := fakeTx{seq: c.sequence, key: "k", expires: c.height + 6}
	c.signed[tx.name()] = tx
	c.journal["k"] = Tx{
		Job: Job{Key: "k", Message: []byte("k")}, Sequence: tx.seq, Sent: c.height, Expires: tx.expires,
		Signature: Signature{Raw: []byte(tx.name()), Hash: tx.name(), Fee: fakeFee},
	}
	c.gossip = []fakeTx{tx}
	c.pool = []fakeTx{{seq: c.sequence, key: "foreign", foreign: true, expires: 100}}
	c.chance = func(label string, _ int) int {
		if label == "disorder" && c.height == 8 {
			return 5
		}
		return 0
	}
	require.False(t, start(c, 4).steps(t))
	requireOutcome(t, c, "k", c.settled["k"])
	require.Len(t, c.signed, 1)
}

func TestRoomIsGivenBack(t *testing.T) {
	c := newFakeChain()
	p := start(c, 4)
	taken := 0
	add := func(key string) (*Ticket, error) {
		taken++
		return p.seq.Add(key, []byte(key), bytes.Equal, func() { taken-- })
	}
	left, err := add("left")
	require.NoError(t, err)
	require.False(t, p.seq.Leave(left))
	require.Zero(t, taken)
	_, err = add("k")
	require.NoError(t, err)
	_, err = add("k")
	require.NoError(t, err)
	require.Equal(t, 1, taken, "one job, one place")
	require.False(t, p.steps(t))
	require.Zero(t, taken)
	_, err = add("m")
	require.NoError(t, err)
	p.seq.shut()
	require.Zero(t, taken)
}

func TestATransactionThatNoBlockTakes(t *testing.T) {
	c := newFakeChain()
	c.chance = func(label string, _ int) int {
		if label == "send" {
			return 1
		}
		return 0
	}
	p := start(c, 4)
	ticket := p.add(t, "k")
	for range 40 {
		require.NoError(t, p.run.step(p.ctx))
		c.block() // while the node that is asked has no connection
		if !p.under("k") {
			break
		}
	}
	require.ErrorIs(t, (<-ticket.Done).Err, ErrLapsed)
	require.Len(t, c.signed, 4, "the first and three more")
	require.Empty(t, c.journal)
}

// TestManyCallers: callers come, wait and leave while the sequencer works.
func TestManyCallers(t *testing.T) {
	c := newFakeChain()
	s := New(c, c, Options{Window: 16, Lifetime: 6, Patience: 3, Pause: Backoff}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var working, callers sync.WaitGroup
	working.Go(func() { _ = s.Run(ctx) })
	var mu sync.Mutex
	stayed, left := make(map[string]bool), make(map[string]bool)
	for i := range 300 {
		callers.Go(func() {
			key := fmt.Sprint(i)
			ticket, err := s.Add(key, []byte(key), bytes.Equal, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if i%3 == 0 && !s.Leave(ticket) {
				mu.Lock()
				left[key] = true
				mu.Unlock()
				return
			}
			if i%3 != 0 {
				if o := <-ticket.Done; o.Err != nil {
					t.Error(o.Err)
				}
			}
			mu.Lock()
			stayed[key] = true
			mu.Unlock()
		})
	}
	callers.Wait()
	// What was left behind after it was signed still ends.
	for key := range stayed {
		if ticket, there, _ := s.Attach(key, []byte(key), bytes.Equal); there {
			<-ticket.Done
		}
	}
	cancel()
	working.Wait()
	for key := range stayed {
		require.Equal(t, 1, c.executed[key], key)
	}
	for key := range left {
		require.Zero(t, c.executed[key], key)
	}
}
