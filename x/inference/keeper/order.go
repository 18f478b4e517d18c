package keeper

import (
	"context"
	"slices"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// wish is what somebody asks a model for, whatever the inputs are.
type wish struct {
	model   string
	outputs []string
	service types.Service
	sealing types.Sealing
}

// order is a wish with what the chain has for it in this block: the model, the parameters and the base price. A
// submission, the creation of a schedule and each of its runs are checked and priced by the same order.
type order struct {
	params  types.Params
	version uint64
	base    sdkmath.Int
	model   modelstypes.Model
	modelID []byte
	inputs  []tensor.Spec
	outputs []tensor.Spec
	service types.Service
	sealing types.Sealing
}

// reading is the inputs of a request, found to match the signature.
type reading struct {
	encoded  []byte // canonical, in the order of the signature
	root     []byte
	bindings map[string]int64
}

func (k Keeper) newOrder(ctx context.Context, w wish) (order, error) {
	o := order{service: w.service, sealing: w.sealing}
	var err error
	if o.params, o.version, err = k.CurrentParams(ctx); err != nil {
		return o, err
	}
	if _, err := o.params.TierMultiplier(w.service.Tier); err != nil {
		return o, err
	}
	if _, err := o.params.ClassMultiplier(w.service.Class); err != nil {
		return o, err
	}
	if err := types.ValidateSealing(w.sealing); err != nil {
		return o, err
	}
	if o.base, err = k.scheduling.BasePrice(ctx); err != nil {
		return o, err
	}
	if o.model, err = k.models.Find(ctx, w.model); err != nil {
		return o, err
	}
	if !o.model.Status.Admitted() {
		return o, o.checkUsable() // before its admission a model may have no signature
	}
	if o.modelID, err = o.model.ID(); err != nil {
		return o, err
	}
	if o.inputs, err = o.model.InputSpecs(); err != nil {
		return o, err
	}
	o.outputs, err = o.model.OutputSpecs(w.outputs)
	return o, err
}

// checkUsable fails with ErrModelNotUsable when the model takes no requests.
func (o order) checkUsable() error {
	if o.model.Usable() {
		return nil
	}
	return types.ErrModelNotUsable.Wrapf("%s:%d: expected %s or %s, got %s", o.model.Name, o.model.Version,
		modelstypes.MODEL_STATUS_ACTIVE, modelstypes.MODEL_STATUS_DEPRECATED, o.model.Status)
}

// names are those of the wanted outputs, in the order of the result.
func (o order) names() []string {
	names := make([]string, len(o.outputs))
	for i, output := range o.outputs {
		names[i] = output.Name
	}
	return names
}

// inputGas is the gas for checking and hashing everything the requests carry.
func inputGas(params types.Params, requests ...types.InferenceInput) uint64 {
	size := 0
	for _, r := range requests {
		size += r.Size()
	}
	return params.InputGasPerByte * uint64(size)
}

// read checks the inputs of one request against the signature. It asks for no limit that governance can lower: what was
// answered before is read again.
func (o order) read(inputs []types.Tensor) (reading, error) {
	tensors, bindings, err := types.BindInputs(o.inputs, inputs)
	if err != nil {
		return reading{}, err
	}
	encoded, err := tensor.Encode(tensors)
	if err != nil {
		return reading{}, types.ErrInputMalformed.Wrap(err.Error())
	}
	root := tensor.MerkleRoot(encoded)
	return reading{encoded: encoded, root: slices.Clone(root[:]), bindings: bindings}, nil
}

// measure is the size of a run with these values of the signature's symbols, within the limits, and the memory that it
// needs.
func (o order) measure(bindings map[string]int64, inputBytes uint64) (work pricing.Work, memory uint64, err error) {
	work.InputBytes = inputBytes
	if work.Units, err = o.model.ComputeUnits(bindings); err != nil {
		return pricing.Work{}, 0, types.ErrComputeTooLarge.Wrap(err.Error())
	}
	outputBytes, err := tensor.ResolvedSize(o.outputs, bindings)
	if err != nil {
		return pricing.Work{}, 0, types.ErrOutputTooLarge.Wrap(err.Error())
	}
	work.OutputBytes = uint64(outputBytes)
	if err := o.params.CheckWork(work); err != nil {
		return pricing.Work{}, 0, err
	}
	if memory, err = o.model.MemoryBytes(bindings); err != nil {
		return pricing.Work{}, 0, types.ErrComputeTooLarge.Wrap(err.Error())
	}
	return work, memory, nil
}

// quote is the fee of a run of a size.
func (o order) quote(work pricing.Work) (types.Fee, error) {
	return o.params.Quote(o.service, o.base, work, o.model.Royalty)
}

// request is the request for a run on inputs with a root. It has no id and no digest yet.
func (o order) request(requester string, root []byte, work pricing.Work, fee types.Fee) types.Request {
	return types.Request{
		Requester: requester, Model: o.model.Sha256, Tier: o.service.Tier, FeeClass: o.service.Class, Outputs: o.names(),
		InputRoot: root, InputBytes: work.InputBytes, OutputBytes: work.OutputBytes, ComputeUnits: work.Units,
		Fee: fee, Escrow: fee.Escrow(), ParamsVersion: o.version, Status: types.REQUEST_STATUS_SUBMITTED,
		MaxOutputBytes: o.params.MaxOutputBytes, Sealed: o.params.Sealed(o.sealing, fee),
	}
}

// needs is what decides which nodes can make a run.
type needs struct {
	model  string // the bytes of its SHA-256
	class  schedulingtypes.TaskClass
	memory uint64
}

// shares is the eligible power for what is asked for in one block, in basis points of all power. It asks for the nodes once,
// and once for the same needs.
type shares struct {
	asked  bool
	voters []schedulingtypes.Voter
	total  int64
	known  map[needs]uint32
}

func (s *shares) of(ctx context.Context, k Keeper, n needs) (share uint32, err error) {
	if share, known := s.known[n]; known {
		return share, nil
	}
	if !s.asked {
		if s.voters, s.total, err = k.scheduling.Voters(ctx); err != nil {
			return 0, err
		}
		s.asked, s.known = true, make(map[needs]uint32)
	}
	power, err := k.scheduling.ProvedPower(ctx, s.voters, []byte(n.model), n.class, n.memory)
	if err != nil {
		return 0, err
	}
	s.known[n] = types.EligibleShare(power, s.total)
	return s.known[n], nil
}

// checkPower fails with ErrEligiblePower when too little power can make a run that needs so much memory.
func (k Keeper) checkPower(ctx context.Context, known *shares, o order, memory uint64) error {
	share, err := known.of(ctx, k, needs{model: string(o.modelID), class: o.model.TaskClass, memory: memory})
	if err != nil {
		return err
	}
	if share < o.params.MinEligiblePower {
		return types.ErrEligiblePower.Wrapf("expected at least %d basis points of all power, got %d", o.params.MinEligiblePower, share)
	}
	return nil
}
