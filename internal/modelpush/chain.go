package modelpush

import (
	"context"
	"errors"
)

// Chain is what a push needs of the chain: one account's view of it, and of one upload.
type Chain interface {
	// View is one consistent look at committed state. ErrEnded says that the upload is gone without a model; any other error
	// is one of the connection.
	View(ctx context.Context) (View, error)
	// Send signs a transaction with a chunk and hands it to a node. The same arguments give the same transaction. It cannot be
	// executed in a block above expires. An error leaves open whether a node has it.
	Send(ctx context.Context, chunk uint32, sequence uint64, expires int64) (Answer, error)
	// Result is what became of a transaction whose sequence number the chain has passed. sent is the height that the chain
	// had when it was first sent.
	Result(ctx context.Context, hash string, sent int64) (Result, error)
	// Wait returns when a block above height is committed, or after a while without one.
	Wait(ctx context.Context, height int64) error
}

// ErrEnded is an upload that ended without a model: cancelled or expired.
var ErrEnded = errors.New("the upload has ended")

// View is the state of the chain at one height.
type View struct {
	Height int64
	// Sequence is the number that the next transaction of the account has to have.
	Sequence uint64
	// Missing are the chunks that the chain does not hold, ascending. None is a finished push.
	Missing []uint32
}

// Answer is what a node says of a transaction when it is handed over.
type Answer struct {
	Kind AnswerKind
	// Hash identifies the transaction.
	Hash string
	// Expected is the sequence number that the node expects next, with AnswerSequence.
	Expected uint64
	// Detail says why, with AnswerRefused.
	Detail string
}

// AnswerKind is the kind of an Answer.
type AnswerKind uint8

const (
	// AnswerAccepted: the node did not hold the transaction, and does now.
	AnswerAccepted AnswerKind = iota + 1
	// AnswerHeld: the node holds the transaction since before.
	AnswerHeld
	// AnswerSequence: the node expects another sequence number.
	AnswerSequence
	// AnswerBusy: the node takes no transactions at the moment.
	AnswerBusy
	// AnswerRefused: the transaction is not valid, and will not be later.
	AnswerRefused
)

// Result is what became of a transaction.
type Result struct {
	Kind ResultKind
	// Detail says why, with ResultFailed.
	Detail string
}

// ResultKind is the kind of a Result.
type ResultKind uint8

const (
	// ResultAbsent: no block has it.
	ResultAbsent ResultKind = iota + 1
	// ResultDone: it was executed.
	ResultDone
	// ResultFailed: it was in a block, paid its gas and had no effect.
	ResultFailed
)
