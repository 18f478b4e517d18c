//go:build nettest

package models

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/hostile"
	"github.com/opengradient/opengradient/testutil/nettest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// verdicts are the reasons with which admission may reject a model that only running it reveals, by what it does.
var verdicts = map[hostile.Effect][]string{
	hostile.Unloaded: {"load"},
	hostile.Fails:    {"execution"},
	hostile.Crashes:  {"crash"},
	// A worker that is out of time or memory is stopped, or stops itself.
	hostile.Overstays: {"timeout"},
	hostile.Exhausts:  {"crash", "resources", "execution", "load"},
}

// hostileFiles registers every file of the hostile corpus while requests for an honest model go on.
func hostileFiles(t *testing.T, b *bed) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	params, err := b.Client.Models.Params(ctx, &modelstypes.QueryParamsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	corpus := hostile.Corpus()
	classes := make(map[string]bool)
	hashes := make([]string, len(corpus))
	var honest []uint64
	for i, file := range corpus {
		classes[file.Class] = true
		if uint64(len(file.Bytes)) > params.Params.MaxInlineBytes {
			b.uploadHostile(ctx, t, file)
			continue
		}
		hash, err := b.Client.Send(ctx, b.Signer, chainclient.Fees{Gas: registerGas}, &modelstypes.MsgRegisterModel{
			Owner: b.Signer.Address.String(), Manifest: hostileManifest(t, file), Onnx: file.Bytes,
		})
		if err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
		hashes[i] = hash
		if i%24 == 0 {
			honest = append(honest, b.MustSubmit(t, b.Fresh(1)[0])...)
		}
	}
	if len(corpus) < 60 || len(classes) < 15 {
		t.Errorf("expected at least 60 files of 15 classes, got %d of %d", len(corpus), len(classes))
	}
	tooLarge := make(map[string]bool)
	for i, file := range corpus {
		if hashes[i] == "" {
			model := b.awaitStatus(t, digest(file.Bytes), modelstypes.MODEL_STATUS_REJECTED)
			if model.Verdict.Reason != "refused" || !strings.Contains(model.Verdict.Detail, file.Want.String()) {
				t.Errorf("%s: expected a refusal that names %s, got %q: %s", file.Name, file.Want, model.Verdict.Reason, model.Verdict.Detail)
			}
			continue
		}
		_, err := b.Client.WaitTx(ctx, hashes[i])
		switch {
		case len(file.Bytes) == 0:
			if err == nil || !strings.Contains(err.Error(), "invalid size") {
				t.Errorf("%s: expected a refusal of no bytes, got %v", file.Name, err)
			}
		case file.Want == hostile.Passes && err != nil && strings.Contains(err.Error(), "golden vectors too large"):
			// Nodes could not be asked to run it on inputs of that size, and requests of that size are refused as well.
			tooLarge[file.Name] = true
		case file.Want == hostile.Passes && err != nil:
			t.Errorf("%s: expected a registration, got %v", file.Name, err)
		case file.Want != hostile.Passes && (err == nil || !strings.Contains(err.Error(), file.Want.String())):
			t.Errorf("%s: expected a refusal that names %s, got %v", file.Name, file.Want, err)
		}
	}
	rejected := 0
	for _, file := range corpus {
		if file.Want != hostile.Passes || tooLarge[file.Name] {
			continue
		}
		model := b.awaitStatus(t, digest(file.Bytes), modelstypes.MODEL_STATUS_REJECTED)
		t.Logf("%s (%s): %s: %s", file.Name, file.Effect, model.Verdict.Reason, model.Verdict.Detail)
		if !slices.Contains(verdicts[file.Effect], model.Verdict.Reason) {
			t.Errorf("%s, which %s: expected one of the reasons %v, got %q", file.Name, file.Effect, verdicts[file.Effect], model.Verdict.Reason)
		}
		if said := b.proofs(t, model.Sha256); len(said) < 2 {
			t.Errorf("%s: expected to read what more than a third of the nodes said, got %d", file.Name, len(said))
		}
		rejected++
	}
	if rejected < 5 {
		t.Errorf("expected at least five files that only running them reveals, got %d", rejected)
	}
	for _, id := range honest {
		if _, err := b.Client.WaitReceipt(ctx, id); err != nil {
			t.Errorf("honest request %d: %v", id, err)
		}
	}
	for i, node := range b.Net.Nodes {
		if !node.Signal(0) {
			t.Errorf("%s has ended", node.Name)
		}
		nettest.AwaitEligible(t, b.Client, b.operators[i], true)
	}
	t.Logf("%d files of %d classes: %d refused by inspection, %d by admission, the others by the size of their inputs; %d honest requests beside them", len(corpus), len(classes),
		len(corpus)-rejected-len(tooLarge), rejected, len(honest))
}

// registerGas is the gas limit of a registration in one message.
const registerGas = 20_000_000

// goldenBytes is the bound on stated golden inputs, max_golden_bytes.
const goldenBytes = 64 << 10

// uploadHostile uploads a file that does not fit one message.
func (b *bed) uploadHostile(ctx context.Context, t *testing.T, file hostile.File) {
	t.Helper()
	owner := b.Signer.Address.String()
	open := &modelstypes.MsgOpenUpload{
		Owner: owner, Manifest: hostileManifest(t, file), Sha256: digest(file.Bytes), Size_: uint64(len(file.Bytes)),
	}
	chunks := slices.Collect(slices.Chunk(file.Bytes, modelstypes.ChunkBytes))
	for _, chunk := range chunks {
		sum := sha256.Sum256(chunk)
		open.ChunkHashes = append(open.ChunkHashes, sum[:])
	}
	if _, err := b.Client.Deliver(ctx, b.Signer, chainclient.Fees{Gas: registerGas}, open); err != nil {
		t.Fatalf("%s: %v", file.Name, err)
	}
	uploads, err := b.Client.Models.Uploads(ctx, &modelstypes.QueryUploadsRequest{Owner: owner})
	if err != nil {
		t.Fatal(err)
	}
	for i, chunk := range chunks {
		_, err := b.Client.Send(ctx, b.Signer, chainclient.Fees{Gas: registerGas}, &modelstypes.MsgUploadChunk{
			Owner: owner, UploadId: uploads.Uploads[len(uploads.Uploads)-1].Id, Index: uint32(i), Data: chunk,
		})
		if err != nil {
			t.Fatalf("%s: chunk %d: %v", file.Name, i, err)
		}
	}
}

// hostileManifest is that of a hostile file, to be tried with inputs that bring out what it does.
func hostileManifest(t *testing.T, file hostile.File) modelstypes.Manifest {
	t.Helper()
	manifest := modelstypes.Manifest{
		Name: "hostile-" + file.Name, TaskClass: schedulingtypes.TASK_CLASS_OTHER, Royalty: sdkmath.ZeroInt(),
	}
	if file.Inputs != nil {
		inputs, err := tensor.Encode(file.Inputs())
		if err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
		// Inputs that are too large to be stated are derived: any do.
		if len(inputs) <= goldenBytes {
			manifest.Golden.Vectors = [][]byte{inputs}
		}
	}
	return manifest
}
