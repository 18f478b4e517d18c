package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	rpcclient "github.com/cometbft/cometbft/rpc/client"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	sdkclient "github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	gogogrpc "github.com/cosmos/gogoproto/grpc"

	"github.com/opengradient/opengradient/internal/encoding"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// maxAnswer bounds an answer of the node over gRPC, in bytes.
const maxAnswer = 16 << 20

// Config says which node to talk to.
type Config struct {
	// RPC is the address of the node's CometBFT RPC, such as tcp://localhost:26657 or https://rpc.example.com:443.
	RPC string
	// GRPC is host and port of the node's gRPC server. Empty: queries go over the RPC.
	GRPC string
	// TLS is for gRPC; nil is plain text. The RPC uses TLS when its address begins with https.
	TLS *tls.Config
	// ChainID, when set, is the chain that the node has to be on.
	ChainID string
}

// Client is a connection to one node. It is safe for concurrent use.
type Client struct {
	// The query services of the chain.
	Models       modelstypes.QueryClient
	Inference    inferencetypes.QueryClient
	Scheduling   schedulingtypes.QueryClient
	Verification verificationtypes.QueryClient
	Auth         authtypes.QueryClient
	Bank         banktypes.QueryClient
	// RPC is the node's CometBFT RPC.
	RPC rpcclient.Client

	remote   string // address of the RPC; empty when it has none that is known
	conn     gogogrpc.ClientConn
	encoding encoding.Config
	chainID  string
	records  *records
	follower *follower
	looks    chan struct{} // one for each request that is looked at now

	end    context.CancelFunc // ends what runs in the background
	closed context.Context
	once   sync.Once
	closer func() error
}

// Dial connects to a node. It fails when the node does not answer, or is on another chain than the one asked for.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.RPC == "" {
		return nil, errors.New("rpc: expected the address of a node such as tcp://localhost:26657, got none")
	}
	codecs, err := newEncoding()
	if err != nil {
		return nil, err
	}
	rpc, err := rpchttp.New(cfg.RPC, "/websocket")
	if err != nil {
		return nil, fmt.Errorf("rpc: expected an address such as tcp://localhost:26657, got %q: %w", cfg.RPC, err)
	}
	var conn gogogrpc.ClientConn = sdkclient.Context{}.WithClient(rpc).WithCodec(codecs.Codec).WithInterfaceRegistry(codecs.InterfaceRegistry)
	closer := func() error { return nil }
	if cfg.GRPC != "" {
		direct, err := dialGRPC(cfg, codecs)
		if err != nil {
			return nil, err
		}
		conn, closer = direct, direct.Close
	}
	c := newClient(rpc, cfg.RPC, conn, codecs, closer)
	if err := c.meet(ctx, cfg.ChainID); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func dialGRPC(cfg Config, codecs encoding.Config) (*grpc.ClientConn, error) {
	secure := insecure.NewCredentials()
	if cfg.TLS != nil {
		secure = credentials.NewTLS(cfg.TLS)
	}
	conn, err := grpc.NewClient(cfg.GRPC, grpc.WithTransportCredentials(secure), grpc.WithDefaultCallOptions(
		grpc.ForceCodec(codec.NewProtoCodec(codecs.InterfaceRegistry).GRPCCodec()), grpc.MaxCallRecvMsgSize(maxAnswer)))
	if err != nil {
		return nil, fmt.Errorf("grpc: expected host and port of a node such as localhost:9090, got %q: %w", cfg.GRPC, err)
	}
	return conn, nil
}

// New makes a client of the connection of an SDK client context, as commands have one. When the context names a chain, the
// node has to be on it.
func New(ctx context.Context, sdkCtx sdkclient.Context) (*Client, error) {
	codecs, err := newEncoding()
	if err != nil {
		return nil, err
	}
	node, err := sdkCtx.GetNode()
	if err != nil {
		return nil, err
	}
	rpc, ok := node.(rpcclient.Client)
	if !ok {
		return nil, fmt.Errorf("rpc: expected a whole CometBFT client, got %T", node)
	}
	c := newClient(rpc, sdkCtx.NodeURI, sdkCtx, codecs, func() error { return nil })
	if err := c.meet(ctx, sdkCtx.ChainID); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func newClient(rpc rpcclient.Client, remote string, conn gogogrpc.ClientConn, codecs encoding.Config, closer func() error) *Client {
	c := &Client{
		Models:       modelstypes.NewQueryClient(conn),
		Inference:    inferencetypes.NewQueryClient(conn),
		Scheduling:   schedulingtypes.NewQueryClient(conn),
		Verification: verificationtypes.NewQueryClient(conn),
		Auth:         authtypes.NewQueryClient(conn),
		Bank:         banktypes.NewQueryClient(conn),
		RPC:          rpc, remote: remote, conn: conn, encoding: codecs, closer: closer,
		looks: make(chan struct{}, maxLooks),
	}
	c.closed, c.end = context.WithCancel(context.Background())
	c.records = newRecords(c)
	c.follower = newFollower(c)
	return c
}

// newEncoding returns the codecs with what a requester meets registered.
func newEncoding() (encoding.Config, error) {
	codecs, err := encoding.Make()
	if err != nil {
		return encoding.Config{}, err
	}
	registry, amino := codecs.InterfaceRegistry, codecs.Amino
	authtypes.RegisterInterfaces(registry)
	banktypes.RegisterInterfaces(registry)
	inferencetypes.RegisterInterfaces(registry)
	modelstypes.RegisterInterfaces(registry)
	schedulingtypes.RegisterInterfaces(registry)
	verificationtypes.RegisterInterfaces(registry)
	authtypes.RegisterLegacyAminoCodec(amino)
	banktypes.RegisterLegacyAminoCodec(amino)
	inferencetypes.RegisterLegacyAminoCodec(amino)
	return codecs, nil
}

// meet asks the node for its chain.
func (c *Client) meet(ctx context.Context, want string) error {
	s, err := c.RPC.Status(ctx)
	if err != nil {
		return fmt.Errorf("node %s: expected an answer to status: %w", c.remote, err)
	}
	c.chainID = s.NodeInfo.Network
	if want != "" && want != c.chainID {
		return fmt.Errorf("node %s: expected the chain %q, got %q", c.remote, want, c.chainID)
	}
	return nil
}

// ChainID is the id of the node's chain.
func (c *Client) ChainID() string { return c.chainID }

// Conn answers gRPC queries, also of services that the client has no field for.
func (c *Client) Conn() gogogrpc.ClientConn { return c.conn }

// Height is the height of the last block that the node has executed.
func (c *Client) Height(ctx context.Context) (int64, error) {
	info, err := c.RPC.ABCIInfo(ctx)
	if err != nil {
		return 0, err
	}
	return info.Response.LastBlockHeight, nil
}

// Close ends the connection and whatever waits on it. Accounts have to be closed before.
func (c *Client) Close() error {
	var err error
	c.once.Do(func() {
		c.end()
		c.follower.close()
		err = c.closer()
	})
	return err
}
