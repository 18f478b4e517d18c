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

// Verdict is what a node says of a transaction when it is handed over.
type Verdict struct {
	Kind modelpush.AnswerKind
	// Expected is the sequence number that the node expects next, with modelpush.AnswerSequence.
	Expected uint64
	// Codespace, Code and Log are the error of the node, with modelpush.AnswerRefused.
	Codespace string
	Code      uint32
	Log       string
}

// Offer hands a signed transaction to a node. An error leaves open whether the node has it.
func Offer(ctx context.Context, n Node, raw []byte) (Verdict, error) {
	res, err := n.Broadcast(ctx, raw)
	if err != nil {
		if strings.Contains(err.Error(), "rechecking") {
			return Verdict{Kind: modelpush.AnswerBusy}, nil
		}
		return Verdict{}, err
	}
	return verdict(res)
}

// HashOf names a transaction, in upper-case hexadecimal.
func HashOf(raw []byte) string { return fmt.Sprintf("%X", cmttypes.Tx(raw).Hash()) }

// is says that a result is an error of the SDK.
func is(codespace string, code uint32, err interface {
	Codespace() string
	ABCICode() uint32
},
) bool {
	return codespace == err.Codespace() && code == err.ABCICode()
}

func verdict(res *sdk.TxResponse) (Verdict, error) {
	switch {
	case res.Code == 0:
		return Verdict{Kind: modelpush.AnswerAccepted}, nil
	case is(res.Codespace, res.Code, sdkerrors.ErrTxInMempoolCache):
		return Verdict{Kind: modelpush.AnswerHeld}, nil
	case is(res.Codespace, res.Code, sdkerrors.ErrMempoolIsFull), is(res.Codespace, res.Code, sdkerrors.ErrTxTimeoutHeight):
		return Verdict{Kind: modelpush.AnswerBusy}, nil
	case is(res.Codespace, res.Code, sdkerrors.ErrWrongSequence):
		expected, ok := ExpectedSequence(res.RawLog)
		if !ok {
			return Verdict{}, fmt.Errorf("expected the node to name the next sequence number, got %q", res.RawLog)
		}
		return Verdict{Kind: modelpush.AnswerSequence, Expected: expected}, nil
	default:
		return Verdict{Kind: modelpush.AnswerRefused, Codespace: res.Codespace, Code: res.Code, Log: res.RawLog}, nil
	}
}

// ExpectedSequence reads the sequence number that the chain expects out of the text with which it refuses another one.
func ExpectedSequence(log string) (uint64, bool) {
	parts := wrongSequence.FindStringSubmatch(log)
	if parts == nil {
		return 0, false
	}
	expected, err := strconv.ParseUint(parts[1], 10, 64)
	return expected, err == nil
}

// Hand gives a signed transaction to the node, and says what the node makes of it.
func (w *Wallet) Hand(ctx context.Context, raw []byte) (modelpush.Answer, error) {
	v, err := Offer(ctx, w.Node, raw)
	if err != nil {
		return modelpush.Answer{}, err
	}
	return answer(v, HashOf(raw)), nil
}

func answer(v Verdict, hash string) modelpush.Answer {
	a := modelpush.Answer{Kind: v.Kind, Hash: hash, Expected: v.Expected}
	if v.Kind == modelpush.AnswerRefused {
		a.Detail = explain(v.Codespace, v.Code, v.Log)
	}
	return a
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
	height, err := w.Node.Height(ctx)
	if err != nil {
		return modelpush.Result{}, err
	}
	tx, found, err := Find(ctx, w.Node, hash, sent, height)
	if err != nil {
		return modelpush.Result{}, err
	}
	if !found {
		return modelpush.Result{Kind: modelpush.ResultAbsent}, nil
	}
	return result(tx), nil
}

// Find looks for a transaction that a block from the height sent to the height last has executed. It is false when there is none.
// It fails with ErrNoBlock when the node no longer has a block that could have it.
func Find(ctx context.Context, n Node, hash string, sent, last int64) (Executed, bool, error) {
	tx, found, err := n.Tx(ctx, hash)
	if err != nil {
		return Executed{}, false, err
	}
	if found && !unordered(tx) {
		return tx, true, nil
	}
	// An index of transactions may be missing or behind, or hold an earlier try: the blocks themselves say it.
	for h := max(sent, 1); h <= last; h++ {
		txs, err := n.Block(ctx, h)
		if err != nil {
			return Executed{}, false, err
		}
		for _, tx := range txs {
			if tx.Hash == hash && !unordered(tx) {
				return tx, true, nil
			}
		}
	}
	return Executed{}, false, nil
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
