// Package wallet signs transactions of one key with sequence numbers that it manages itself, hands them to a node, and
// finds out what became of them. It has no state that outlives the process.
package wallet

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cosmos/cosmos-sdk/client"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// Node is what a wallet needs of a node beside its queries.
type Node interface {
	// Height is that of the last block that the application has committed.
	Height(ctx context.Context) (int64, error)
	// Broadcast hands over a transaction and gives what the check of it says.
	Broadcast(ctx context.Context, tx []byte) (*sdk.TxResponse, error)
	// Tx looks for a transaction by its hash; false when the node knows none.
	Tx(ctx context.Context, hash string) (Executed, bool, error)
	// Block gives the transactions of a block. It fails with ErrNoBlock when the node does not have it.
	Block(ctx context.Context, height int64) ([]Executed, error)
}

// ErrNoBlock is a block that the node does not have, or not what came of it.
var ErrNoBlock = errors.New("the node does not have the block")

// Executed is a transaction that is in a block.
type Executed struct {
	Hash      string // upper-case hexadecimal
	Height    int64
	Code      uint32
	Codespace string
	Log       string
	GasUsed   int64
	// Data is what its messages answered.
	Data []byte
}

func executed(hash []byte, height int64, r abci.ExecTxResult) Executed {
	return Executed{
		Hash: strings.ToUpper(hex.EncodeToString(hash)), Height: height, Code: r.Code, Codespace: r.Codespace, Log: r.Log,
		GasUsed: r.GasUsed, Data: r.Data,
	}
}

// RPC is the Node behind the connection of a client context.
type RPC struct{ Context client.Context }

// Height implements Node.
func (n RPC) Height(ctx context.Context) (int64, error) {
	node, err := n.Context.GetNode()
	if err != nil {
		return 0, err
	}
	info, err := node.ABCIInfo(ctx)
	if err != nil {
		return 0, err
	}
	return info.Response.LastBlockHeight, nil
}

// Broadcast implements Node.
func (n RPC) Broadcast(ctx context.Context, tx []byte) (*sdk.TxResponse, error) {
	return n.Context.WithCmdContext(ctx).BroadcastTxSync(tx)
}

// Tx implements Node. A node that keeps no index of transactions knows none.
func (n RPC) Tx(ctx context.Context, hash string) (Executed, bool, error) {
	node, err := n.Context.GetNode()
	if err != nil {
		return Executed{}, false, err
	}
	raw, err := hex.DecodeString(hash)
	if err != nil {
		return Executed{}, false, fmt.Errorf("transaction hash: expected hexadecimal digits, got %q", hash)
	}
	found, err := node.Tx(ctx, raw, false)
	if err != nil {
		if text := err.Error(); strings.Contains(text, "not found") || strings.Contains(text, "disabled") {
			return Executed{}, false, nil
		}
		return Executed{}, false, err
	}
	return executed(found.Hash, found.Height, found.TxResult), true, nil
}

// Block implements Node.
func (n RPC) Block(ctx context.Context, height int64) ([]Executed, error) {
	node, err := n.Context.GetNode()
	if err != nil {
		return nil, err
	}
	block, err := node.Block(ctx, &height)
	if err != nil {
		return nil, missing(height, err)
	}
	if block.Block == nil {
		return nil, fmt.Errorf("block %d: %w", height, ErrNoBlock)
	}
	results, err := node.BlockResults(ctx, &height)
	if err != nil {
		return nil, missing(height, err)
	}
	if len(results.TxsResults) != len(block.Block.Txs) {
		return nil, errors.New("expected a result for each transaction of a block, got another number")
	}
	list := make([]Executed, len(block.Block.Txs))
	for i, tx := range block.Block.Txs {
		list[i] = executed(tx.Hash(), height, *results.TxsResults[i])
	}
	return list, nil
}

// missing tells the error of a block that the node does not keep apart from one of the connection.
func missing(height int64, err error) error {
	for _, text := range []string{"is not available", "could not find results", "not persisting"} {
		if strings.Contains(err.Error(), text) {
			return fmt.Errorf("block %d: %w: %w", height, ErrNoBlock, err)
		}
	}
	return err
}
