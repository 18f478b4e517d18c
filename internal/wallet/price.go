package wallet

import (
	"context"
	"fmt"

	sdkmath "cosmossdk.io/math"
	nodeservice "github.com/cosmos/cosmos-sdk/client/grpc/node"
	sdk "github.com/cosmos/cosmos-sdk/types"
	gogogrpc "github.com/cosmos/gogoproto/grpc"
)

// denom is the coin that fees are paid in.
const denom = "uopg"

// GasPrice reads what a unit of gas costs, such as 0.001uopg. Without a text it is the least that the node takes.
func GasPrice(ctx context.Context, conn gogogrpc.ClientConn, text string) (sdk.DecCoin, error) {
	if text == "" {
		res, err := nodeservice.NewServiceClient(conn).Config(ctx, &nodeservice.ConfigRequest{})
		if err != nil {
			return sdk.DecCoin{}, fmt.Errorf("gas price: the node does not say the least that it takes, give one: %w", err)
		}
		text = res.MinimumGasPrice
	}
	prices, err := sdk.ParseDecCoins(text)
	if err != nil || len(prices) > 1 {
		return sdk.DecCoin{}, fmt.Errorf("gas price: expected a price such as 0.001%s, got %q", denom, text)
	}
	if len(prices) == 0 {
		return sdk.DecCoin{Denom: denom, Amount: sdkmath.LegacyZeroDec()}, nil
	}
	return prices[0], nil
}
