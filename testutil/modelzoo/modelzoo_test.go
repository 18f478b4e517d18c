package modelzoo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestModels pins each file by its digest, with the signature and the work that inspection finds.
func TestModels(t *testing.T) {
	models := Models()
	families, names := map[string]int{}, map[string]bool{}
	var out strings.Builder
	for _, m := range models {
		if names[m.Name] {
			t.Errorf("%s: the name occurs twice", m.Name)
		}
		names[m.Name] = true
		families[m.Family]++
		digest := sha256.Sum256(m.ONNX)
		r, err := onnxfile.Inspect(m.ONNX, onnxfile.DefaultLimits)
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		bindings, err := tensor.Bind(r.Inputs, m.Inputs(1))
		if err != nil {
			t.Fatalf("%s: the inputs do not fit: %v", m.Name, err)
		}
		units, err := r.ComputeUnits(bindings)
		if err != nil {
			t.Fatal(err)
		}
		if size, err := tensor.ResolvedSize(r.Outputs, bindings); err != nil || size > 4<<10 {
			t.Errorf("%s: %d bytes of outputs, %v; expected at most 4 KiB", m.Name, size, err)
		}
		fmt.Fprintf(&out, "%-17s %-10s %8d bytes %s %6d units %v -> %v\n", m.Name, m.Family, len(m.ONNX),
			hex.EncodeToString(digest[:8]), units, r.Inputs, r.Outputs)
	}
	for family, n := range families {
		if 3*n > len(models) {
			t.Errorf("%s: %d of %d models, expected at most a third", family, n, len(models))
		}
	}
	if len(models) < 15 {
		t.Errorf("%d models, expected 15 or more", len(models))
	}
	path := filepath.Join("testdata", "models.golden")
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs; got:\n%s", path, out.String())
	}
}

func TestInputsFollowTheSeed(t *testing.T) {
	for _, m := range Models() {
		a, b, c := m.Inputs(7), m.Inputs(7), m.Inputs(8)
		for i := range a {
			if err := a[i].Validate(); err != nil {
				t.Errorf("%s: %v", m.Name, err)
			}
			if !bytes.Equal(a[i].Data, b[i].Data) {
				t.Errorf("%s: one seed gave two inputs", m.Name)
			}
			if bytes.Equal(a[i].Data, c[i].Data) {
				t.Errorf("%s: two seeds gave one input", m.Name)
			}
		}
	}
}

func TestHalf(t *testing.T) {
	for v, want := range map[float32]uint16{
		0: 0, 1: 0x3c00, -2: 0xc000, 0.5: 0x3800, 1.0 / 1024: 0x1400, 65504: 0x7bff,
		float32(math.Ldexp(1, -14)): 0x0400, float32(math.Ldexp(1, -15)): 0x0200, float32(math.Ldexp(-1, -24)): 0x8001,
		float32(math.Ldexp(1, -26)): 0,
	} {
		if got := half(v); got != want {
			t.Errorf("%g: got %04x, want %04x", v, got, want)
		}
	}
}
