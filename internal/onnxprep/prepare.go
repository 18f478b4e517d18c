package onnxprep

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// The names of the rules, as they stand in reports.
const (
	RuleStrip   = "strip"
	RuleInline  = "inline"
	RuleFix     = "fix"
	RuleSoftmax = "softmax"
	RuleHalf    = "half"
	RuleSigned  = "signed"
)

// Options say what to do beside the rules that always apply.
type Options struct {
	// Fix gives symbolic dimensions of inputs, outputs and declared values a size of at least 1.
	Fix map[string]int64
	// DropMetadata removes the key-value pairs of the model, its nodes and values.
	DropMetadata bool
	// Limits bound the work; the zero value stands for DefaultLimits.
	Limits Limits
}

// File identifies a model.
type File struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hexadecimal
}

func fileOf(b []byte) File {
	digest := sha256.Sum256(b)
	return File{Bytes: int64(len(b)), SHA256: hex.EncodeToString(digest[:])}
}

// Change is one application of a rule.
type Change struct {
	Rule  string `json:"rule"`
	Where string `json:"where"` // the node or part of the file
	What  string `json:"what"`
	Count int    `json:"count"` // of nodes, tensors, dimensions or fields concerned
}

// Note is a part of the model that a rule would change but cannot.
type Note struct {
	Rule     string `json:"rule"`
	Where    string `json:"where"`
	Expected string `json:"expected"`
	Got      string `json:"got"`
}

// Report says what [Prepare] did: first to the file as a whole, then node by node, then what became superfluous.
type Report struct {
	Before  File     `json:"before"`
	After   File     `json:"after"`
	Changes []Change `json:"changes"`
	Left    []Note   `json:"left"`
}

func (r *Report) changed(rule, where string, count int, what string, args ...any) {
	r.Changes = append(r.Changes, Change{Rule: rule, Where: where, What: fmt.Sprintf(what, args...), Count: count})
}

func (r *Report) leave(rule, where, expected, got string, args ...any) {
	r.Left = append(r.Left, Note{Rule: rule, Where: where, Expected: expected, Got: fmt.Sprintf(got, args...)})
}

// Prepare rewrites a model; the package says how. onnx is not altered, and out may share its memory. The error is a
// [*Refusal]: the bytes are no ONNX model, exceed a limit, or hold graphs inside nodes, which no node of the network
// runs. The result depends on the arguments only.
func Prepare(onnx []byte, opts Options) (out []byte, rep *Report, err error) {
	lim := opts.Limits
	if lim == (Limits{}) {
		lim = DefaultLimits
	}
	if int64(len(onnx)) > lim.MaxBytes {
		return nil, nil, refuse("file", fmt.Sprintf("at most %d bytes", lim.MaxBytes), "%d", len(onnx))
	}
	rep = &Report{Before: fileOf(onnx), Changes: []Change{}, Left: []Note{}}
	var gone stripped
	kept, err := stripModel.strip(onnx, opts.DropMetadata, &gone)
	if err != nil {
		return nil, nil, err
	}
	gone.report(rep)
	m, err := parseModel(kept, lim, rep)
	if err != nil {
		return nil, nil, err
	}
	for _, rule := range []func() error{
		m.inline,
		func() error { return m.fix(opts.Fix) },
		m.rewrite,
		m.sweep,
	} {
		if err := rule(); err != nil {
			return nil, nil, err
		}
	}
	if out, err = m.marshal(kept); err != nil {
		return nil, nil, err
	}
	rep.After = fileOf(out)
	return out, rep, nil
}

func (s stripped) report(r *Report) {
	for _, kind := range []struct {
		n    int
		what string
	}{{s.docs, "documentation"}, {s.metadata, "metadata"}, {s.training, "training information"}} {
		if kind.n > 0 {
			r.changed(RuleStrip, "file", kind.n, "%s removed", kind.what)
		}
	}
}

// rewrite applies the rules on nodes, in one pass that also follows element types. Each node sees the inputs that the
// rules before it left, and the nodes that take its place are not looked at again.
func (m *model) rewrite() error {
	out := make([]*node, 0, len(m.nodes))
	for _, n := range m.nodes {
		m.infer(n)
		made, err := m.rules(n)
		if err != nil {
			return err
		}
		for _, n := range made {
			m.noteConstant(n)
		}
		out = append(out, made...)
		if len(out)+len(m.prologue) > m.lim.MaxNodes {
			return refuse("graph", fmt.Sprintf("at most %d nodes after preparation", m.lim.MaxNodes), "more")
		}
	}
	if len(m.prologue) > 0 {
		for _, n := range m.prologue {
			n.at = out[0].at
		}
		out = append(m.prologue, out...)
	}
	m.nodes = out
	return nil
}

// rules gives the nodes that take the place of one.
func (m *model) rules(n *node) ([]*node, error) {
	if n.domain != "" {
		return []*node{n}, nil
	}
	switch {
	case n.op == "Softmax" || n.op == "LogSoftmax":
		return m.softmax(n)
	case n.op == "DequantizeLinear":
		return m.dequantize(n)
	}
	if k, ok := products[n.op]; ok {
		return m.product(n, k)
	}
	return m.half(n), nil
}
