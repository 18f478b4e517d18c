package model

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/wallet"
	"github.com/opengradient/opengradient/x/models/types"
)

// What the messages without a file cost beside their bytes: smallGas each, and recordGas for each byte of a model whose
// record they write, versionGas for each version of a name whose owner they change.
const (
	smallGas   = 120_000
	recordGas  = 66
	versionGas = 8_000
)

// change is what a command without a file does.
type change struct {
	msg sdk.Msg
	// done says in a sentence what has changed; result is the same for programs.
	done   string
	result map[string]any
	// gas is what the message costs beside its bytes; 0 for smallGas.
	gas uint64
	// price is what is paid beside gas.
	price sdk.Coin
}

// changeCommand makes a command that sends one message.
func changeCommand(use, short, example string, args int, plan func(*cobra.Command, client.Context, []string) (change, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: "  opengradientd model " + example, Args: cobra.ExactArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			json, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			clientCtx, w, err := signer(cmd)
			if err != nil {
				return err
			}
			c, err := plan(cmd, clientCtx, args)
			if err != nil {
				return err
			}
			c.gas = max(c.gas, smallGas)
			fee := w.Fee(w.Gas(c.msg, c.gas))
			question := fmt.Sprintf("%s for %s of gas fees", cmd.Name(), fee)
			if !c.price.IsNil() && c.price.IsPositive() {
				question += fmt.Sprintf(" and %s", c.price)
			}
			if err := session.Confirm(cmd, question); err != nil {
				return err
			}
			return execute(cmd, w, c, json)
		},
	}
	session.AddSignFlags(cmd)
	return cmd
}

func execute(cmd *cobra.Command, w *wallet.Wallet, c change, json bool) error {
	if err := w.Execute(cmd.Context(), c.msg, c.gas, modelpush.DefaultOptions(), nil); err != nil {
		return err
	}
	if json {
		return view.JSON(cmd.OutOrStdout(), c.result)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), c.done)
	return err
}

func newTagCommand() *cobra.Command {
	return changeCommand("tag MODEL TAG", "Point a tag to a version", "tag iris:3 stable --from alice", 2,
		func(cmd *cobra.Command, clientCtx client.Context, args []string) (change, error) {
			if err := types.ValidateTag(args[1]); err != nil {
				return change{}, err
			}
			found, err := findModel(cmd.Context(), types.NewQueryClient(clientCtx), args[0])
			if err != nil {
				return change{}, err
			}
			m := found.Model
			return change{
				gas:    smallGas + recordGas*uint64(m.Size()),
				msg:    &types.MsgSetTag{Owner: clientCtx.FromAddress.String(), Name: m.Name, Tag: args[1], Version: m.Version},
				done:   fmt.Sprintf("%s:%s is %s:%d", m.Name, args[1], m.Name, m.Version),
				result: map[string]any{"name": m.Name, "tag": args[1], "version": m.Version},
			}, nil
		})
}

func newUntagCommand() *cobra.Command {
	return changeCommand("untag NAME:TAG", "Remove a tag", "untag iris:stable --from alice", 1,
		func(_ *cobra.Command, clientCtx client.Context, args []string) (change, error) {
			r, err := types.ParseReference(args[0])
			if err != nil {
				return change{}, err
			}
			if r.Tag == "" || r.String() != args[0] {
				return change{}, fmt.Errorf("expected name:tag, got %q", args[0])
			}
			return change{
				msg:    &types.MsgRemoveTag{Owner: clientCtx.FromAddress.String(), Name: r.Name, Tag: r.Tag},
				done:   fmt.Sprintf("%s is removed", r),
				result: map[string]any{"name": r.Name, "tag": r.Tag, "version": 0},
			}, nil
		})
}

func newTransferCommand() *cobra.Command {
	return changeCommand("transfer NAME NEW_OWNER", "Give a name with all its versions to another account", "transfer iris og1... --from alice", 2,
		func(cmd *cobra.Command, clientCtx client.Context, args []string) (change, error) {
			if err := types.ValidateName(args[0]); err != nil {
				return change{}, err
			}
			owner, err := sdk.AccAddressFromBech32(args[1])
			if err != nil {
				return change{}, fmt.Errorf("new owner: expected an address, got %q: %w", args[1], err)
			}
			named, err := types.NewQueryClient(clientCtx).Name(cmd.Context(), &types.QueryNameRequest{Name: args[0]})
			if err != nil {
				return change{}, err
			}
			return change{
				gas:    smallGas + versionGas*uint64(named.Name.Versions),
				msg:    &types.MsgTransferName{Owner: clientCtx.FromAddress.String(), Name: args[0], NewOwner: owner.String()},
				done:   fmt.Sprintf("%s belongs to %s", args[0], owner),
				result: map[string]any{"name": args[0], "owner": owner.String()},
			}, nil
		})
}

// newStatusCommand makes deprecate, disable or enable.
func newStatusCommand(verb string) *cobra.Command {
	kinds := map[string]struct {
		status      types.ModelStatus
		short, word string
	}{
		"deprecate": {types.MODEL_STATUS_DEPRECATED, "Advise against new use of a model; requests are still taken", "deprecated"},
		"disable":   {types.MODEL_STATUS_DISABLED, "Take no new requests for a model; open ones still end", "disabled"},
		"enable":    {types.MODEL_STATUS_ACTIVE, "Take requests for a model again", "active"},
	}
	kind := kinds[verb]
	return changeCommand(verb+" MODEL", kind.short, verb+" iris:2 --from alice", 1,
		func(cmd *cobra.Command, clientCtx client.Context, args []string) (change, error) {
			found, err := findModel(cmd.Context(), types.NewQueryClient(clientCtx), args[0])
			if err != nil {
				return change{}, err
			}
			if err := found.Model.OwnerSets(kind.status); err != nil {
				return change{}, err
			}
			// A tag may move until the message is executed: the version is meant that it points to now.
			reference := fmt.Sprintf("%s:%d", found.Model.Name, found.Model.Version)
			return change{
				gas:    smallGas + recordGas*uint64(found.Model.Size()),
				msg:    &types.MsgSetStatus{Owner: clientCtx.FromAddress.String(), Model: reference, Status: kind.status},
				done:   fmt.Sprintf("%s is %s", reference, kind.word),
				result: map[string]any{"model": reference, "status": kind.word},
			}, nil
		})
}

func newRetryCommand() *cobra.Command {
	return changeCommand("retry MODEL", "Ask for another admission of a model that nodes rejected or whose admission has expired",
		"retry iris:2 --from alice", 1,
		func(cmd *cobra.Command, clientCtx client.Context, args []string) (change, error) {
			queries := types.NewQueryClient(clientCtx)
			found, err := findModel(cmd.Context(), queries, args[0])
			if err != nil {
				return change{}, err
			}
			if err := found.Model.MayReadmit(); err != nil {
				return change{}, err
			}
			params, err := queries.Params(cmd.Context(), &types.QueryParamsRequest{})
			if err != nil {
				return change{}, err
			}
			reference := fmt.Sprintf("%s:%d", found.Model.Name, found.Model.Version)
			return change{
				gas:    smallGas + recordGas*uint64(found.Model.Size()),
				msg:    &types.MsgRequestAdmission{Owner: clientCtx.FromAddress.String(), Model: reference},
				done:   fmt.Sprintf("%s is admitting; \"model show %s\" tells how it goes", reference, reference),
				result: map[string]any{"model": reference, "status": "admitting"},
				price:  sdk.NewCoin(types.Denom, params.Params.AdmissionFee),
			}, nil
		})
}

func newCancelUploadCommand() *cobra.Command {
	return changeCommand("cancel-upload ID", "Give up an upload; a part of its deposit comes back", "cancel-upload 7 --from alice", 1,
		func(_ *cobra.Command, clientCtx client.Context, args []string) (change, error) {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || id == 0 {
				return change{}, fmt.Errorf("expected the number of an upload (see \"model uploads\"), got %q", args[0])
			}
			return change{
				msg:    &types.MsgCancelUpload{Owner: clientCtx.FromAddress.String(), UploadId: id},
				done:   fmt.Sprintf("upload %d is given up", id),
				result: map[string]any{"id": id, "cancelled": true},
			}, nil
		})
}
