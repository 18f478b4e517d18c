package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cometbft/cometbft/light/provider"
	lighthttp "github.com/cometbft/cometbft/light/provider/http"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	jsonrpcclient "github.com/cometbft/cometbft/rpc/jsonrpc/client"
	cmttypes "github.com/cometbft/cometbft/types"
)

// Headers gives light blocks.
type Headers interface {
	// LightBlock gives the signed header and the validators at a height, 0 for the last. Its errors are those of the
	// provider package of the light client.
	LightBlock(ctx context.Context, height int64) (*cmttypes.LightBlock, error)
}

// Source is where a proof is collected. Nothing that it says is believed.
type Source interface {
	Headers
	// Value gives what a store of the application holds under a key after the block of a height, with its proof. The value
	// is empty when there is none.
	Value(ctx context.Context, store string, key []byte, height int64) (value []byte, ops *cmtcrypto.ProofOps, err error)
}

const (
	// maxAnswer bounds what is read of one answer of a node.
	maxAnswer = 2 * MaxFileBytes
	// nodePatience bounds one question to a node.
	nodePatience = 30 * time.Second
)

// Node is a node that is asked over its RPC.
type Node struct {
	Headers
	client  rpcclient.RemoteClient
	chainID string
}

// DialNode connects to the RPC of a node, such as tcp://localhost:26657, and asks which chain it is on.
func DialNode(ctx context.Context, address string) (*Node, error) {
	transport, err := jsonrpcclient.DefaultHTTPClient(address)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", address, err)
	}
	transport.Transport = bounded{transport.Transport}
	transport.Timeout = nodePatience
	client, err := rpchttp.NewWithClient(address, "/websocket", transport)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", address, err)
	}
	status, err := client.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("node %s: expected it to answer: %w", address, err)
	}
	chainID := status.NodeInfo.Network
	return &Node{Headers: lighthttp.NewWithClient(chainID, client), client: client, chainID: chainID}, nil
}

// ChainID is the chain that the node says it is on.
func (n *Node) ChainID() string { return n.chainID }

// Value implements Source.
func (n *Node) Value(ctx context.Context, store string, key []byte, height int64) ([]byte, *cmtcrypto.ProofOps, error) {
	res, err := n.client.ABCIQueryWithOptions(ctx, "/store/"+store+"/key", key, rpcclient.ABCIQueryOptions{Height: height, Prove: true})
	if err != nil {
		return nil, nil, err
	}
	if res.Response.IsErr() {
		return nil, nil, fmt.Errorf("store %s at height %d: %s", store, height, res.Response.Log)
	}
	return res.Response.Value, res.Response.ProofOps, nil
}

// bounded cuts answers that are longer than any that is needed.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		res.Body = boundedBody{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

type boundedBody struct {
	io.Reader
	io.Closer
}

// sourceError says what to do about an answer that did not come.
func sourceError(what string, err error) error {
	var bad provider.ErrBadLightBlock
	switch {
	case errors.As(err, &bad):
		return &Error{Part: PartHeader, Subject: what, Err: bad.Reason, Help: "The node is faulty or lies: ask another"}
	case errors.Is(err, provider.ErrHeightTooHigh):
		return &Error{Part: PartNotAvailable, Subject: what, Err: err, Help: "The node has not come so far: wait, or ask another"}
	case errors.Is(err, provider.ErrLightBlockNotFound):
		return &Error{Part: PartNotAvailable, Subject: what, Err: err, Help: "The node has dropped it: ask one that keeps old blocks, or trust a newer header"}
	default:
		return fails(PartNotAvailable, what, err)
	}
}
