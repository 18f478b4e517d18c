package inference

import (
	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"

	"github.com/opengradient/opengradient/x/inference/types"
)

// AutoCLIOptions describes the commands that are generated. Those that take files or print tensors are written by hand
// in client/cli and take the place of the generated ones.
func (AppModule) AutoCLIOptions() *autocliv1.ModuleOptions {
	id := []*autocliv1.PositionalArgDescriptor{{ProtoField: "id"}}
	model := []*autocliv1.PositionalArgDescriptor{{ProtoField: "model"}}
	return &autocliv1.ModuleOptions{
		Query: &autocliv1.ServiceCommandDescriptor{
			Service:              types.Query_serviceDesc.ServiceName,
			EnhanceCustomCommand: true,
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{RpcMethod: "Params", Use: "params", Short: "Show the current parameters and their version"},
				{RpcMethod: "Model", Use: "model NAME|SHA256", Short: "Show a model with its signature and cost", PositionalArgs: model},
				{RpcMethod: "Models", Use: "models", Short: "List the models, all or those of --owner"},
				{RpcMethod: "ModelFile", Skip: true}, // a download, written by hand
				{RpcMethod: "Quote", Use: "quote MODEL", Short: "Show the exact fee of a request; --tier committee for that tier", PositionalArgs: model},
				{RpcMethod: "Request", Use: "request ID", Short: "Show a request", PositionalArgs: id},
				{RpcMethod: "Requests", Use: "requests", Short: "List requests, all or those of one --requester, --model or --status"},
				{RpcMethod: "Inputs", Skip: true}, // prints tensors, written by hand
				{RpcMethod: "Result", Skip: true}, // prints tensors, written by hand
				{RpcMethod: "Receipt", Use: "receipt ID", Short: "Show the permanent record of a settled request, with each member's seat and conduct", PositionalArgs: id},
			},
		},
		Tx: &autocliv1.ServiceCommandDescriptor{
			Service:              types.Msg_serviceDesc.ServiceName,
			EnhanceCustomCommand: true,
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{RpcMethod: "RegisterModel", Skip: true},  // reads a file, written by hand
				{RpcMethod: "SubmitRequests", Skip: true}, // reads tensors, written by hand
				{RpcMethod: "CancelRequest", Skip: true},  // written by hand for its short name
				{
					RpcMethod: "UpdateParams", Use: "update-params-proposal PARAMS", GovProposal: true,
					Short:          "Submit a proposal to replace the parameters, given whole as JSON",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "params"}},
				},
			},
		},
	}
}
