package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// observe stores what a node was observed to deliver.
func (f *fixture) observe(t check, i int, capacity uint64, latency uint32) {
	t.Helper()
	node := f.node(t, i)
	node.ObservedCapacity, node.ObservedLatency = capacity, latency
	require.NoError(t, f.Nodes.Set(f.ctx, operator(i), node))
}

func delivery(i int, asked, inTime, atOnce uint64, latencies ...int64) types.Delivery {
	return types.Delivery{
		Operator:  operator(i).String(),
		Delivery:  selection.Delivery{Asked: asked, InTime: inTime, AtOnce: atOnce},
		Latencies: latencies,
	}
}

func TestRecordDeliveries(t *testing.T) {
	tests := map[string]struct {
		observed   uint64
		latency    uint32
		deliveries []types.Delivery
		want       uint64
		latent     uint32
	}{
		"nothing":                            {0, 0, nil, 0, 0},
		"of another node":                    {0, 0, []types.Delivery{delivery(1, 5000, 5000, 5000, 1)}, 0, 0},
		"more than an unproven one":          {0, 0, []types.Delivery{delivery(0, 5000, 5000, 4000)}, 4000, 0},
		"less than an unproven one":          {0, 0, []types.Delivery{delivery(0, 5, 5, 5)}, 1000, 0},
		"late":                               {0, 0, []types.Delivery{delivery(0, 500, 200, 200)}, 900, 0},
		"late, of one that advertises less":  {4000, 0, []types.Delivery{delivery(0, 500, 0, 0)}, 875, 0},
		"late, with less than it advertises": {100_000, 0, []types.Delivery{delivery(0, 500, 0, 0)}, 875, 0},
		"on the way back":                    {200, 0, []types.Delivery{delivery(0, 5, 5, 5)}, 300, 0},
		"latencies, in their order":          {1000, 2000, []types.Delivery{delivery(0, 0, 0, 0, 10, 1)}, 1000, 2750},
		"the first latency":                  {1000, 0, []types.Delivery{delivery(0, 0, 0, 0, 3)}, 1000, 3000},
		"both, with others before and then":  {0, 1000, []types.Delivery{delivery(1, 9, 0, 0), delivery(0, 2000, 2000, 2000, 1), delivery(2, 9, 9, 9)}, 2000, 1000},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 20, 30)
			f.observe(t, 0, tt.observed, tt.latency)
			want := f.node(t, 0)
			want.ObservedCapacity, want.ObservedLatency = tt.want, tt.latent
			require.NoError(t, f.RecordDeliveries(f.ctx, tt.deliveries))
			require.Equal(t, want, f.node(t, 0), "nothing else changes")
			requireRoundTrip(t, f)
		})
	}
}

func TestDeliveriesOfNobody(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.observe(t, 0, 1000, 3000)
	before := f.dump()
	f.writes = nil
	require.NoError(t, f.RecordDeliveries(f.ctx, []types.Delivery{delivery(7, 500, 0, 0, 9), delivery(0, 5, 5, 5, 3)}))
	require.Equal(t, before, f.dump())
	require.Empty(t, f.writes, "what stays is not written")
	require.ErrorContains(t, f.RecordDeliveries(f.ctx, []types.Delivery{{Operator: "operator"}}), `operator "operator"`)
}

// TestDeliveriesWeighTheDraw: from the next attempt on a node counts for what it delivers.
func TestDeliveriesWeighTheDraw(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 10)
	for range 40 {
		require.NoError(t, f.RecordDeliveries(f.ctx, []types.Delivery{delivery(0, 500, 0, 0)}))
	}
	require.Equal(t, selection.FloorOf(1000), f.node(t, 0).ObservedCapacity)
	led := map[string]int{}
	for id := range uint64(60) {
		given := task(id + 1)
		given.ComputeUnits = 1
		f.enqueue(t, given)
	}
	for _, placement := range f.assign(t) {
		require.Len(t, placement.Members, 2, "it stays a member")
		led[placement.Task.Assignment.Leader]++
	}
	require.Less(t, led[operator(0).String()], 6)
	require.Positive(t, led[operator(1).String()])
}

// TestAbandonedAttempts: only the leader that was silent or at fault in this attempt is observed to deliver less.
func TestAbandonedAttempts(t *testing.T) {
	tests := map[string]struct {
		passOver func(leader, other string) []string
		lost     bool
	}{
		"the leader":                     {func(leader, _ string) []string { return []string{leader} }, true},
		"the leader, among others":       {func(leader, other string) []string { return []string{other, leader} }, true},
		"another member":                 {func(_, other string) []string { return []string{other} }, false},
		"nobody":                         {func(string, string) []string { return nil }, false},
		"somebody that never had a node": {func(string, string) []string { return []string{operator(9).String()} }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams(), 10, 10)
			f.enqueue(t, task(1))
			leader := f.assign(t)[0].Task.Assignment.Leader
			other := operator(1).String()
			if leader == other {
				other = operator(0).String()
			}
			f.at(15) // half of its time is over
			_, err := f.Retry(f.ctx, 1, tt.passOver(leader, other))
			require.NoError(t, err)
			for i := range 2 {
				want := uint64(0)
				if tt.lost && operator(i).String() == leader {
					want = 750
				}
				require.Equal(t, want, f.node(t, i).ObservedCapacity)
				require.Zero(t, f.node(t, i).LeadingUnits)
			}
			requireRoundTrip(t, f)
		})
	}
}

func TestAbandonedInAnotherSpelling(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	f.assign(t)
	f.at(15)
	_, err := f.Retry(f.ctx, 1, []string{shouted(0)})
	require.NoError(t, err)
	require.EqualValues(t, 750, f.node(t, 0).ObservedCapacity)
}

// TestAnEarlierFaultCostsOnce: who leads again because nobody else is left, and does its part, loses nothing more.
func TestAnEarlierFaultCostsOnce(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	f.assign(t)
	f.at(15)
	_, err := f.Retry(f.ctx, 1, []string{operator(0).String()})
	require.NoError(t, err)
	require.EqualValues(t, 750, f.node(t, 0).ObservedCapacity)
	require.Len(t, f.assign(t), 1)
	_, err = f.Retry(f.ctx, 1, nil)
	require.NoError(t, err)
	require.EqualValues(t, 750, f.node(t, 0).ObservedCapacity)
}

// TestAnAttemptThatEndsEarlyCostsNothing: others can end it, and its leader may have been at work.
func TestAnAttemptThatEndsEarlyCostsNothing(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10)
	f.enqueue(t, task(1))
	f.assign(t)
	f.at(14)
	_, err := f.Retry(f.ctx, 1, []string{operator(0).String()})
	require.NoError(t, err)
	require.Zero(t, f.node(t, 0).ObservedCapacity)
}

// TestTheLastAttemptCostsNothing here: Retry changes nothing when no attempt remains, and the caller ends the request.
func TestTheLastAttemptCostsNothing(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAttempts = 1
	f := newFixture(t, params, 10)
	f.enqueue(t, task(1))
	f.assign(t)
	again, err := f.Retry(f.ctx, 1, []string{operator(0).String()})
	require.NoError(t, err)
	require.False(t, again)
	require.NoError(t, f.Complete(f.ctx, 1))
	require.Zero(t, f.node(t, 0).ObservedCapacity)
}
