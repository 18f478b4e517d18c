package bridge

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Submit implements chain.Chain.
func (b *Chain) Submit(ctx context.Context, r chain.Request) (chain.Submission, error) {
	s, err := b.account.Submit(ctx, request(r))
	if err != nil {
		if refused := refusal(err); refused != nil {
			return chain.Submission{}, refused
		}
		return chain.Submission{}, err
	}
	return submission(s), nil
}

func submission(s client.Submission) chain.Submission {
	return chain.Submission{
		RequestID: s.RequestID, TxHash: s.TxHash, Height: s.Height, Reused: s.Reused, GasFee: amount(s.GasFee.Amount),
	}
}

// temporary are the reasons to refuse a request that may pass.
var temporary = []error{
	schedulingtypes.ErrQueueFull, schedulingtypes.ErrNoDeadlineSlot, inferencetypes.ErrEligiblePower, sdkerrors.ErrInsufficientFunds, sdkerrors.ErrInsufficientFee,
}

// refusal says that a request was refused; nil when the error leaves open what became of it.
func refusal(err error) *chain.RefusedError {
	var refused *client.RefusedError
	var invalid *client.InvalidError
	out := &chain.RefusedError{Reason: err.Error()}
	switch {
	case errors.Is(err, client.ErrUnknownOutcome):
		out.Unknown = true
		return out
	case errors.Is(err, client.ErrRejected):
		out.Denied = true
	case errors.Is(err, client.ErrLapsed):
		// No block took it: nothing was paid, but for what the journal is told.
		out.Temporary = true
	case errors.As(err, &refused):
		out.GasFee = amount(refused.Submission.GasFee.Amount)
	case errors.As(err, &invalid):
		// It was refused before anything was signed.
		out.Temporary = invalid.Field == "balance"
	default:
		return nil
	}
	if errors.Is(err, sdkerrors.ErrInsufficientFunds) || invalid != nil && invalid.Field == "balance" {
		out.Reason, out.Detail = poor, err.Error()
	}
	out.Price = errors.Is(err, inferencetypes.ErrMaxFee)
	for _, t := range temporary {
		out.Temporary = out.Temporary || errors.Is(err, t)
	}
	return out
}

// reusedEvent is the event that tells what the reuse of a receipt has cost.
const reusedEvent = "opengradient.inference.v1.EventReceiptReused"

// ReuseFee implements chain.Chain: the block of the transaction tells.
func (b *Chain) ReuseFee(ctx context.Context, s chain.Submission) (uint64, bool, error) {
	if s.TxHash == "" || s.Height == 0 {
		return 0, false, nil
	}
	block, err := b.client.RPC.Block(ctx, &s.Height)
	if err != nil && strings.Contains(err.Error(), "is not available") {
		return 0, false, nil // the node has dropped the block
	}
	if err != nil {
		return 0, false, fmt.Errorf("block %d: %w", s.Height, err)
	}
	results, err := b.client.RPC.BlockResults(ctx, &s.Height)
	if err != nil {
		return 0, false, fmt.Errorf("results of block %d: %w", s.Height, err)
	}
	for i, tx := range block.Block.Txs {
		if i >= len(results.TxsResults) || !strings.EqualFold(hex.EncodeToString(tx.Hash()), s.TxHash) {
			continue
		}
		for _, e := range results.TxsResults[i].Events {
			if e.Type != reusedEvent {
				continue
			}
			for _, a := range e.Attributes {
				if a.Key != "fee" {
					continue
				}
				fee, err := strconv.ParseUint(strings.Trim(a.Value, `"`), 10, 64)
				if err != nil {
					return 0, false, fmt.Errorf("fee of a reused receipt: expected an amount, got %q", a.Value)
				}
				return fee, true, nil
			}
		}
	}
	return 0, false, nil
}

// Wait implements chain.Chain.
func (b *Chain) Wait(ctx context.Context, id uint64, until chain.Stage) (chain.Status, error) {
	if until == chain.StageSettled {
		r, err := b.client.WaitReceipt(ctx, id)
		if err != nil {
			return chain.Status{}, err
		}
		return chain.Status{
			Stage: chain.StageSettled, Height: r.SettledHeight, AssignedHeight: r.AssignedHeight, FinalHeight: r.FinalHeight,
			Fee: amount(r.Fee.Total), Refunded: amount(r.Refunded),
		}, nil
	}
	s, err := b.client.Wait(ctx, id, client.Stage(until))
	var failed *client.FailedError
	if errors.As(err, &failed) {
		return failure(failed), nil
	}
	if err != nil {
		return chain.Status{}, err
	}
	r := s.Request
	out := chain.Status{
		Stage: chain.Stage(s.Stage), Height: r.SubmittedHeight, AssignedHeight: r.AssignedHeight, FinalHeight: r.FinalHeight, Fee: amount(r.Fee.Total),
		Outputs: s.Outputs, OutputRoot: s.OutputRoot, RequestDigest: r.Digest,
	}
	switch s.Stage {
	case client.StageAssigned:
		out.Height = r.AssignedHeight
	case client.StageFinal, client.StageSettled:
		// Whatever the receipt says is asked for later.
		out.Stage, out.Height = chain.StageFinal, r.FinalHeight
	}
	return out, nil
}

// failure is the state of a request that ended without outputs. When there is no verdict, all but the price of the bytes came
// back at once.
func failure(f *client.FailedError) chain.Status {
	r := f.Request
	out := chain.Status{
		Stage: chain.StageSettled, Height: r.FinalHeight, AssignedHeight: r.AssignedHeight, FinalHeight: r.FinalHeight, Fee: amount(r.Fee.Total),
		Failure:  &chain.Failure{Reason: r.FailureReason.Word(), Detail: f.Error()},
		Refunded: amount(r.Fee.Total.Sub(r.Fee.Bytes)),
	}
	switch {
	case r.Status == inferencetypes.REQUEST_STATUS_CANCELLED:
		out.Failure.Reason = "cancelled"
	case r.FailureReason == inferencetypes.FAILURE_REASON_EXECUTION, r.FailureReason == inferencetypes.FAILURE_REASON_OUTPUT_LIMIT:
		out.Stage, out.Refunded = chain.StageFinal, 0
	}
	return out
}

// Journal is a journal of the gateway as the client library wants one.
type Journal struct{ Book chain.Journal }

var _ client.Journal = Journal{}

// Signed implements client.Journal.
func (j Journal) Signed(_ context.Context, t client.SignedTx) error {
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	err = j.Book.Signed(chain.Transaction{Key: t.Key, Data: data, GasFee: ledger.Add(amount(t.Fee.Amount), amount(t.Paid.Amount))})
	if errors.Is(err, chain.ErrDenied) {
		return fmt.Errorf("%w: %w", client.ErrRejected, err)
	}
	return err
}

// Settled implements client.Journal.
func (j Journal) Settled(_ context.Context, key string, o client.Outcome) error {
	if o.Err == nil {
		return j.Book.Settled(key, chain.Outcome{Submission: submission(o.Submission)})
	}
	refused := refusal(o.Err)
	if refused == nil {
		refused = &chain.RefusedError{Reason: o.Err.Error()}
	}
	refused.GasFee = amount(o.Submission.GasFee.Amount)
	return j.Book.Settled(key, chain.Outcome{Refused: refused})
}

// Unsettled implements client.Journal.
func (j Journal) Unsettled(context.Context) ([]client.SignedTx, error) {
	list, err := j.Book.Unsettled()
	if err != nil {
		return nil, err
	}
	signed := make([]client.SignedTx, len(list))
	for i, t := range list {
		if err := json.Unmarshal(t.Data, &signed[i]); err != nil {
			return nil, fmt.Errorf("transaction of %s: %w", t.Key, err)
		}
	}
	return signed, nil
}
