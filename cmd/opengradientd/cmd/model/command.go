package model

import (
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
)

// NewCommand returns the group of commands around models.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Prepare, push, pull and look at models",
		Long: `Prepare, push, pull and look at models.

A model is referred to as name (its tag latest), name:version, name:tag, or by the SHA-256 of its file. Every command prints
a table for people, and with --output json one document for programs: its fields are added to and never renamed. Progress,
questions and errors go to standard error.

These commands sign with a key of the local keyring. Transactions for multisig accounts, authz or offline signing are made
with "tx models".`,
		Example: `  opengradientd model prepare net.onnx -o net.prepared.onnx
  opengradientd model inspect net.prepared.onnx
  opengradientd model push net.prepared.onnx --name net --task classification --from alice
  opengradientd model show net`,
		SuggestionsMinimumDistance: 2,
		RunE:                       client.ValidateCmd,
	}
	groups := []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"files", "Files:", []*cobra.Command{NewPrepareCommand(), newInspectCommand(), newVerifyCommand(), newPullCommand(), newRemoveCommand()}},
		{"look", "Look:", []*cobra.Command{newListCommand(), newShowCommand(), newProcessesCommand(), newUploadsCommand()}},
		{"change", "Change:", []*cobra.Command{
			newPushCommand(), newTagCommand(), newUntagCommand(), newTransferCommand(), newStatusCommand("deprecate"),
			newStatusCommand("disable"), newStatusCommand("enable"), newRetryCommand(), newCancelUploadCommand(),
		}},
	}
	for _, g := range groups {
		cmd.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			cmd.AddCommand(c)
		}
	}
	return cmd
}
