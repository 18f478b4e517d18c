//go:build nettest

package models

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/opengradient/opengradient/testutil/nettest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// uploadName is the name of the model that is uploaded.
const uploadName = "uploaded"

// interruptedUpload pushes a model of 20 MiB over the command line, kills the command in the middle, and runs it again.
func interruptedUpload(t *testing.T, b *bed) {
	args := append([]string{"model", "push", b.upload, "--name", uploadName, "--task", "regression", "--output", "json"}, signing()...)
	before := b.Balance(t, b.owner(t))

	first := b.command(t.Context(), t, args...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	upload := b.awaitThird(t)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	half := b.missing(t, upload.Id)
	if half == 0 || half == len(upload.ChunkHashes) {
		t.Fatalf("expected an upload that was killed in the middle, got %d of %d chunks missing", half, len(upload.ChunkHashes))
	}

	second := b.command(nettest.Patience(t), t, args...)
	var out, progress bytes.Buffer
	second.Stdout, second.Stderr = &out, &progress
	if err := second.Run(); err != nil {
		t.Fatalf("second push: %v\n%s\n%s", err, &out, &progress)
	}
	model := b.awaitStatus(t, uploadName, modelstypes.MODEL_STATUS_ACTIVE)
	content, err := os.ReadFile(b.upload)
	if err != nil {
		t.Fatal(err)
	}
	if model.Sha256 != digest(content) || model.File != upload.Id {
		t.Errorf("expected the file %s of upload %d, got %s of %d", digest(content), upload.Id, model.Sha256, model.File)
	}
	params, err := b.Client.Models.Params(nettest.Patience(t), &modelstypes.QueryParamsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	spent := before.Sub(b.Balance(t, b.owner(t)))
	if want := params.Params.BytePrice.MulRaw(int64(len(content))).Add(params.Params.AdmissionFee); !spent.Equal(want) {
		t.Errorf("expected both pushes to cost %s together, got %s", want, spent)
	}
	b.awaitProofs(t, uploadName, b.class(t, b.operators[0]), b.operators...)
	if agreed := b.ask(t, uploadName, 0.25); len(agreed) < 3 {
		t.Errorf("expected at least three nodes that agree on what it gives, got %v", agreed)
	}

	pulled := filepath.Join(b.files, "pulled.onnx")
	b.run(t, "model", "pull", uploadName, "-o", pulled)
	if got, err := os.ReadFile(pulled); err != nil || !bytes.Equal(got, content) {
		t.Errorf("expected to pull the %d bytes that were pushed, got %d, %v", len(content), len(got), err)
	}
	t.Logf("%d chunks, %d missing after the kill; admitted at height %d, registered at %d", len(upload.ChunkHashes), half, model.AdmittedHeight, model.RegisteredHeight)
}

// awaitThird waits until a third of the chunks is there.
func (b *bed) awaitThird(t *testing.T) modelstypes.Upload {
	t.Helper()
	ctx := nettest.Patience(t)
	var upload modelstypes.Upload
	nettest.Until(t, "a third of the upload", func() bool {
		resp, err := b.Client.Models.Uploads(ctx, &modelstypes.QueryUploadsRequest{Owner: b.owner(t).String()})
		if err != nil || len(resp.Uploads) != 1 {
			return false
		}
		upload = resp.Uploads[0]
		return 3*int(upload.Received) >= len(upload.ChunkHashes)
	})
	return upload
}

func (b *bed) missing(t *testing.T, id uint64) int {
	t.Helper()
	resp, err := b.Client.Models.Upload(context.Background(), &modelstypes.QueryUploadRequest{UploadId: id})
	if err != nil {
		t.Fatal(err)
	}
	return len(resp.Missing)
}
