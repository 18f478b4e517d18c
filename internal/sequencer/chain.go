package sequencer

import (
	"context"
	"errors"
)

// Chain is what a sequencer needs of the chain: one account's view of it. Errors are of the connection, but for those of Sign.
type Chain interface {
	// View is one consistent look at committed state.
	View(ctx context.Context) (View, error)
	// Fresh tells whether no block above a height is known.
	Fresh(height int64) bool
	// Sign makes the transaction of a job, which cannot be executed in a block above expires. An error is one of the job or of
	// the key: nothing was signed.
	Sign(ctx context.Context, job Job, sequence uint64, expires int64) (Signature, error)
	// Hand gives a transaction to a node. An error leaves open whether the node has it.
	Hand(ctx context.Context, raw []byte) (Answer, error)
	// Find is what became of a transaction whose sequence number the chain has passed: in a block from after, exclusive, to upto.
	Find(ctx context.Context, tx Tx, after, upto int64) (Result, error)
	// Wait returns when a block above height is committed, after a while without one, or when wake is told.
	Wait(ctx context.Context, height int64, wake <-chan struct{}) error
}

// Journal remembers signed transactions across processes.
type Journal interface {
	// Signed is told of a transaction before it is handed over. One with a key that is known takes the place of the one before.
	// After an error it is not handed over: with ErrRejected the job ends, any other is one of the journal and tried again, and
	// nothing else is signed until then.
	Signed(ctx context.Context, tx Tx) error
	// Settled is told how a job ended, perhaps more than once.
	Settled(ctx context.Context, key string, o Outcome) error
}

// Job is what is to be sent.
type Job struct {
	// Key identifies the job.
	Key string
	// Message is what its transaction says.
	Message []byte
	// Attempt is the number of transactions that were executed in vain, Paid what they paid for gas.
	Attempt uint32
	Paid    uint64
}

// Signature is a transaction of a job.
type Signature struct {
	Raw []byte
	// Hash names it.
	Hash string
	// Gas is its limit, Fee what it pays.
	Gas, Fee uint64
}

// Tx is a signed transaction of a job.
type Tx struct {
	Job
	Signature
	Sequence uint64
	// Sent is the height of the chain when it was signed, Expires the last height at which it can be executed.
	Sent, Expires int64
}

// View is the state of the chain at one height.
type View struct {
	Height int64
	// Sequence is the number that the next transaction of the account has to have.
	Sequence uint64
}

// Answer is what a node says of a transaction when it is handed over.
type Answer struct {
	Kind AnswerKind
	// Expected is the sequence number that the node expects next, with AnswerSequence.
	Expected uint64
	// Err says why, with AnswerRefused.
	Err error
}

// AnswerKind is the kind of an Answer.
type AnswerKind uint8

const (
	// AnswerAccepted: the node did not hold the transaction, and does now.
	AnswerAccepted AnswerKind = iota + 1
	// AnswerHeld: the node holds the transaction since before.
	AnswerHeld
	// AnswerSequence: the node expects another sequence number, and has not taken this one.
	AnswerSequence
	// AnswerBusy: the node takes no transactions at the moment.
	AnswerBusy
	// AnswerRefused: the transaction is not valid.
	AnswerRefused
	// AnswerAnew: the transaction is not valid, but the job's next one may be when it is signed now.
	AnswerAnew
)

// Result is what became of a transaction.
type Result struct {
	Kind ResultKind
	// Height is the block that has it, GasUsed what it used there, and Data what it answered, with ResultDone.
	Height  int64
	GasUsed uint64
	Data    []byte
	// Err says why, with ResultFailed and ResultUnknown.
	Err error
}

// ResultKind is the kind of a Result.
type ResultKind uint8

const (
	// ResultAbsent: no block has it.
	ResultAbsent ResultKind = iota + 1
	// ResultDone: it was executed.
	ResultDone
	// ResultFailed: it was in a block, paid its gas and had no effect, and would have none again.
	ResultFailed
	// ResultAgain: it was in a block, paid its gas and had no effect, by no fault of the job.
	ResultAgain
	// ResultUnknown: it is too long ago to be known.
	ResultUnknown
)

// Outcome is how a job ended.
type Outcome struct {
	// Tx is the last transaction of the job. Its hash is empty when it never got one.
	Tx Tx
	// Signed tells that a transaction of it was signed at some time.
	Signed bool
	// Result is what became of it; its kind is 0 when no block has it.
	Result Result
	// Paid is what was paid for gas in all.
	Paid uint64
	// Err is nil for a job that was executed.
	Err error
}

// ErrClosed is a job that was not signed before the sequencer was closed.
var ErrClosed = errors.New("closed")

// ErrLapsed is a job of which too many transactions have expired before a block took them. It had no effect, and will have none.
var ErrLapsed = errors.New("no block took the transaction in time")

// ErrRejected is a job of which the journal has not let a transaction be sent.
var ErrRejected = errors.New("the journal has rejected the transaction")

// ErrKeyInUse is a job with the key of another one that is under way.
var ErrKeyInUse = errors.New("another job has the key")
