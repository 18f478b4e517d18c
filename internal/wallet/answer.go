package wallet

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	cmttypes "github.com/cometbft/cometbft/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"github.com/opengradient/opengradient/internal/modelpush"
)

// wrongSequence is how the chain words that a sequence number is not the next.
var wrongSequence = regexp.MustCompile(`account sequence mismatch, expected (\d+), got (\d+)`)

// Hand gives a signed transaction to the node, and says what the node makes of it.
func (w *Wallet) Hand(ctx context.Context, raw []byte) (modelpush.Answer, error) {
	res, err := w.Node.Broadcast(ctx, raw)
	if err != nil {
		if strings.Contains(err.Error(), "rechecking") {
			return modelpush.Answer{Kind: modelpush.AnswerBusy, Hash: hashOf(raw)}, nil
		}
		return modelpush.Answer{}, err
	}
	return answer(res, hashOf(raw))
}

func hashOf(raw []byte) string { return fmt.Sprintf("%X", cmttypes.Tx(raw).Hash()) }

// is says that a result is an error of the SDK.
func is(codespace string, code uint32, err interface {
	Codespace() string
	ABCICode() uint32
},
) bool {
	return codespace == err.Codespace() && code == err.ABCICode()
}

func answer(res *sdk.TxResponse, hash string) (modelpush.Answer, error) {
	a := modelpush.Answer{Hash: hash}
	switch {
	case res.Code == 0:
		a.Kind = modelpush.AnswerAccepted
	case is(res.Codespace, res.Code, sdkerrors.ErrTxInMempoolCache):
		a.Kind = modelpush.AnswerHeld
	case is(res.Codespace, res.Code, sdkerrors.ErrMempoolIsFull), is(res.Codespace, res.Code, sdkerrors.ErrTxTimeoutHeight):
		a.Kind = modelpush.AnswerBusy
	case is(res.Codespace, res.Code, sdkerrors.ErrWrongSequence):
		parts := wrongSequence.FindStringSubmatch(res.RawLog)
		if parts == nil {
			return modelpush.Answer{}, fmt.Errorf("expected the node to name the next sequence number, got %q", res.RawLog)
		}
		expected, err := strconv.ParseUint(parts[1], 10, 64)
		if err != nil {
			return modelpush.Answer{}, fmt.Errorf("next sequence number: %w", err)
		}
		a.Kind, a.Expected = modelpush.AnswerSequence, expected
	default:
		a.Kind, a.Detail = modelpush.AnswerRefused, explain(res.Codespace, res.Code, res.RawLog)
	}
	return a, nil
}

// explain adds to an error of the chain what can be done about it.
func explain(codespace string, code uint32, log string) string {
	switch {
	case is(codespace, code, sdkerrors.ErrInsufficientFee):
		return log + "; give a higher --gas-prices"
	case is(codespace, code, sdkerrors.ErrOutOfGas):
		return log + "; give a higher --gas-adjustment"
	case is(codespace, code, sdkerrors.ErrUnauthorized):
		return log + "; check --chain-id and --from"
	default:
		return log
	}
}

// Result finds out what became of a transaction whose sequence number the chain has passed.
func (w *Wallet) Result(ctx context.Context, hash string, sent int64) (modelpush.Result, error) {
	tx, found, err := w.Node.Tx(ctx, hash)
	if err != nil {
		return modelpush.Result{}, err
	}
	if found && !unordered(tx) {
		return result(tx), nil
	}
	// An index of transactions may be missing or behind, or hold an earlier try: the blocks themselves say it.
	height, err := w.Node.Height(ctx)
	if err != nil {
		return modelpush.Result{}, err
	}
	for h := max(sent, 1); h <= height; h++ {
		txs, err := w.Node.Block(ctx, h)
		if err != nil {
			return modelpush.Result{}, err
		}
		for _, tx := range txs {
			if tx.Hash == hash && !unordered(tx) {
				return result(tx), nil
			}
		}
	}
	return modelpush.Result{Kind: modelpush.ResultAbsent}, nil
}

// unordered says that a transaction was in a block out of its turn: it had no effect, and may have one later.
func unordered(tx Executed) bool {
	return is(tx.Codespace, tx.Code, sdkerrors.ErrWrongSequence) || is(tx.Codespace, tx.Code, sdkerrors.ErrTxTimeoutHeight)
}

func result(tx Executed) modelpush.Result {
	if tx.Code == 0 {
		return modelpush.Result{Kind: modelpush.ResultDone}
	}
	return modelpush.Result{Kind: modelpush.ResultFailed, Detail: explain(tx.Codespace, tx.Code, tx.Log)}
}
