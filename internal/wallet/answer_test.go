package wallet

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"github.com/opengradient/opengradient/internal/modelpush"
)

func response(err interface {
	Codespace() string
	ABCICode() uint32
}, log string,
) *sdk.TxResponse {
	return &sdk.TxResponse{Codespace: err.Codespace(), Code: err.ABCICode(), RawLog: log}
}

func TestAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		response *sdk.TxResponse
		want     modelpush.Answer
	}{
		"accepted":      {&sdk.TxResponse{}, modelpush.Answer{Kind: modelpush.AnswerAccepted}},
		"held":          {response(sdkerrors.ErrTxInMempoolCache, ""), modelpush.Answer{Kind: modelpush.AnswerHeld}},
		"full":          {response(sdkerrors.ErrMempoolIsFull, ""), modelpush.Answer{Kind: modelpush.AnswerBusy}},
		"node is ahead": {response(sdkerrors.ErrTxTimeoutHeight, ""), modelpush.Answer{Kind: modelpush.AnswerBusy}},
		"sequence": {
			response(sdkerrors.ErrWrongSequence, "account sequence mismatch, expected 12, got 10: incorrect account sequence"),
			modelpush.Answer{Kind: modelpush.AnswerSequence, Expected: 12},
		},
		"fee": {
			response(sdkerrors.ErrInsufficientFee, "insufficient fees"),
			modelpush.Answer{Kind: modelpush.AnswerRefused, Detail: "insufficient fees; give a higher --gas-prices"},
		},
		"chain id": {
			response(sdkerrors.ErrUnauthorized, "signature verification failed"),
			modelpush.Answer{Kind: modelpush.AnswerRefused, Detail: "signature verification failed; check --chain-id and --from"},
		},
		"funds": {response(sdkerrors.ErrInsufficientFunds, "5uopg is smaller"), modelpush.Answer{Kind: modelpush.AnswerRefused, Detail: "5uopg is smaller"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Hash = "AB"
			got, err := verdict(tc.response)
			require.NoError(t, err)
			require.Equal(t, tc.want, answer(got, "AB"))
		})
	}
	_, err := verdict(response(sdkerrors.ErrWrongSequence, "no"))
	require.ErrorContains(t, err, "expected the node to name the next sequence number")
}

// ledger is a Node with blocks.
type ledger struct {
	Node
	index  map[string]Executed
	blocks map[int64][]Executed
	height int64
	lost   bool
	asked  []int64
}

func (l *ledger) Height(context.Context) (int64, error) { return l.height, nil }

func (l *ledger) Tx(_ context.Context, hash string) (Executed, bool, error) {
	if l.lost {
		return Executed{}, false, errors.New("connection lost")
	}
	tx, ok := l.index[hash]
	return tx, ok, nil
}

func (l *ledger) Block(_ context.Context, height int64) ([]Executed, error) {
	l.asked = append(l.asked, height)
	return l.blocks[height], nil
}

func TestResult(t *testing.T) {
	early := Executed{Hash: "A", Codespace: sdkerrors.ErrWrongSequence.Codespace(), Code: sdkerrors.ErrWrongSequence.ABCICode(), Log: "mismatch"}
	done := Executed{Hash: "A"}
	failed := Executed{Hash: "A", Codespace: sdkerrors.ErrOutOfGas.Codespace(), Code: sdkerrors.ErrOutOfGas.ABCICode(), Log: "out of gas"}
	other := Executed{Hash: "B"}
	for name, tc := range map[string]struct {
		ledger ledger
		want   modelpush.Result
		asked  []int64
	}{
		"in the index":         {ledger{index: map[string]Executed{"A": done}}, modelpush.Result{Kind: modelpush.ResultDone}, nil},
		"failed":               {ledger{index: map[string]Executed{"A": failed}}, modelpush.Result{Kind: modelpush.ResultFailed, Detail: "out of gas; give a higher --gas-adjustment"}, nil},
		"no index":             {ledger{blocks: map[int64][]Executed{6: {other, done}}}, modelpush.Result{Kind: modelpush.ResultDone}, []int64{5, 6}},
		"nowhere":              {ledger{blocks: map[int64][]Executed{6: {other}}}, modelpush.Result{Kind: modelpush.ResultAbsent}, []int64{5, 6, 7}},
		"index is behind":      {ledger{index: map[string]Executed{"A": early}, blocks: map[int64][]Executed{5: {early}, 7: {done}}}, modelpush.Result{Kind: modelpush.ResultDone}, []int64{5, 6, 7}},
		"only out of its turn": {ledger{index: map[string]Executed{"A": early}, blocks: map[int64][]Executed{5: {early}}}, modelpush.Result{Kind: modelpush.ResultAbsent}, []int64{5, 6, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.ledger.height = 7
			w := &Wallet{Config: Config{Node: &tc.ledger}}
			got, err := w.Result(t.Context(), "A", 5)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.asked, tc.ledger.asked)
		})
	}
	w := &Wallet{Config: Config{Node: &ledger{lost: true}}}
	_, err := w.Result(t.Context(), "A", 5)
	require.ErrorContains(t, err, "connection lost")
}
