package keeper

import (
	"crypto/sha256"
	"fmt"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/x/models/types"
)

// RegisterModel inspects a file that fits one message, stores it and opens its admission. Gas by the byte is charged
// before the file is hashed.
func (k Keeper) RegisterModel(ctx sdk.Context, msg *types.MsgRegisterModel) (types.Model, error) {
	params, err := k.params(ctx)
	if err != nil {
		return types.Model{}, err
	}
	size := uint64(len(msg.Onnx))
	if size == 0 || size > params.MaxInlineBytes {
		return types.Model{}, types.ErrModelTooLarge.Wrapf("expected 1 to %d bytes in one message, got %d", params.MaxInlineBytes, size)
	}
	owner, name, err := k.registrant(ctx, params, msg.Owner, msg.Manifest)
	if err != nil {
		return types.Model{}, err
	}
	ctx.GasMeter().ConsumeGas(params.Gas(size), "bytes of a model")
	sum := sha256.Sum256(msg.Onnx)
	id := sum[:]
	if err := k.checkFree(ctx, id); err != nil {
		return types.Model{}, err
	}
	m := newModel(ctx, id, size, msg.Manifest)
	if err := inspect(&m, msg.Onnx, msg.Manifest.Golden); err != nil {
		return types.Model{}, types.ErrModelRefused.Wrap(err.Error())
	}
	if err := k.reserve(ctx, params, size); err != nil {
		return types.Model{}, err
	}
	if m.File, err = k.newFileID(ctx); err != nil {
		return types.Model{}, err
	}
	if err := k.storeFile(ctx, m.File, msg.Onnx); err != nil {
		return types.Model{}, err
	}
	fee := params.ByteFee(size + uint64(len(msg.Manifest.Card)))
	return m, k.admit(ctx, params, owner, name, id, &m, msg.Manifest, fee)
}

// RegisterReference registers a file that the chain does not hold, with what its owner says of it, and opens its
// admission.
func (k Keeper) RegisterReference(ctx sdk.Context, msg *types.MsgRegisterReference) (types.Model, error) {
	params, err := k.params(ctx)
	if err != nil {
		return types.Model{}, err
	}
	id, ok := types.ParseModelID(msg.Sha256)
	if !ok {
		return types.Model{}, types.ErrSources.Wrapf("sha256: expected 64 lower-case hexadecimal digits, got %.80q", msg.Sha256)
	}
	if msg.Size_ == 0 || msg.Size_ > params.MaxReferenceBytes {
		return types.Model{}, types.ErrModelTooLarge.Wrapf("expected 1 to %d bytes by reference, got %d", params.MaxReferenceBytes, msg.Size_)
	}
	if err := types.ValidateSources(id, msg.Size_, msg.Sources); err != nil {
		return types.Model{}, err
	}
	owner, name, err := k.registrant(ctx, params, msg.Owner, msg.Manifest)
	if err != nil {
		return types.Model{}, err
	}
	if err := k.checkFree(ctx, id); err != nil {
		return types.Model{}, err
	}
	m := newModel(ctx, id, msg.Size_, msg.Manifest)
	m.Inspection, m.Sources = msg.Inspection, msg.Sources
	if err := m.CheckInspection(); err != nil {
		return types.Model{}, err
	}
	if err := m.CheckGolden(msg.Manifest.Golden); err != nil {
		return types.Model{}, err
	}
	fee := params.ByteFee(uint64(len(msg.Manifest.Card)))
	return m, k.admit(ctx, params, owner, name, id, &m, msg.Manifest, fee)
}

// registrant checks a manifest and whether the signer may register under its name.
func (k Keeper) registrant(ctx sdk.Context, params types.Params, signer string, manifest types.Manifest) (sdk.AccAddress, types.ModelName, error) {
	owner, err := sdk.AccAddressFromBech32(signer)
	if err != nil {
		return nil, types.ModelName{}, fmt.Errorf("owner: %w", err)
	}
	if err := manifest.Validate(params); err != nil {
		return nil, types.ModelName{}, err
	}
	name, err := k.nameFor(ctx, manifest.Name, owner)
	return owner, name, err
}

// admit takes the fees, stores a model whose signature is known and opens its admission.
func (k Keeper) admit(
	ctx sdk.Context, params types.Params, owner sdk.AccAddress, name types.ModelName, id []byte, m *types.Model,
	manifest types.Manifest, byteFee math.Int,
) error {
	if err := k.pay(ctx, owner, byteFee, "byte fee"); err != nil {
		return err
	}
	if err := k.pay(ctx, owner, params.AdmissionFee, "admission fee"); err != nil {
		return err
	}
	if err := k.insert(ctx, name, id, m, manifest); err != nil {
		return err
	}
	return k.openAdmission(ctx, params, id, m)
}

// inspect reads a file and sets what is found. The error says why the file is refused.
func inspect(m *types.Model, file []byte, golden types.Golden) error {
	limits := onnxfile.DefaultLimits
	limits.MaxBytes = min(limits.MaxBytes, int64(m.Size_))
	report, err := onnxfile.Inspect(file, limits)
	if err != nil {
		return err
	}
	m.Inspection = types.NewInspection(report)
	if err := m.CheckSignature(); err != nil {
		return err
	}
	return m.CheckGolden(golden)
}
