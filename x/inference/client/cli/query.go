package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
)

// NewQueryCmd gives the query commands of the module.
func NewQueryCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: types.ModuleName, Short: "Query requests, results, receipts and schedules",
		DisableFlagParsing: true, SuggestionsMinimumDistance: 2, RunE: client.ValidateCmd,
	}
	cmd.AddCommand(newResultCmd(), newWaitCmd(), newInputsCmd())
	return cmd
}

func newResultCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "result ID",
		Short: "Show the final output of a request",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, clientCtx, err := requestQuery(cmd, args[0])
			if err != nil {
				return err
			}
			return printResult(cmd, clientCtx, types.NewQueryClient(clientCtx), id)
		},
	}
	flags.AddQueryFlagsToCmd(cmd)
	return cmd
}

func newInputsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inputs ID",
		Short: "Show the input tensors of a request",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, clientCtx, err := requestQuery(cmd, args[0])
			if err != nil {
				return err
			}
			queries := types.NewQueryClient(clientCtx)
			found, err := queries.Request(cmd.Context(), &types.QueryRequestRequest{Id: id})
			if err != nil {
				return err
			}
			res, err := queries.Inputs(cmd.Context(), &types.QueryInputsRequest{Id: id})
			if err != nil {
				return err
			}
			return printTensors(cmd.OutOrStdout(), clientCtx.OutputFormat, "inputs", id, found.Request.InputRoot, res.Inputs)
		},
	}
	flags.AddQueryFlagsToCmd(cmd)
	return cmd
}

func requestQuery(cmd *cobra.Command, arg string) (uint64, client.Context, error) {
	id, err := parseID(arg)
	if err != nil {
		return 0, client.Context{}, err
	}
	clientCtx, err := client.GetClientQueryContext(cmd)
	return id, clientCtx, err
}

// printTensors writes tensors for people, or as JSON in the form of the Open Inference Protocol.
func printTensors(w io.Writer, format, kind string, id uint64, root []byte, messages []types.Tensor) error {
	ts := make([]tensor.Tensor, len(messages))
	for i, m := range messages {
		var err error
		if ts[i], err = m.Tensor(); err != nil {
			return err
		}
	}
	if format == flags.OutputFormatJSON {
		list, err := oipjson.MarshalTensors(ts)
		if err != nil {
			return err
		}
		text, err := json.Marshal(map[string]any{"id": fmt.Sprint(id), "root": hex.EncodeToString(root), kind: json.RawMessage(list)})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", text)
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "request: %d\nroot: %x\n%s:\n", id, root, kind)
	for _, t := range ts {
		data, err := oipjson.MarshalData(t)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "- name: %s\n  datatype: %s\n  shape: %s\n  data: %s\n", t.Name, t.Datatype,
			strings.Join(strings.Fields(fmt.Sprint(t.Shape)), ", "), data)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
