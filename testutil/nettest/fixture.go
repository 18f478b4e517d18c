// Package nettest holds the tests of the whole chain on networks of real processes, and what they share. The tests
// have the build tag nettest: they need the programs in build/ and take minutes.
package nettest

import (
	"context"
	"testing"
	"time"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// patience bounds every wait of a test.
const patience = 90 * time.Second

// Fixture is a network on which the Iris model is registered.
type Fixture struct {
	*irisclient.Classifier
	// Net is the network. The classifier asks its first node, and its faucet pays.
	Net *localnet.Network
	// Local is the same network of neurons, run here.
	Local *iris.Network
	// ONNX is the model's file.
	ONNX []byte
	// Rows are all 150 flowers, the held-out ones first.
	Rows []iris.Row

	asked int // fresh flowers so far
}

// Start starts a network, waits until all its nodes take part and registers the model. The network ends with the test.
func Start(t *testing.T, opts localnet.Options) *Fixture {
	t.Helper()
	return Register(t, localnet.Start(t, opts))
}

// Register waits until all nodes of a network take part and registers the model.
func Register(t *testing.T, net *localnet.Network) *Fixture {
	t.Helper()
	f := &Fixture{Net: net}
	var data iris.DataSet
	var err error
	if f.Local, f.ONNX, data, err = irisclient.Train(); err != nil {
		t.Fatal(err)
	}
	f.Rows = append(data.HeldOut, data.Train...)
	ctx := Patience(t)
	client := f.Net.Nodes[0].Client()
	for _, node := range f.Net.Nodes {
		AwaitEligible(t, client, Operator(t, f.Net, node), true)
	}
	if f.Classifier, err = irisclient.Register(ctx, client, f.Net.Faucet, f.ONNX); err != nil {
		t.Fatal(err)
	}
	return f
}

// Patience is a context for the waits of one step of a test.
func Patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// Until waits for a condition.
func Until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	if err := chainclient.Until(Patience(t), what, func() (bool, error) { return condition(), nil }); err != nil {
		t.Fatal(err)
	}
}

// Height is the last height of the first node.
func (f *Fixture) Height(t *testing.T) int64 {
	t.Helper()
	height, err := f.Client.Height(Patience(t))
	if err != nil {
		t.Fatal(err)
	}
	return height
}

// Validator is the account of a node's operator.
func Validator(t *testing.T, net *localnet.Network, node *localnet.Node) *chainclient.Signer {
	t.Helper()
	s, err := chainclient.NewSigner(node.Home, "validator", localnet.ChainID, net.Codecs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Operator is the operator address of a node.
func Operator(t *testing.T, net *localnet.Network, node *localnet.Node) string {
	t.Helper()
	return sdk.ValAddress(Validator(t, net, node).Address).String()
}

// AwaitEligible waits until the chain counts the operator among the eligible, or no longer does.
func AwaitEligible(t *testing.T, c *chainclient.Client, operator string, eligible bool) {
	t.Helper()
	ctx := Patience(t)
	reason := ""
	err := chainclient.Until(ctx, "eligibility of "+operator, func() (bool, error) {
		resp, err := c.Scheduling.Node(ctx, &schedulingtypes.QueryNodeRequest{Operator: operator})
		if err != nil {
			return false, err
		}
		reason = resp.Node.Reason
		return resp.Node.Eligible == eligible, nil
	})
	if err != nil {
		t.Fatalf("%v; the chain says %q", err, reason)
	}
}

// Fresh gives as many flowers as are asked for, none of which was given before: a node runs a model once for the same
// input.
func (f *Fixture) Fresh(count int) []iris.Row {
	rows := make([]iris.Row, count)
	for i := range rows {
		rows[i] = f.Rows[f.asked%len(f.Rows)]
		rows[i].Features[0] += float32(f.asked) * 1e-4
		f.asked++
	}
	return rows
}

// MustSubmit submits the rows in one transaction.
func (f *Fixture) MustSubmit(t *testing.T, rows ...iris.Row) []uint64 {
	t.Helper()
	ids, err := f.Submit(Patience(t), rows...)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// Ended waits for the end of a request and fails the test unless it has the status.
func (f *Fixture) Ended(t *testing.T, id uint64, want inferencetypes.RequestStatus) inferencetypes.Request {
	t.Helper()
	r, err := f.Client.WaitEnded(Patience(t), id)
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != want {
		t.Fatalf("request %d: expected %s, got %s (%s)", id, want, r.Status, r.FailureReason)
	}
	return r
}

// Settled waits for the receipt of a request and fails the test unless its final output is the right one for the row.
func (f *Fixture) Settled(t *testing.T, id uint64, row iris.Row) *inferencetypes.QueryReceiptResponse {
	t.Helper()
	f.Ended(t, id, inferencetypes.REQUEST_STATUS_FINALIZED)
	ctx := Patience(t)
	receipt, err := f.Client.WaitReceipt(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := f.Answer(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := irisclient.CheckPrediction(f.Local.Predict(row.Features), answer.Prediction); err != nil {
		t.Fatalf("request %d: %v", id, err)
	}
	if string(answer.Root) != string(receipt.Receipt.Outcome.OutputRoot) {
		t.Fatalf("request %d: expected the receipt to name root %x, got %x", id, answer.Root, receipt.Receipt.Outcome.OutputRoot)
	}
	return receipt
}

// With lists the operators that a receipt names with an outcome.
func With(r *inferencetypes.QueryReceiptResponse, outcome verificationtypes.MemberOutcome) []string {
	var operators []string
	for _, m := range r.Members {
		if m.Outcome == outcome {
			operators = append(operators, m.Operator)
		}
	}
	return operators
}

// Balance is what an account holds.
func (f *Fixture) Balance(t *testing.T, account sdk.AccAddress) sdkmath.Int {
	t.Helper()
	b, err := f.Client.Balance(Patience(t), account)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Escrow is what the chain holds for all requests together.
func (f *Fixture) Escrow(t *testing.T) sdkmath.Int {
	t.Helper()
	return f.Balance(t, authtypes.NewModuleAddress(inferencetypes.ModuleName))
}
