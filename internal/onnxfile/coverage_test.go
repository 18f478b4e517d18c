package onnxfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// The section of docs/model-coverage.md that follows from the rules.
const (
	coverageStart = "<!-- model-coverage: written by make model-coverage -->\n"
	coverageEnd   = "<!-- end of model-coverage -->\n"
)

func coverageText() string {
	var b strings.Builder
	domain := ""
	for _, r := range Coverage() {
		if r.Domain != domain {
			domain = r.Domain
			fmt.Fprintf(&b, "\n## Accepted: domain %s\n\n| Operator | Operator sets | Work | |\n|---|---|---|---|\n", domain)
		}
		kind := "exact"
		if !r.Exact {
			kind = "bound"
		}
		fmt.Fprintf(&b, "| %s | %d–%d | %s | %s |\n", r.Op, r.Since, r.Last, r.Formula, kind)
	}
	b.WriteString(`
## Everything else is refused

A refusal names one reason, the place in the file, what was expected and what was found.

| Reason | What it is given for |
|---|---|
`)
	for _, reason := range Reasons() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", reason, refusedFor(reason))
	}
	return b.String() + "\n"
}

// refusedFor is what a reason stands for, with the operators that have it.
func refusedFor(reason Reason) string {
	text := map[Reason]string{
		ReasonMalformed:            "bytes that are no ONNX model, or that contradict themselves: truncated or unknown fields, values used before they exist, cycles, names twice, data that does not fill its shape, trees that are none",
		ReasonTooLarge:             "more bytes, nodes, edges, attributes, list items, weights, inputs, symbols or dimensions than the limits, a tree deeper than 1,024, a size or a cost that overflows",
		ReasonExternalData:         "weights in another file, whatever its path",
		ReasonUnsupportedOp:        "operators of the two domains that are in none of the tables here",
		ReasonUnsupportedOpset:     "an IR version outside 3 to 11, a default operator set outside 13 to 21 or an ai.onnx.ml one outside 1 to 4, an operator before the set that has it",
		ReasonUnsupportedAttribute: "attributes that the operator does not have, or values of them without a rule",
		ReasonUnsupportedDatatype:  "strings, complex numbers, 8-bit floats, 4-bit integers",
		ReasonUnsupportedType:      "sequences, maps, optional values",
		ReasonCustomDomain:         "every domain but the two",
		ReasonControlFlow:          "loops and branches, bounded ones too",
		ReasonNesting:              "a graph inside any node",
		ReasonRandomOp:             "operators whose result is not a function of their inputs",
		ReasonFunction:             "functions of the model itself, which may call each other",
		ReasonSparseTensor:         "sparse weights",
		ReasonTraining:             "training information, training modes and losses",
		ReasonUnknownShape:         "a dimension that depends on values or is not a constant times one symbol",
		ReasonSignature:            "no input, no output, or names that can not be part of a signature",
	}[reason]
	var ops []string
	for op, r := range RefusedOps() {
		if r == reason {
			ops = append(ops, op)
		}
	}
	if len(ops) == 0 {
		return text
	}
	slices.Sort(ops)
	return text + ": " + strings.Join(ops, ", ")
}

// TestCoverageDocument keeps the document what the rules say. Run it with -update to write the section.
func TestCoverageDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "model-coverage.md")
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(document), coverageStart)
	got, after, ok2 := strings.Cut(rest, coverageEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no section between %q and %q", path, coverageStart, coverageEnd)
	}
	want := coverageText()
	if *update {
		if err := os.WriteFile(path, []byte(before+coverageStart+want+coverageEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		got = want
	}
	if got != want {
		t.Errorf("%s is not what the rules say: run make model-coverage. The section should be:\n%s", path, want)
	}
}

func TestCoverageIsComplete(t *testing.T) {
	for _, r := range Coverage() {
		if r.Formula == "" || strings.Contains(r.Formula, "w · ") || r.Since < 1 || r.Last < r.Since {
			t.Errorf("%s %s: incomplete: %+v", r.Domain, r.Op, r)
		}
		key := r.Op
		if r.Domain == mlDomain {
			key = mlDomain + "." + r.Op
		}
		if reason, refused := RefusedOps()[key]; refused {
			t.Errorf("%s is accepted, and refused with %s", key, reason)
		}
	}
	for op, reason := range RefusedOps() {
		domain, name := "", op
		if rest, ok := strings.CutPrefix(op, mlDomain+"."); ok {
			domain, name = mlDomain, rest
		}
		g := oneNode(ow.Node{Op: name, Domain: domain, Inputs: in("x"), Outputs: in("y")})
		file := ow.Model{IRVersion: 8, Opset: 21, Imports: []ow.OperatorSet{{Domain: mlDomain, Version: 4}}, Graph: g}.MarshalUnchecked()
		_, err := Inspect(file, DefaultLimits)
		wantRefusal(t, err, reason)
		if refusalTexts[reason] == "" {
			t.Errorf("%s: no text for %s", op, reason)
		}
	}
}
