package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// market is the base price and the utilisation it came from.
func (f *fixture) market(t check) (price int64, utilisation uint32) {
	t.Helper()
	market, err := f.Market.Get(f.ctx)
	require.NoError(t, err)
	base, err := f.BasePrice(f.ctx)
	require.NoError(t, err)
	require.Equal(t, market.BasePrice, base)
	return market.BasePrice.Int64(), market.Utilisation
}

// TestMarketFollowsUtilisation: the scarcest budget of a block counts, and an empty block is one.
func TestMarketFollowsUtilisation(t *testing.T) {
	params := types.DefaultParams()
	params.BlockComputeUnits, params.BlockOutputBytes, params.MaxAssignmentsPerBlock = 100, 1000, 4
	params.MinBasePrice, params.MaxBasePrice = math.NewInt(500), math.NewInt(1100)
	params.TargetUtilisation, params.MaxPriceFall = 5_000, 5_000
	blocks := []struct {
		reason      string
		tasks       []types.Task
		price       int64
		utilisation uint32
	}{
		{"half of the units", []types.Task{sized(1, 50, 0)}, 1000, 5_000},
		{"half of the bytes", []types.Task{sized(2, 1, 500)}, 1000, 5_000},
		{"half of the number", []types.Task{sized(3, 1, 0), sized(4, 1, 0)}, 1000, 5_000},
		{"a little more", []types.Task{sized(5, 51, 0)}, 1010, 5_100},
		{"a little less", []types.Task{sized(6, 49, 100)}, 1000, 4_900},
		{"an empty block", nil, 500, 0},
		{"the least price", nil, 500, 0},
		{"all of it, by two budgets", []types.Task{sized(7, 100, 1000)}, 750, 10_000},
		{"all of it, by the number", []types.Task{sized(8, 1, 0), sized(9, 1, 0), sized(10, 1, 0), sized(11, 1, 0)}, 1100, 10_000},
		{"the largest price", []types.Task{sized(12, 100, 0)}, 1100, 10_000},
		{"what nobody serves uses nothing", []types.Task{unserved(13)}, 550, 0},
	}
	f := newFixture(t, params, 10)
	require.NoError(t, f.Market.Set(f.ctx, types.Market{BasePrice: math.NewInt(1000)}))
	for i, block := range blocks {
		f.at(11 + int64(i))
		f.heartbeat(t)
		before, _ := f.market(t)
		for _, given := range block.tasks {
			f.enqueue(t, given)
		}
		f.at(11 + int64(i)) // without the events so far
		f.assign(t)
		price, utilisation := f.market(t)
		require.Equal(t, block.price, price, block.reason)
		require.Equal(t, block.utilisation, utilisation, block.reason)
		if price != before {
			require.Equal(t, &types.EventBasePrice{BasePrice: math.NewInt(price).String(), Utilisation: utilisation}, f.event(t), block.reason)
		} else {
			require.NotContains(t, f.events(), "opengradient.scheduling.v1.EventBasePrice", block.reason)
		}
	}
}

// unserved is a task of a class that no node of the fixture serves.
func unserved(id uint64) types.Task {
	given := task(id)
	given.TaskClass = types.TASK_CLASS_RANKING
	return given
}

// events are the types of the events that the fixture's block emitted.
func (f *fixture) events() (names []string) {
	for _, event := range f.ctx.EventManager().Events() {
		names = append(names, event.Type)
	}
	return names
}

func TestMarketWritesNothingThatStays(t *testing.T) {
	params := types.DefaultParams()
	params.BlockComputeUnits = 100
	f := newFixture(t, params, 10)
	// requireWrites runs a block with a task of so many units, and looks whether the market was written.
	requireWrites := func(units uint64, want bool) {
		t.Helper()
		before := f.dump()[string(types.MarketKey.Bytes())]
		f.heartbeat(t)
		if units > 0 {
			f.enqueue(t, sized(uint64(f.ctx.BlockHeight()), units, 0))
		}
		f.writes = nil
		f.assign(t)
		require.Equal(t, want, f.writes[string(types.MarketKey.Bytes())] > 0)
		require.Equal(t, want, f.dump()[string(types.MarketKey.Bytes())] != before)
		f.at(f.ctx.BlockHeight() + 1)
	}
	requireWrites(0, false)  // the least price in an empty block
	requireWrites(90, true)  // the utilisation
	requireWrites(90, false) // at the target
	requireWrites(100, true) // the price as well
	requireWrites(100, true) // the price alone
	requireWrites(0, true)
	requireWrites(0, false)
}

// TestMarketFollowsGovernance: new bounds hold from the end of the next block on, at the target as well.
func TestMarketFollowsGovernance(t *testing.T) {
	params := types.DefaultParams()
	f := newFixture(t, params, 10)
	params.MinBasePrice = math.NewInt(900)
	require.NoError(t, f.AddParams(f.ctx, params))
	price, _ := f.market(t)
	require.EqualValues(t, 100, price)
	f.assign(t)
	price, _ = f.market(t)
	require.EqualValues(t, 900, price)
	params.MinBasePrice, params.MaxBasePrice = math.NewInt(0), math.NewInt(40)
	require.NoError(t, f.AddParams(f.ctx, params))
	f.at(11)
	f.assign(t)
	price, _ = f.market(t)
	require.EqualValues(t, 40, price)
	requireRoundTrip(t, f)
}

func TestWaitingBlocks(t *testing.T) {
	params := types.DefaultParams()
	params.BlockComputeUnits = 100
	f := newFixture(t, params, 10)
	waiting := func() uint64 {
		blocks, err := f.WaitingBlocks(f.ctx)
		require.NoError(t, err)
		return blocks
	}
	require.Zero(t, waiting())
	f.enqueue(t, sized(1, 60, 0))
	require.EqualValues(t, 1, waiting())
	f.enqueue(t, sized(2, 60, 0))
	require.EqualValues(t, 2, waiting())
	f.assign(t)
	require.EqualValues(t, 1, waiting())
}
