package verification

import (
	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"

	"github.com/opengradient/opengradient/x/verification/types"
)

// AutoCLIOptions describes the module's commands.
func (AppModule) AutoCLIOptions() *autocliv1.ModuleOptions {
	return &autocliv1.ModuleOptions{
		Query: &autocliv1.ServiceCommandDescriptor{
			Service:              types.Query_serviceDesc.ServiceName,
			EnhanceCustomCommand: true, // replay is written by hand, in x/inference/client/cli
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{
					RpcMethod: "Params",
					Use:       "params",
					Short:     "Show the current parameters and their version",
				},
				{
					RpcMethod:      "Round",
					Use:            "round REQUEST",
					Short:          "Show the round of a request that is open or settling",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "request_id"}},
				},
				{
					RpcMethod: "Rounds",
					Use:       "rounds",
					Short:     "List the rounds that are open or settling, all or those in --phase, of --leader, for --model",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"phase":  {Usage: "those in this phase"},
						"leader": {Usage: "those that one operator leads, by its `ADDRESS`"},
						"model":  {Usage: "those for the model with this `SHA256`"},
					},
				},
				{
					RpcMethod:      "Snapshot",
					Use:            "snapshot ID",
					Short:          "Show a power snapshot: the members of rounds and receipts",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "id"}},
				},
				{
					RpcMethod:      "ParamsVersion",
					Use:            "params-version VERSION",
					Short:          "Show the parameters of one version",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "version"}},
				},
				{
					RpcMethod:      "Conduct",
					Use:            "conduct OPERATOR",
					Short:          "Show what is remembered of one operator: its last rounds, its reliability and its faults",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "operator"}},
				},
				{
					RpcMethod: "Conducts",
					Use:       "conducts",
					Short:     "List what is remembered of all operators, or with --faulty of those that had a proven fault",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"faulty": {Usage: "those of operators that had a proven fault"},
					},
				},
				{
					RpcMethod: "Divergences",
					Use:       "divergences",
					Short:     "List how far environment classes were from each other, for all models or with --model for one, of all or with --environment-class of one",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"model":             {Usage: "those for the model with this `SHA256`"},
						"environment_class": {Usage: "those with the environment class with this `NUMBER`"},
					},
				},
				{
					RpcMethod:      "Evidence",
					Use:            "evidence REQUEST",
					Short:          "Show the evidence of a settled request while it is kept",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "request_id"}},
				},
			},
		},
		Tx: &autocliv1.ServiceCommandDescriptor{
			Service: types.Msg_serviceDesc.ServiceName,
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{
					RpcMethod:      "UpdateParams",
					Use:            "update-params-proposal PARAMS",
					Short:          "Submit a governance proposal that replaces all parameters of the module",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "params"}},
					GovProposal:    true,
				},
			},
		},
	}
}
