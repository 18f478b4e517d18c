package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// maxEndedUploads bounds the uploads that end for their age in one block.
const maxEndedUploads = 64

// OpenUpload reserves room for a file that comes in chunks, and takes the fees for its bytes and its admission as a
// deposit.
func (k Keeper) OpenUpload(ctx sdk.Context, msg *types.MsgOpenUpload) (types.Upload, error) {
	params, err := k.params(ctx)
	if err != nil {
		return types.Upload{}, err
	}
	u := types.Upload{
		Manifest: msg.Manifest, Sha256: msg.Sha256, Size_: msg.Size_, ChunkHashes: msg.ChunkHashes,
		Expires: ctx.BlockHeight() + int64(params.UploadBlocks),
	}
	if err := u.CheckFile(params.MaxModelBytes); err != nil {
		return u, err
	}
	owner, _, err := k.registrant(ctx, params, msg.Owner, msg.Manifest)
	if err != nil {
		return u, err
	}
	u.Owner = owner.String()
	if u.Manifest.Royalty.IsNil() {
		u.Manifest.Royalty = math.ZeroInt()
	}
	id, _ := types.ParseModelID(u.Sha256)
	if err := k.checkFree(ctx, id); err != nil {
		return u, err
	}
	open, err := number(ctx, k.OpenUploads)
	if err != nil {
		return u, err
	}
	if open >= uint64(params.MaxUploads) {
		return u, types.ErrTooManyUploads.Wrapf("expected at most %d to be open, got one more", params.MaxUploads)
	}
	if err := k.reserve(ctx, params, u.Size_); err != nil {
		return u, err
	}
	// The fee of the admission is in it, so that a place among the uploads is never as cheap as a few bytes.
	u.Deposit = params.ByteFee(u.Size_ + uint64(len(u.Manifest.Card))).Add(params.AdmissionFee)
	if err := k.takeDeposit(ctx, owner, u.Deposit); err != nil {
		return u, err
	}
	if u.Id, err = k.newFileID(ctx); err != nil {
		return u, err
	}
	if err := k.storeUpload(ctx, owner, u, types.NewReceived(len(u.ChunkHashes))); err != nil {
		return u, err
	}
	return u, emitUploadOpened(ctx, u)
}

func (k Keeper) storeUpload(ctx context.Context, owner sdk.AccAddress, u types.Upload, received types.Received) error {
	u.Received = 0 // kept in the bitmap
	if err := k.Uploads.Set(ctx, u.Id, u); err != nil {
		return err
	}
	if err := k.Received.Set(ctx, u.Id, received); err != nil {
		return err
	}
	if err := k.UploadsByOwner.Set(ctx, collections.Join([]byte(owner), u.Id)); err != nil {
		return err
	}
	if err := k.UploadExpiries.Set(ctx, collections.Join(u.Expires, u.Id)); err != nil {
		return err
	}
	return add(ctx, k.OpenUploads, 1)
}

// upload looks an upload up, with the chunks that have come. It fails with ErrUploadNotFound.
func (k Keeper) upload(ctx context.Context, id uint64) (types.Upload, types.Received, error) {
	u, err := k.Uploads.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return u, nil, types.ErrUploadNotFound.Wrapf("id %d", id)
	}
	if err != nil {
		return u, nil, err
	}
	received, err := k.Received.Get(ctx, id)
	if err != nil {
		return u, nil, fmt.Errorf("chunks of upload %d: %w", id, err)
	}
	u.Received = types.Received(received).Count()
	return u, received, nil
}

// ownUpload looks an upload up that must be the signer's. It fails with ErrNotOwner.
func (k Keeper) ownUpload(ctx context.Context, signer string, id uint64) (types.Upload, types.Received, sdk.AccAddress, error) {
	u, received, err := k.upload(ctx, id)
	if err != nil {
		return u, nil, nil, err
	}
	from, err := sdk.AccAddressFromBech32(signer)
	if err != nil {
		return u, nil, nil, fmt.Errorf("owner: %w", err)
	}
	owner, err := sdk.AccAddressFromBech32(u.Owner)
	if err != nil {
		return u, nil, nil, fmt.Errorf("owner of upload %d: %w", id, err)
	}
	if !owner.Equals(from) {
		return u, nil, nil, types.ErrNotOwner.Wrapf("upload %d: expected %s, got %s", id, u.Owner, from)
	}
	return u, received, owner, nil
}

// UploadChunk checks and stores one chunk, whose gas is charged before it is looked at. The last one makes the file a
// model. It returns how many are missing, and the version of the model once there is one.
func (k Keeper) UploadChunk(ctx sdk.Context, msg *types.MsgUploadChunk) (missing, version uint32, err error) {
	params, err := k.params(ctx)
	if err != nil {
		return 0, 0, err
	}
	u, received, owner, err := k.ownUpload(ctx, msg.Owner, msg.UploadId)
	if err != nil {
		return 0, 0, err
	}
	if want := types.ChunkSize(u.Size_, msg.Index); want == 0 || uint64(len(msg.Data)) != want {
		return 0, 0, types.ErrChunk.Wrapf("expected one of %d chunks, with %d bytes, got chunk %d with %d bytes",
			len(u.ChunkHashes), want, msg.Index, len(msg.Data))
	}
	ctx.GasMeter().ConsumeGas(params.Gas(uint64(len(msg.Data))), "bytes of a chunk")
	if received.Has(msg.Index) {
		return 0, 0, types.ErrChunkExists.Wrapf("chunk %d of upload %d", msg.Index, u.Id)
	}
	if sum := sha256.Sum256(msg.Data); !bytes.Equal(sum[:], u.ChunkHashes[msg.Index]) {
		return 0, 0, types.ErrChunk.Wrapf("chunk %d of upload %d: expected sha256 %x, got %x", msg.Index, u.Id, u.ChunkHashes[msg.Index], sum)
	}
	if err := k.Chunks.Set(unmetered(ctx), collections.Join(u.Id, msg.Index), msg.Data); err != nil {
		return 0, 0, err
	}
	received = received.With(msg.Index)
	if err := k.Received.Set(ctx, u.Id, received); err != nil {
		return 0, 0, err
	}
	if missing = uint32(len(u.ChunkHashes)) - received.Count(); missing > 0 {
		return missing, 0, nil
	}
	version, err = k.completeUpload(ctx, params, owner, u, received)
	return 0, version, err
}

// completeUpload makes a file that is whole a model that waits for its inspection. When the name or the file has gone to
// somebody else meanwhile, the upload ends without one, and the version is 0.
func (k Keeper) completeUpload(ctx sdk.Context, params types.Params, owner sdk.AccAddress, u types.Upload, received types.Received) (uint32, error) {
	id, ok := types.ParseModelID(u.Sha256)
	if !ok {
		return 0, fmt.Errorf("upload %d: sha256 %q", u.Id, u.Sha256)
	}
	name, err := k.nameFor(ctx, u.Manifest.Name, owner)
	if err == nil {
		err = k.checkFree(ctx, id)
	}
	if errors.Is(err, types.ErrNotOwner) || errors.Is(err, types.ErrModelExists) {
		_, err := k.endUpload(ctx, params, owner, u, received, types.EndConflict)
		return 0, err
	}
	if err != nil {
		return 0, err
	}
	if err := k.payDeposit(ctx, u.Deposit); err != nil {
		return 0, err
	}
	if err := k.removeUpload(ctx, owner, u); err != nil {
		return 0, err
	}
	m := newModel(ctx, id, u.Size_, u.Manifest)
	m.File = u.Id
	if err := k.insert(ctx, name, id, &m, u.Manifest); err != nil {
		return 0, err
	}
	if err := k.Inspections.Set(ctx, m.File, id); err != nil {
		return 0, err
	}
	return m.Version, k.move(ctx, id, &m, types.MODEL_STATUS_INSPECTING)
}

// CancelUpload gives up an upload of the signer. It returns what came back of the deposit.
func (k Keeper) CancelUpload(ctx sdk.Context, signer string, id uint64) (math.Int, error) {
	params, err := k.params(ctx)
	if err != nil {
		return math.Int{}, err
	}
	u, received, owner, err := k.ownUpload(ctx, signer, id)
	if err != nil {
		return math.Int{}, err
	}
	return k.endUpload(ctx, params, owner, u, received, types.EndCancelled)
}

// endUpload ends an upload without a model: a part of the deposit is burned, the rest returned, and the chunks are dropped
// over the next blocks. What never came frees its room at once.
func (k Keeper) endUpload(
	ctx sdk.Context, params types.Params, owner sdk.AccAddress, u types.Upload, received types.Received, reason string,
) (math.Int, error) {
	if err := k.removeUpload(ctx, owner, u); err != nil {
		return math.Int{}, err
	}
	unused := uint64(0)
	for _, index := range u.Missing(received) {
		unused += types.ChunkSize(u.Size_, index)
	}
	if err := subtract(ctx, k.StoredBytes, unused); err != nil {
		return math.Int{}, err
	}
	if err := k.drop(ctx, u.Id); err != nil {
		return math.Int{}, err
	}
	burned := params.Burn(u.Deposit)
	if reason == types.EndConflict {
		// Who loses the name or the file to somebody faster is not to lose the fee for many bytes with it.
		burned = math.MinInt(burned, params.Burn(params.AdmissionFee))
	}
	refunded, err := k.returnDeposit(ctx, owner, u.Deposit, burned)
	if err != nil {
		return math.Int{}, err
	}
	return refunded, emitUploadEnded(ctx, u.Id, reason, refunded, burned)
}

// removeUpload removes the record of an upload, not its chunks.
func (k Keeper) removeUpload(ctx context.Context, owner sdk.AccAddress, u types.Upload) error {
	if err := k.Uploads.Remove(ctx, u.Id); err != nil {
		return err
	}
	if err := k.Received.Remove(ctx, u.Id); err != nil {
		return err
	}
	if err := k.UploadsByOwner.Remove(ctx, collections.Join([]byte(owner), u.Id)); err != nil {
		return err
	}
	if err := k.UploadExpiries.Remove(ctx, collections.Join(u.Expires, u.Id)); err != nil {
		return err
	}
	return subtract(ctx, k.OpenUploads, 1)
}

// expireUploads ends the uploads whose time is over, oldest first, at most maxEndedUploads in a block.
func (k Keeper) expireUploads(ctx sdk.Context) error {
	var due []uint64
	err := k.UploadExpiries.Walk(ctx, nil, func(key collections.Pair[int64, uint64]) (bool, error) {
		if key.K1() > ctx.BlockHeight() || len(due) == maxEndedUploads {
			return true, nil
		}
		due = append(due, key.K2())
		return false, nil
	})
	if err != nil || len(due) == 0 {
		return err
	}
	params, err := k.params(ctx)
	if err != nil {
		return err
	}
	for _, id := range due {
		u, received, err := k.upload(ctx, id)
		if err != nil {
			return err
		}
		owner, err := sdk.AccAddressFromBech32(u.Owner)
		if err != nil {
			return fmt.Errorf("owner of upload %d: %w", id, err)
		}
		if _, err := k.endUpload(ctx, params, owner, u, received, types.EndExpired); err != nil {
			return err
		}
	}
	return nil
}
