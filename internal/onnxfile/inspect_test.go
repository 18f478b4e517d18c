package onnxfile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func reportText(r *Report, bindings map[string]int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  ir %d, opset %d, producer %q\n", r.IRVersion, r.Opset, r.Producer)
	for _, s := range r.Inputs {
		fmt.Fprintf(&b, "  input  %s\n", s)
	}
	for _, s := range r.Outputs {
		fmt.Fprintf(&b, "  output %s\n", s)
	}
	fmt.Fprintf(&b, "  nodes %d:", r.Nodes)
	for _, o := range r.Ops {
		fmt.Fprintf(&b, " %s %d", o.Op, o.Count)
	}
	fmt.Fprintf(&b, "\n  parameters %d, weights %d bytes, session %d bytes\n", r.Parameters, r.WeightBytes, r.SessionBytes)
	for _, c := range r.Cost {
		fmt.Fprintf(&b, "  cost %d MACs, %d elements × [%s]\n", c.MACs, c.Elements, strings.Join(c.Symbols, " "))
	}
	for _, p := range r.PeakActivation {
		fmt.Fprintf(&b, "  peak %d bytes × [%s]\n", p.Bytes, strings.Join(p.Symbols, " "))
	}
	units, err := r.ComputeUnits(bindings)
	peak, err2 := r.PeakActivationBytes(bindings)
	fmt.Fprintf(&b, "  at %v: %d compute units (%v), peak %d bytes (%v)\n", bindings, units, err, peak, err2)
	return b.String()
}

// TestGoldenReports pins what inspection says: signature, cost and memory are
// visible to consensus.
func TestGoldenReports(t *testing.T) {
	var out strings.Builder
	for _, m := range []struct {
		graph    ow.Graph
		opset    int64
		bindings map[string]int64
	}{
		{mlp(), 13, map[string]int64{"N": 2}},
		{convNet(), 17, map[string]int64{"B": 4}},
		{attention(), 21, map[string]int64{"batch": 2, "steps": 100}},
	} {
		fmt.Fprintf(&out, "# %s\n%s\n", m.graph.Name, reportText(inspect(t, m.opset, m.graph), m.bindings))
	}
	path := filepath.Join("testdata", "reports.golden")
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
		t.Fatalf("reports differ from %s; got:\n%s", path, out.String())
	}
}

func TestCostOfAnMLPByHand(t *testing.T) {
	r := inspect(t, 13, mlp())
	want := []CostTerm{
		{Symbols: []string{}, Elements: 3 * NodeElements},
		{Symbols: []string{"N"}, MACs: 4*8 + 8*3, Elements: 8},
	}
	if !reflect.DeepEqual(r.Cost, want) {
		t.Errorf("cost: got %+v, want %+v", r.Cost, want)
	}
	// x and h and then a, or a and y: x stays, as the caller's.
	if want := []ByteTerm{{[]string{"N"}, 4 * (4 + 8 + 8)}}; !reflect.DeepEqual(r.PeakActivation, want) {
		t.Errorf("peak: got %+v, want %+v", r.PeakActivation, want)
	}
	if want := uint64(4*8 + 8 + 8*3 + 3); r.Parameters != want || r.WeightBytes != 4*want {
		t.Errorf("parameters: got %d and %d bytes, want %d", r.Parameters, r.WeightBytes, want)
	}
}

func TestInitializerThatIsAnInputIsAWeight(t *testing.T) {
	g := mlp()
	plain := inspect(t, 13, g)
	g.Inputs = append(g.Inputs, floatInput("w1", 4, 8), floatInput("b2", 3))
	got := inspect(t, 13, g)
	plain.SessionBytes, got.SessionBytes = 0, 0 // they differ with the file's size
	if !reflect.DeepEqual(got, plain) {
		t.Fatalf("got %+v, want %+v", got, plain)
	}
	g.Inputs[1] = floatInput("w1", 4, 9)
	_, err := Inspect(model(13, g), DefaultLimits)
	wantRefusal(t, err, ReasonMalformed)
}

func TestInspectIsDeterministic(t *testing.T) {
	b := model(21, attention())
	first, err := Inspect(b, DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		again, err := Inspect(b, DefaultLimits)
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("got %+v, %v; before %+v", again, err, first)
		}
	}
}

func TestLimits(t *testing.T) {
	b := model(17, convNet())
	symbols := mlp()
	symbols.Inputs[0] = floatInput("x", "N", 4)
	symbols.Inputs = append(symbols.Inputs, floatInput("unused", "M"))
	for name, tc := range map[string]struct {
		file   []byte
		change func(*Limits)
	}{
		"bytes":        {b, func(l *Limits) { l.MaxBytes = int64(len(b)) - 1 }},
		"nodes":        {b, func(l *Limits) { l.MaxNodes = 7 }},
		"edges":        {b, func(l *Limits) { l.MaxEdges = 10 }},
		"attributes":   {b, func(l *Limits) { l.MaxAttributes = 7 }},
		"list items":   {b, func(l *Limits) { l.MaxAttributeItems = 9 }},
		"initializers": {b, func(l *Limits) { l.MaxInitializers = 3 }},
		"parameters":   {b, func(l *Limits) { l.MaxParameters = 15000 }},
		"outputs":      {b, func(l *Limits) { l.MaxSignature = 1 }},
		"inputs":       {model(13, symbols), func(l *Limits) { l.MaxSignature = 1 }},
		"rank":         {b, func(l *Limits) { l.MaxRank = 3 }},
		"symbols":      {model(13, symbols), func(l *Limits) { l.MaxSymbols = 1 }},
		"work":         {b, func(l *Limits) { l.MaxWork = 8 * 8 * NodeElements }},
		"activation":   {b, func(l *Limits) { l.MaxActivation = 4 * 2 * 8 * 28 * 28 }},
		"cost terms":   {b, func(l *Limits) { l.MaxCostTerms = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			lim := DefaultLimits
			tc.change(&lim)
			_, err := Inspect(tc.file, lim)
			wantRefusal(t, err, ReasonTooLarge)
		})
	}
	const conv, gemm = 8 * 28 * 28 * 9, 8 * 14 * 14 * 10
	const elements = 8*NodeElements + ProductElements + 2*8*28*28 + 8*14*14*4 + 8*14*14 + 4*10 + 4*10
	const peak = 4 * (28*28 + 2*8*28*28) // the image, and two values of the size of the convolution
	lim := Limits{int64(len(b)), 8, 27, 9, 10, 4, 8*9 + 8 + 8 + 10*8*14*14, 2, 4, 1, 2, conv + gemm + WorkPerElement*elements, peak}
	if _, err := Inspect(b, lim); err != nil {
		t.Fatalf("limits that just suffice: %v", err)
	}
}
