//go:build nettest

package byzantine

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// otherISA is the class of the nodes that differ in the last bits.
const otherISA = "other"

// TestTwoClasses: half of the validators, of another environment class, differ in the last bits. None of the four is a
// culprit.
func TestTwoClasses(t *testing.T) {
	b := newBed(t, localnet.Options{}, map[int]byzantine.Plan{2: {ISA: otherISA}, 3: {ISA: otherISA}}, conductParams)
	same, within := byzantine.Plan{ISA: otherISA}, byzantine.Plan{ISA: otherISA, Worker: byzantine.WorkerPerturb, Amount: 1}
	tell := func(third, fourth byzantine.Plan) {
		b.tell(t, 2, third)
		b.tell(t, 3, fourth)
	}
	unpunished := func(t *testing.T, before []standing, from int64) {
		t.Helper()
		w, after := b.read(t, from, b.Height(t)), b.standing(t)
		if len(w.faults) > 0 {
			t.Errorf("expected no faults, got %v", w.faults)
		}
		for i := range after {
			if !after[i].tokens.Equal(before[i].tokens) || after[i].jailed {
				t.Errorf("%s: expected %s tokens and no jail, got %s, %t", b.Net.Nodes[i].Name, before[i].tokens, after[i].tokens, after[i].jailed)
			}
		}
	}

	t.Run("within the tolerance", func(t *testing.T) {
		b.restore(t)
		before, from := b.standing(t), b.Height(t)
		tell(same, same)
		exact := b.load(t, blocks/2, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN)
		tell(within, within)
		t.Cleanup(func() { tell(same, same) })
		// The runs of the first batch may have been exact still.
		_ = b.load(t, 1, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN)
		tolerant := b.load(t, blocks, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN)
		unpunished(t, before, from)
		for _, r := range tolerant {
			if n := len(nettest.With(r, agreed)); !r.Receipt.Arbitrated || n != 4 {
				t.Fatalf("request %d: expected a verdict by comparison with four in agreement, got arbitrated %t, %v",
					r.Receipt.RequestId, r.Receipt.Arbitrated, r.Members)
			}
		}
		for i, s := range b.standing(t) {
			if s.node.JailedUntil != 0 {
				t.Errorf("%s: expected no jail, got one for %q", b.Net.Nodes[i].Name, s.node.JailReason)
			}
		}
		e, c := took(exact), took(tolerant)
		t.Logf("blocks from assignment to verdict: exact median %d, most %d; by comparison median %d, most %d",
			e[len(e)/2], e[len(e)-1], c[len(c)/2], c[len(c)-1])
		if c[len(c)/2] > e[len(e)/2]+2 || c[len(c)-1] > e[len(e)-1]+2 {
			t.Errorf("expected at most two more blocks by comparison than exactly, got %v against %v", c, e)
		}
	})

	t.Run("beyond the tolerance", func(t *testing.T) {
		b.restore(t)
		before, from := b.standing(t), b.Height(t)
		tell(same, byzantine.Plan{ISA: otherISA, Worker: byzantine.WorkerPerturb, Amount: 1 << 12})
		t.Cleanup(func() { tell(same, same) })
		receipts := b.load(t, blocks, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN)
		unpunished(t, before, from)
		contradicted := 0
		for _, r := range receipts {
			for _, operator := range nettest.With(r, disagreed) {
				if operator != b.operators[3] {
					t.Errorf("request %d: expected the odd one to be contradicted only, got %v", r.Receipt.RequestId, r.Members)
				}
				contradicted++
			}
		}
		if contradicted == 0 {
			t.Error("expected receipts that name the odd one, got none")
		}
		for i, s := range b.standing(t) {
			if jailed := s.node.JailReason == "contradicted"; jailed != (i == 3) {
				t.Errorf("%s: expected jail for the odd one only, got %q", b.Net.Nodes[i].Name, s.node.JailReason)
			}
		}
		divergences, err := b.Client.Verification.Divergences(nettest.Patience(t), &verificationtypes.QueryDivergencesRequest{Model: b.Model})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(divergences.Divergences, func(d verificationtypes.Divergence) bool { return d.Contradicting > 0 && d.LargestError > 0 }) {
			t.Errorf("expected a record of the divergence, got %v", divergences.Divergences)
		}
	})

	t.Run("knife edge", func(t *testing.T) {
		b.restore(t)
		before, from := b.standing(t), b.Height(t)
		model := registerEdge(t, b)
		nudged := byzantine.Plan{ISA: otherISA, Worker: byzantine.WorkerNudge, Amount: 1}
		t.Cleanup(func() { tell(same, same) })

		// Two against two: there is no verdict, and the money goes back.
		tell(nudged, nudged)
		for _, id := range askEdge(t, b, model, 20) {
			if r := b.Ended(t, id, inferencetypes.REQUEST_STATUS_FAILED); !r.Escrow.IsZero() {
				t.Errorf("request %d: expected an empty escrow, got %s", id, r.Escrow)
			}
		}
		unpunished(t, before, from)
		for i, s := range b.standing(t) {
			if s.node.JailedUntil != 0 {
				t.Errorf("%s: expected no jail without a verdict, got one for %q", b.Net.Nodes[i].Name, s.node.JailReason)
			}
		}
		// One against three: it is contradicted, and keeps its stake.
		tell(same, nudged)
		contradicted := 0
		for _, id := range askEdge(t, b, model, 20) {
			b.Ended(t, id, inferencetypes.REQUEST_STATUS_FINALIZED)
			r, err := b.Client.WaitReceipt(nettest.Patience(t), id)
			if err != nil {
				t.Fatal(err)
			}
			if got := nettest.With(r, disagreed); len(got) > 0 && !slices.Equal(got, []string{b.operators[3]}) {
				t.Errorf("request %d: expected nobody else to be contradicted, got %v", id, r.Members)
			}
			contradicted += len(nettest.With(r, disagreed))
		}
		if contradicted == 0 {
			t.Error("expected receipts with the other integer, got none")
		}
		unpunished(t, before, from)
	})
}

// took lists, ascending, in how many blocks after their assignment requests were final.
func took(receipts []*inferencetypes.QueryReceiptResponse) []int64 {
	n := make([]int64, len(receipts))
	for i, r := range receipts {
		n[i] = r.Receipt.FinalHeight - r.Receipt.AssignedHeight
	}
	slices.Sort(n)
	return n
}

// registerEdge registers a model with an integer output that depends on the last bit of its input.
func registerEdge(t *testing.T, b *bed) string {
	t.Helper()
	two := onnxwrite.Fixed(2)
	onnx, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:   "edge",
		Inputs: []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{two}}},
		Outputs: []onnxwrite.ValueInfo{
			{Name: "scaled", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{two}},
			{Name: "above", Type: onnxwrite.ElementInt64, Dims: []onnxwrite.Dim{two}},
		},
		Initializers: []onnxwrite.Tensor{
			onnxwrite.FloatTensor("edge", []int64{1}, 1), onnxwrite.FloatTensor("three", []int64{1}, 3),
		},
		Nodes: []onnxwrite.Node{
			{Op: "Mul", Name: "scale", Inputs: []string{"x", "three"}, Outputs: []string{"scaled"}},
			{Op: "Greater", Name: "compare", Inputs: []string{"x", "edge"}, Outputs: []string{"is_above"}},
			{Op: "Cast", Name: "convert", Inputs: []string{"is_above"}, Outputs: []string{"above"},
				Attributes: []onnxwrite.Attribute{onnxwrite.Int("to", int64(onnxwrite.ElementInt64))}},
		},
	}}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	model, err := b.Client.Admit(nettest.Patience(t), b.Signer, chainclient.Fees{}, &modelstypes.MsgRegisterModel{
		Owner: b.Signer.Address.String(), Onnx: onnx, Manifest: modelstypes.Manifest{
			Name: "edge", TaskClass: schedulingtypes.TASK_CLASS_OTHER, Royalty: sdkmath.ZeroInt(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return model.Sha256
}

// askEdge submits requests whose first number is exactly on the edge; the second one makes each another request.
func askEdge(t *testing.T, b *bed, model string, count int) []uint64 {
	t.Helper()
	msg := &inferencetypes.MsgSubmitRequests{
		Requester: b.Signer.Address.String(), Model: model, Tier: inferencetypes.TIER_QUORUM, MaxFee: sdkmath.NewInt(1_000_000),
		Sealing: inferencetypes.SEALING_OPEN,
	}
	for range count {
		msg.Requests = append(msg.Requests, inferencetypes.InferenceInput{Inputs: []inferencetypes.Tensor{{
			Name: "x", Datatype: tensor.FP32.String(), Shape: []int64{2}, Contents: binary.LittleEndian.AppendUint32([]byte{0, 0, 0x80, 0x3f}, math.Float32bits(float32(2+b.asked))),
		}}})
		b.asked++
	}
	resp, err := b.Client.Deliver(nettest.Patience(t), b.Signer, chainclient.Fees{Gas: 20_000_000}, msg)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := b.Client.RequestIDs(resp)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
