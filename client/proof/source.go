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
	ctypes "github.com/cometbft/cometbft/rpc/core/types"
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
	// is empty when there is none. Height 0 asks for the last state, which no header holds yet.
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
	headers Headers
	client  rpcclient.RemoteClient
	chainID string
	id      string
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
		return nil, fails(PartNotAvailable, "node "+address, fmt.Errorf("expected it to answer: %w", err))
	}
	chainID := status.NodeInfo.Network
	if err := checkChainID(chainID); err != nil {
		return nil, fmt.Errorf("node %s: %w", address, err)
	}
	return &Node{
		headers: lighthttp.NewWithClient(chainID, fewValidators{client}), client: client, chainID: chainID, id: string(status.NodeInfo.ID()),
	}, nil
}

// ChainID is the chain that the node says it is on.
func (n *Node) ChainID() string { return n.chainID }

// ID is the identity that the node says it has.
func (n *Node) ID() string { return n.id }

// LightBlock implements Headers.
func (n *Node) LightBlock(ctx context.Context, height int64) (*cmttypes.LightBlock, error) {
	return lightBlock(ctx, n.headers, height)
}

// lightBlock asks for a block. Validators that no chain has stop CometBFT with a panic: such an answer is a bad one like any other.
func lightBlock(ctx context.Context, from Headers, height int64) (lb *cmttypes.LightBlock, err error) {
	defer func() {
		if p := recover(); p != nil {
			lb, err = nil, provider.ErrBadLightBlock{Reason: fmt.Errorf("expected a block that a chain has, got one that stops the check: %v", p)}
		}
	}()
	if lb, err = from.LightBlock(ctx, height); err == nil && (lb == nil || lb.SignedHeader == nil || lb.Header == nil || lb.Commit == nil || lb.ValidatorSet == nil) {
		return nil, provider.ErrBadLightBlock{Reason: errors.New("expected header, commit and validators, got a part of them")}
	}
	return lb, err
}

// fewValidators refuses a set that is larger than any that is taken, before all of its pages have been read.
type fewValidators struct{ rpcclient.RemoteClient }

// Validators implements the client of an RPC.
func (c fewValidators) Validators(ctx context.Context, height *int64, page, perPage *int) (*ctypes.ResultValidators, error) {
	if *page > (MaxValidators+*perPage-1) / *perPage {
		return nil, provider.ErrBadLightBlock{Reason: fmt.Errorf("expected at most %d validators, got a page %d of %d", MaxValidators, *page, *perPage)}
	}
	res, err := c.RemoteClient.Validators(ctx, height, page, perPage)
	if err == nil && (res.Total > MaxValidators || len(res.Validators) > *perPage) {
		return nil, provider.ErrBadLightBlock{
			Reason: fmt.Errorf("expected at most %d validators, %d on a page, got %d and %d", MaxValidators, *perPage, res.Total, len(res.Validators)),
		}
	}
	return res, err
}

// Value implements Source.
func (n *Node) Value(ctx context.Context, store string, key []byte, height int64) ([]byte, *cmtcrypto.ProofOps, error) {
	res, err := n.client.ABCIQueryWithOptions(ctx, "/store/"+store+"/key", key, rpcclient.ABCIQueryOptions{Height: height, Prove: true})
	if err != nil {
		return nil, nil, err
	}
	if res.Response.IsErr() {
		return nil, nil, fmt.Errorf("store %s at height %d: %s", store, height, plain(shorten(res.Response.Log)))
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
