package executor

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// ErrNoBlock is the error of a state that has no block yet: nothing is wrong, and
// there is nothing to do.
var ErrNoBlock = errors.New("no block is committed yet")

// Getter reads one value of a collection; absence is collections.ErrNotFound.
type Getter[K, V any] interface {
	Get(ctx context.Context, key K) (V, error)
}

// Walker visits the entries of a collection in the order of their keys.
type Walker[K, V any] interface {
	Walk(ctx context.Context, ranger collections.Ranger[K], visit func(K, V) (stop bool, err error)) error
}

// StakingKeeper finds the validator behind a consensus key.
type StakingKeeper interface {
	GetValidatorByConsAddr(ctx context.Context, address sdk.ConsAddress) (stakingtypes.Validator, error)
}

// Stores are the collections of the modules that hold a node's duties. Each is the
// exported collection of the same content of the module's keeper.
type Stores struct {
	Rounds             Walker[uint64, verificationtypes.Round]    // x/verification Rounds
	Snapshots          Getter[uint64, verificationtypes.Snapshot] // x/verification Snapshots
	VerificationParams Getter[uint64, verificationtypes.Params]   // x/verification ParamsVersions
	Nodes              Getter[sdk.ValAddress, schedulingtypes.Node]
	NodeModels         func(ctx context.Context, operator sdk.ValAddress) ([][]byte, error)
	Environments       Getter[[]byte, uint32] // x/scheduling EnvironmentIndex
	// Queued visits the ids of the tasks in the queue, in its order.
	Queued   func(ctx context.Context, visit func(requestID uint64) (stop bool, err error)) error
	Tasks    Getter[uint64, schedulingtypes.Task]
	Requests Getter[uint64, inferencetypes.Request]
	Inputs   Getter[uint64, []byte]
	Models   ModelStores
	Staking  StakingKeeper
}

// StateReader reads committed state from the stores of the modules.
type StateReader struct {
	contexts func() (sdk.Context, error)
	stores   Stores
}

// NewStateReader returns a reader over the stores. Contexts gives a new query
// context on the last committed block, or ErrNoBlock.
func NewStateReader(contexts func() (sdk.Context, error), stores Stores) *StateReader {
	return &StateReader{contexts: contexts, stores: stores}
}

// View implements [Committed].
func (r *StateReader) View() (View, error) {
	ctx, err := r.contexts()
	if err != nil {
		return nil, fmt.Errorf("context of the last block: %w", err)
	}
	// The limit on the gas of queries is for clients.
	return &stateView{ctx: ctx.WithGasMeter(storetypes.NewInfiniteGasMeter()), stores: r.stores}, nil
}

type stateView struct {
	ctx    sdk.Context
	stores Stores
}

func (v *stateView) Height() int64 { return v.ctx.BlockHeight() }

func (v *stateView) Operator(consensus sdk.ConsAddress) (string, bool, error) {
	validator, err := v.stores.Staking.GetValidatorByConsAddr(v.ctx, consensus)
	if errors.Is(err, stakingtypes.ErrNoValidatorFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("validator of %s: %w", consensus, err)
	}
	return validator.GetOperator(), true, nil
}

func (v *stateView) Node(operator string) (schedulingtypes.Node, bool, error) {
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil {
		return schedulingtypes.Node{}, false, fmt.Errorf("expected an operator address, got %q: %w", operator, err)
	}
	node, err := v.stores.Nodes.Get(v.ctx, address)
	if errors.Is(err, collections.ErrNotFound) {
		return schedulingtypes.Node{}, false, nil
	}
	return node, err == nil, err
}

func (v *stateView) NodeModels(operator string) ([][]byte, error) {
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil {
		return nil, fmt.Errorf("expected an operator address, got %q: %w", operator, err)
	}
	return v.stores.NodeModels(v.ctx, address)
}

func (v *stateView) Inputs(requestID uint64) ([]byte, error) {
	return v.stores.Inputs.Get(v.ctx, requestID)
}

func (v *stateView) Duties(operator string) ([]Duty, error) {
	var duties []Duty
	electorates := make(map[uint64]verificationtypes.Snapshot)
	err := v.stores.Rounds.Walk(v.ctx, nil, func(id uint64, round verificationtypes.Round) (bool, error) {
		snapshot, known := electorates[round.SnapshotId]
		if !known {
			var err error
			if snapshot, err = v.stores.Snapshots.Get(v.ctx, round.SnapshotId); err != nil {
				return true, fmt.Errorf("snapshot %d of the round of request %d: %w", round.SnapshotId, id, err)
			}
			electorates[round.SnapshotId] = snapshot
		}
		if position := snapshot.Position(operator); position < 0 || !round.HasSeat(position) {
			return false, nil
		}
		duty, err := v.duty(round, snapshot)
		if err != nil {
			return true, fmt.Errorf("round of request %d: %w", id, err)
		}
		duties = append(duties, duty)
		return false, nil
	})
	return duties, err
}

func (v *stateView) duty(round verificationtypes.Round, snapshot verificationtypes.Snapshot) (Duty, error) {
	request, err := v.stores.Requests.Get(v.ctx, round.RequestId)
	if err != nil {
		return Duty{}, fmt.Errorf("request: %w", err)
	}
	params, err := v.stores.VerificationParams.Get(v.ctx, round.ParamsVersion)
	if err != nil {
		return Duty{}, fmt.Errorf("verification parameters of version %d: %w", round.ParamsVersion, err)
	}
	deadline, err := v.deadline(round, request)
	if err != nil {
		return Duty{}, err
	}
	model, ok := parseModelID(request.Model)
	if !ok {
		return Duty{}, fmt.Errorf("expected a model's SHA-256 in hexadecimal, got %q", request.Model)
	}
	return Duty{
		Round:         round,
		Snapshot:      snapshot,
		TurnBlocks:    params.PublisherTurnBlocks,
		MaxCandidates: params.MaxCandidates,
		Digest:        request.Digest,
		Model:         model,
		InputRoot:     request.InputRoot,
		Outputs:       request.Outputs,
		ComputeUnits:  request.ComputeUnits,
		Deadline:      deadline,
	}, nil
}

// deadline is the last height whose block can use an attestation: the end of the
// attempt, or after the verdict the height at which the round is settled.
func (v *stateView) deadline(round verificationtypes.Round, request inferencetypes.Request) (int64, error) {
	if round.Phase == verificationtypes.PHASE_SETTLING {
		return round.SettleHeight, nil
	}
	task, err := v.stores.Tasks.Get(v.ctx, round.RequestId)
	switch {
	case errors.Is(err, collections.ErrNotFound):
		return request.FinalDeadline, nil
	case err != nil:
		return 0, fmt.Errorf("task: %w", err)
	case task.Assignment == nil || task.Assignment.Attempt != round.Attempt:
		return request.FinalDeadline, nil
	}
	return task.Assignment.Deadline, nil
}
