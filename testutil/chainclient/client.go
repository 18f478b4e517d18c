// Package chainclient talks to a running node: it signs, sends and waits for transactions and reads the chain's
// queries. The demo, the load generator and the network tests share it.
package chainclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	sdkmath "cosmossdk.io/math"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"
	txtypes "github.com/cosmos/cosmos-sdk/types/tx"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// poll is the time between two looks at the chain while waiting.
const poll = 100 * time.Millisecond

// Client is a connection to one node. It is safe for concurrent use.
type Client struct {
	conn   *grpc.ClientConn
	codecs Codecs

	// RPC is the node's CometBFT RPC.
	RPC *rpchttp.HTTP
	// The query services of the chain.
	Models       modelstypes.QueryClient
	Inference    inferencetypes.QueryClient
	Scheduling   schedulingtypes.QueryClient
	Verification verificationtypes.QueryClient
	Auth         authtypes.QueryClient
	Bank         banktypes.QueryClient
	Tx           txtypes.ServiceClient
}

// Dial connects to a node by its gRPC address (host:port) and its RPC address (tcp://host:port).
func Dial(grpcAddr, rpcAddr string, codecs Codecs) (*Client, error) {
	conn, err := grpc.NewClient(grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodec(codec.NewProtoCodec(codecs.Registry).GRPCCodec()), grpc.MaxCallRecvMsgSize(16<<20)))
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", grpcAddr, err)
	}
	rpc, err := rpchttp.New(rpcAddr, "/websocket")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dial %s: %w", rpcAddr, err), conn.Close())
	}
	return &Client{
		conn: conn, codecs: codecs, RPC: rpc,
		Models:       modelstypes.NewQueryClient(conn),
		Inference:    inferencetypes.NewQueryClient(conn),
		Scheduling:   schedulingtypes.NewQueryClient(conn),
		Verification: verificationtypes.NewQueryClient(conn),
		Auth:         authtypes.NewQueryClient(conn),
		Bank:         banktypes.NewQueryClient(conn),
		Tx:           txtypes.NewServiceClient(conn),
	}, nil
}

// Conn is the gRPC connection, for other query services.
func (c *Client) Conn() *grpc.ClientConn { return c.conn }

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Height returns the node's latest committed height.
func (c *Client) Height(ctx context.Context) (int64, error) {
	s, err := c.RPC.Status(ctx)
	if err != nil {
		return 0, err
	}
	return s.SyncInfo.LatestBlockHeight, nil
}

// WaitHeight waits until the node has committed height.
func (c *Client) WaitHeight(ctx context.Context, height int64) error {
	return Until(ctx, fmt.Sprintf("height %d", height), func() (bool, error) {
		h, err := c.Height(ctx)
		return err == nil && h >= height, nil
	})
}

// ChainID returns the id of the node's chain.
func (c *Client) ChainID(ctx context.Context) (string, error) {
	s, err := c.RPC.Status(ctx)
	if err != nil {
		return "", err
	}
	return s.NodeInfo.Network, nil
}

// Balance returns what an account holds of the chain's coin, in uopg.
func (c *Client) Balance(ctx context.Context, account sdk.AccAddress) (sdkmath.Int, error) {
	resp, err := c.Bank.Balance(ctx, &banktypes.QueryBalanceRequest{Address: account.String(), Denom: inferencetypes.Denom})
	if err != nil {
		return sdkmath.Int{}, fmt.Errorf("balance of %s: %w", account, err)
	}
	return resp.Balance.Amount, nil
}

// Until polls done until it is true, fails, or the context ends.
func Until(ctx context.Context, what string, done func() (bool, error)) error {
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		ok, err := done()
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
}
