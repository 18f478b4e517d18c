package models

import (
	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"

	"github.com/opengradient/opengradient/x/models/types"
)

// AutoCLIOptions describes the commands that are generated. Messages that carry files or what was read from them are not
// among them.
func (AppModule) AutoCLIOptions() *autocliv1.ModuleOptions {
	model := []*autocliv1.PositionalArgDescriptor{{ProtoField: "model"}}
	name := []*autocliv1.PositionalArgDescriptor{{ProtoField: "name"}}
	upload := []*autocliv1.PositionalArgDescriptor{{ProtoField: "upload_id"}}
	const reference = "NAME[:VERSION|:TAG]|SHA256"
	return &autocliv1.ModuleOptions{
		Query: &autocliv1.ServiceCommandDescriptor{
			Service:              types.Query_serviceDesc.ServiceName,
			EnhanceCustomCommand: true,
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{RpcMethod: "Params", Use: "params", Short: "Show the parameters"},
				{RpcMethod: "Model", Use: "model " + reference, Short: "Show a version of a model with its signature, cost and status", PositionalArgs: model},
				{
					RpcMethod: "Models", Use: "models", Short: "List versions, all or those of --owner, --task-class, --status, --tag and --label",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"owner":      {Usage: "those of one owner, by its `ADDRESS`"},
						"task_class": {Usage: "those of this task class"},
						"status":     {Usage: "those with this status"},
						"tag":        {Usage: "those that this `TAG` of their names points to"},
						"label":      {Usage: "those with this `LABEL`"},
					},
				},
				{
					RpcMethod: "Names", Use: "names", Short: "List names, all or those of --owner",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"owner": {Usage: "those of one owner, by its `ADDRESS`"},
					},
				},
				{RpcMethod: "Name", Use: "name NAME", Short: "Show a name with its owner and tags", PositionalArgs: name},
				{
					RpcMethod: "Versions", Use: "versions NAME", Short: "List the versions of a name, all or those with --status",
					PositionalArgs: name,
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"status": {Usage: "those with this status"},
					},
				},
				{RpcMethod: "Card", Use: "card " + reference, Short: "Show the model card", PositionalArgs: model},
				{
					RpcMethod: "Chunk", Use: "chunk " + reference + " INDEX", Short: "Show one chunk of the file",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "model"}, {ProtoField: "index"}},
				},
				{RpcMethod: "Golden", Use: "golden " + reference, Short: "Show with which inputs a model is tried", PositionalArgs: model},
				{RpcMethod: "Certificate", Use: "certificate " + reference, Short: "Show the determinism certificate: what the golden vectors give, by environment class", PositionalArgs: model},
				{
					RpcMethod: "Proofs", Use: "proofs " + reference, Short: "List what the nodes attest of a model, all or by --operator, --environment-class and --failed",
					PositionalArgs: model,
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"operator":          {Usage: "those of one operator, by its `ADDRESS`"},
						"environment_class": {Usage: "those in the environment class with this `NUMBER`"},
						"failed":            {Usage: "those of failures only"},
					},
				},
				{RpcMethod: "Upload", Use: "upload ID", Short: "Show an upload under way, and which chunks are missing", PositionalArgs: upload},
				{
					RpcMethod: "Uploads", Use: "uploads", Short: "List the uploads under way, all or those of --owner",
					FlagOptions: map[string]*autocliv1.FlagOptions{
						"owner": {Usage: "those of one owner, by its `ADDRESS`"},
					},
				},
				{
					RpcMethod: "Cost", Use: "cost SIZE", Short: "Show what registering a file of a size in bytes costs now",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "size"}},
				},
			},
		},
		Tx: &autocliv1.ServiceCommandDescriptor{
			Service:              types.Msg_serviceDesc.ServiceName,
			EnhanceCustomCommand: true,
			RpcCommandOptions: []*autocliv1.RpcCommandOptions{
				{RpcMethod: "RegisterModel", Skip: true},     // reads a file
				{RpcMethod: "OpenUpload", Skip: true},        // reads a file
				{RpcMethod: "UploadChunk", Skip: true},       // reads a file
				{RpcMethod: "RegisterReference", Skip: true}, // takes an inspection
				{RpcMethod: "UpdateParams", Skip: true},      // by governance only
				{RpcMethod: "CancelUpload", Use: "cancel-upload ID", Short: "Give up an upload; a part of its deposit is burned", PositionalArgs: upload},
				{RpcMethod: "RequestAdmission", Use: "request-admission " + reference, Short: "Have the nodes try again a model that they rejected, or whose admission has expired", PositionalArgs: model},
				{
					RpcMethod: "SetStatus", Use: "set-status " + reference + " STATUS", Short: "Deprecate, disable or enable an admitted model",
					Example:        "opengradientd tx models set-status iris:2 MODEL_STATUS_DEPRECATED --from owner",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "model"}, {ProtoField: "status"}},
				},
				{
					RpcMethod: "SetTag", Use: "set-tag NAME TAG VERSION", Short: "Point a tag to a version",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "name"}, {ProtoField: "tag"}, {ProtoField: "version"}},
				},
				{
					RpcMethod: "RemoveTag", Use: "remove-tag NAME TAG", Short: "Remove a tag",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "name"}, {ProtoField: "tag"}},
				},
				{
					RpcMethod: "TransferName", Use: "transfer-name NAME NEW-OWNER", Short: "Give a name with all its versions to another owner",
					PositionalArgs: []*autocliv1.PositionalArgDescriptor{{ProtoField: "name"}, {ProtoField: "new_owner"}},
				},
			},
		},
	}
}
