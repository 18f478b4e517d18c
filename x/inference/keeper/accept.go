package keeper

import (
	"errors"
	"fmt"
	"math"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// accept gives a paid request its id and digest and puts it in the queue. Inputs are their canonical encoding, asked for
// once the queue has room.
func (k Keeper) accept(ctx sdk.Context, o order, p prepared, inputs func() ([]byte, error)) (uint64, error) {
	id, err := takeID(ctx, k.NextRequestID)
	if err != nil {
		return 0, fmt.Errorf("next request id: %w", err)
	}
	r := p.request
	r.Id, r.SubmittedHeight = id, ctx.BlockHeight()
	if r.Digest, err = r.ComputeDigest(ctx.ChainID()); err != nil {
		return 0, err
	}
	task, err := k.scheduling.Enqueue(ctx, schedulingtypes.Task{
		RequestId: id, Digest: r.Digest, Model: o.modelID, TaskClass: o.model.TaskClass, ComputeUnits: r.ComputeUnits,
		OutputBytes: r.OutputBytes, MemoryBytes: p.memory, Committee: r.Tier == types.TIER_COMMITTEE, FeeClass: r.FeeClass,
	})
	if err != nil {
		return 0, err
	}
	r.FinalDeadline = task.FinalDeadline
	if err := k.insertRequest(ctx, r); err != nil {
		return 0, err
	}
	encoded, err := inputs()
	if err != nil {
		return 0, err
	}
	if err := k.Inputs.Set(ctx, id, encoded); err != nil {
		return 0, err
	}
	return id, k.emitSubmitted(ctx, r)
}

// takeID takes the next id of a sequence.
func takeID(ctx sdk.Context, next collections.Item[uint64]) (uint64, error) {
	id, err := next.Get(ctx)
	if err != nil {
		return 0, err
	}
	if id == math.MaxUint64 {
		return 0, errors.New("no id is left")
	}
	return id, next.Set(ctx, id+1)
}
