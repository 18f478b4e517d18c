//go:build nettest

package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// largeGas covers the largest transactions of these tests.
const largeGas = 120_000_000

// badInput sends what must be refused, each with its own registered error.
func badInput(t *testing.T, f *nettest.Fixture) {
	payer := f.Signer.Address
	input := func(edit func(*inferencetypes.Tensor)) sdk.Msg {
		msg := f.Message(payer, f.Rows[0])
		edit(&msg.Requests[0].Inputs[0])
		return msg
	}
	request := func(edit func(*inferencetypes.MsgSubmitRequests)) sdk.Msg {
		msg := f.Message(payer, f.Rows[0])
		edit(msg)
		return msg
	}
	flowers := func(n int) func(*inferencetypes.Tensor) {
		return func(v *inferencetypes.Tensor) {
			v.Shape = []int64{int64(n), iris.Features}
			v.Contents = make([]byte, 4*iris.Features*n)
		}
	}
	model := func(name string, onnx []byte) sdk.Msg {
		return &modelstypes.MsgRegisterModel{Owner: payer.String(), Onnx: onnx, Manifest: modelstypes.Manifest{
			Name: name, TaskClass: schedulingtypes.TASK_CLASS_CLASSIFICATION, Royalty: sdkmath.ZeroInt(),
		}}
	}
	before, escrow := f.Balance(t, payer), f.Escrow(t)
	for _, tc := range []struct {
		reason string
		msg    sdk.Msg
		want   error
		says   []string
	}{
		{"wrong datatype", input(func(v *inferencetypes.Tensor) { v.Datatype = tensor.Int32.String() }), inferencetypes.ErrInputDatatype, []string{"FP32", "INT32"}},
		{"wrong shape", input(func(v *inferencetypes.Tensor) { v.Shape = []int64{2, 2} }), inferencetypes.ErrInputShape, []string{"4", "2"}},
		{"wrong name", input(func(v *inferencetypes.Tensor) { v.Name = "petals" }), inferencetypes.ErrInputName, []string{iris.InputFeatures}},
		{"contents too short", input(func(v *inferencetypes.Tensor) { v.Contents = v.Contents[1:] }), inferencetypes.ErrInputMalformed, nil},
		{"oversized tensor", input(flowers(50_000)), inferencetypes.ErrInputTooLarge, nil},
		{"output over the limit", input(flowers(1_000)), inferencetypes.ErrOutputTooLarge, nil},
		{"unknown model", request(func(m *inferencetypes.MsgSubmitRequests) { m.Model = "unknown" }), modelstypes.ErrModelNotFound, []string{"unknown"}},
		{"unknown output", request(func(m *inferencetypes.MsgSubmitRequests) { m.Outputs = []string{"scent"} }), modelstypes.ErrOutputUnknown, []string{"scent"}},
		{"unknown tier", request(func(m *inferencetypes.MsgSubmitRequests) { m.Tier = 99 }), inferencetypes.ErrTierUnavailable, nil},
		{"maximum fee below the quote", request(func(m *inferencetypes.MsgSubmitRequests) { m.MaxFee = f.Price.SubRaw(1) }), inferencetypes.ErrMaxFee, []string{f.Price.String()}},
		{"no requests", request(func(m *inferencetypes.MsgSubmitRequests) { m.Requests = nil }), inferencetypes.ErrTooManyRequests, nil},
		{"truncated ONNX", model("truncated", f.ONNX[:len(f.ONNX)/2]), modelstypes.ErrModelRefused, nil},
		{"external data", model("external", withExternalData(t, f.ONNX)), modelstypes.ErrModelRefused, []string{"external_data"}},
		{"not ONNX at all", model("text", []byte(strings.Repeat("not a model ", 100))), modelstypes.ErrModelRefused, nil},
		{"oversized model", model("large", make([]byte, 600<<10)), modelstypes.ErrModelTooLarge, nil},
		{"a model once more", model("again", f.ONNX), modelstypes.ErrModelExists, nil},
	} {
		_, err := f.Client.Deliver(nettest.Patience(t), f.Signer, chainclient.Fees{Gas: largeGas}, tc.msg)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: expected %q, got %v", tc.reason, tc.want, err)
			continue
		}
		for _, part := range tc.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: expected the error to name %q, got %v", tc.reason, part, err)
			}
		}
		t.Logf("%s: %v", tc.reason, err)
	}
	if b, e := f.Balance(t, payer), f.Escrow(t); !b.Equal(before) || !e.Equal(escrow) {
		t.Errorf("expected a balance of %s and an escrow of %s as before, got %s and %s", before, escrow, b, e)
	}
}

// withExternalData adds a weight to a model whose data is in another file.
func withExternalData(t *testing.T, onnx []byte) []byte {
	t.Helper()
	// Fields of the ONNX schema: ModelProto.graph 7; GraphProto.initializer 5; TensorProto dims 1, data_type 2, name 8,
	// external_data 13, data_location 14; StringStringEntryProto key 1, value 2.
	const graph, initializer = 7, 5
	var entry, weight, model []byte
	entry = protowire.AppendString(protowire.AppendTag(entry, 1, protowire.BytesType), "location")
	entry = protowire.AppendString(protowire.AppendTag(entry, 2, protowire.BytesType), "weights.bin")
	weight = protowire.AppendVarint(protowire.AppendTag(weight, 1, protowire.VarintType), 1)
	weight = protowire.AppendVarint(protowire.AppendTag(weight, 2, protowire.VarintType), 1)
	weight = protowire.AppendString(protowire.AppendTag(weight, 8, protowire.BytesType), "outside")
	weight = protowire.AppendBytes(protowire.AppendTag(weight, 13, protowire.BytesType), entry)
	weight = protowire.AppendVarint(protowire.AppendTag(weight, 14, protowire.VarintType), 1)
	found := false
	for rest := onnx; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		value := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if value < 0 {
			t.Fatal(protowire.ParseError(value))
		}
		if number != graph {
			model = append(model, rest[:n+value]...)
		} else {
			content, _ := protowire.ConsumeBytes(rest[n:])
			content = protowire.AppendBytes(protowire.AppendTag(slices.Clone(content), initializer, protowire.BytesType), weight)
			model = protowire.AppendBytes(protowire.AppendTag(model, graph, protowire.BytesType), content)
			found = true
		}
		rest = rest[n+value:]
	}
	if !found {
		t.Fatal("expected a model with a graph")
	}
	return model
}

// cancel fills the queue with more than the blocks to come can begin, and takes the last request back.
func cancel(t *testing.T, f *nettest.Fixture) {
	const count = 256
	ctx := nettest.Patience(t)
	payer := f.Signer.Address
	rows := make([]iris.Row, count)
	for i := range rows {
		rows[i] = f.Rows[i%len(f.Rows)]
	}
	before := f.Balance(t, payer)
	ids := f.MustSubmit(t, rows...)
	last := ids[len(ids)-1]
	other := nettest.Validator(t, f.Net, f.Net.Nodes[1])
	hash, err := f.Client.Send(ctx, f.Signer, chainclient.Fees{}, &inferencetypes.MsgCancelRequest{Requester: payer.String(), Id: last})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.Client.Deliver(ctx, other, chainclient.Fees{}, &inferencetypes.MsgCancelRequest{Requester: other.Address.String(), Id: ids[len(ids)-2]}); !errors.Is(err, inferencetypes.ErrNotRequester) {
		t.Errorf("cancelled by somebody else: expected %q, got %v", inferencetypes.ErrNotRequester, err)
	}
	if _, err := f.Client.WaitTx(ctx, hash); err != nil {
		t.Fatal(err)
	}
	r := f.Ended(t, last, inferencetypes.REQUEST_STATUS_CANCELLED)
	if !r.Escrow.IsZero() {
		t.Errorf("expected an empty escrow, got %s", r.Escrow)
	}
	if _, err := f.Client.Deliver(ctx, f.Signer, chainclient.Fees{}, &inferencetypes.MsgCancelRequest{Requester: payer.String(), Id: last}); !errors.Is(err, inferencetypes.ErrNotCancellable) {
		t.Errorf("cancelled twice: expected %q, got %v", inferencetypes.ErrNotCancellable, err)
	}

	// Everything else is finalized. The payer has paid every receipt's fee, less refunds, and the bytes of the
	// cancelled one; as the model's owner it earned its share.
	spent := r.Fee.Bytes
	for _, id := range ids[:len(ids)-1] {
		f.Ended(t, id, final)
		receipt, err := f.Client.WaitReceipt(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		spent = spent.Add(receipt.Receipt.Fee.Total).Sub(receipt.Receipt.Refunded)
	}
	earned := f.Balance(t, payer).Sub(before.Sub(spent))
	if earned.IsNegative() || earned.GT(spent) {
		t.Errorf("expected to have spent %s less an owner's share, got a difference of %s", spent, earned)
	}
	if escrow := f.Escrow(t); !escrow.IsZero() {
		t.Errorf("expected an empty escrow after all is settled, got %s", escrow)
	}
}

// eligiblePower lets two of four validators withdraw from classification: half of the power is too little.
func eligiblePower(t *testing.T, f *nettest.Fixture) {
	ctx := nettest.Patience(t)
	register := func(node int, classes []schedulingtypes.TaskClass) {
		t.Helper()
		s := nettest.Validator(t, f.Net, f.Net.Nodes[node])
		_, err := f.Client.Deliver(ctx, s, chainclient.Fees{}, &schedulingtypes.MsgRegisterNode{
			Operator: sdk.ValAddress(s.Address).String(), Capacity: 100_000, MemoryBytes: 1 << 30, TaskClasses: classes,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range []int{1, 2} {
		register(node, []schedulingtypes.TaskClass{schedulingtypes.TASK_CLASS_REGRESSION})
	}
	before := f.Balance(t, f.Signer.Address)
	_, err := f.Submit(ctx, f.Rows[0])
	if !errors.Is(err, inferencetypes.ErrEligiblePower) {
		t.Errorf("expected %q, got %v", inferencetypes.ErrEligiblePower, err)
	} else {
		t.Log(err)
	}
	if b := f.Balance(t, f.Signer.Address); !b.Equal(before) {
		t.Errorf("expected a balance of %s as before, got %s", before, b)
	}
	for _, node := range []int{1, 2} {
		register(node, schedulingtypes.AllTaskClasses())
	}
	f.Settled(t, f.MustSubmit(t, f.Rows[0])[0], f.Rows[0])
}
