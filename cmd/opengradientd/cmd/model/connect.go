package model

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"

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
	text, err := cmd.Flags().GetString(flags.FlagGasPrices)
	if err != nil {
		return client.Context{}, nil, err
	}
	price, err := wallet.GasPrice(cmd.Context(), clientCtx, text)
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
