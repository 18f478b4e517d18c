package onnxfile

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

// value is a tensor of the graph: what is known of it before it exists.
type value struct {
	datatype tensor.Datatype
	shape    []dim
	// known holds the elements of a tiny integer or boolean tensor of rank 0
	// or 1 when they follow from the file and the input shapes; nil if they do
	// not. An element with a symbol stands for a dimension.
	known []dim
	// bytes is the size of a value that the model computes or is given; uses
	// counts the reads to come. Weights have none.
	bytes     monomial
	counted   bool
	uses      int
	permanent bool
}

// inference walks the nodes in file order, which ONNX requires to be an order
// of execution.
type inference struct {
	p       *parser
	symbols symbols
	values  map[string]*value
	uses    map[string]int
	ledger  *ledger
}

func newInference(p *parser) *inference {
	return &inference{
		p:       p,
		symbols: symbols{index: make(map[string]byte)},
		values:  make(map[string]*value, len(p.out.initializers)+len(p.out.nodes)),
		uses:    make(map[string]int),
		ledger:  newLedger(),
	}
}

func (in *inference) run() error {
	for name, w := range in.p.out.initializers {
		in.values[name] = weightValue(w)
	}
	for _, s := range in.p.out.inputs {
		if err := in.addInput(s); err != nil {
			return err
		}
	}
	for _, n := range in.p.out.nodes {
		for _, name := range n.inputs {
			in.uses[name]++
		}
	}
	for _, o := range in.p.out.outputs {
		in.uses[o.Name]++ // never read by a node, so alive to the end
	}
	for _, n := range in.p.out.nodes {
		if err := in.runNode(n); err != nil {
			return err
		}
	}
	return in.checkTotals()
}

// checkTotals refuses models that are too heavy with the smallest inputs.
func (in *inference) checkTotals() error {
	lim := in.p.lim
	if work, ok := in.ledger.workAtOne(); !ok || work > lim.MaxWork {
		return refuse(ReasonTooLarge, "graph", fmt.Sprintf("work of at most %d with every symbol at 1", lim.MaxWork), "more")
	}
	if peak, ok := in.ledger.peakAtOne(); !ok || peak > lim.MaxActivation {
		return refuse(ReasonTooLarge, "graph", fmt.Sprintf("values of at most %d bytes at one time with every symbol at 1", lim.MaxActivation), "more")
	}
	return nil
}

func weightValue(w *weight) *value {
	v := &value{datatype: w.datatype, shape: constants(w.dims)}
	if w.known != nil {
		v.known = constants(w.known)
	}
	return v
}

func (in *inference) addInput(s tensor.Spec) error {
	where := "input " + quote(s.Name)
	if _, dup := in.values[s.Name]; dup {
		return refuse(ReasonMalformed, where, "a name of its own", "the same name twice")
	}
	for _, d := range s.Dims {
		if d.Size > maxDim {
			return refuse(ReasonTooLarge, where, "dimensions of at most 2^40", "%s", d)
		}
		if _, seen := in.symbols.index[d.Symbol]; d.Symbol == "" || seen {
			continue
		}
		if len(in.symbols.names) >= in.p.lim.MaxSymbols {
			return refuse(ReasonTooLarge, where, fmt.Sprintf("at most %d symbols", in.p.lim.MaxSymbols), "more")
		}
		in.symbols.index[d.Symbol] = byte(len(in.symbols.names))
		in.symbols.names = append(in.symbols.names, d.Symbol)
	}
	v := &value{datatype: s.Datatype, shape: s.Dims, permanent: true}
	in.values[s.Name] = v
	return in.hold(where, v)
}

// hold charges the memory of a value and refuses sizes that overflow.
func (in *inference) hold(where string, v *value) error {
	m, ok := in.symbols.product(v.shape...)
	if ok {
		v.bytes, ok = m.times(uint64(v.datatype.Size()))
	}
	if !ok || !in.ledger.hold(v.bytes, in.p.lim.MaxCostTerms) {
		return refuse(ReasonTooLarge, where, fmt.Sprintf("sizes that fit 63 bits, of at most %d products of symbols", in.p.lim.MaxCostTerms), "%s", v.text())
	}
	v.counted = true
	return nil
}

func (v *value) text() string { return v.datatype.String() + shapeText(v.shape) }

func (in *inference) release(v *value) {
	if v.counted && !v.permanent && v.uses == 0 {
		in.ledger.release(v.bytes)
		v.counted = false
	}
}

func (in *inference) runNode(n *node) error {
	c := &call{st: in, n: n}
	if err := c.gather(); err != nil {
		return err
	}
	calls := uint64(1 + max(0, len(n.inputs)+len(n.outputs)-FreeEdges))
	if err := c.charge(0, NodeElements, monomial{coef: calls}); err != nil {
		return err
	}
	if err := n.rule.infer(c); err != nil {
		return err
	}
	if len(c.results) < len(n.outputs) {
		return refuse(ReasonMalformed, n.where, fmt.Sprintf("at most %d outputs", len(c.results)), "%d", len(n.outputs))
	}
	for i, name := range n.outputs {
		if name == "" {
			continue
		}
		if _, dup := in.values[name]; dup {
			return refuse(ReasonMalformed, n.where, "outputs with names of their own", "%s again", quote(name))
		}
		v := c.results[i]
		v.uses = in.uses[name]
		in.values[name] = v
		if v.permanent { // a constant
			continue
		}
		if err := in.hold(n.where, v); err != nil {
			return err
		}
	}
	for _, v := range c.in {
		if v != nil {
			v.uses--
			in.release(v)
		}
	}
	for i, name := range n.outputs {
		if name != "" {
			in.release(c.results[i])
		}
	}
	return nil
}

// outputs gives the output signature: inferred types and shapes, which the
// declared ones must not contradict.
func (in *inference) outputs() ([]tensor.Spec, error) {
	seen := make(map[string]struct{}, len(in.p.out.outputs))
	specs := make([]tensor.Spec, 0, len(in.p.out.outputs))
	for _, o := range in.p.out.outputs {
		v, ok := in.values[o.Name]
		if !ok {
			return nil, refuse(ReasonMalformed, o.where, "an output that a node produces", "none")
		}
		if _, dup := seen[o.Name]; dup {
			return nil, refuse(ReasonMalformed, o.where, "a name of its own", "the same name twice")
		}
		seen[o.Name] = struct{}{}
		if o.Datatype != v.datatype || o.hasShape && !agrees(o.Dims, v.shape) {
			return nil, refuse(ReasonMalformed, o.where, "the inferred type "+v.text(), "%s", o.Datatype.String()+shapeText(o.Dims))
		}
		specs = append(specs, tensor.Spec{Name: o.Name, Datatype: v.datatype, Dims: v.shape})
	}
	return specs, nil
}

// agrees compares declared dimensions with inferred ones; names and missing
// numbers in a declaration say nothing.
func agrees(declared, inferred []dim) bool {
	if len(declared) != len(inferred) {
		return false
	}
	for i, d := range declared {
		if isConst(d) && d.Size > 0 && d != inferred[i] {
			return false
		}
	}
	return true
}
