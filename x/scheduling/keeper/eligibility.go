package keeper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	gogotypes "github.com/cosmos/gogoproto/types"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// worker is a bonded validator with its node, if it has one.
type worker struct {
	operator sdk.ValAddress
	node     types.Node
	power    int64
	// eligible is true when the node can be a member of rounds now, if it has the memory and serves the class.
	eligible bool
}

// EligiblePower returns the power of the nodes that would be members of a round for a task with these needs once they have
// its model loaded, and the power of all bonded validators. Nodes load what waits in the queue.
func (k Keeper) EligiblePower(ctx context.Context, model []byte, class types.TaskClass, memoryBytes uint64) (eligible, total int64, err error) {
	voters, total, err := k.Voters(ctx)
	if err != nil {
		return 0, 0, err
	}
	eligible, err = k.ProvedPower(ctx, voters, model, class, memoryBytes)
	return eligible, total, err
}

// ProvedPower returns the power of those voters that serve a task class, have the memory and have proved a model in the
// class that they run in.
func (k Keeper) ProvedPower(ctx context.Context, voters []types.Voter, model []byte, class types.TaskClass, memoryBytes uint64) (power int64, err error) {
	for _, v := range voters {
		if !v.Fits(class, memoryBytes) {
			continue
		}
		operator, err := k.operatorBytes(v.Operator)
		if err != nil {
			return 0, err
		}
		proved, err := k.hasProved(ctx, model, operator, v.EnvironmentClass)
		if err != nil {
			return 0, err
		}
		if proved {
			power += v.Power
		}
	}
	return power, nil
}

// Voters returns the nodes that take work now, whatever models they have proved, ordered by operator address bytes, and the
// power of all bonded validators. The work is bounded by the size of the validator set: who asks for several needs in one
// block asks once.
func (k Keeper) Voters(ctx context.Context) (voters []types.Voter, total int64, err error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return nil, 0, err
	}
	bonded, total, err := k.bonded(ctx, params)
	if err != nil {
		return nil, 0, err
	}
	for _, w := range eligibleOf(bonded) {
		voters = append(voters, types.Voter{
			Operator: w.node.Operator, Power: w.power, EnvironmentClass: w.node.EnvironmentClass,
			MemoryBytes: w.node.MemoryBytes, TaskClasses: w.node.TaskClasses,
		})
	}
	return voters, total, nil
}

// bonded returns the bonded validators with their nodes, ordered by operator bytes, and the power of all of them. The work
// is bounded by the size of the validator set.
func (k Keeper) bonded(ctx context.Context, params types.Params) (bonded []*worker, total int64, err error) {
	if bonded, err = k.bondedPowers(ctx); err != nil {
		return nil, 0, err
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	for _, w := range bonded {
		if w.power < 0 || w.power > math.MaxInt64-total {
			return nil, 0, errorsmod.Wrapf(types.ErrPower, "expected powers from 0 whose sum fits 63 bits, got %d after %d", w.power, total)
		}
		total += w.power
		reason, err := k.examine(ctx, w, height, params.HeartbeatWindow)
		if err != nil {
			return nil, 0, err
		}
		w.eligible = reason == types.EligibilityEligible
	}
	return bonded, total, nil
}

// eligibleOf returns those whose nodes take work, in the same order.
func eligibleOf(bonded []*worker) []*worker {
	workers := make([]*worker, 0, len(bonded))
	for _, w := range bonded {
		if w.eligible {
			workers = append(workers, w)
		}
	}
	return workers
}

// draws are nodes as the draws see them, in the same order.
func draws(workers []*worker, params types.Params) []selection.Node {
	nodes := make([]selection.Node, len(workers))
	for i, w := range workers {
		nodes[i] = w.node.Draw(w.power, params)
	}
	return nodes
}

// examine loads the worker's node and says whether it is eligible.
func (k Keeper) examine(ctx context.Context, w *worker, height int64, window uint32) (types.Eligibility, error) {
	node, err := k.node(ctx, w.operator)
	if errors.Is(err, types.ErrNodeNotFound) {
		return types.EligibilityNotRegistered, nil
	}
	if err != nil {
		return types.EligibilityNotRegistered, err
	}
	w.node = node
	// The validator is by far the largest record: it is loaded last.
	if reason := node.Eligibility(height, window, w.power); reason != types.EligibilityEligible {
		return reason, nil
	}
	validator, err := k.stakingKeeper.GetValidator(ctx, w.operator)
	switch {
	case errors.Is(err, stakingtypes.ErrNoValidatorFound):
		return types.EligibilityNotBonded, nil
	case err != nil:
		return types.EligibilityNotBonded, fmt.Errorf("load validator %s: %w", node.Operator, err)
	case validator.IsJailed():
		return types.EligibilityJailed, nil
	case !validator.IsBonded():
		return types.EligibilityNotBonded, nil
	}
	return types.EligibilityEligible, nil
}

// bondedPowers returns the validators bonded as of the last block with their powers, ordered by operator bytes.
func (k Keeper) bondedPowers(ctx context.Context) ([]*worker, error) {
	// The staking keeper's own walk over these entries leaves its iterator open.
	iterator, err := k.stakingKeeper.LastValidatorsIterator(ctx)
	if err != nil {
		return nil, fmt.Errorf("walk the validator powers: %w", err)
	}
	defer iterator.Close()
	var bonded []*worker
	for ; iterator.Valid(); iterator.Next() {
		var power gogotypes.Int64Value
		if err := power.Unmarshal(iterator.Value()); err != nil {
			return nil, fmt.Errorf("decode a validator power: %w", err)
		}
		bonded = append(bonded, &worker{
			operator: bytes.Clone(stakingtypes.AddressFromLastValidatorPowerKey(iterator.Key())),
			power:    power.Value,
		})
	}
	// No look at iterator.Error: over a cached store it names every exhausted iterator invalid.
	// The entries are ordered by the length of the address before its bytes.
	slices.SortFunc(bonded, func(a, b *worker) int { return bytes.Compare(a.operator, b.operator) })
	return bonded, nil
}

// view returns a node with the facts that decide whether it is assigned work now.
func (k Keeper) view(ctx context.Context, operator sdk.ValAddress, node types.Node) (types.NodeView, error) {
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return types.NodeView{}, err
	}
	power, err := k.stakingKeeper.GetLastValidatorPower(ctx, operator)
	if err != nil {
		return types.NodeView{}, fmt.Errorf("load the power of %s: %w", node.Operator, err)
	}
	w := &worker{operator: operator, power: power}
	reason, err := k.examine(ctx, w, sdk.UnwrapSDKContext(ctx).BlockHeight(), params.HeartbeatWindow)
	if err != nil {
		return types.NodeView{}, err
	}
	return types.NodeView{
		Node: node, Eligible: reason == types.EligibilityEligible, Power: power, Reason: reason.Reason(),
		FreeCapacity: node.Draw(power, params).FreeCapacity(),
	}, nil
}
