package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// InitGenesis checks the whole state, stores it and rebuilds every index. Heights in the state are relative to the last
// block before the genesis. It returns types.ErrInvalidGenesis for a state that is not consistent.
func (k Keeper) InitGenesis(ctx context.Context, state types.GenesisState) error {
	if err := state.Validate(); err != nil {
		return err
	}
	base := max(sdk.UnwrapSDKContext(ctx).BlockHeight(), 1) - 1

	for _, version := range state.Params {
		if err := k.Params.Set(ctx, version.Version, version.Params); err != nil {
			return err
		}
	}
	if err := k.ParamsVersion.Set(ctx, uint64(len(state.Params))); err != nil {
		return err
	}
	if err := k.Market.Set(ctx, state.Market); err != nil {
		return err
	}
	if err := k.initNodes(ctx, state.Nodes, base); err != nil {
		return err
	}
	if err := k.initModels(ctx, state.NodeModels); err != nil {
		return err
	}
	if err := k.initEnvironments(ctx, state.EnvironmentClasses); err != nil {
		return err
	}
	for _, proof := range state.ModelProofs {
		if err := k.Prove(ctx, proof.Model, proof.Operator, proof.EnvironmentClass); err != nil {
			return err
		}
	}
	return k.initTasks(ctx, state.Tasks, base)
}

func (k Keeper) initNodes(ctx context.Context, nodes []types.Node, base int64) error {
	for _, node := range nodes {
		operator, err := k.operatorBytes(node.Operator)
		if err != nil {
			return err
		}
		node = node.Shifted(base)
		if err := k.Nodes.Set(ctx, operator, node); err != nil {
			return err
		}
		if node.Status != nil {
			if err := k.StatusHeights.Set(ctx, collections.Join(node.StatusHeight, []byte(operator))); err != nil {
				return err
			}
		}
		if node.State == types.NODE_STATE_LEAVING {
			if err := k.Drains.Set(ctx, collections.Join(node.DrainedHeight, []byte(operator))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k Keeper) initModels(ctx context.Context, nodes []types.NodeModels) error {
	for _, node := range nodes {
		operator, err := k.operatorBytes(node.Operator)
		if err != nil {
			return err
		}
		for _, model := range node.Models {
			if err := k.NodeModels.Set(ctx, collections.Join([]byte(operator), model)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k Keeper) initEnvironments(ctx context.Context, classes []types.RegisteredEnvironment) error {
	counts := make(map[string]uint32)
	for _, registered := range classes {
		operator, err := k.operatorBytes(registered.RegisteredBy)
		if err != nil {
			return err
		}
		counts[registered.RegisteredBy]++
		if err := k.storeEnvironment(ctx, operator, counts[registered.RegisteredBy], registered); err != nil {
			return err
		}
	}
	return nil
}

func (k Keeper) initTasks(ctx context.Context, tasks []types.Task, base int64) error {
	if err := k.QueueLoad.Set(ctx, types.QueueLoad{}); err != nil {
		return err
	}
	for _, task := range tasks {
		task = task.Shifted(base)
		if err := k.Tasks.Set(ctx, task.RequestId, task); err != nil {
			return err
		}
		count, err := k.deadlineCount(ctx, task.FinalDeadline)
		if err != nil {
			return err
		}
		if err := k.DeadlineCounts.Set(ctx, task.FinalDeadline, count+1); err != nil {
			return err
		}
		if err := k.FinalDeadlines.Set(ctx, collections.Join(task.FinalDeadline, task.RequestId)); err != nil {
			return err
		}
		if task.Assignment == nil {
			err = k.pushQueue(ctx, task)
		} else {
			err = k.AttemptDeadlines.Set(ctx, collections.Join(task.Assignment.Deadline, task.RequestId))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ExportGenesis returns the whole state with heights relative to the current block.
func (k Keeper) ExportGenesis(ctx context.Context) (*types.GenesisState, error) {
	base := sdk.UnwrapSDKContext(ctx).BlockHeight()
	state := &types.GenesisState{}
	err := k.Params.Walk(ctx, nil, func(version uint64, params types.Params) (bool, error) {
		state.Params = append(state.Params, types.ParamsVersion{Version: version, Params: params})
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("export the parameters: %w", err)
	}
	if state.Market, err = k.market(ctx); err != nil {
		return nil, err
	}
	err = k.Nodes.Walk(ctx, nil, func(operator sdk.ValAddress, node types.Node) (bool, error) {
		state.Nodes = append(state.Nodes, node.Shifted(-base))
		models, err := k.ModelsOf(ctx, operator)
		if len(models) > 0 {
			state.NodeModels = append(state.NodeModels, types.NodeModels{Operator: node.Operator, Models: models})
		}
		return false, err
	})
	if err != nil {
		return nil, fmt.Errorf("export the nodes: %w", err)
	}
	err = k.Environments.Walk(ctx, nil, func(_ uint32, registered types.RegisteredEnvironment) (bool, error) {
		state.EnvironmentClasses = append(state.EnvironmentClasses, registered)
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("export the environment classes: %w", err)
	}
	if state.ModelProofs, err = k.exportProofs(ctx); err != nil {
		return nil, err
	}
	err = k.Tasks.Walk(ctx, nil, func(_ uint64, task types.Task) (bool, error) {
		state.Tasks = append(state.Tasks, task.Shifted(-base))
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("export the tasks: %w", err)
	}
	return state, nil
}
