//go:build nettest

package models

import (
	"path/filepath"
	"testing"

	"github.com/opengradient/opengradient/testutil/nettest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// referenceName is the name of the model by reference.
const referenceName = "referenced"

// received is the metric of the bytes of model files that a node fetched.
const received = "opengradient_models_received_bytes_total"

// byReference registers a model whose file three nodes have. The fourth gets it from peers, the first of which serves a
// corrupted copy.
func byReference(t *testing.T, b *bed) {
	path := filepath.Join(b.files, "reference.onnx")
	// Nobody fetches from what the chain names: no node has opted in.
	b.run(t, append([]string{"model", "push", path, "--name", referenceName, "--task", "regression", "--source",
		"https://models.example.org/reference.onnx", "--no-wait", "--output", "json"}, signing()...)...)
	model := b.awaitStatus(t, referenceName, modelstypes.MODEL_STATUS_ACTIVE)
	if model.File != 0 || model.Size_ != uint64(len(b.reference)) {
		t.Errorf("expected %d bytes that the chain does not hold, got %d in file %d", len(b.reference), model.Size_, model.File)
	}
	b.awaitProofs(t, referenceName, b.class(t, b.operators[0]), b.operators...)
	if b.corrupted.Load() == 0 {
		t.Error("expected the fourth node to have asked the peer with the corrupted copy")
	}
	if got := metric(t, b.Net.Nodes[3], received); got < float64(len(b.reference)) {
		t.Errorf("expected the fourth node to count what it received, at least %d bytes, got %.0f", len(b.reference), got)
	}
	nettest.AwaitEligible(t, b.Client, b.operators[3], true)
	nettest.Until(t, "four nodes that have it loaded", func() bool { return b.model(t, referenceName).NodesReady == 4 })
	if agreed := b.ask(t, referenceName, 0.5); len(agreed) < 3 {
		t.Errorf("expected at least three nodes that agree on what it gives, got %v", agreed)
	}
	t.Logf("%d bytes, admitted %d blocks after its registration; the corrupted copy was asked for %d times", model.Size_,
		model.AdmittedHeight-model.RegisteredHeight, b.corrupted.Load())
}
