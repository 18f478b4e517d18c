package keeper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/x/inference/types"
)

// RegisterModel inspects an ONNX file and stores it with what the inspection found. Gas for the inspection is charged
// before it begins; the owner pays the byte price for the file, which goes to the community pool: all models share a
// bounded room, for good, and gas may cost nothing.
func (k Keeper) RegisterModel(ctx sdk.Context, msg *types.MsgRegisterModel) (types.Model, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return types.Model{}, err
	}
	owner, err := sdk.AccAddressFromBech32(msg.Owner)
	if err != nil {
		return types.Model{}, fmt.Errorf("owner: %w", err)
	}
	model := types.Model{
		Name: msg.Name, Owner: owner.String(), TaskClass: msg.TaskClass, Size_: uint64(len(msg.Onnx)),
		Royalty: msg.Royalty, RegisteredHeight: ctx.BlockHeight(),
	}
	if model.Royalty.IsNil() {
		model.Royalty = math.ZeroInt()
	}
	total, err := k.checkRegistration(ctx, params, model)
	if err != nil {
		return types.Model{}, err
	}
	ctx.GasMeter().ConsumeGas(params.ModelGasPerByte*model.Size_, "model inspection")

	sum := sha256.Sum256(msg.Onnx)
	model.Sha256 = hex.EncodeToString(sum[:])
	if known, err := k.Models.Has(ctx, sum[:]); err != nil {
		return types.Model{}, err
	} else if known {
		return types.Model{}, types.ErrModelExists.Wrapf("sha256 %s", model.Sha256)
	}
	limits := onnxfile.DefaultLimits
	limits.MaxBytes = min(limits.MaxBytes, int64(params.MaxModelBytes))
	report, err := onnxfile.Inspect(msg.Onnx, limits)
	if err != nil {
		return types.Model{}, types.ErrModelRefused.Wrap(err.Error())
	}
	model.SetReport(report)
	if err := model.CheckSignature(); err != nil {
		return types.Model{}, types.ErrModelRefused.Wrap(err.Error())
	}
	if fee := params.BytePrice.Mul(math.NewIntFromUint64(model.Size_)); fee.IsPositive() {
		if err := k.distribution.FundCommunityPool(ctx, coins(fee), owner); err != nil {
			return types.Model{}, errorsmod.Wrap(err, "byte fee")
		}
	}
	if err := k.storeModel(ctx, model, msg.Onnx); err != nil {
		return types.Model{}, err
	}
	if err := k.ModelBytes.Set(ctx, total); err != nil {
		return types.Model{}, err
	}
	return model, k.emitModelRegistered(ctx, model)
}

// checkRegistration checks what needs no look at the file, and returns the bytes of all models with this one.
func (k Keeper) checkRegistration(ctx context.Context, params types.Params, m types.Model) (uint64, error) {
	if err := types.ValidateName(m.Name); err != nil {
		return 0, err
	}
	if err := types.ValidateTaskClass(m.TaskClass); err != nil {
		return 0, err
	}
	if err := types.ValidateRoyalty(m.Royalty); err != nil {
		return 0, err
	}
	if m.Size_ == 0 || m.Size_ > params.MaxModelBytes {
		return 0, types.ErrModelTooLarge.Wrapf("expected 1 to %d bytes, got %d", params.MaxModelBytes, m.Size_)
	}
	stored, err := k.ModelBytes.Get(ctx)
	if err != nil {
		return 0, fmt.Errorf("bytes of all models: %w", err)
	}
	if stored+m.Size_ > params.MaxTotalModelBytes {
		return 0, types.ErrModelTooLarge.Wrapf("expected at most %d bytes for all models, got %d with this one", params.MaxTotalModelBytes, stored+m.Size_)
	}
	if taken, err := k.ModelNames.Has(ctx, m.Name); err != nil {
		return 0, err
	} else if taken {
		return 0, types.ErrNameTaken.Wrapf("%q", m.Name)
	}
	return stored + m.Size_, nil
}

// storeModel writes a model, its file and its index entries.
func (k Keeper) storeModel(ctx context.Context, m types.Model, onnx []byte) error {
	id, err := m.ID()
	if err != nil {
		return err
	}
	owner, err := sdk.AccAddressFromBech32(m.Owner)
	if err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	if err := k.Models.Set(ctx, id, m); err != nil {
		return err
	}
	if err := k.ModelNames.Set(ctx, m.Name, id); err != nil {
		return err
	}
	if err := k.ModelsByOwner.Set(ctx, collections.Join([]byte(owner), id)); err != nil {
		return err
	}
	return k.ModelFiles.Set(ctx, id, onnx)
}

// FindModel looks a model up by its name or by its SHA-256 in lower-case hexadecimal. It fails with ErrModelNotFound.
func (k Keeper) FindModel(ctx context.Context, nameOrID string) (types.Model, error) {
	id, ok := types.ParseModelID(nameOrID)
	if !ok {
		var err error
		switch id, err = k.ModelNames.Get(ctx, nameOrID); {
		case errors.Is(err, collections.ErrNotFound):
			return types.Model{}, types.ErrModelNotFound.Wrapf("expected a registered name or sha256, got %.64q", nameOrID)
		case err != nil:
			return types.Model{}, err
		}
	}
	model, err := k.Models.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Model{}, types.ErrModelNotFound.Wrapf("expected a registered name or sha256, got %.64q", nameOrID)
	}
	return model, err
}

// ModelFile is the ONNX file of a model, by its SHA-256. It fails with ErrModelNotFound.
func (k Keeper) ModelFile(ctx context.Context, id []byte) ([]byte, error) {
	file, err := k.ModelFiles.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return nil, types.ErrModelNotFound.Wrapf("expected a registered sha256, got %x", id)
	}
	return file, err
}
