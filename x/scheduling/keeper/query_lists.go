package keeper

import (
	"bytes"
	"context"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/internal/paging"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// Nodes lists the nodes by operator.
func (s queryServer) Nodes(ctx context.Context, req *types.QueryNodesRequest) (*types.QueryNodesResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	model, err := paging.Model("model", req.Model)
	if err != nil {
		return nil, err
	}
	if err := paging.Enum("task_class", req.TaskClass, types.TaskClass_name); err != nil {
		return nil, err
	}
	nodes, page, err := paging.List(ctx, s.keeper.Nodes, req.Pagination, nil,
		func(operator sdk.ValAddress, node types.Node) (view types.NodeView, wanted bool, err error) {
			wanted = (req.EnvironmentClass == 0 || node.EnvironmentClass == req.EnvironmentClass) &&
				(req.TaskClass == 0 || slices.Contains(node.TaskClasses, req.TaskClass))
			if wanted && model != nil {
				wanted, err = s.keeper.NodeModels.Has(ctx, collections.Join([]byte(operator), model))
			}
			if err != nil || !wanted {
				return view, false, err
			}
			view, err = s.keeper.view(ctx, operator, node)
			return view, !req.Eligible || view.Eligible, err
		})
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryNodesResponse{Nodes: nodes, Pagination: page}, nil
}

// EnvironmentClasses lists the registered environment classes by index.
func (s queryServer) EnvironmentClasses(ctx context.Context, req *types.QueryEnvironmentClassesRequest) (*types.QueryEnvironmentClassesResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	classes, page, err := paging.List(ctx, s.keeper.Environments, req.Pagination, nil,
		func(_ uint32, registered types.RegisteredEnvironment) (types.RegisteredEnvironment, bool, error) {
			return registered, true, nil
		})
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryEnvironmentClassesResponse{EnvironmentClasses: classes, Pagination: page}, nil
}

// Tasks lists the scheduling state of open requests by id.
func (s queryServer) Tasks(ctx context.Context, req *types.QueryTasksRequest) (*types.QueryTasksResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	model, err := paging.Model("model", req.Model)
	if err != nil {
		return nil, err
	}
	leader, err := paging.Operator("leader", req.Leader)
	if err != nil {
		return nil, err
	}
	tasks, page, err := paging.List(ctx, s.keeper.Tasks, req.Pagination, nil,
		func(_ uint64, task types.Task) (types.Task, bool, error) {
			led := leader == nil || task.Assignment != nil && task.Assignment.Leader == leader.String()
			return task, led && (model == nil || bytes.Equal(task.Model, model)), nil
		})
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryTasksResponse{Tasks: tasks, Pagination: page}, nil
}

// Queue returns the number of waiting tasks and the tasks in their order.
func (s queryServer) Queue(ctx context.Context, req *types.QueryQueueRequest) (*types.QueryQueueResponse, error) {
	if req == nil {
		return nil, errEmptyRequest
	}
	load, err := s.keeper.Load(ctx)
	if err != nil {
		return nil, grpcError(err)
	}
	tasks, page, err := paging.List(ctx, s.keeper.Queue, req.Pagination, nil,
		func(key queueKey, _ collections.NoValue) (types.Task, bool, error) {
			task, err := s.keeper.task(ctx, key.K3())
			return task, true, err
		})
	if err != nil {
		return nil, grpcError(err)
	}
	return &types.QueryQueueResponse{Depth: load.Tasks, Tasks: tasks, Pagination: page, Load: types.NewQueueLoad(load)}, nil
}
