package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/modelzoo"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

// TestReports pins the bytes of reports, which are the same on every architecture.
func TestReports(t *testing.T) {
	var text, documents bytes.Buffer
	for _, m := range modelzoo.Models() {
		r, err := onnxfile.Inspect(m.ONNX, onnxfile.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(m.ONNX)
		name := hex.EncodeToString(digest[:])
		if err := Text(&text, name, len(m.ONNX), r); err != nil {
			t.Fatal(err)
		}
		text.WriteString("\n")
		document, err := JSON(name, len(m.ONNX), r)
		if err != nil {
			t.Fatal(err)
		}
		var back Document
		if err := json.Unmarshal(document, &back); err != nil {
			t.Fatal(err)
		}
		if m.Name == "mlp-tiny" || m.Name == "tree-medium" || m.Name == "gru-medium" {
			documents.Write(document)
		}
	}
	golden(t, "text", text.Bytes())
	golden(t, "json", documents.Bytes())
}

func TestTextsOfTheModelAreHarmless(t *testing.T) {
	r := &onnxfile.Report{
		Producer: "a\x1b[2Jb\nModel: forged\u202e",
		Inputs:   []tensor.Spec{{Name: "x\ty", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N\r"}}}},
		Cost:     []onnxfile.CostTerm{{Symbols: []string{"N\r"}, MACs: math.MaxUint64, Elements: 1}},
	}
	var b bytes.Buffer
	if err := Text(&b, "00", 1, r); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b", "\r", "\t", "\u202e", "\nModel: forged"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("%q is in the text:\n%s", bad, b.String())
		}
	}
	for _, want := range []string{"a?[2Jb?Model: forged?", "more than 64 bits hold"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the text:\n%s", want, b.String())
		}
	}
	document, err := JSON("00", 1, r)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(document), "compute_units") {
		t.Errorf("a sum that does not fit is in the document:\n%s", document)
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1,024 bytes (1.0 KiB)", 1536: "1,536 bytes (1.5 KiB)",
		1<<20 - 1:      "1,048,575 bytes (1023.9 KiB)",
		32 << 20:       "33,554,432 bytes (32.0 MiB)",
		math.MaxUint64: "18,446,744,073,709,551,615 bytes (15.9 EiB)",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
