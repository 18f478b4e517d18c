// Package chain says what the gateway needs of the chain, in its own words. The command connects it to the client library;
// tests put a fake in its place. Amounts are in uopg.
package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

// ErrNotFound is a model that the chain does not know.
var ErrNotFound = errors.New("unknown model")

// ErrDenied is a transaction that the Journal does not let be sent.
var ErrDenied = errors.New("denied")

// Model is one version of a model.
type Model struct {
	Name    string
	Version uint32 // counts from 1 within the name
	SHA256  string // lower-case hexadecimal
	// Status is a stable word: active, deprecated, disabled, inspecting, admitting, rejected or expired. Requests are taken
	// by those that are active or deprecated.
	Status  string
	Reason  string // why it is not ready; empty when it is
	Inputs  []tensor.Spec
	Outputs []tensor.Spec
}

// Ready tells whether the model takes requests.
func (m Model) Ready() bool { return m.Status == "active" || m.Status == "deprecated" }

// Request is one inference request. Empty words leave the choice to the chain.
type Request struct {
	Model          string // name, name:version, name:tag or sha256
	Inputs         []tensor.Tensor
	Outputs        []string // none asks for all
	Tier           string   // "", quorum or committee
	Sealing        string   // "", sealed or open
	FeeClass       string   // "", standard, economy or priority
	MaxFee         uint64   // 0 takes the quote and room for the price to rise
	ReuseBlocks    uint32
	IdempotencyKey string // 1 to 64 bytes of printable ASCII; empty in Check
}

// Checked is a request that the chain would accept now.
type Checked struct {
	Model Model
	// Request is what to submit: the model by its sha256 and the maximum fee are fixed, all else is as it was given.
	Request Request
	Fee     uint64 // the quote
	// GasFee bounds what all transactions with the request cost beside the fee, whether they succeed or not.
	GasFee uint64
}

// InvalidError is a request that the chain would refuse. Nothing was signed.
type InvalidError struct {
	Field, Expected, Got string
}

// Error implements error.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s: expected %s, got %s", e.Field, e.Expected, e.Got)
}

// NotFoundError is a model that the chain does not know, as an InvalidError says it. It is an ErrNotFound.
type NotFoundError struct{ Invalid InvalidError }

// Error implements error.
func (e *NotFoundError) Error() string { return e.Invalid.Error() }

// Unwrap makes errors.Is find ErrNotFound.
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// UnavailableError is a request that cannot be made now, without being wrong: the model takes none, too few validators
// take part, the account has too few coins. Nothing was signed.
type UnavailableError struct {
	Reason string
	Detail string // for the log only; may be empty
}

// Error implements error.
func (e *UnavailableError) Error() string { return e.Reason }

// Submission is a request that the chain has accepted.
type Submission struct {
	RequestID uint64
	TxHash    string // upper-case hexadecimal; empty when no longer known
	Height    int64  // of the block with the transaction; 0 when no longer known
	Reused    bool   // answered by a receipt that was there before
	GasFee    uint64 // what all transactions that were needed have cost
}

// RefusedError is a request that the chain refused when a block executed it, or for good before: it was not accepted and will
// not be.
type RefusedError struct {
	Reason string
	Detail string // for the log only; may be empty
	// Price is true when only the maximum fee was too low: the price has risen.
	Price bool
	// Temporary is true when the same request may be accepted later, for example once the queue has room.
	Temporary bool
	// Denied is true when the Journal has denied a transaction.
	Denied bool
	// Unknown is true when nobody remembers any more whether a block has executed the transaction.
	Unknown bool
	GasFee  uint64 // what all transactions that were needed have cost
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Reason }

// Stage is how far a request has come on the chain.
type Stage uint8

// The stages, in their order.
const (
	StageAccepted Stage = iota + 1
	StageAssigned
	StageFinal
	StageSettled
)

// Status is the state of a request that has reached the stage that was waited for, or has ended.
type Status struct {
	Stage   Stage
	Height  int64 // at which it reached Stage
	Failure *Failure
	// Of final requests:
	Outputs       []tensor.Tensor
	OutputRoot    []byte // 32 bytes
	RequestDigest []byte // 32 bytes
	// AssignedHeight is that of the last attempt, 0 when there was none.
	AssignedHeight, FinalHeight int64
	// Fee is what was charged for the request when it was accepted.
	Fee uint64
	// Refunded is what came back of the fee, known once the request is settled or has failed.
	Refunded uint64
}

// Failure says why a request ended without outputs.
type Failure struct {
	// Reason is a stable word: deadline, no_agreement, execution, output_limit, internal or cancelled.
	Reason string
	Detail string
}

// Chain is the chain, seen with one account. It is safe for concurrent use.
type Chain interface {
	// Address is the account that pays.
	Address() string
	// Ready returns an error while the chain cannot be asked, or its node is behind.
	Ready(ctx context.Context) error
	// Balance is what the account holds.
	Balance(ctx context.Context) (uint64, error)
	// Model finds a model by a reference; ErrNotFound when there is none.
	Model(ctx context.Context, ref string) (Model, error)
	// Models lists the versions of a name, or of all names when it is empty, in no particular order. The list is bounded.
	Models(ctx context.Context, name string) ([]Model, error)
	// Check does the chain's checks without signing anything. Errors: ErrNotFound, *InvalidError, *UnavailableError.
	Check(ctx context.Context, r Request) (Checked, error)
	// Submit makes the request, exactly once for an idempotency key, and returns when it is in a block. It goes on with the
	// transaction that the Journal holds for the key. Errors: *RefusedError; any other when nothing is certain: then Submit has
	// to be called again.
	Submit(ctx context.Context, r Request) (Submission, error)
	// ReuseFee is what the reuse of a receipt has cost in place of a fee; known is false when nobody remembers.
	ReuseFee(ctx context.Context, s Submission) (fee uint64, known bool, err error)
	// Wait returns once a request has reached a stage or has ended.
	Wait(ctx context.Context, id uint64, until Stage) (Status, error)
}

// Transaction is one that was signed for a request.
type Transaction struct {
	Key  string // idempotency key of the request
	Data []byte // what it takes to send it again, in a form that is the signer's
	// GasFee is what it costs when a block executes it, and what the transactions before it, for the same call of Submit, have
	// cost in vain.
	GasFee uint64
}

// Outcome is how a call of Submit ended.
type Outcome struct {
	Submission Submission
	Refused    *RefusedError // nil when the request was accepted
}

// Journal remembers transactions. A process that was killed at any moment finds in it everything it has signed and not yet
// seen the end of.
type Journal interface {
	// Claim is called before all else, with who signs and on which chain. It fails when the journal is that of another: what was
	// signed there would be signed, and paid, again here.
	Claim(owner string) error
	// Signed is called before a transaction is sent. It takes the place of an earlier one with the same key, which can no longer
	// be executed. After an error it is not sent: with ErrDenied Submit fails for that request, with any other the disk is taken
	// to have failed, and no request is signed.
	Signed(t Transaction) error
	// Settled is told how a request with a transaction ended.
	Settled(key string, o Outcome) error
	// Unsettled lists the transactions of which the end is not known, in no particular order.
	Unsettled() ([]Transaction, error)
}
