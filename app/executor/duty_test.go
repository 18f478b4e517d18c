package executor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/voteext"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func TestOutcomeIsOfferedUntilCommittedStateHasIt(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	// The precommit is lost again and again.
	for range 4 {
		b.block()
		got, ok := b.say(key)
		require.True(t, ok)
		require.True(t, got.Attest)
	}
	outcome, _ := result(t)
	b.chain.change(key, func(d *Duty) { record(d, operators[0], outcome); record(d, self, outcome) })
	b.block()
	_, ok := b.say(key)
	require.False(t, ok, "acknowledged")
	_, held := b.opts.Outbox.Get(key)
	require.True(t, held, "the bytes may still be asked for")

	b.chain.close(key)
	b.block()
	_, held = b.opts.Outbox.Get(key)
	require.False(t, held)
	require.Equal(t, 1, b.counter.of(EventDropped))
	_, infers := b.engine.counts()
	require.Equal(t, 1, infers)
}

func TestOutcomeSurvivesACrashBetweenStoringAndSending(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	want, _ := b.say(key)
	b.restart()
	require.Empty(t, b.items(), "nothing is said before committed state is seen")
	b.block()
	got, ok := b.say(key)
	require.True(t, ok)
	require.Equal(t, want, got)
	_, infers := b.engine.counts()
	require.Equal(t, 1, infers)
}

func TestRestartFindsOpenRounds(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.commit()
	b.stop()
	b.restart()
	b.block()
	_, ok := b.say(key)
	require.True(t, ok)
}

func TestOutcomeOutlivesAStateThatIsReplayed(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	d := b.chain.duties[key]
	b.chain.close(key)
	b.restart()
	b.commit()
	_, held := b.opts.Outbox.Get(key)
	require.True(t, held, "the state may be behind the outbox")
	b.chain.set(func(c *chain) { c.duties[key] = d })
	b.block()
	_, ok := b.say(key)
	require.True(t, ok)

	b.chain.close(key)
	b.restart()
	b.chain.set(func(c *chain) { c.height = d.Deadline + 1 })
	b.commit()
	_, held = b.opts.Outbox.Get(key)
	require.False(t, held, "past its deadline")
}

func TestQuarantinedAttemptIsLeftAlone(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	spoil(t, b.dir, key)
	b.restart()
	other := b.chain.open(2)
	b.block()
	_, ok := b.say(key)
	require.False(t, ok)
	_, ok = b.say(other)
	require.True(t, ok)
	_, infers := b.engine.counts()
	require.Equal(t, 2, infers)
}

func TestEntryOfAnotherRequestIsDropped(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1)
	b.block()
	b.chain.change(key, func(d *Duty) { d.Digest = digest(99) })
	b.block()
	entry, ok := b.opts.Outbox.Get(key)
	require.True(t, ok)
	require.Equal(t, digest(99), entry.Digest)
	require.Equal(t, 1, b.counter.of(EventForeignEntry))
}

func TestNothingIsSaidAgainstCommittedState(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, func(d *Duty) { d.Round.Leader = self })
	b.block()
	b.chain.change(key, func(d *Duty) {
		record(d, self, verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_EXECUTION))
	})
	b.block()
	b.block()
	_, ok := b.say(key)
	require.False(t, ok)
	require.Equal(t, 1, b.counter.of(EventContradicted), "reported once")
}

func TestBytesAreOffered(t *testing.T) {
	outcome, output := result(t)
	failure := verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_EXECUTION)
	decide := func(d *Duty, at int64) {
		record(d, operators[0], outcome)
		record(d, self, outcome)
		record(d, operators[2], outcome)
		d.Round.Decided, d.Round.DecidedHeight = 1, at
	}
	// The state under test is the one after block 102.
	cases := []struct {
		reason string
		change func(*Duty)
		want   bool
	}{
		{"to nobody while another leads", func(*Duty) {}, false},
		{"while leading", func(d *Duty) { d.Round.Leader = self }, true},
		{"while leading, after the attestation", func(d *Duty) { d.Round.Leader = self; record(d, self, outcome) }, true},
		{"not when they are in state", func(d *Duty) {
			d.Round.Leader = self
			record(d, operators[2], outcome)
			d.Round.Candidates[0].Publisher = operators[2]
		}, false},
		{"when other bytes are in state", func(d *Duty) {
			d.Round.Leader = self
			record(d, operators[2], verificationtypes.Outcome{OutputRoot: digest(5)})
			d.Round.Candidates[0].Publisher = operators[2]
		}, true},
		{"not in the turn of the leader", func(d *Duty) { decide(d, 103) }, false},
		{"not in the turn before", func(d *Duty) { decide(d, 102) }, false},
		{"in the first block of the turn", func(d *Duty) { decide(d, 101) }, true},
		{"in the last block of the turn", func(d *Duty) { decide(d, 100) }, true},
		{"not in the turn after", func(d *Duty) { decide(d, 99) }, false},
		{"at once when the leader disagreed", func(d *Duty) {
			decide(d, 103)
			record(d, operators[0], failure)
		}, true},
		{"for an outcome that lost, to be compared", func(d *Duty) {
			record(d, operators[0], verificationtypes.Outcome{OutputRoot: digest(5)})
			record(d, operators[2], verificationtypes.Outcome{OutputRoot: digest(5)})
			record(d, self, outcome)
			d.Round.Decided, d.Round.DecidedHeight, d.Round.ContestedHeight = 1, 101, 101
			d.Round.Phase = verificationtypes.PHASE_SETTLING
		}, true},
		{"not beside a failure that was decided", func(d *Duty) {
			record(d, operators[0], failure)
			record(d, operators[2], failure)
			record(d, self, outcome)
			d.Round.Decided, d.Round.DecidedHeight, d.Round.ContestedHeight = 1, 101, 101
			d.Round.Phase = verificationtypes.PHASE_SETTLING
		}, false},
		{"not after the verdict they were for", func(d *Duty) {
			decide(d, 101)
			d.Round.Phase = verificationtypes.PHASE_SETTLING
			d.Round.Candidates[0].Publisher = operators[0]
		}, false},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			b := newBench(t)
			key := b.chain.open(1)
			b.block()
			b.chain.change(key, c.change)
			b.block()
			got, _ := b.say(key)
			if c.want {
				require.Equal(t, output, got.Output)
			} else {
				require.Empty(t, got.Output)
			}
		})
	}
}

func TestFailureHasNoBytes(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, func(d *Duty) { d.Round.Leader = self; d.Round.MaxOutputBytes = 1 })
	b.block()
	got, ok := b.say(key)
	require.True(t, ok)
	require.Empty(t, got.Output)
}

func TestLateAttestationIsOfferedWhileTheRoundSettles(t *testing.T) {
	b := newBench(t)
	outcome, _ := result(t)
	key := b.chain.open(1, func(d *Duty) {
		record(d, operators[0], outcome)
		d.Round.Decided, d.Round.Phase = 1, verificationtypes.PHASE_SETTLING
		d.Deadline = 103
	})
	b.block()
	got, ok := b.say(key)
	require.True(t, ok)
	require.Equal(t, voteext.Item{Key: key, Outcome: outcome, EnvironmentClass: 4, Deadline: 103, Attest: true}, got)
}
