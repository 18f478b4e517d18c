// Package session holds what the commands for people share: their flags, their questions, and the connection behind them.
package session

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client/flags"
)

// AddOutputFlag adds --output. It has no short form: -o is a file in these commands.
func AddOutputFlag(cmd *cobra.Command) {
	cmd.Flags().String(flags.FlagOutput, flags.OutputFormatText, "form of the answer, `text|json`")
	Complete(cmd, flags.FlagOutput, flags.OutputFormatText, flags.OutputFormatJSON)
}

// AddQueryFlags adds what every command needs that reads the chain.
func AddQueryFlags(cmd *cobra.Command) {
	AddOutputFlag(cmd)
	f := cmd.Flags()
	f.String(flags.FlagNode, "tcp://localhost:26657", "RPC `ADDRESS` of a node")
	f.String(flags.FlagGRPC, "", "gRPC `ADDRESS` of a node to query; without it the RPC answers")
	f.Bool(flags.FlagGRPCInsecure, false, "allow gRPC without TLS")
}

// AddPayFlags adds what every command needs that signs, however it does. Limits of gas are multiplied by adjustment, unless the
// flag says otherwise.
func AddPayFlags(cmd *cobra.Command, adjustment float64) {
	AddQueryFlags(cmd)
	f := cmd.Flags()
	// Not marked as required: a shell would complete nothing else before it.
	f.String(flags.FlagFrom, "", "`KEY` that signs and pays (required)")
	f.String(flags.FlagChainID, "", "`ID` of the chain")
	f.String(flags.FlagGasPrices, "", "`PRICE` of a unit of gas; without it the least that the node takes")
	f.Float64(flags.FlagGasAdjustment, adjustment, "`FACTOR` for limits of gas, at least 1")
	f.String(flags.FlagNote, "", "public `NOTE` in every transaction")
	f.String(flags.FlagFeeGranter, "", "`ADDRESS` that pays for gas by a grant")
	f.BoolP(flags.FlagSkipConfirmation, "y", false, "do not ask")
	flags.AddKeyringFlags(f)
}

// AddSignFlags adds these, and how to sign.
func AddSignFlags(cmd *cobra.Command) {
	AddPayFlags(cmd, 1)
	cmd.Flags().String(flags.FlagSignMode, "", "sign mode, `direct|amino-json`")
	cmd.Flags().Bool(flags.FlagUseLedger, false, "sign on a Ledger")
}

// Complete makes a flag complete to words.
func Complete(cmd *cobra.Command, flag string, words ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// AsJSON reads --output.
func AsJSON(cmd *cobra.Command) (bool, error) {
	switch form, err := cmd.Flags().GetString(flags.FlagOutput); {
	case err != nil:
		return false, err
	case form == flags.OutputFormatText || form == flags.OutputFormatJSON:
		return form == flags.OutputFormatJSON, nil
	default:
		return false, fmt.Errorf("--output: expected text or json, got %q", form)
	}
}
