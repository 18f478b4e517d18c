package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"github.com/opengradient/opengradient/internal/sequencer"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// NewKey draws an idempotency key at random.
func NewKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// Check is Client.Check, and checks that the balance of the account suffices for fee and gas.
func (a *Account) Check(ctx context.Context, r Request) (Checked, error) {
	checked, err := a.client.checkForm(ctx, r)
	if err != nil {
		return Checked{}, err
	}
	return a.afford(ctx, checked)
}

// afford prices a request with its gas, and looks at the balance.
func (a *Account) afford(ctx context.Context, checked Checked) (Checked, error) {
	checked, err := a.client.price(ctx, checked)
	if err != nil {
		return Checked{}, err
	}
	params, err := a.client.records.inferenceParams(ctx)
	if err != nil {
		return Checked{}, fmt.Errorf("parameters: %w", err)
	}
	msg := checked.message(a.text)
	a.try(ctx, msg, params)
	checked.GasLimit = a.gas.limit(msg, params, 0)
	checked.GasFee = a.fee(checked.GasLimit)
	need := checked.Fee.Total
	if checked.Request.ReuseBlocks > 0 && checked.ReuseFee.LT(need) {
		need = checked.ReuseFee
	}
	if checked.GasFee.Denom == inferencetypes.Denom && len(a.signer.granter) == 0 {
		need = need.Add(checked.GasFee.Amount)
	}
	have, err := a.client.records.balance(ctx, a.text)
	if err != nil {
		return Checked{}, fmt.Errorf("balance of %s: %w", a.text, err)
	}
	if have.LT(need) {
		return Checked{}, invalid(sdkerrors.ErrInsufficientFunds, "balance",
			fmt.Sprintf("at least %s in %s for the fee and gas", coin(need), a.text), coin(have))
	}
	return checked, nil
}

// Submit checks a request, signs and sends it, and returns once a block has executed it. It fails with an *InvalidError before
// anything is signed and with a *RefusedError when the chain refuses it. When the context ends before it is signed, nothing
// happens and the error is that of the context; afterwards it is a *PendingError.
//
// With an idempotency key of the caller, submitting the same request again is safe at any time, also from another process:
// the chain answers a key once, and what it has answered is not signed again.
func (a *Account) Submit(ctx context.Context, r Request) (Submission, error) {
	given := r.IdempotencyKey != ""
	if !given {
		r.IdempotencyKey = NewKey()
	}
	checked, err := a.client.checkForm(ctx, r)
	if err != nil {
		return Submission{}, err
	}
	if given {
		s, found, err := a.answered(ctx, checked)
		if found || err != nil {
			return s, err
		}
	}
	ticket, err := a.enter(ctx, checked)
	if err != nil {
		return Submission{}, err
	}
	select {
	case o := <-ticket.Done:
		return a.outcome(o)
	case <-ctx.Done():
	}
	goesOn := a.sequencer.Leave(ticket)
	select {
	case o := <-ticket.Done:
		return a.outcome(o)
	default:
	}
	why := errors.Join(ctx.Err(), a.sequencer.Trouble())
	if goesOn {
		return Submission{}, &PendingError{Key: r.IdempotencyKey, Err: why}
	}
	return Submission{}, why
}

// answered looks up a key that may have been used before: it is under way, or the chain has answered it.
func (a *Account) answered(ctx context.Context, checked Checked) (Submission, bool, error) {
	key := checked.Request.IdempotencyKey
	res, err := a.client.Inference.IdempotencyKey(ctx, &inferencetypes.QueryIdempotencyKeyRequest{Requester: a.text, Key: key})
	if isNotFound(err) {
		return Submission{}, false, nil
	}
	if err != nil {
		return Submission{}, false, fmt.Errorf("idempotency key %q: %w", key, err)
	}
	content, err := checked.content()
	if err != nil {
		return Submission{}, false, err
	}
	if !bytes.Equal(content, res.Key.Content) || len(res.Key.Ids) != 1 {
		return Submission{}, false, keyInUse(key)
	}
	return Submission{
		RequestID: res.Key.Ids[0], Key: key, Reused: len(res.Key.Reused) > 0, AnsweredBefore: true, GasFee: a.fee(0),
	}, true, nil
}

func keyInUse(key string) error {
	return invalid(inferencetypes.ErrIdempotencyContent, "idempotency_key", "a key for each request",
		fmt.Sprintf("%q, which was used for another request", key))
}

// content is what the chain compares when a key comes again.
func (c Checked) content() ([]byte, error) {
	names := make([]string, len(c.Outputs))
	for i, s := range c.Outputs {
		names[i] = s.Name
	}
	r := c.Request
	return inferencetypes.Content{
		Model: c.Model.Sha256, Tier: r.Tier, Sealing: r.Sealing, FeeClass: r.FeeClass, ReuseBlocks: r.ReuseBlocks,
		Outputs: names, InputRoots: [][]byte{c.root},
	}.Hash()
}

// enter gives a checked request to the sequencer, or finds the one with its key that is under way.
func (a *Account) enter(ctx context.Context, checked Checked) (*sequencer.Ticket, error) {
	checked.MaxFee = orZero(checked.Request.MaxFee)
	plain, err := checked.message(a.text).Marshal()
	if err != nil {
		return nil, err
	}
	key := checked.Request.IdempotencyKey
	ticket, found, err := a.sequencer.Attach(key, plain, sameRequest)
	if errors.Is(err, sequencer.ErrKeyInUse) {
		return nil, keyInUse(key)
	}
	if found || err != nil {
		return ticket, err
	}
	if checked, err = a.afford(ctx, checked); err != nil {
		return nil, err
	}
	raw, err := checked.message(a.text).Marshal()
	if err != nil {
		return nil, err
	}
	select {
	case a.room <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w while %d other submissions were under way", ctx.Err(), cap(a.room))
	}
	ticket, err = a.sequencer.Add(key, raw, sameRequest, func() { <-a.room })
	if errors.Is(err, sequencer.ErrKeyInUse) {
		return nil, keyInUse(key)
	}
	return ticket, err
}

// sameRequest tells whether two messages ask for the same, whatever they would pay.
func sameRequest(a, b []byte) bool {
	var first, second inferencetypes.MsgSubmitRequests
	if first.Unmarshal(a) != nil || second.Unmarshal(b) != nil {
		return false
	}
	second.MaxFee = first.MaxFee
	again, err := second.Marshal()
	return err == nil && bytes.Equal(a, again)
}
