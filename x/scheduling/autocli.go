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
					Use:            "node [operator]",
					Short:          "Show a validator's inference node and whether it is assigned work now",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "operator"}},
				},
				{RpcMethod: "Nodes", Use: "nodes", Short: "List the inference nodes"},
				{RpcMethod: "EnvironmentClasses", Use: "environment-classes", Short: "List the registered environment classes"},
				{
					RpcMethod:      "Task",
					Use:            "task [request-id]",
					Short:          "Show the scheduling state of an open request",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "request_id"}},
				},
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
						"and memory in bytes; --task-classes is given once for each class, in ascending order.",
					Example: "opengradientd tx scheduling register-node --capacity 20000 --memory-bytes 2147483648 " +
						"--task-classes classification --task-classes regression --from operator",
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
					Use:            "update-params-proposal [params]",
					Short:          "Submit a proposal to store a new version of the scheduling parameters; all of them must be given",
					Example:        `opengradientd tx scheduling update-params-proposal '{ "block_compute_units": "20000", ... }' --from proposer`,
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "params"}},
					GovProposal:    true,
				},
			},
		},
	}
}
