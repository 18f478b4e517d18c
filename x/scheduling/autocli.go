package scheduling

import (
	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// AutoCLIOptions describes the module's commands.
func (AppModule) AutoCLIOptions() *autocliv1.ModuleOptions {
	return &autocliv1.ModuleOptions{
		Query: &autocliv1.ServiceCommandDescriptor{
			Service: types.Query_serviceDesc.ServiceName,
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{RpcMethod: "Params", Use: "params", Short: "Show the current parameters and their version"},
				{
					RpcMethod:      "Node",
					Use:            "node OPERATOR",
					Short:          "Show a validator's inference node and whether it is assigned work now",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "operator"}},
				},
				{
					RpcMethod: "Nodes", Use: "nodes", Short: "List the inference nodes, all or those that are --eligible, in --environment-class, serve --task-class, have --model",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"eligible":          {Usage: "those that are assigned work now"},
						"environment_class": {Usage: "those in the environment class with this `NUMBER`"},
						"task_class":        {Usage: "those that serve this task class"},
						"model":             {Usage: "those that have the model with this `SHA256` loaded"},
					},
				},
				{
					RpcMethod:      "NodeModels",
					Use:            "node-models OPERATOR",
					Short:          "List the models that a validator's inference node has loaded, as it reports them",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "operator"}},
				},
				{RpcMethod: "EnvironmentClasses", Use: "environment-classes", Short: "List the registered environment classes"},
				{
					RpcMethod:      "Task",
					Use:            "task REQUEST",
					Short:          "Show the scheduling state of an open request",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "request_id"}},
				},
				{
					RpcMethod: "Tasks", Use: "tasks", Short: "List the scheduling state of open requests, all or those of --leader and --model",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"leader": {Usage: "those that one operator leads, by its `ADDRESS`"},
						"model":  {Usage: "those for the model with this `SHA256`"},
					},
				},
				{RpcMethod: "Market", Use: "market", Short: "Show the base price, the utilisation it follows, and what waits"},
				{RpcMethod: "Queue", Use: "queue", Short: "Show the number of waiting tasks and the tasks in their order"},
			},
		},
		Tx: &autocliv1.ServiceCommandDescriptor{
			Service: types.Msg_serviceDesc.ServiceName,
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{
					RpcMethod: "RegisterNode",
					Use:       "register-node",
					Short:     "Register the inference node of your validator, or replace what it advertises",
					Long: "Register the inference node of your validator, or replace what it advertises. Capacity is in compute units per block " +
						"and memory in bytes; --task-classes is given once for each class, in ascending order. --hardware describes the machine " +
						"in your words. A node that has left is registered again.",
					Example: "opengradientd tx scheduling register-node --capacity 20000 --memory-bytes 2147483648 " +
						`--task-classes classification --task-classes regression --hardware "16 cores, 64 GiB" --from operator`,
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"capacity":     {Usage: "compute units per block that are offered"},
						"memory_bytes": {Usage: "memory for models, at most what the worker may use, in bytes"},
						"task_classes": {Usage: "class that is served; repeat the flag for more, in ascending order"},
						"hardware":     {Usage: "what the machine is, in your words, at most 128 bytes"},
					},
				},
				{
					RpcMethod: "PauseNode",
					Use:       "pause-node",
					Short:     "Keep your validator's inference node out of new work until you resume it",
					Long: "Keep your validator's inference node out of new work until you resume it, for example before maintenance. It still has to " +
						"end what it has begun: `query scheduling node` shows what it leads.",
					Example: "opengradientd tx scheduling pause-node --from operator",
				},
				{
					RpcMethod: "ResumeNode",
					Use:       "resume-node",
					Short:     "Bring your validator's paused or leaving inference node back",
					Example:   "opengradientd tx scheduling resume-node --from operator",
				},
				{
					RpcMethod: "LeaveNode",
					Use:       "leave-node",
					Short:     "Take your validator's inference node out of duty once what it has begun has ended",
					Long: "Take your validator's inference node out of duty once every attempt under way has ended. Keep it running until `query scheduling " +
						"node` shows that it has left. Its reliability, its jail and what it was observed to deliver are kept for when it is registered again.",
					Example: "opengradientd tx scheduling leave-node --from operator",
				},
				{
					RpcMethod: "UnjailNode",
					Use:       "unjail-node",
					Short:     "Bring your validator's jailed inference node back once its time is over",
					Long: "Bring your validator's inference node back after it was jailed by its conduct. `query scheduling node` shows the reason and the " +
						"height from which this is possible. A validator that is jailed in consensus comes back by `tx slashing unjail`.",
					Example: "opengradientd tx scheduling unjail-node --from operator",
				},
				{
					RpcMethod:      "UpdateParams",
					Use:            "update-params-proposal PARAMS",
					Short:          "Submit a proposal to store a new version of the scheduling parameters; all of them must be given",
					Example:        `opengradientd tx scheduling update-params-proposal '{ "block_compute_units": "20000", ... }' --from proposer`,
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "params"}},
					GovProposal:    true,
				},
			},
		},
	}
}
