package model

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	nodeservice "github.com/cosmos/cosmos-sdk/client/grpc/node"
	"github.com/cosmos/cosmos-sdk/client/tx"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/wallet"
	"github.com/opengradient/opengradient/x/models/types"
)

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
