package tensor

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGoldenEncoding pins the bytes and roots of version 1. If it fails, the
// consensus format has changed.
func TestGoldenEncoding(t *testing.T) {
	long := make([]byte, 2*ChunkSize)
	for i := range long {
		long[i] = byte(i)
	}
	cases := []struct {
		name string
		ts   []Tensor
	}{
		{"no tensors", nil},
		{"one FP32 scalar, 1.0", []Tensor{{"y", FP32, nil, []byte{0, 0, 0x80, 0x3f}}}},
		{"negative zero and NaN are made canonical", []Tensor{{"y", FP32, []int64{2}, []byte{0, 0, 0, 0x80, 1, 0, 0x80, 0xff}}}},
		{"a matrix of INT64", []Tensor{{"ids", Int64, []int64{2, 1}, []byte{1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255}}}},
		{"booleans and text, order kept", []Tensor{
			{"z", Bool, []int64{3}, []byte{1, 0, 1}},
			{"größe", Bytes, []int64{2}, []byte("\x02\x00\x00\x00ok\x00\x00\x00\x00")},
		}},
		{"half floats and an empty tensor", []Tensor{
			{"h", FP16, []int64{1}, []byte{0, 0x3c}},
			{"b", BF16, []int64{1}, []byte{0x80, 0x3f}},
			{"e", FP64, []int64{0, 4}, nil},
		}},
		{"three chunks", []Tensor{{"long", Uint8, []int64{int64(len(long))}, long}}},
	}
	var out strings.Builder
	for _, c := range cases {
		b, err := EncodeOutputs(c.ts)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "# %s\n", c.name)
		shown := b[:min(len(b), 192)]
		for i := 0; i < len(shown); i += 32 {
			fmt.Fprintf(&out, "  %s\n", hex.EncodeToString(shown[i:min(i+32, len(shown))]))
		}
		if len(shown) < len(b) {
			fmt.Fprintf(&out, "  ... %d bytes in all\n", len(b))
		}
		root := MerkleRoot(b)
		fmt.Fprintf(&out, "  root %s\n\n", hex.EncodeToString(root[:]))
	}
	path := filepath.Join("testdata", "encoding.golden")
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
		t.Fatalf("the encoding differs from %s; got:\n%s", path, out.String())
	}
}
