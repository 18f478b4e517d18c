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
				{
					RpcMethod: "Quote", Use: "quote MODEL", Short: "Show the exact fee of a request in the next block; --tier and --fee-class for others than the default",
					Example:        "opengradientd query inference quote iris --symbols N=10 --outputs label --fee-class economy",
					PositionalArgs: model,
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"symbols": {Usage: "sizes of the inputs, NAME=NUMBER; 1 for a symbol that is left out"},
						"outputs": {Usage: "names of the wanted outputs; all without it"},
					},
				},
				{RpcMethod: "Request", Use: "request ID", Short: "Show a request", PositionalArgs: id},
				{
					RpcMethod: "Requests", Use: "requests", Short: "List requests, all or those of --requester, --model, --status and --tier",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"requester": {Usage: "those of one requester, by its `ADDRESS`"},
						"model":     {Usage: "those for one `MODEL`: NAME[:VERSION|:TAG] or SHA-256"},
						"status":    {Usage: "those with this status"},
						"tier":      {Usage: "those of this tier"},
					},
				},
				{RpcMethod: "Inputs", Skip: true}, // prints tensors, written by hand
				{RpcMethod: "Result", Skip: true}, // prints tensors, written by hand
				{RpcMethod: "Receipt", Use: "receipt ID", Short: "Show the permanent record of a settled request, with each member's seat and conduct", PositionalArgs: id},
				{RpcMethod: "Schedule", Use: "schedule ID", Short: "Show a schedule", PositionalArgs: id},
				{
					RpcMethod: "Schedules", Use: "schedules", Short: "List the schedules, all or those of --owner, --model and --status",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"owner":  {Usage: "those of one owner, by its `ADDRESS`"},
						"model":  {Usage: "those for one `MODEL`: NAME[:VERSION|:TAG] or SHA-256"},
						"status": {Usage: "those with this status"},
					},
				},
				{RpcMethod: "ScheduleRuns", Use: "schedule-runs ID", Short: "List the runs of a schedule: the request that each became, or why it was missed", PositionalArgs: id},
				{
					RpcMethod: "IdempotencyKey", Use: "idempotency-key REQUESTER KEY", Short: "Show what a message with an idempotency key was answered with",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "requester"}, {ProtoField: "key"}},
				},
			},
		},
		Tx: &autocliv1.ServiceCommandDescriptor{
			Service:              types.Msg_serviceDesc.ServiceName,
			EnhanceCustomCommand: true,
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{RpcMethod: "SubmitRequests", Skip: true}, // reads tensors, written by hand
				{RpcMethod: "CancelRequest", Skip: true},  // written by hand for its short name
				{RpcMethod: "CreateSchedule", Skip: true}, // reads tensors, written by hand
				{
					RpcMethod: "TopUpSchedule", Use: "top-up-schedule ID", Short: "Add --deposit to what pays for the runs of a schedule, --count to the runs, or both",
					Example:        "opengradientd tx inference top-up-schedule 3 --deposit 50000 --count 10 --from alice",
					PositionalArgs: id,
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"deposit": {Usage: "what is added to the deposit, in " + types.Denom},
						"count":   {Usage: "what is added to the runs that are to come"},
					},
				},
				{RpcMethod: "PauseSchedule", Use: "pause-schedule ID", Short: "Hold back the runs of a schedule until it is resumed", PositionalArgs: id},
				{RpcMethod: "ResumeSchedule", Use: "resume-schedule ID", Short: "Let a paused schedule go on; its next run comes at the end of the block", PositionalArgs: id},
				{RpcMethod: "CancelSchedule", Use: "cancel-schedule ID", Short: "End a schedule and take back what is left of its deposit", PositionalArgs: id},
				{
					RpcMethod: "UpdateParams", Use: "update-params-proposal PARAMS", GovProposal: true,
					Short:          "Submit a proposal to replace the parameters, given whole as JSON",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "params"}},
				},
			},
		},
	}
}
