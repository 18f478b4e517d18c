package bridge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	sdkmath "cosmossdk.io/math"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	coretypes "github.com/cometbft/cometbft/rpc/core/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/internal/gateway/chain"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func gas(n int64) client.Submission {
	return client.Submission{GasFee: sdk.NewInt64Coin(inferencetypes.Denom, n)}
}

func refused(registered interface {
	Codespace() string
	ABCICode() uint32
}) error {
	return fmt.Errorf("submit: %w", &client.RefusedError{
		Codespace: registered.Codespace(), Code: registered.ABCICode(), Log: "why", Height: 9, Submission: gas(70),
	})
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		err                       error
		price, temporary, unknown bool
		gas                       uint64
	}{
		"the price rose":                {refused(inferencetypes.ErrMaxFee), true, false, false, 70},
		"the price rose before signing": {&client.InvalidError{Field: "max_fee", Err: inferencetypes.ErrMaxFee}, true, false, false, 0},
		"the queue is full":             {refused(schedulingtypes.ErrQueueFull), false, true, false, 70},
		"no slot for the deadline":      {refused(schedulingtypes.ErrNoDeadlineSlot), false, true, false, 70},
		"the account is empty":          {&client.InvalidError{Field: "balance"}, false, true, false, 0},
		"no block took it":              {client.ErrLapsed, false, true, false, 0},
		"the model was disabled":        {refused(inferencetypes.ErrModelNotUsable), false, false, false, 70},
		"nobody remembers":              {fmt.Errorf("key: %w", client.ErrUnknownOutcome), false, false, true, 0},
	} {
		got := refusal(c.err)
		if got == nil || got.Price != c.price || got.Temporary != c.temporary || got.Unknown != c.unknown || got.GasFee != c.gas {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	for name, err := range map[string]error{
		"a lost connection": errors.New("connection reset"), "a submission that goes on": &client.PendingError{Key: "k", Err: errors.New("ended")},
	} {
		if got := refusal(err); got != nil {
			t.Errorf("%s: expected nothing to be certain, got %+v", name, got)
		}
	}
}

func TestCheckErrors(t *testing.T) {
	var invalid *chain.InvalidError
	var unavailable *chain.UnavailableError
	unknown := &client.InvalidError{Field: "model", Expected: "a model of the chain", Got: `"irix"`, Err: modelstypes.ErrModelNotFound}
	if err := checkError(unknown); !errors.Is(err, chain.ErrNotFound) || err.Error() != `model: expected a model of the chain, got "irix"` {
		t.Errorf("an unknown model: got %v", err)
	}
	empty := &client.InvalidError{Field: "balance", Expected: "at least 9uopg", Got: "og1payer has 5uopg"}
	if err := checkError(empty); err.Error() != poor || !errors.As(err, &unavailable) || unavailable.Detail != empty.Error() {
		t.Errorf("an empty account: expected what it holds for the log only, got %v", err)
	}
	for name, err := range map[string]error{"before signing": empty, "in a block": refused(sdkerrors.ErrInsufficientFunds)} {
		if got := refusal(err); got == nil || got.Reason != poor || got.Detail != err.Error() || !got.Temporary {
			t.Errorf("an empty account, %s: got %+v", name, got)
		}
	}
	for _, e := range []*client.InvalidError{
		{Field: "model", Err: inferencetypes.ErrModelNotUsable}, {Field: "model", Err: inferencetypes.ErrEligiblePower}, {Field: "balance"},
	} {
		if err := checkError(e); !errors.As(err, &unavailable) {
			t.Errorf("%v: expected that it is unavailable, got %v", e, err)
		}
	}
	if err := checkError(&client.InvalidError{Field: "tier", Expected: "a", Got: "b"}); !errors.As(err, &invalid) || *invalid != (chain.InvalidError{Field: "tier", Expected: "a", Got: "b"}) {
		t.Errorf("got %v", err)
	}
	lost := errors.New("connection reset")
	if err := checkError(lost); !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
}

// node is one that tells its state.
type node struct {
	rpcclient.Client
	state coretypes.SyncInfo
	err   error
}

func (n node) Status(context.Context) (*coretypes.ResultStatus, error) {
	return &coretypes.ResultStatus{SyncInfo: n.state}, n.err
}

func TestReady(t *testing.T) {
	for name, c := range map[string]struct {
		node    node
		message string
	}{
		"a node that is there": {node{state: coretypes.SyncInfo{LatestBlockTime: time.Now()}}, ""},
		"one that is not":      {node{err: errors.New("connection refused")}, "connection refused"},
		"one that is behind":   {node{state: coretypes.SyncInfo{CatchingUp: true, LatestBlockHeight: 7, LatestBlockTime: time.Now()}}, "at height 7 and catching up"},
		"one that stands":      {node{state: coretypes.SyncInfo{LatestBlockTime: time.Now().Add(-time.Hour)}}, "last block is of"},
	} {
		b := New(&client.Client{RPC: c.node}, nil)
		for range 2 { // asked, and remembered
			if err := b.Ready(t.Context()); (err == nil) != (c.message == "") || err != nil && !strings.Contains(err.Error(), c.message) {
				t.Errorf("%s: expected %q, got %v", name, c.message, err)
			}
		}
	}
}

func TestWords(t *testing.T) {
	got := request(chain.Request{Model: "m", Tier: "committee", Sealing: "sealed", FeeClass: "priority", MaxFee: 5, ReuseBlocks: 3, IdempotencyKey: "k"})
	want := client.Request{
		Model: "m", Tier: inferencetypes.TIER_COMMITTEE, Sealing: inferencetypes.SEALING_SEALED, FeeClass: schedulingtypes.FEE_CLASS_PRIORITY,
		MaxFee: sdkmath.NewInt(5), ReuseBlocks: 3, IdempotencyKey: "k",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("expected %+v, got %+v", want, got)
	}
	plain := request(chain.Request{Model: "m", FeeClass: "standard"})
	if plain.Tier != inferencetypes.TIER_UNSPECIFIED || plain.Sealing != inferencetypes.SEALING_DEFAULT || plain.FeeClass != schedulingtypes.FEE_CLASS_STANDARD || !plain.MaxFee.IsNil() {
		t.Errorf("got %+v", plain)
	}
}

func TestFailures(t *testing.T) {
	r := inferencetypes.Request{Id: 1, FinalHeight: 9, AssignedHeight: 7, Status: inferencetypes.REQUEST_STATUS_FAILED}
	r.Fee.Total, r.Fee.Bytes = sdkmath.NewInt(100), sdkmath.NewInt(30)
	for reason, c := range map[inferencetypes.FailureReason]struct {
		word     string
		stage    chain.Stage
		refunded uint64
	}{
		inferencetypes.FAILURE_REASON_DEADLINE:     {"deadline", chain.StageSettled, 70},
		inferencetypes.FAILURE_REASON_NO_AGREEMENT: {"no_agreement", chain.StageSettled, 70},
		inferencetypes.FAILURE_REASON_EXECUTION:    {"execution", chain.StageFinal, 0},
		inferencetypes.FAILURE_REASON_OUTPUT_LIMIT: {"output_limit", chain.StageFinal, 0},
		inferencetypes.FAILURE_REASON_INTERNAL:     {"internal", chain.StageSettled, 70},
	} {
		r.FailureReason = reason
		if got := failure(&client.FailedError{Request: r}); got.Failure.Reason != c.word || got.Stage != c.stage || got.Refunded != c.refunded || got.Fee != 100 {
			t.Errorf("%s: got %+v, %+v", reason, got, got.Failure)
		}
	}
	r.Status, r.FailureReason = inferencetypes.REQUEST_STATUS_CANCELLED, inferencetypes.FAILURE_REASON_UNSPECIFIED
	if got := failure(&client.FailedError{Request: r}); got.Failure.Reason != "cancelled" || got.Refunded != 70 {
		t.Errorf("cancelled: got %+v", got)
	}
}

// memory is a journal of the gateway.
type memory struct {
	chain.Journal
	list     []chain.Transaction
	outcomes map[string]chain.Outcome
}

func (m *memory) Signed(t chain.Transaction) error          { m.list = append(m.list, t); return nil }
func (m *memory) Settled(key string, o chain.Outcome) error { m.outcomes[key] = o; return nil }
func (m *memory) Unsettled() ([]chain.Transaction, error)   { return m.list, nil }

func TestJournalKeepsTransactions(t *testing.T) {
	m := &memory{outcomes: make(map[string]chain.Outcome)}
	var last memory
	j := Journal{Book: m}
	want := client.SignedTx{
		Key: "gw-1", Message: []byte{1}, Tx: []byte{2, 3}, Hash: "AB", Sequence: 7, Sent: 5, Expires: 35, Gas: 9,
		Fee: sdk.NewInt64Coin(inferencetypes.Denom, 70), Paid: sdk.NewInt64Coin(inferencetypes.Denom, 30),
	}
	if err := j.Signed(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if m.list[0].Key != "gw-1" || m.list[0].GasFee != 100 {
		t.Errorf("expected the gas of all its transactions, got %+v", m.list[0])
	}
	most := sdk.NewCoin(inferencetypes.Denom, sdkmath.NewIntFromUint64(math.MaxUint64))
	if err := (Journal{Book: &last}).Signed(t.Context(), client.SignedTx{Key: "gw-2", Fee: most, Paid: most}); err != nil || last.list[0].GasFee != math.MaxUint64 {
		t.Errorf("expected a sum that stops at the largest number, got %+v, %v", last.list, err)
	}
	got, err := j.Unsettled(t.Context())
	if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("expected %+v, got %+v, %v", want, got, err)
	}
	for key, o := range map[string]client.Outcome{
		"done":    {Submission: client.Submission{RequestID: 4, TxHash: "AB", Height: 8, GasFee: sdk.NewInt64Coin(inferencetypes.Denom, 70)}},
		"refused": {Submission: gas(70), Err: client.ErrLapsed},
		"other":   {Submission: gas(5), Err: errors.New("the key was removed")},
	} {
		if err := j.Settled(t.Context(), key, o); err != nil {
			t.Fatal(err)
		}
	}
	if o := m.outcomes["done"]; o.Refused != nil || o.Submission != (chain.Submission{RequestID: 4, TxHash: "AB", Height: 8, GasFee: 70}) {
		t.Errorf("got %+v", o)
	}
	if o := m.outcomes["refused"]; o.Refused == nil || !o.Refused.Temporary || o.Refused.GasFee != 70 {
		t.Errorf("got %+v", o)
	}
	if o := m.outcomes["other"]; o.Refused == nil || o.Refused.GasFee != 5 {
		t.Errorf("got %+v", o)
	}
}
