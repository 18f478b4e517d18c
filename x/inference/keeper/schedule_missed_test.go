package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Runs that are missed take no places: as many as cannot be placed do not keep one that can from its run.
func TestMissedRunsTakeNoPlaces(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxRunsPerBlock = 2 })
	for range 31 {
		msg := schedule(1, 100)
		msg.MaxFee = math.NewInt(runFee)
		f.createSchedule(msg)
	}
	f.endBlocks(31)
	f.scheduling.basePrice = math.NewInt(101)
	rich := schedule(1, 100)
	rich.Deposit = rich.Deposit.MulRaw(2)
	honest := f.createSchedule(rich)
	f.endBlocks(20)
	require.GreaterOrEqual(t, f.schedule(honest).Placed, uint32(19))
	require.Positive(t, f.schedule(1).Missed)
}

// A block looks at sixteen times the runs that it may place, and no more.
func TestRunsLookedAtAreBounded(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxRunsPerBlock = 1 })
	for range 40 {
		f.createSchedule(schedule(100, 2))
	}
	f.scheduling.refuse = schedulingtypes.ErrQueueFull
	missed := func() (n int) {
		for id := uint64(1); id <= 40; id++ {
			n += int(f.schedule(id).Missed)
		}
		return n
	}
	for _, want := range []int{16, 32, 40} {
		f.endBlock()
		require.Equal(t, want, missed())
	}
}

// The power that runs need is asked for once in a block, and a run that has no place reads no inputs.
func TestRunsAskForPowerOnce(t *testing.T) {
	f := newFixture(t)
	for range 3 {
		f.createSchedule(schedule(1, 5))
	}
	other := schedule(1, 5)
	other.Inputs, other.Deposit = input(2).Inputs, math.NewInt(10_000)
	f.createSchedule(other)
	f.scheduling.asked, f.scheduling.walked = 0, 0
	f.endBlock()
	require.Equal(t, 2, f.scheduling.asked, "of two needs of memory")
	require.Equal(t, 1, f.scheduling.walked, "of the same nodes")
	f.endBlock()
	require.Equal(t, 4, f.scheduling.asked, "and again in the next block")
}

func TestRunsWithoutAPlaceReadNoInputs(t *testing.T) {
	f := newFixture(t)
	id := f.createSchedule(schedule(7, 3))
	require.NoError(t, f.k.ScheduleInputs.Remove(f.ctx, id))
	f.scheduling.refuse = schedulingtypes.ErrQueueFull
	f.endBlock()
	require.Equal(t, "queue_full", f.runs(id)[0].Missed, "and not for the inputs")
}
