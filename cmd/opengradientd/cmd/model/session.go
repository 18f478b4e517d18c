package model

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	nodeservice "github.com/cosmos/cosmos-sdk/client/grpc/node"
	"github.com/cosmos/cosmos-sdk/client/tx"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/wallet"
	"github.com/opengradient/opengradient/x/models/types"
)

// addOutputFlag adds --output. It has no short form: -o is a file in these commands.
func addOutputFlag(cmd *cobra.Command) {
	cmd.Flags().String(flags.FlagOutput, flags.OutputFormatText, "form of the answer, `text|json`")
	complete(cmd, flags.FlagOutput, flags.OutputFormatText, flags.OutputFormatJSON)
}

// addQueryFlags adds what every command needs that reads the chain.
func addQueryFlags(cmd *cobra.Command) {
	addOutputFlag(cmd)
	f := cmd.Flags()
	f.String(flags.FlagNode, "tcp://localhost:26657", "RPC `ADDRESS` of a node")
	f.String(flags.FlagGRPC, "", "gRPC `ADDRESS` of a node to query; without it the RPC answers")
	f.Bool(flags.FlagGRPCInsecure, false, "allow gRPC without TLS")
}

// addSignFlags adds what every command needs that signs.
func addSignFlags(cmd *cobra.Command) {
	addQueryFlags(cmd)
	f := cmd.Flags()
	f.String(flags.FlagFrom, "", "`KEY` that signs and pays (required)")
	f.String(flags.FlagChainID, "", "`ID` of the chain")
	f.String(flags.FlagGasPrices, "", "`PRICE` of a unit of gas; without it the least that the node takes")
	f.Float64(flags.FlagGasAdjustment, 1, "`FACTOR` for limits of gas, at least 1")
	f.String(flags.FlagNote, "", "public `NOTE` in every transaction")
	f.String(flags.FlagFeeGranter, "", "`ADDRESS` that pays for gas by a grant")
	f.String(flags.FlagSignMode, "", "sign mode, `direct|amino-json`")
	f.Bool(flags.FlagUseLedger, false, "sign on a Ledger")
	f.BoolP(flags.FlagSkipConfirmation, "y", false, "do not ask")
	flags.AddKeyringFlags(f)
	if err := cmd.MarkFlagRequired(flags.FlagFrom); err != nil {
		panic(err)
	}
}

// complete makes a flag complete to words.
func complete(cmd *cobra.Command, flag string, words ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// asJSON reads --output.
func asJSON(cmd *cobra.Command) (bool, error) {
	switch form, err := cmd.Flags().GetString(flags.FlagOutput); {
	case err != nil:
		return false, err
	case form == flags.OutputFormatText || form == flags.OutputFormatJSON:
		return form == flags.OutputFormatJSON, nil
	default:
		return false, fmt.Errorf("--output: expected text or json, got %q", form)
	}
}

// reader is the connection of a command that reads.
func reader(cmd *cobra.Command) (client.Context, types.QueryClient, error) {
	clientCtx, err := client.GetClientQueryContext(cmd)
	return clientCtx, types.NewQueryClient(clientCtx), err
}

// signer is the connection of a command that signs.
func signer(cmd *cobra.Command) (client.Context, *wallet.Wallet, error) {
	clientCtx, err := client.GetClientTxContext(cmd)
	if err != nil {
		return client.Context{}, nil, err
	}
	if clientCtx.FromAddress.Empty() {
		return client.Context{}, nil, errors.New("--from: expected the name of a key, got none")
	}
	adjustment, err := cmd.Flags().GetFloat64(flags.FlagGasAdjustment)
	if err != nil {
		return client.Context{}, nil, err
	}
	price, err := gasPrice(cmd, clientCtx)
	if err != nil {
		return client.Context{}, nil, err
	}
	factory, err := tx.NewFactoryCLI(clientCtx, cmd.Flags())
	if err != nil {
		return client.Context{}, nil, err
	}
	w, err := wallet.New(cmd.Context(), wallet.Config{
		Node: wallet.RPC{Context: clientCtx}, Conn: clientCtx, Factory: factory, TxConfig: clientCtx.TxConfig,
		Key: clientCtx.FromName, Address: clientCtx.FromAddress, GasPrice: price, GasAdjustment: adjustment,
	})
	return clientCtx, w, err
}

// gasPrice reads --gas-prices, or asks the node for the least that it takes.
func gasPrice(cmd *cobra.Command, clientCtx client.Context) (sdk.DecCoin, error) {
	text, err := cmd.Flags().GetString(flags.FlagGasPrices)
	if err != nil {
		return sdk.DecCoin{}, err
	}
	if text == "" {
		if text, err = leastGasPrice(cmd.Context(), clientCtx); err != nil {
			return sdk.DecCoin{}, fmt.Errorf("gas price: the node does not say the least that it takes, give --gas-prices: %w", err)
		}
	}
	prices, err := sdk.ParseDecCoins(text)
	if err != nil || len(prices) > 1 {
		return sdk.DecCoin{}, fmt.Errorf("--gas-prices: expected a price such as 0.001%s, got %q", types.Denom, text)
	}
	if len(prices) == 0 {
		return sdk.DecCoin{Denom: types.Denom, Amount: sdkmath.LegacyZeroDec()}, nil
	}
	return prices[0], nil
}

func leastGasPrice(ctx context.Context, clientCtx client.Context) (string, error) {
	config, err := nodeservice.NewServiceClient(clientCtx).Config(ctx, &nodeservice.ConfigRequest{})
	if err != nil {
		return "", err
	}
	return config.MinimumGasPrice, nil
}

// isTerminal says whether somebody sits before a stream.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	return term.IsTerminal(int(file.Fd()))
}

// lookInterval is the time between two looks at a model that waits for its verdict, less than a block.
const lookInterval = 500 * time.Millisecond
