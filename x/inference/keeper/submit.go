package keeper

import (
	"errors"
	"fmt"
	"math"
	"slices"

	errorsmod "cosmossdk.io/errors"
	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// submission is what the requests of one message share.
type submission struct {
	requester sdk.AccAddress
	params    types.Params
	version   uint64
	model     types.Model
	inputs    []tensor.Spec
	outputs   []tensor.Spec
	tier      types.Tier
	sealing   types.Sealing
	maxFee    sdkmath.Int
}

// prepared is a request that passed every check but those of its scheduling.
type prepared struct {
	request types.Request
	inputs  []byte // canonical encoding, in the order of the signature
	memory  uint64
}

// SubmitRequests accepts all requests of a message or none of them: it checks and prices each, takes the fees, and
// puts them in the queue. Gas for the inputs is charged before they are looked at. It returns the ids in the order of
// the requests.
func (k Keeper) SubmitRequests(ctx sdk.Context, msg *types.MsgSubmitRequests) (ids []uint64, err error) {
	s, err := k.newSubmission(ctx, msg)
	if err != nil {
		return nil, err
	}
	ctx.GasMeter().ConsumeGas(inputGas(s.params, msg.Requests), "inference inputs")
	list := make([]prepared, len(msg.Requests))
	memory := uint64(0)
	for i, input := range msg.Requests {
		if list[i], err = s.prepare(input.Inputs); err != nil {
			return nil, errorsmod.Wrapf(err, "request %d of %d", i+1, len(msg.Requests))
		}
		memory = max(memory, list[i].memory)
	}
	if err := k.checkPower(ctx, s, memory); err != nil {
		return nil, err
	}
	err = atomically(ctx, func(ctx sdk.Context) error {
		if err := k.takeFees(ctx, s.requester, list); err != nil {
			return err
		}
		for i := range list {
			id, err := k.accept(ctx, s, list[i])
			if err != nil {
				return errorsmod.Wrapf(err, "request %d of %d", i+1, len(list))
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

func (k Keeper) newSubmission(ctx sdk.Context, msg *types.MsgSubmitRequests) (submission, error) {
	s := submission{tier: msg.Tier, sealing: msg.Sealing, maxFee: msg.MaxFee}
	var err error
	if s.requester, err = sdk.AccAddressFromBech32(msg.Requester); err != nil {
		return s, fmt.Errorf("requester: %w", err)
	}
	if s.params, s.version, err = k.CurrentParams(ctx); err != nil {
		return s, err
	}
	if n := len(msg.Requests); n == 0 || n > int(s.params.MaxRequestsPerMessage) {
		return s, types.ErrTooManyRequests.Wrapf("expected 1 to %d, got %d", s.params.MaxRequestsPerMessage, n)
	}
	if err := types.ValidateTier(msg.Tier); err != nil {
		return s, err
	}
	if err := types.ValidateSealing(msg.Sealing); err != nil {
		return s, err
	}
	if s.maxFee.IsNil() {
		s.maxFee = sdkmath.ZeroInt()
	}
	if s.model, err = k.FindModel(ctx, msg.Model); err != nil {
		return s, err
	}
	if s.inputs, err = s.model.InputSpecs(); err != nil {
		return s, err
	}
	s.outputs, err = s.model.OutputSpecs(msg.Outputs)
	return s, err
}

// inputGas is the gas for checking and hashing everything the requests carry.
func inputGas(params types.Params, requests []types.InferenceInput) uint64 {
	size := 0
	for _, r := range requests {
		size += r.Size()
	}
	return params.InputGasPerByte * uint64(size)
}

// prepare checks the inputs of one request against the model and prices it.
func (s submission) prepare(inputs []types.Tensor) (prepared, error) {
	size := uint64(0)
	for _, t := range inputs {
		size += uint64(len(t.Contents))
	}
	if size > s.params.MaxInputBytes {
		return prepared{}, types.ErrInputTooLarge.Wrapf("expected at most %d bytes, got %d", s.params.MaxInputBytes, size)
	}
	tensors, bindings, err := types.BindInputs(s.inputs, inputs)
	if err != nil {
		return prepared{}, err
	}
	encoded, err := tensor.Encode(tensors)
	if err != nil {
		return prepared{}, types.ErrInputMalformed.Wrap(err.Error())
	}
	work, err := measure(s.params, s.model, s.outputs, bindings, uint64(len(encoded)))
	if err != nil {
		return prepared{}, err
	}
	memory, err := s.model.MemoryBytes(bindings)
	if err != nil {
		return prepared{}, types.ErrComputeTooLarge.Wrap(err.Error())
	}
	fee, err := s.params.Quote(s.tier, work, s.model.Royalty)
	if err != nil {
		return prepared{}, err
	}
	if fee.Total.GT(s.maxFee) {
		return prepared{}, types.ErrMaxFee.Wrapf("expected at least %s%s, got %s%s", fee.Total, types.Denom, s.maxFee, types.Denom)
	}
	root := tensor.MerkleRoot(encoded)
	names := make([]string, len(s.outputs))
	for i, o := range s.outputs {
		names[i] = o.Name
	}
	return prepared{inputs: encoded, memory: memory, request: types.Request{
		Requester: s.requester.String(), Model: s.model.Sha256, Tier: s.tier, Outputs: names,
		InputRoot: slices.Clone(root[:]), InputBytes: work.InputBytes, OutputBytes: work.OutputBytes, ComputeUnits: work.Units,
		Fee: fee, Escrow: fee.Escrow(), ParamsVersion: s.version, Status: types.REQUEST_STATUS_SUBMITTED,
		MaxOutputBytes: s.params.MaxOutputBytes, Sealed: s.params.Sealed(s.sealing, fee),
	}}, nil
}

// measure is the size of a run with these values of the signature's symbols, checked against the limits.
func measure(params types.Params, m types.Model, outputs []tensor.Spec, bindings map[string]int64, inputBytes uint64) (pricing.Work, error) {
	if inputBytes > params.MaxInputBytes {
		return pricing.Work{}, types.ErrInputTooLarge.Wrapf("expected at most %d bytes, got %d", params.MaxInputBytes, inputBytes)
	}
	units, err := m.ComputeUnits(bindings)
	if err != nil {
		return pricing.Work{}, types.ErrComputeTooLarge.Wrap(err.Error())
	}
	if units > params.MaxComputeUnits {
		return pricing.Work{}, types.ErrComputeTooLarge.Wrapf("expected at most %d compute units, got %d", params.MaxComputeUnits, units)
	}
	outputBytes, err := tensor.ResolvedSize(outputs, bindings)
	if err != nil {
		return pricing.Work{}, types.ErrOutputTooLarge.Wrap(err.Error())
	}
	if uint64(outputBytes) > params.MaxOutputBytes {
		return pricing.Work{}, types.ErrOutputTooLarge.Wrapf("expected at most %d bytes, got %d", params.MaxOutputBytes, outputBytes)
	}
	return pricing.Work{Units: units, InputBytes: inputBytes, OutputBytes: uint64(outputBytes)}, nil
}

func (k Keeper) checkPower(ctx sdk.Context, s submission, memory uint64) error {
	eligible, total, err := k.scheduling.EligiblePower(ctx, s.model.TaskClass, memory)
	if err != nil {
		return err
	}
	if share := types.EligibleShare(eligible, total); share < s.params.MinEligiblePower {
		return types.ErrEligiblePower.Wrapf("expected at least %d basis points of all power, got %d", s.params.MinEligiblePower, share)
	}
	return nil
}

// takeFees moves the escrows to the module account and the byte fees to the community pool.
func (k Keeper) takeFees(ctx sdk.Context, from sdk.AccAddress, list []prepared) error {
	escrow, bytes := sdkmath.ZeroInt(), sdkmath.ZeroInt()
	for _, p := range list {
		escrow, bytes = escrow.Add(p.request.Escrow), bytes.Add(p.request.Fee.Bytes)
	}
	if escrow.IsPositive() {
		if err := k.bank.SendCoinsFromAccountToModule(ctx, from, types.ModuleName, coins(escrow)); err != nil {
			return errorsmod.Wrap(err, "escrow")
		}
	}
	if bytes.IsPositive() {
		if err := k.distribution.FundCommunityPool(ctx, coins(bytes), from); err != nil {
			return errorsmod.Wrap(err, "byte fee")
		}
	}
	return nil
}

// accept gives a paid request its id and digest and puts it in the queue.
func (k Keeper) accept(ctx sdk.Context, s submission, p prepared) (uint64, error) {
	id, err := k.NextRequestID.Get(ctx)
	if err != nil {
		return 0, fmt.Errorf("next request id: %w", err)
	}
	if id == math.MaxUint64 {
		return 0, errors.New("next request id: no id is left")
	}
	if err := k.NextRequestID.Set(ctx, id+1); err != nil {
		return 0, err
	}
	r := p.request
	r.Id, r.SubmittedHeight = id, ctx.BlockHeight()
	if r.Digest, err = r.ComputeDigest(ctx.ChainID()); err != nil {
		return 0, err
	}
	task, err := k.scheduling.Enqueue(ctx, schedulingtypes.Task{
		RequestId: id, Digest: r.Digest, TaskClass: s.model.TaskClass, ComputeUnits: r.ComputeUnits,
		OutputBytes: r.OutputBytes, MemoryBytes: p.memory, Committee: r.Tier == types.TIER_COMMITTEE,
	})
	if err != nil {
		return 0, err
	}
	r.FinalDeadline = task.FinalDeadline
	if err := k.insertRequest(ctx, r); err != nil {
		return 0, err
	}
	if err := k.Inputs.Set(ctx, id, p.inputs); err != nil {
		return 0, err
	}
	return id, k.emitSubmitted(ctx, r)
}
