package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/sequencer"
	"github.com/opengradient/opengradient/internal/wallet"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

const (
	// waitLimit is how long a block is waited for before the chain is looked at again.
	waitLimit = 5 * time.Second
	// maxFound bounds the blocks that are looked through by their events; beyond, the node is asked for the transaction.
	maxFound = 64
	// maxThirst is how often a transaction may run out of gas before its request is given up.
	maxThirst = 1
	// callTimeout bounds one call of the node.
	callTimeout = 20 * time.Second
)

// ledger is the chain as the sequencer of an account sees it.
type ledger struct{ *Account }

var _ sequencer.Chain = ledger{}

// View implements sequencer.Chain. Height and sequence number are of the same state.
func (l ledger) View(ctx context.Context) (sequencer.View, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	height, err := l.node.Height(ctx)
	if err != nil {
		return sequencer.View{}, err
	}
	sequence, err := l.committed(wallet.AtHeight(ctx, height))
	return sequencer.View{Height: height, Sequence: sequence}, err
}

// committed is the sequence number in the state that ctx reads.
func (a *Account) committed(ctx context.Context) (uint64, error) {
	res, err := a.client.Auth.AccountInfo(ctx, &authtypes.QueryAccountInfoRequest{Address: a.text})
	if err != nil {
		return 0, err
	}
	return res.Info.Sequence, nil
}

// Fresh implements sequencer.Chain.
func (l ledger) Fresh(height int64) bool { return l.client.follower.at() <= height }

// Wait implements sequencer.Chain.
func (l ledger) Wait(ctx context.Context, height int64, wake <-chan struct{}) error {
	return l.client.follower.next(ctx, height, waitLimit, wake)
}

// Sign implements sequencer.Chain.
func (l ledger) Sign(ctx context.Context, job sequencer.Job, sequence uint64, expires int64) (sequencer.Signature, error) {
	var msg inferencetypes.MsgSubmitRequests
	if err := msg.Unmarshal(job.Message); err != nil {
		return sequencer.Signature{}, fmt.Errorf("message of key %s: %w", job.Key, err)
	}
	params, err := l.client.records.inferenceParams(ctx)
	if err != nil {
		params = inferencetypes.DefaultParams() // only the price of a byte is taken from them
	}
	gas := l.gas.limit(&msg, params, job.Attempt)
	fee := l.fee(gas)
	if !fee.Amount.IsUint64() {
		return sequencer.Signature{}, fmt.Errorf("gas: expected a fee below 2^64, got %s", fee)
	}
	raw, err := l.signer.sign(ctx, &msg, sequence, gas, fee, expires)
	if err != nil {
		return sequencer.Signature{}, err
	}
	return sequencer.Signature{Raw: raw, Hash: wallet.HashOf(raw), Gas: gas, Fee: fee.Amount.Uint64()}, nil
}

// Hand implements sequencer.Chain.
func (l ledger) Hand(ctx context.Context, raw []byte) (sequencer.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	v, err := wallet.Offer(ctx, l.node, raw)
	if err != nil {
		return sequencer.Answer{}, err
	}
	switch v.Kind {
	case modelpush.AnswerAccepted:
		return sequencer.Answer{Kind: sequencer.AnswerAccepted}, nil
	case modelpush.AnswerHeld:
		return sequencer.Answer{Kind: sequencer.AnswerHeld}, nil
	case modelpush.AnswerSequence:
		return sequencer.Answer{Kind: sequencer.AnswerSequence, Expected: v.Expected}, nil
	case modelpush.AnswerBusy:
		return sequencer.Answer{Kind: sequencer.AnswerBusy}, nil
	default:
		refused := &RefusedError{Codespace: v.Codespace, Code: v.Code, Log: v.Log}
		if refused.Is(sdkerrors.ErrInsufficientFee) && l.raise(ctx) {
			return sequencer.Answer{Kind: sequencer.AnswerAnew}, nil
		}
		return sequencer.Answer{Kind: sequencer.AnswerRefused, Err: refused}, nil
	}
}

// Find implements sequencer.Chain. The events of the blocks tell; when they do not, the node is asked for the transaction.
func (l ledger) Find(ctx context.Context, tx sequencer.Tx, after, upto int64) (sequencer.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	signature, err := l.signatureOf(tx.Raw)
	if err != nil {
		return sequencer.Result{}, err
	}
	if upto-after <= maxFound {
		for h := after + 1; h <= upto; h++ {
			b, err := l.client.follower.block(ctx, h)
			if err != nil {
				break
			}
			if r, ok := b.signed[signature]; ok {
				return l.result(tx, executed(h, r)), nil
			}
		}
	}
	found, ok, err := wallet.Find(ctx, l.node, tx.Hash, after+1, upto)
	switch {
	case errors.Is(err, wallet.ErrNoBlock):
		return l.remembered(ctx, tx, upto)
	case err != nil:
		return sequencer.Result{}, err
	case !ok:
		return sequencer.Result{Kind: sequencer.ResultAbsent}, nil
	default:
		return l.result(tx, found), nil
	}
}

func executed(height int64, r *abci.ExecTxResult) wallet.Executed {
	return wallet.Executed{Height: height, Code: r.Code, Codespace: r.Codespace, Log: r.Log, GasUsed: r.GasUsed, Data: r.Data}
}

// signatureOf gives the signature of a transaction as events have it.
func (l ledger) signatureOf(raw []byte) (string, error) {
	decoded, err := l.signer.txConfig.TxDecoder()(raw)
	if err != nil {
		return "", fmt.Errorf("signed transaction: %w", err)
	}
	signed, ok := decoded.(authsigning.SigVerifiableTx)
	if !ok {
		return "", fmt.Errorf("signed transaction: expected one with signatures, got %T", decoded)
	}
	signatures, err := signed.GetSignaturesV2()
	if err != nil || len(signatures) != 1 {
		return "", fmt.Errorf("signed transaction: expected one signature, got %d: %w", len(signatures), err)
	}
	single, ok := signatures[0].Data.(*signing.SingleSignatureData)
	if !ok {
		return "", fmt.Errorf("signed transaction: expected a signature of one key, got %T", signatures[0].Data)
	}
	return base64.StdEncoding.EncodeToString(single.Signature), nil
}

// result tells what became of a transaction that a block has executed.
func (l ledger) result(tx sequencer.Tx, e wallet.Executed) sequencer.Result {
	r := sequencer.Result{Kind: sequencer.ResultDone, Height: e.Height, GasUsed: uint64(max(e.GasUsed, 0)), Data: e.Data}
	if e.Code == 0 {
		l.learn(tx, r.GasUsed)
		return r
	}
	refused := &RefusedError{Codespace: e.Codespace, Code: e.Code, Log: e.Log, TxHash: tx.Hash, Height: e.Height}
	r.Kind, r.Err = sequencer.ResultFailed, refused
	if refused.Is(sdkerrors.ErrOutOfGas) && tx.Attempt < maxThirst {
		r.Kind = sequencer.ResultAgain
	}
	return r
}

// learn takes note of what a request has used.
func (l ledger) learn(tx sequencer.Tx, used uint64) {
	var msg inferencetypes.MsgSubmitRequests
	params, known := l.client.records.params.Known("")
	if known && msg.Unmarshal(tx.Message) == nil {
		l.gas.learn(&msg, params, used)
	}
}

// remembered finds out what became of a transaction whose block the node no longer has: the chain remembers what it answered a
// key with for a time. A transaction that failed cannot be told from one that no block has, and is sent again; what it paid for
// gas is not known then.
func (l ledger) remembered(ctx context.Context, tx sequencer.Tx, height int64) (sequencer.Result, error) {
	res, err := l.client.Inference.IdempotencyKey(ctx, &inferencetypes.QueryIdempotencyKeyRequest{Requester: l.text, Key: tx.Key})
	if err == nil {
		data, err := encodeAnswer(inferencetypes.MsgSubmitRequestsResponse{Ids: res.Key.Ids, Reused: res.Key.Reused})
		return sequencer.Result{Kind: sequencer.ResultDone, Data: data}, err
	}
	if !isNotFound(err) {
		return sequencer.Result{}, err
	}
	params, err := l.client.records.inferenceParams(ctx)
	if err != nil {
		return sequencer.Result{}, err
	}
	if height-tx.Sent < int64(params.IdempotencyBlocks) {
		return sequencer.Result{Kind: sequencer.ResultAbsent}, nil
	}
	return sequencer.Result{Kind: sequencer.ResultUnknown, Err: fmt.Errorf("key %s, transaction %s: %w", tx.Key, tx.Hash, ErrUnknownOutcome)}, nil
}

// encodeAnswer writes the answer to a message as a transaction result holds it.
func encodeAnswer(answer inferencetypes.MsgSubmitRequestsResponse) ([]byte, error) {
	value, err := answer.Marshal()
	if err != nil {
		return nil, err
	}
	data := sdk.TxMsgData{MsgResponses: []*codectypes.Any{{TypeUrl: sdk.MsgTypeURL(&answer), Value: value}}}
	return data.Marshal()
}

// decodeAnswer reads it back.
func decodeAnswer(raw []byte) (inferencetypes.MsgSubmitRequestsResponse, error) {
	var data sdk.TxMsgData
	if err := data.Unmarshal(raw); err != nil {
		return inferencetypes.MsgSubmitRequestsResponse{}, fmt.Errorf("answer of a transaction: %w", err)
	}
	var answer inferencetypes.MsgSubmitRequestsResponse
	for _, r := range data.MsgResponses {
		if r.TypeUrl != sdk.MsgTypeURL(&answer) {
			continue
		}
		if err := answer.Unmarshal(r.Value); err != nil {
			return answer, fmt.Errorf("answer of a transaction: %w", err)
		}
		if len(answer.Ids) == 1 {
			return answer, nil
		}
	}
	return answer, fmt.Errorf("answer of a transaction: expected the id of one request, got %d", len(answer.Ids))
}
