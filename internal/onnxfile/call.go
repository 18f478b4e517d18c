package onnxfile

import (
	"fmt"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// call is one node with its inputs, as the rule of its operator sees it.
type call struct {
	st      *inference
	n       *node
	in      []*value // nil for an optional input that is left out
	results []*value
}

// gather looks up the inputs and checks their number.
func (c *call) gather() error {
	r := c.n.rule
	names := c.n.inputs
	if len(names) < r.minIn || len(names) > r.maxIn {
		return refuse(ReasonMalformed, c.n.where, fmt.Sprintf("%d to %d inputs", r.minIn, r.maxIn), "%d", len(names))
	}
	if len(c.n.outputs) == 0 {
		return refuse(ReasonMalformed, c.n.where, "an output", "none")
	}
	c.in = make([]*value, len(names))
	for i, name := range names {
		if name == "" {
			if i < r.minIn {
				return refuse(ReasonMalformed, c.n.where, fmt.Sprintf("input %d", i), "none")
			}
			continue
		}
		v, ok := c.st.values[name]
		if !ok {
			return refuse(ReasonMalformed, c.n.where, "inputs that earlier nodes produce", "%s", quote(name))
		}
		c.in[i] = v
	}
	return nil
}

// opt is input i, nil when it is left out.
func (c *call) opt(i int) *value {
	if i < len(c.in) {
		return c.in[i]
	}
	return nil
}

func (c *call) malformed(expected, got string, args ...any) error {
	return refuse(ReasonMalformed, c.n.where, expected, got, args...)
}

// unknown refuses a shape that can not be expressed.
func (c *call) unknown(expected, got string, args ...any) error {
	return refuse(ReasonUnknownShape, c.n.where, expected+" (fix the dimensions it depends on)", got, args...)
}

func (c *call) unsupported(expected, got string, args ...any) error {
	return refuse(ReasonUnsupportedAttribute, c.n.where, expected, got, args...)
}

func (c *call) attrInt(name string, def int64) int64 {
	if a := c.n.attrs[name]; a != nil {
		return a.i
	}
	return def
}

// attrInts is nil when the attribute is not there.
func (c *call) attrInts(name string) []int64 {
	if a := c.n.attrs[name]; a != nil {
		return append([]int64{}, a.ints...)
	}
	return nil
}

func (c *call) attrString(name, def string) string {
	if a := c.n.attrs[name]; a != nil {
		return a.text
	}
	return def
}

// axis resolves an axis, negative ones counting from the end, among n.
func (c *call) axis(v int64, n int) (int, error) {
	if v < -int64(n) || v >= int64(n) {
		return 0, c.malformed(fmt.Sprintf("an axis within %d dimensions", n), "%d", v)
	}
	if v < 0 {
		v += int64(n)
	}
	return int(v), nil
}

// axes resolves a list of axes and refuses duplicates; the result is sorted.
func (c *call) axes(vs []int64, n int) ([]int, error) {
	out := make([]int, 0, len(vs))
	for _, v := range vs {
		a, err := c.axis(v, n)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		return nil, c.malformed("different axes", "%v", vs)
	}
	return out, nil
}

// knownInts are the values of a list that must be constant in the file.
func (c *call) knownInts(v *value, what string) ([]int64, error) {
	if v.known == nil || !isInteger(v.datatype) {
		return nil, c.unknown("constant "+what, "values that are computed")
	}
	out := make([]int64, len(v.known))
	for i, d := range v.known {
		if !isConst(d) {
			return nil, c.unknown("constant "+what, "%s", d)
		}
		out[i] = d.Size
	}
	return out, nil
}

// emit adds the next output. A shape with a dimension of 0 is accepted only
// together with known values.
func (c *call) emit(d tensor.Datatype, shape []dim) error { return c.emitKnown(d, shape, nil) }

func (c *call) emitKnown(d tensor.Datatype, shape, known []dim) error {
	if len(shape) > c.st.p.lim.MaxRank {
		return refuse(ReasonTooLarge, c.n.where, fmt.Sprintf("a rank of at most %d", c.st.p.lim.MaxRank), "%d", len(shape))
	}
	for _, s := range shape {
		if s.Size < 0 || s.Size == 0 && known == nil {
			return c.unknown("dimensions of at least 1", "%s", shapeText(shape))
		}
		if s.Size > maxDim {
			return refuse(ReasonTooLarge, c.n.where, "dimensions of at most 2^40", "%s", shapeText(shape))
		}
	}
	if len(known) > maxKnownValues || len(shape) > 1 {
		known = nil
	}
	c.results = append(c.results, &value{datatype: d, shape: slices.Clone(shape), known: known})
	return nil
}

// charge adds to the cost macs and elements times m.
func (c *call) charge(macs, elements uint64, m monomial) error {
	w, ok := c.st.ledger.entry(m, c.st.p.lim.MaxCostTerms)
	if !ok {
		return refuse(ReasonTooLarge, c.n.where, fmt.Sprintf("at most %d products of symbols in the cost", c.st.p.lim.MaxCostTerms), "more")
	}
	for _, part := range []struct {
		sum *uint64
		n   uint64
	}{{&w.macs, macs}, {&w.elements, elements}} {
		more, ok := mul(part.n, m.coef)
		if ok {
			*part.sum, ok = add(*part.sum, more)
		}
		if !ok {
			return refuse(ReasonTooLarge, c.n.where, "a cost that fits 64 bits", "more")
		}
	}
	return nil
}

func (c *call) product(dims ...dim) (monomial, error) {
	m, ok := c.st.symbols.product(dims...)
	if !ok {
		return m, refuse(ReasonTooLarge, c.n.where, "sizes that fit 63 bits", "%s", shapeText(dims))
	}
	return m, nil
}

// macs charges linear algebra: the product of dimensions.
func (c *call) macs(dims ...dim) error {
	m, err := c.product(dims...)
	if err != nil {
		return err
	}
	return c.charge(1, 0, m)
}

// calls charges products of matrices for their number, without their size.
func (c *call) calls(dims ...dim) error {
	m, err := c.product(dims...)
	if err != nil {
		return err
	}
	return c.charge(0, ProductElements, m)
}

// work charges elements at the weight of the operator.
func (c *call) work(dims ...dim) error {
	m, err := c.product(dims...)
	if err != nil {
		return err
	}
	return c.charge(0, uint64(max(1, c.n.rule.weight)), m)
}
