package onnxprep_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/onnxprep"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// calls is a model of nodes that call functions.
func calls(functions [][]byte, nodes ...ow.Node) []byte {
	m := fixture(17, ow.ElementFloat, ow.ElementFloat, []int64{2}, nodes)
	m.Imports = []ow.OperatorSet{{Domain: "own", Version: 1}}
	return message(func([]byte) []byte { return m.MarshalUnchecked() }, nested(25, functions...))
}

func own(op string, inputs []string, output string) ow.Node {
	n := node(op, inputs, output)
	n.Domain = "own"
	return n
}

// TestRefusals gives models that cannot be prepared, and a part of the reason.
func TestRefusals(t *testing.T) {
	relu := fixture(17, ow.ElementFloat, ow.ElementFloat, []int64{2}, []ow.Node{node("Relu", list("x"), "y")}).MarshalUnchecked()
	branch := ow.Subgraph("then_branch", ow.Graph{Name: "g"})
	call := own("F", list("x"), "y")
	// Each function calls the next one twice.
	var bomb [][]byte
	for i := range 12 {
		f, g := string(rune('A'+i)), string(rune('B'+i))
		bomb = append(bomb, function(f, list("x"), list("y"), nodeBytes(own(g, list("x"), "h"), own(g, list("h"), "y"))))
	}
	bomb = append(bomb, function("M", list("x"), list("y"), nodeBytes(node("Relu", list("x"), "y"))))
	small := onnxprep.DefaultLimits
	small.MaxNodes = 1000
	tiny := onnxprep.DefaultLimits
	tiny.MaxBytes = int64(len(relu)) - 1
	few := onnxprep.DefaultLimits
	few.MaxFields = 3
	// A long name that every node of a function reads.
	wide := onnxprep.DefaultLimits
	wide.MaxBytes = 1 << 14
	long := strings.Repeat("n", 1<<12)
	readers := make([]ow.Node, 16)
	for i := range readers {
		readers[i] = node("Add", list("x", "x"), strings.Repeat("h", i+1))
	}
	for name, c := range map[string]struct {
		onnx   []byte
		opts   onnxprep.Options
		reason string
	}{
		"no bytes":                 {nil, onnxprep.Options{}, "expected a graph"},
		"text":                     {[]byte("model"), onnxprep.Options{}, "expected"},
		"a truncated graph":        {relu[:len(relu)-8], onnxprep.Options{}, "truncated"},
		"two graphs":               {append(relu[:len(relu):len(relu)], message(nested(7, nil))...), onnxprep.Options{}, "field 7 twice"},
		"a group":                  {append(relu[:len(relu):len(relu)], 9<<3|3, 9<<3|4), onnxprep.Options{}, "without groups"},
		"control flow":             {fixture(17, ow.ElementFloat, ow.ElementFloat, nil, []ow.Node{node("If", list("x"), "y", branch)}).MarshalUnchecked(), onnxprep.Options{}, "no control flow"},
		"a size of zero":           {relu, onnxprep.Options{Fix: map[string]int64{"N": 0}}, "a size from 1"},
		"a file above the limit":   {relu, onnxprep.Options{Limits: tiny}, "at most"},
		"fields above the limit":   {relu, onnxprep.Options{Limits: few}, "at most 3 fields"},
		"a softmax of two inputs":  {fixture(17, ow.ElementFloat, ow.ElementFloat, nil, []ow.Node{node("Softmax", list("x", "x"), "y")}).MarshalUnchecked(), onnxprep.Options{}, "one input"},
		"a function twice":         {calls([][]byte{function("F", nil, nil, nil), function("F", nil, nil, nil)}, call), onnxprep.Options{}, "one function"},
		"a function of itself":     {calls([][]byte{function("F", list("x"), list("y"), nodeBytes(call))}, call), onnxprep.Options{}, "calls itself"},
		"too many inputs":          {calls([][]byte{function("F", nil, list("y"), nil)}, call), onnxprep.Options{}, "at most 0 inputs"},
		"an input twice":           {calls([][]byte{function("F", list("x", "x"), list("y"), nil)}, call), onnxprep.Options{}, "a name twice"},
		"another operator set":     {calls([][]byte{function("F", list("x"), list("y"), nodeBytes(node("Relu", list("x"), "y")), nested(9, message(text(1, "own"), number(2, 3))))}, call), onnxprep.Options{}, "version 1"},
		"functions without end":    {calls(bomb, own("A", list("x"), "y")), onnxprep.Options{Limits: small}, "at most 1000 nodes"},
		"more bytes than may come": {calls([][]byte{function("F", list("x"), list("y"), nodeBytes(readers...))}, node("Relu", list("x"), long), own("F", list(long), "y")), onnxprep.Options{Limits: wide}, "at most 16384 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			out, report, err := onnxprep.Prepare(c.onnx, c.opts)
			var refusal *onnxprep.Refusal
			if !errors.As(err, &refusal) || out != nil || report != nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want a refusal that says %q", err, c.reason)
			}
		})
	}
}

// TestLeft gives models with parts that a rule cannot change: they stay as they are, and the report says why.
func TestLeft(t *testing.T) {
	external := ow.Tensor{Name: "w", Type: ow.ElementInt8, Dims: []int64{3, 2}}
	lying := byteTensor("w", ow.ElementInt8, []int64{1 << 40}, 1)
	for name, w := range map[string]ow.Tensor{"data elsewhere": external, "less data than promised": lying} {
		m := signedProduct("MatMulInteger", ow.ElementUint8, ow.ElementInt8)
		for i := range m.Graph.Initializers {
			if m.Graph.Initializers[i].Name == "w" {
				m.Graph.Initializers[i] = w
			}
		}
		onnx := m.MarshalUnchecked()
		out, report, err := onnxprep.Prepare(onnx, onnxprep.Options{})
		if err != nil || string(out) != string(onnx) || len(report.Changes) != 0 || len(report.Left) != 1 || report.Left[0].Rule != onnxprep.RuleSigned {
			t.Errorf("%s: got %+v, %v", name, report, err)
		}
	}
}
