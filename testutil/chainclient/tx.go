package chainclient

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	txtypes "github.com/cosmos/cosmos-sdk/types/tx"
)

// Fees says what a transaction pays.
type Fees struct {
	// Gas is the gas limit; zero means DefaultGas.
	Gas uint64
	// Amount is the fee.
	Amount sdk.Coins
}

// DefaultGas is the gas limit of transactions that name none.
const DefaultGas = 2_000_000

// TxError is a transaction that the chain refused.
type TxError struct {
	Codespace string
	Code      uint32
	Log       string
}

// Error implements error.
func (e *TxError) Error() string {
	return fmt.Sprintf("transaction refused: %s %d: %s", e.Codespace, e.Code, e.Log)
}

// Is makes errors.Is find the registered error that the chain answered with.
func (e *TxError) Is(target error) bool {
	registered, ok := target.(interface {
		Codespace() string
		ABCICode() uint32
	})
	return ok && registered.Codespace() == e.Codespace && registered.ABCICode() == e.Code
}

// Send signs and broadcasts a transaction and returns its hash once the node has checked it. The sequence number
// moves on only when the check passed. When something else has used the key, the numbers are read again, once.
func (c *Client) Send(ctx context.Context, s *Signer, fees Fees, msgs ...sdk.Msg) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash, err := c.send(ctx, s, fees, msgs)
	if errors.Is(err, sdkerrors.ErrWrongSequence) {
		hash, err = c.send(ctx, s, fees, msgs)
	}
	return hash, err
}

func (c *Client) send(ctx context.Context, s *Signer, fees Fees, msgs []sdk.Msg) (string, error) {
	if err := s.load(ctx, c); err != nil {
		return "", err
	}
	raw, err := s.sign(ctx, c.codecs, fees, msgs)
	if err != nil {
		return "", err
	}
	resp, err := c.RPC.BroadcastTxSync(ctx, raw)
	if err != nil {
		// Whether the node has it is not known: count again from committed state.
		s.loaded = false
		return "", fmt.Errorf("broadcast: %w", err)
	}
	if resp.Code != 0 {
		refused := &TxError{Codespace: resp.Codespace, Code: resp.Code, Log: resp.Log}
		s.loaded = !refused.Is(sdkerrors.ErrWrongSequence)
		return "", refused
	}
	s.sequence++
	return resp.Hash.String(), nil
}

// WaitTx waits until the transaction is in a block and returns its response; a failed one is a *TxError.
func (c *Client) WaitTx(ctx context.Context, hash string) (*sdk.TxResponse, error) {
	var found *sdk.TxResponse
	err := Until(ctx, "transaction "+hash, func() (bool, error) {
		resp, err := c.Tx.GetTx(ctx, &txtypes.GetTxRequest{Hash: hash})
		if err != nil {
			if code := status.Code(err); code == codes.NotFound || code == codes.Unavailable {
				return false, nil
			}
			return false, err
		}
		found = resp.TxResponse
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if found.Code != 0 {
		return found, &TxError{Codespace: found.Codespace, Code: found.Code, Log: found.RawLog}
	}
	return found, nil
}

// Deliver sends a transaction and waits for its block.
func (c *Client) Deliver(ctx context.Context, s *Signer, fees Fees, msgs ...sdk.Msg) (*sdk.TxResponse, error) {
	hash, err := c.Send(ctx, s, fees, msgs...)
	if err != nil {
		return nil, err
	}
	return c.WaitTx(ctx, hash)
}
