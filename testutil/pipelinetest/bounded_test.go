package pipelinetest

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// queued is the number of requests that wait while the work of a block is measured.
const queued = 10_000

// history is a world in which so many requests are settled, and queued others wait. Those that are settled are copies of
// a real one, with every entry that it has in the stores.
func history(t TB, settled uint64) *Network {
	t.Helper()
	n := NewNetwork(t, honestNodes(), []int64{10, 10, 10, 10}, func(g *Genesis) {
		p := &g.Scheduling.Params[0].Params
		p.MaxQueueDepth, p.QueueBlocks, p.DeadlineQuota = 2*queued, 1_000, queued
		g.Inference.Params[0].Params.MaxRequestsPerMessage = 1_000
		g.Inference.Params[0].Params.InputBlocks = 1_000_000
	})
	ids := n.Submit(0, 1, 1, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN)
	require.Len(t, ids, 1)
	for range 8 {
		n.Block()
	}
	require.NoError(t, n.copies(ids[0], settled))
	for range queued / 500 {
		require.Len(t, n.Submit(0, 1, 500, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN), 500)
	}
	return n
}

// copies makes a settled request so many, under ids of their own, each with a key, a receipt for reuse and a schedule.
func (n *Network) copies(id, count uint64) error {
	k, ctx := n.Inference, n.ctx
	r, err := k.Requests.Get(ctx, id)
	if err != nil {
		return err
	}
	result, err := k.Results.Get(ctx, id)
	if err != nil {
		return err
	}
	receipt, err := k.Receipts.Get(ctx, id)
	if err != nil {
		return err
	}
	inputs, err := k.Inputs.Get(ctx, id)
	if err != nil {
		return err
	}
	model, _ := modelstypes.ParseModelID(r.Model)
	requester := sdk.MustAccAddressFromBech32(r.Requester)
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return err
	}
	const later = 1_000_000 // blocks until what is kept is dropped, or runs
	stored, err := k.LiveSchedules.Get(ctx)
	if err != nil {
		return err
	}
	for copied := id + 1; copied <= id+count; copied++ {
		r.Id, result.RequestId, receipt.RequestId = copied, copied, copied
		r.Digest = binary.BigEndian.AppendUint64(make([]byte, 24), copied)
		for _, write := range []func() error{
			func() error { return k.Requests.Set(ctx, copied, r) },
			func() error { return k.Results.Set(ctx, copied, result) },
			func() error { return k.Receipts.Set(ctx, copied, receipt) },
			func() error { return k.Inputs.Set(ctx, copied, inputs) },
			func() error {
				return k.InputExpiries.Set(ctx, collections.Join(n.Height()+int64(params.InputBlocks), copied))
			},
			func() error { return k.RequestsByRequester.Set(ctx, collections.Join([]byte(requester), copied)) },
			func() error { return k.RequestsByModel.Set(ctx, collections.Join(model, copied)) },
			func() error { return k.RequestsByStatus.Set(ctx, collections.Join(uint64(r.Status), copied)) },
			func() error { return n.copyMemory(r, n.Height()+later) },
			func() error { return n.copySchedule(r, inputs, n.Height()+later) },
		} {
			if err := write(); err != nil {
				return err
			}
		}
		if copied%10_000 == 0 {
			n.store.Write()
		}
	}
	if err := k.LiveSchedules.Set(ctx, stored+count); err != nil {
		return err
	}
	n.store.Write()
	return k.NextRequestID.Set(ctx, id+count+1)
}

// copyMemory keeps an idempotency key and a receipt for reuse of a request, each of its own.
func (n *Network) copyMemory(r inferencetypes.Request, expires int64) error {
	k, ctx := n.Inference, n.ctx
	requester := []byte(sdk.MustAccAddressFromBech32(r.Requester))
	key := inferencetypes.IdempotencyKey{Requester: r.Requester, Key: hex.EncodeToString(r.Digest), Content: r.Digest, Ids: []uint64{r.Id}, Expires: expires}
	if err := k.IdempotencyKeys.Set(ctx, collections.Join(requester, key.Key), key); err != nil {
		return err
	}
	if err := k.IdempotencyExpiries.Set(ctx, collections.Join3(expires, requester, key.Key)); err != nil {
		return err
	}
	entry := inferencetypes.ReusableReceipt{Identity: r.Digest, RequestId: r.Id, SettledHeight: n.Height(), Expires: expires}
	if err := k.ReusableReceipts.Set(ctx, entry.Identity, entry); err != nil {
		return err
	}
	return k.ReusableExpiries.Set(ctx, collections.Join(expires, entry.Identity))
}

// copySchedule keeps a schedule that asks for what a request did, and is due at a height.
func (n *Network) copySchedule(r inferencetypes.Request, inputs []byte, due int64) error {
	k, ctx := n.Inference, n.ctx
	s := inferencetypes.Schedule{
		Id: r.Id, Owner: r.Requester, Model: r.Model, Outputs: r.Outputs, Tier: r.Tier, MaxFee: r.Fee.Total, Every: 1, Remaining: 1,
		Deposit: sdkmath.ZeroInt(), Status: inferencetypes.SCHEDULE_STATUS_ACTIVE, NextHeight: due, InputRoot: r.InputRoot,
		InputBytes: r.InputBytes, OutputBytes: r.OutputBytes, ComputeUnits: r.ComputeUnits, CreatedHeight: n.Height(),
	}
	if err := k.Schedules.Set(ctx, s.Id, s); err != nil {
		return err
	}
	owner := []byte(sdk.MustAccAddressFromBech32(s.Owner))
	if err := k.SchedulesByOwner.Set(ctx, collections.Join(owner, s.Id)); err != nil {
		return err
	}
	if err := k.ScheduleInputs.Set(ctx, s.Id, inputs); err != nil {
		return err
	}
	return k.DueSchedules.Set(ctx, collections.Join(due, s.Id))
}

// workOf lets some blocks pass with everything that nodes say, and gives what ending each of them asked of the stores.
func workOf(n *Network, blocks int) []Work {
	var works []Work
	for range blocks {
		*n.Work = Work{}
		if err := n.Inference.EndBlock(n.ctx); err != nil {
			panic(err)
		}
		works = append(works, *n.Work)
		n.Staking.endBlock(n.ctx)
		n.store.Write()
		n.at(n.Height() + 1)
		height := n.Height() - 1
		n.said[height+2] = n.speak(height)
		n.carry()
	}
	return works
}

// Blocks that begin, decide and settle the same requests do the same work, however many requests were made before.
func TestWorkOfABlockDoesNotDependOnThePast(t *testing.T) {
	few, many := workOf(history(t, 1_000), 8), workOf(history(t, 30_000), 8)
	require.Equal(t, few, many)
	for i, w := range few {
		require.Positive(t, w.Sets, "block %d has work", i)
		require.Less(t, w.Steps, 2_000, "block %d walks no more than its bounds, of %d that wait", i, queued)
	}
	t.Logf("of 8 blocks, from the first assignments to settlements: %+v", few)
}

// BenchmarkEndBlock ends a block that begins 64 of 10,000 waiting requests, with the number of requests that are settled
// and stored. The smaller one is the baseline of the run.
func BenchmarkEndBlock(b *testing.B) {
	var baseline Work // of one block
	for _, stored := range []uint64{1_000, 1_000_000} {
		b.Run(map[uint64]string{1_000: "stored=1000", 1_000_000: "stored=1000000"}[stored], func(b *testing.B) {
			n := history(b, stored)
			workOf(n, 6) // by now blocks also decide and settle
			branch, _ := n.ctx.CacheContext()
			*n.Work = Work{}
			if err := n.Inference.EndBlock(branch); err != nil {
				b.Fatal(err)
			}
			if work := *n.Work; baseline == (Work{}) {
				baseline = work
			} else if work != baseline {
				b.Fatalf("expected the work of the baseline, %+v, got %+v", baseline, work)
			}
			b.ResetTimer()
			*n.Work = Work{}
			for range b.N {
				branch, _ := n.ctx.CacheContext()
				if err := n.Inference.EndBlock(branch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n.Work.Gets)/float64(b.N), "gets/op")
			b.ReportMetric(float64(n.Work.Sets)/float64(b.N), "sets/op")
			b.ReportMetric(float64(n.Work.Steps)/float64(b.N), "steps/op")
		})
	}
}
