package executor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/abcitypes"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func TestMembersWithoutASeatHaveNoDuty(t *testing.T) {
	seats := func(bits ...byte) func(*Duty) { return func(d *Duty) { d.Round.Seats = bits } }
	for reason, tc := range map[string]struct {
		seats func(*Duty)
		want  bool
	}{
		"every member has one": {seats(), true},
		"this one has":         {seats(0b011), true},
		"others have":          {seats(0b101), false},
	} {
		t.Run(reason, func(t *testing.T) {
			b := newBench(t)
			key := b.chain.open(1, tc.seats)
			b.block()
			_, said := b.say(key)
			require.Equal(t, tc.want, said)
			_, infers := b.engine.counts()
			require.Equal(t, tc.want, infers == 1)
		})
	}
	for position, want := range map[int]bool{0: true, 7: false, 8: false, 9: true, 15: false, 16: false, 99: false} {
		require.Equal(t, want, verificationtypes.Round{Seats: []byte{1, 2}}.HasSeat(position), "position %d", position)
	}
}

// The node has computed an outcome. The state under test is the one after block 102: what is said goes into block 104.
func TestContestedBytes(t *testing.T) {
	ours, output := result(t)
	theirs := verificationtypes.Outcome{OutputRoot: digest(5)}
	failure := verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_EXECUTION)
	contested := func(d *Duty, at int64) { d.Round.ContestedHeight = at }
	phases := map[string]verificationtypes.Phase{
		"open": verificationtypes.PHASE_OPEN, "arbitrating": verificationtypes.PHASE_ARBITRATING, "settling": verificationtypes.PHASE_SETTLING,
	}
	const (
		nothing = publishNothing
		now     = publishNow
		maybe   = publishIfContested
	)
	cases := []struct {
		reason string
		change func(*Duty)
		want   publication
	}{
		{"nobody has spoken", func(*Duty) {}, maybe},
		{"others said the same", func(d *Duty) { record(d, operators[0], ours) }, maybe},
		{"another outcome is there, ours is new", func(d *Duty) { record(d, operators[0], theirs) }, now},
		{"a failure is there, ours is new", func(d *Duty) { record(d, operators[0], failure) }, now},
		{"ours is new, and there is no room", func(d *Duty) { record(d, operators[0], theirs); d.MaxCandidates = 1 }, nothing},
		{"ours is new, there is no room, and we lead", func(d *Duty) {
			record(d, operators[0], theirs)
			d.MaxCandidates, d.Round.Leader = 1, self
		}, now},
		{"recorded first of its outcome", func(d *Duty) { record(d, self, ours) }, maybe},
		{"recorded after the leader of its outcome", func(d *Duty) { record(d, self, ours); record(d, operators[0], ours) }, nothing},
		{"in its turn", func(d *Duty) { record(d, operators[0], theirs); record(d, self, ours); contested(d, 102) }, now},
		{"not in the turn of another", func(d *Duty) {
			record(d, operators[2], theirs)
			record(d, operators[0], ours)
			record(d, self, ours)
			contested(d, 102)
		}, nothing},
		{"in the second turn", func(d *Duty) {
			record(d, operators[2], theirs)
			record(d, operators[0], ours)
			record(d, self, ours)
			contested(d, 101)
		}, now},
		{"not recorded yet, others take turns", func(d *Duty) {
			record(d, operators[2], theirs)
			record(d, operators[0], ours)
			contested(d, 102)
		}, nothing},
		{"the bytes are in state", func(d *Duty) {
			record(d, operators[0], theirs)
			record(d, self, ours)
			contested(d, 102)
			d.Round.Candidates[1].Publisher = operators[2]
		}, nothing},
	}
	for name, phase := range phases {
		for _, c := range cases {
			t.Run(name+"/"+c.reason, func(t *testing.T) {
				b := newBench(t)
				key := b.chain.open(1)
				b.block()
				b.chain.change(key, func(d *Duty) { d.Round.Phase = phase }, c.change)
				b.block()
				got, _ := b.say(key)
				switch c.want {
				case now:
					require.Equal(t, output, got.Output)
					require.Empty(t, got.Contested)
				case maybe:
					require.Equal(t, output, got.Contested)
					require.Empty(t, got.Output)
				default:
					require.Empty(t, got.Output)
					require.Empty(t, got.Contested)
				}
			})
		}
	}
}

func TestSealedRoundIsUrgentUntilItsTimer(t *testing.T) {
	sealed := Duty{Deadline: 120}
	sealed.Round.Phase, sealed.Round.TimerHeight = verificationtypes.PHASE_COMMITTING, 104
	require.Equal(t, int64(104), sealed.urgency(100))
	require.Equal(t, int64(112), sealed.urgency(110), "it still counts while the power does not suffice")
	require.Equal(t, int64(120), sealed.urgency(119))
	other := Duty{Deadline: 110}
	other.Round.Phase = verificationtypes.PHASE_ARBITRATING
	require.Negative(t, compareUrgency(sealed, other, self, 100))
	require.Positive(t, compareUrgency(sealed, other, self, 110))
	other.Round.Phase = verificationtypes.PHASE_SETTLING
	require.Negative(t, compareUrgency(sealed, other, self, 110), "a round that has its verdict comes last")
}

func TestWordIsThatOfTheExecutor(t *testing.T) {
	b := newBench(t)
	key := b.chain.open(1, seal)
	b.block()
	want, ok := b.say(key)
	require.True(t, ok)
	entry, _ := b.opts.Outbox.Get(key)
	got, ok := Self{Operator: self, Height: b.height, Key: b.sealKey}.Word(b.duties[key], entry)
	require.True(t, ok)
	require.Equal(t, want, got)
	_, ok = Self{Operator: "nobody", Height: b.height, Key: b.sealKey}.Word(b.duties[key], abcitypes.OutboxEntry{})
	require.False(t, ok)
}
