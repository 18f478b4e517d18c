package hostile

import (
	"errors"
	"reflect"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxfile"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/testutil/modelzoo"
)

// What inspection may allocate in all for a file: a base and so much for each byte, whatever the bytes.
const (
	allocBase    = 1 << 20
	allocPerByte = 512
	// largestSeed bounds the files that fuzzing begins with.
	largestSeed = 64 << 10
)

// allocated is the number of bytes the process has allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// inspectBounded inspects a file and checks what holds for any bytes: a refusal or a report, the same again, and
// memory in proportion to the file. It gives the bytes allocated by one inspection.
func inspectBounded(t *testing.T, file []byte) uint64 {
	t.Helper()
	before := allocated()
	r, err := onnxfile.Inspect(file, onnxfile.DefaultLimits)
	used := allocated() - before
	if most := uint64(allocBase + allocPerByte*len(file)); used > most {
		t.Fatalf("%d bytes allocated for a file of %d, expected at most %d", used, len(file), most)
	}
	again, err2 := onnxfile.Inspect(file, onnxfile.DefaultLimits)
	if !reflect.DeepEqual(r, again) || !reflect.DeepEqual(err, err2) {
		t.Fatalf("got %+v, %v, then %+v, %v", r, err, again, err2)
	}
	var refusal *onnxfile.Refusal
	if err != nil && (!errors.As(err, &refusal) || r != nil || refusal.Expected == "" || refusal.Got == "") {
		t.Fatalf("expected a refusal that says what, got %+v, %v", r, err)
	}
	if err == nil && r.SessionBytes < uint64(len(file)) {
		t.Fatalf("a session of %d bytes for a file of %d", r.SessionBytes, len(file))
	}
	return used
}

func FuzzInspectHostile(f *testing.F) {
	debug.SetMemoryLimit(512 << 20)
	for _, file := range Corpus() {
		if len(file.Bytes) <= largestSeed {
			f.Add(file.Bytes)
		}
	}
	for _, m := range modelzoo.Models() {
		if len(m.ONNX) <= largestSeed {
			f.Add(m.ONNX)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) { inspectBounded(t, file) })
}

func TestMemoryIsBounded(t *testing.T) {
	for _, f := range Corpus() {
		inspectBounded(t, f.Bytes)
	}
	for _, m := range modelzoo.Models() {
		inspectBounded(t, m.ONNX)
	}
}

// TestMemoryGrowsWithTheFile doubles what a file has most of: memory must not grow faster.
func TestMemoryGrowsWithTheFile(t *testing.T) {
	for name, file := range map[string]func(n int) []byte{
		"nodes": func(n int) []byte {
			return model(graph(chain(n, func(_ int, from, to string) ow.Node { return node("Add", to, in(from, "x")) })...))
		},
		"operands": func(n int) []byte { return model(graph(node("Sum", "y", repeat("x", n)))) },
		"parts": func(n int) []byte {
			split := node("Split", "y", in("x"), ow.Int("axis", 0))
			for i := range n - 1 {
				split.Outputs = append(split.Outputs, "part"+itoa(i))
			}
			return model(fixed(graph(split), int64(n), 1))
		},
		"weights": func(n int) []byte {
			g := relu()
			for i := range n {
				g.Initializers = append(g.Initializers, number("w"+itoa(i), 1))
			}
			return model(g)
		},
		"items of a list":  func(n int) []byte { return onnxTree(4 * n) },
		"bytes of weights": func(n int) []byte { return model(with(relu(), zeros("w", 1024, int64(n)))) },
	} {
		small, large := inspectBounded(t, file(1500)), inspectBounded(t, file(6000))
		if large > 5*small+allocBase {
			t.Errorf("%s: %d bytes for one file, %d for one of four times as many", name, small, large)
		}
	}
}

// onnxTree is n complete trees of one branch.
func onnxTree(n int) []byte {
	one := tree{yes: []int64{1, 0, 0}, no: []int64{2, 0, 0}}
	return one.file(func(r *ow.Node) {
		for i := range r.Attributes {
			a := &r.Attributes[i]
			ints, floats, texts := a.Ints, a.Floats, a.Strings
			trees := a.Name == "nodes_treeids" || a.Name == "target_treeids"
			for k := 1; k < n; k++ {
				for _, v := range ints {
					if trees {
						v = int64(k)
					}
					a.Ints = append(a.Ints, v)
				}
				a.Floats = append(a.Floats, floats...)
				a.Strings = append(a.Strings, texts...)
			}
		}
	})
}
