package onnxfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opengradient/opengradient/internal/tensor"
)

// OpCount says how many nodes use an operator.
type OpCount struct {
	Op    string // after domain and dot if the domain is not the default one
	Count int
}

// Report is what inspection finds out about an accepted model.
type Report struct {
	IRVersion int64
	Opset     int64  // of the default domain
	MLOpset   int64  // of ai.onnx.ml, 0 if it is not imported
	Producer  string // producer_name, unchecked text of the owner
	// Inputs and Outputs are the signature, in the order of the file. Every
	// symbol of the outputs occurs in the inputs.
	Inputs, Outputs []tensor.Spec
	Nodes           int
	Ops             []OpCount // sorted by operator
	Parameters      uint64    // elements of initializers and constants, and floats that operators of ai.onnx.ml hold
	WeightBytes     uint64    // their size in memory
	// PeakActivation is an upper bound, sorted by symbols, of the bytes of
	// values alive at one time in file order, inputs and outputs included,
	// weights and the scratch memory of operators excluded. Per product of
	// symbols it is the most that was alive.
	PeakActivation []ByteTerm
	Cost           []CostTerm // sorted by symbols
	SessionBytes   uint64     // estimate of a session's memory: 5 × the larger of file and weights
}

// Inspect reads a model, checks it against the allow-list and the limits, and
// infers its shapes and cost. The error is always a [*Refusal]. The result
// depends on the arguments only and is the same on every architecture.
func Inspect(b []byte, lim Limits) (*Report, error) {
	if int64(len(b)) > lim.MaxBytes {
		return nil, refuse(ReasonTooLarge, "file", fmt.Sprintf("at most %d bytes", lim.MaxBytes), "%d", len(b))
	}
	lim.MaxRank = min(lim.MaxRank, tensor.MaxRank)
	lim.MaxSymbols = min(lim.MaxSymbols, 255)
	p := &parser{lim: lim}
	if err := p.parseModel(b); err != nil {
		return nil, err
	}
	in := newInference(p)
	if err := in.run(); err != nil {
		return nil, err
	}
	outputs, err := in.outputs()
	if err != nil {
		return nil, err
	}
	return &Report{
		IRVersion:      p.out.irVersion,
		Opset:          p.out.opset,
		MLOpset:        p.out.mlOpset,
		Producer:       p.out.producer,
		Inputs:         p.out.inputs,
		Outputs:        outputs,
		Nodes:          len(p.out.nodes),
		Ops:            countOps(p.out.nodes),
		Parameters:     p.parameters,
		WeightBytes:    p.bytes,
		PeakActivation: in.ledger.byteTerms(&in.symbols),
		Cost:           in.ledger.costTerms(&in.symbols),
		SessionBytes:   5 * max(uint64(len(b)), p.bytes),
	}, nil
}

func countOps(nodes []*node) []OpCount {
	counts := make(map[string]int)
	for _, n := range nodes {
		counts[n.key]++
	}
	out := make([]OpCount, 0, len(counts))
	for op, n := range counts {
		out = append(out, OpCount{op, n})
	}
	slices.SortFunc(out, func(a, b OpCount) int { return strings.Compare(a.Op, b.Op) })
	return out
}
