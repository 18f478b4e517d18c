package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// Request is the request of an id. It fails with ErrRequestNotFound.
func (k Keeper) Request(ctx context.Context, id uint64) (types.Request, error) {
	r, err := k.Requests.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Request{}, types.ErrRequestNotFound.Wrapf("id %d", id)
	}
	return r, err
}

// insertRequest writes a new request and all its index entries.
func (k Keeper) insertRequest(ctx context.Context, r types.Request) error {
	requester, err := r.RequesterAddress()
	if err != nil {
		return err
	}
	model, ok := modelstypes.ParseModelID(r.Model)
	if !ok {
		return fmt.Errorf("request %d: model: expected a sha256, got %q", r.Id, r.Model)
	}
	if err := k.Requests.Set(ctx, r.Id, r); err != nil {
		return err
	}
	if err := k.RequestsByRequester.Set(ctx, collections.Join([]byte(requester), r.Id)); err != nil {
		return err
	}
	if err := k.RequestsByModel.Set(ctx, collections.Join(model, r.Id)); err != nil {
		return err
	}
	return k.RequestsByStatus.Set(ctx, statusKey(r))
}

// updateRequest writes a request back and moves it in the index by status.
func (k Keeper) updateRequest(ctx context.Context, r types.Request) error {
	old, err := k.Request(ctx, r.Id)
	if err != nil {
		return err
	}
	if old.Status != r.Status {
		if err := k.RequestsByStatus.Remove(ctx, statusKey(old)); err != nil {
			return err
		}
		if err := k.RequestsByStatus.Set(ctx, statusKey(r)); err != nil {
			return err
		}
	}
	return k.Requests.Set(ctx, r.Id, r)
}

func statusKey(r types.Request) collections.Pair[uint64, uint64] {
	return collections.Join(uint64(r.Status), r.Id)
}
