package client

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/sequencer"
)

// Journal remembers the transactions of an account across processes. Its methods are called by one goroutine at a time.
//
// A process that is killed at any moment and has its journal sends the same bytes again instead of signing anew: nothing is
// lost, and nothing is paid twice, gas included.
type Journal interface {
	// Signed is told of a transaction before it is handed to a node for the first time. It has to be on disk when Signed
	// returns. A transaction with a key that the journal knows takes the place of the one before, which can no longer be
	// executed or was executed in vain. After an error it is not sent: with one that is ErrRejected the submission ends with that
	// error; any other is taken for one of the journal itself, and nothing is signed until a later try succeeds.
	Signed(ctx context.Context, t SignedTx) error
	// Settled is told how a job ended. From then on the key need not be kept. It may be told more than once. A failure is tried
	// again; until it succeeds Submit does not return.
	Settled(ctx context.Context, key string, o Outcome) error
	// Unsettled gives the transactions that were signed and never settled, in any order. It is asked once, by NewAccount.
	Unsettled(ctx context.Context) ([]SignedTx, error)
}

// SignedTx is a signed transaction of a job.
type SignedTx struct {
	// Key is the idempotency key: it identifies the job.
	Key string
	// Message is the encoded MsgSubmitRequests.
	Message []byte
	// Tx is what is broadcast, Hash its name in upper-case hexadecimal.
	Tx   []byte
	Hash string
	// Sequence is the number that it is signed with.
	Sequence uint64
	// Sent is the height of the chain when it was signed, Expires the last height at which it can be executed.
	Sent, Expires int64
	// Gas is its limit, and Fee what it pays for that when a block executes it.
	Gas uint64
	Fee sdk.Coin
	// Attempt is the number of earlier transactions of the job that ran out of gas, Paid what they paid.
	Attempt uint32
	Paid    sdk.Coin
}

// Outcome is how a job ended: with a submission, or with an error, which is a *RefusedError, ErrLapsed, ErrRejected,
// ErrUnknownOutcome or one of signing.
type Outcome struct {
	Submission Submission
	Err        error
}

// RefusedError is a request that the chain refused. Its fee was not taken.
type RefusedError struct {
	// Codespace and Code are the registered error of the chain; Log is its text.
	Codespace string
	Code      uint32
	Log       string
	// TxHash and Height are of the transaction that failed in a block and paid for gas. Without a height it was refused before,
	// and nothing was paid.
	TxHash string
	Height int64
	// Submission has the key and what was paid for gas.
	Submission Submission
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Height == 0 {
		return fmt.Sprintf("the node refused the request, nothing was paid: %s (%s %d)", e.Log, e.Codespace, e.Code)
	}
	return fmt.Sprintf("the chain refused the request in block %d, only gas was paid, %s: %s (%s %d)",
		e.Height, e.Submission.GasFee, e.Log, e.Codespace, e.Code)
}

// Is makes errors.Is find the registered error of the chain.
func (e *RefusedError) Is(target error) bool {
	registered, ok := target.(interface {
		Codespace() string
		ABCICode() uint32
	})
	return ok && registered.Codespace() == e.Codespace && registered.ABCICode() == e.Code
}

// PendingError is a submission whose context ended after it was signed. It goes on in the background: submitting the same
// request with its key again waits for it.
type PendingError struct {
	Key string
	Err error
}

// Error implements error.
func (e *PendingError) Error() string {
	return fmt.Sprintf("the request is signed and may still be executed; submit it again with the idempotency key %q to follow it: %s", e.Key, e.Err)
}

// Unwrap gives the error of the context.
func (e *PendingError) Unwrap() error { return e.Err }

// ErrUnknownOutcome is a submission that was signed so long ago that neither the node nor the chain remembers whether it was
// executed. Sending it again could pay twice.
var ErrUnknownOutcome = errors.New("it is no longer known whether the request was executed")

// ErrRejected is what a Journal wraps to keep a single transaction from being sent.
var ErrRejected = sequencer.ErrRejected

// ErrLapsed is a submission that no block took in time, although it was signed again several times. Nothing was paid.
var ErrLapsed = sequencer.ErrLapsed
