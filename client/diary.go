package client

import (
	"context"
	"errors"
	"fmt"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/sequencer"
)

// diary writes what a sequencer does into a journal.
type diary struct {
	account *Account
	journal Journal
}

var _ sequencer.Journal = diary{}

// Signed implements sequencer.Journal.
func (d diary) Signed(ctx context.Context, tx sequencer.Tx) error {
	return d.journal.Signed(ctx, SignedTx{
		Key: tx.Key, Message: tx.Message, Tx: tx.Raw, Hash: tx.Hash, Sequence: tx.Sequence, Sent: tx.Sent, Expires: tx.Expires,
		Gas: tx.Gas, Fee: sdk.NewCoin(d.account.price().Denom, sdkmath.NewIntFromUint64(tx.Fee)), Attempt: tx.Attempt,
		Paid: sdk.NewCoin(d.account.price().Denom, sdkmath.NewIntFromUint64(tx.Paid)),
	})
}

// Settled implements sequencer.Journal.
func (d diary) Settled(ctx context.Context, key string, o sequencer.Outcome) error {
	submission, err := d.account.outcome(o)
	return d.journal.Settled(ctx, key, Outcome{Submission: submission, Err: err})
}

// internal reads a transaction of a journal back.
func (t SignedTx) internal() (sequencer.Tx, error) {
	tx := sequencer.Tx{
		Job:       sequencer.Job{Key: t.Key, Message: t.Message, Attempt: t.Attempt},
		Signature: sequencer.Signature{Raw: t.Tx, Hash: t.Hash, Gas: t.Gas},
		Sequence:  t.Sequence, Sent: t.Sent, Expires: t.Expires,
	}
	for _, amount := range []struct {
		name string
		coin sdk.Coin
		to   *uint64
	}{{"fee", t.Fee, &tx.Fee}, {"paid", t.Paid, &tx.Paid}} {
		switch {
		case amount.coin.Amount.IsNil():
		case !amount.coin.Amount.IsUint64():
			return sequencer.Tx{}, fmt.Errorf("%s: expected an amount below 2^64, got %s", amount.name, amount.coin.Amount)
		default:
			*amount.to = amount.coin.Amount.Uint64()
		}
	}
	return tx, nil
}

// forgetful is the journal of an account without one.
type forgetful struct{}

func (forgetful) Signed(context.Context, sequencer.Tx) error               { return nil }
func (forgetful) Settled(context.Context, string, sequencer.Outcome) error { return nil }

// outcome is how a job ended, for the caller of Submit and for journals.
func (a *Account) outcome(o sequencer.Outcome) (Submission, error) {
	s := Submission{
		Key: o.Tx.Key, Height: o.Result.Height, GasFee: sdk.NewCoin(a.price().Denom, sdkmath.NewIntFromUint64(o.Paid)),
		GasUsed: o.Result.GasUsed, GasLimit: o.Tx.Gas,
	}
	if o.Result.Kind != 0 {
		s.TxHash = o.Tx.Hash
	}
	var refused *RefusedError
	switch {
	case errors.Is(o.Err, sequencer.ErrClosed) && o.Signed:
		return s, &PendingError{Key: o.Tx.Key, Err: ErrClosed}
	case errors.Is(o.Err, sequencer.ErrClosed):
		return s, ErrClosed
	case errors.As(o.Err, &refused):
		told := *refused
		told.Submission = s
		return s, &told
	case o.Err != nil:
		return s, o.Err
	}
	answer, err := decodeAnswer(o.Result.Data)
	if err != nil {
		return s, err
	}
	s.RequestID, s.Reused, s.AnsweredBefore = answer.Ids[0], len(answer.Reused) > 0, answer.AnsweredBefore
	return s, nil
}
