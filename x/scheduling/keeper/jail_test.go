package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// event is the last typed event that the fixture's block emitted.
func (f *fixture) event(t check) any {
	t.Helper()
	events := f.ctx.EventManager().ABCIEvents()
	require.NotEmpty(t, events)
	event, err := sdk.ParseTypedEvent(events[len(events)-1])
	require.NoError(t, err)
	return event
}

func TestJailNode(t *testing.T) {
	type jail struct {
		until  int64
		reason string
	}
	tests := map[string]struct {
		jails  []jail
		want   jail
		events int
	}{
		"once":                               {[]jail{{20, types.JailReasonMissed}}, jail{20, types.JailReasonMissed}, 1},
		"the later one counts":               {[]jail{{20, types.JailReasonMissed}, {30, types.JailReasonFault}}, jail{30, types.JailReasonFault}, 2},
		"the earlier one changes nothing":    {[]jail{{30, types.JailReasonFault}, {20, types.JailReasonContradicted}}, jail{30, types.JailReasonFault}, 1},
		"the same again changes nothing":     {[]jail{{30, types.JailReasonFault}, {30, types.JailReasonMissed}}, jail{30, types.JailReasonFault}, 1},
		"a time that is over":                {[]jail{{5, types.JailReasonContradicted}}, jail{5, types.JailReasonContradicted}, 1},
		"a height before an imported chain":  {[]jail{{-7, types.JailReasonMissed}}, jail{-7, types.JailReasonMissed}, 1},
		"jailed again once its time is over": {[]jail{{5, types.JailReasonMissed}, {20, types.JailReasonMissed}}, jail{20, types.JailReasonMissed}, 2},
		"as long as it can be":               {[]jail{{10 + types.MaxJailBlocks, types.JailReasonFault}}, jail{10 + types.MaxJailBlocks, types.JailReasonFault}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 20)
			f.at(10) // without the events so far
			want, other := f.node(t, 0), f.node(t, 1)
			for _, jail := range tt.jails {
				require.NoError(t, f.JailNode(f.ctx, operator(0).String(), jail.until, jail.reason))
			}
			want.JailedUntil, want.JailReason = tt.want.until, tt.want.reason
			require.Equal(t, want, f.node(t, 0))
			require.Equal(t, other, f.node(t, 1))
			require.Len(t, f.ctx.EventManager().Events(), tt.events)
			require.Equal(t, &types.EventNodeJailed{Operator: operator(0).String(), Reason: tt.want.reason, Until: tt.want.until}, f.event(t))
			requireRoundTrip(t, f)
		})
	}
}

func TestJailNodeRefuses(t *testing.T) {
	tests := map[string]struct {
		operator string
		until    int64
		reason   string
		message  string
	}{
		"text that is no address": {"operator", 20, types.JailReasonFault, `operator "operator"`},
		"no reason":               {operator(0).String(), 20, "", `expected fault, missed or contradicted, got ""`},
		"an unknown reason":       {operator(0).String(), 20, "late", `got "late"`},
		"a time without end":      {operator(0).String(), 11 + types.MaxJailBlocks, types.JailReasonFault, "jailed_until"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10)
			before := f.dump()
			err := f.JailNode(f.ctx, tt.operator, tt.until, tt.reason)
			require.ErrorIs(t, err, types.ErrInvalidNode)
			require.ErrorContains(t, err, tt.message)
			require.Equal(t, before, f.dump())
		})
	}
}

func TestConductOfAnOperatorWithoutANode(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.at(10) // without the events so far
	before := f.dump()
	require.NoError(t, f.JailNode(f.ctx, operator(7).String(), 20, types.JailReasonFault))
	require.NoError(t, f.SetReliability(f.ctx, operator(7).String(), 5))
	require.Equal(t, before, f.dump())
	require.Empty(t, f.ctx.EventManager().Events())
}

func TestUnjailNode(t *testing.T) {
	tests := map[string]struct {
		height   int64
		operator string
		want     error
		message  string
	}{
		"at the height":             {20, operator(0).String(), nil, ""},
		"much later":                {2000, operator(0).String(), nil, ""},
		"in another spelling":       {20, shouted(0), nil, ""},
		"a block too early":         {19, operator(0).String(), types.ErrJailTime, "expected height 20 or later"},
		"a node that is not jailed": {20, operator(1).String(), types.ErrNotJailed, operator(1).String()},
		"an operator without one":   {20, operator(7).String(), types.ErrNodeNotFound, operator(7).String()},
		"text that is no address":   {20, "operator", types.ErrInvalidNode, `operator "operator"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 20)
			want := f.node(t, 0)
			require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 20, types.JailReasonMissed))
			f.at(tt.height)
			before := f.dump()
			err := f.UnjailNode(f.ctx, tt.operator)
			require.ErrorIs(t, err, tt.want)
			if tt.want != nil {
				require.ErrorContains(t, err, tt.message)
				require.Equal(t, before, f.dump())
				require.Empty(t, f.ctx.EventManager().Events())
				return
			}
			require.Equal(t, want, f.node(t, 0), "nothing is left of the time in jail")
			require.Equal(t, &types.EventNodeUnjailed{Operator: operator(0).String()}, f.event(t))
			require.ErrorIs(t, f.UnjailNode(f.ctx, tt.operator), types.ErrNotJailed)
		})
	}
}

// TestJailStays: neither a new registration nor a status nor the end of its time brings a node back.
func TestJailStays(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 20, types.JailReasonFault))
	require.NoError(t, f.SetReliability(f.ctx, operator(0).String(), 7))
	f.at(30)
	f.register(t, 0)
	f.heartbeat(t)
	node := f.node(t, 0)
	require.True(t, node.IsJailed())
	require.EqualValues(t, 20, node.JailedUntil)
	require.EqualValues(t, 7, node.Reliability)
	f.enqueue(t, task(1))
	require.Empty(t, f.assign(t), "nobody else has power")
	require.NoError(t, f.UnjailNode(f.ctx, operator(0).String()))
	require.Equal(t, []uint64{1}, f.assigned(t))
}

// TestJailDoesNotTouchAnAttemptUnderWay: the round keeps its members, and what the node leads is freed at its end.
func TestJailDoesNotTouchAnAttemptUnderWay(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	f.assign(t)
	require.NoError(t, f.JailNode(f.ctx, operator(0).String(), 20, types.JailReasonFault))
	require.EqualValues(t, 10, f.node(t, 0).LeadingUnits)
	require.NoError(t, f.Complete(f.ctx, 1))
	require.Zero(t, f.node(t, 0).LeadingUnits)
	require.True(t, f.node(t, 0).IsJailed())
}

func TestSetReliability(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10)
	for _, reliability := range []uint32{0, 1, types.MaxReliability, 5000} {
		want := f.node(t, 0)
		require.NoError(t, f.SetReliability(f.ctx, operator(0).String(), reliability))
		want.Reliability = reliability
		require.Equal(t, want, f.node(t, 0))
	}
	before := f.dump()
	require.ErrorIs(t, f.SetReliability(f.ctx, operator(0).String(), types.MaxReliability+1), types.ErrInvalidNode)
	require.ErrorIs(t, f.SetReliability(f.ctx, "operator", 1), types.ErrInvalidNode)
	require.Equal(t, before, f.dump())
}

// TestAnUnreliableNodeDoesNotLead while anybody else does; it stays a member.
func TestAnUnreliableNodeDoesNotLead(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 90)
	require.NoError(t, f.SetReliability(f.ctx, operator(1).String(), 0))
	for id := range uint64(20) {
		f.enqueue(t, task(id+1))
	}
	for _, placement := range f.assign(t) {
		require.Equal(t, operator(0).String(), placement.Task.Assignment.Leader)
		require.Len(t, placement.Members, 2)
	}
}
