package onnxfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opengradient/opengradient/internal/tensor"
)

// equation is an Einsum equation: a letter for each dimension.
type equation struct {
	operands []string
	output   string
}

// readEquation reads "ab,bc->ac". Without arrow the output has the letters that
// occur once, in the order of the alphabet. An ellipsis is not supported.
func (c *call) readEquation() (*equation, error) {
	text := strings.ReplaceAll(c.attrString("equation", ""), " ", "")
	inputs, output, arrow := strings.Cut(text, "->")
	if strings.ContainsFunc(inputs+output, func(r rune) bool {
		return r != ',' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) || strings.Contains(output, ",") {
		return nil, c.unsupported("an equation of letters and commas, with an arrow or without", "%s", quote(text))
	}
	e := &equation{operands: strings.Split(inputs, ","), output: output}
	if len(e.operands) != len(c.in) {
		return nil, c.malformed(fmt.Sprintf("an equation of %d inputs", len(c.in)), "%d", len(e.operands))
	}
	if !arrow {
		for r := 'A'; r <= 'z'; r++ {
			if strings.Count(inputs, string(r)) == 1 {
				e.output += string(r)
			}
		}
		e.output = strings.ReplaceAll(e.output, ",", "")
	}
	for _, s := range append(slices.Clone(e.operands), e.output) {
		for i := range len(s) {
			if strings.IndexByte(s[i+1:], s[i]) >= 0 {
				return nil, c.unsupported("an equation with each letter once in each part", "%s", quote(text))
			}
		}
	}
	return e, nil
}

// sizes gives the dimension of each letter.
func (c *call) sizes(e *equation) (map[byte]dim, error) {
	sizes := make(map[byte]dim)
	for i, s := range e.operands {
		shape := c.in[i].shape
		if len(shape) != len(s) {
			return nil, c.malformed("a letter for each dimension", "%s for %s", quote(s), c.in[i].text())
		}
		for j := range len(s) {
			if d, seen := sizes[s[j]]; seen && d != shape[j] {
				return nil, c.unknown("equal dimensions for a letter", "%s and %s for %c", d, shape[j], s[j])
			}
			sizes[s[j]] = shape[j]
		}
	}
	for j := range len(e.output) {
		if _, seen := sizes[e.output[j]]; !seen {
			return nil, c.malformed("letters of the inputs in the output", "%c", e.output[j])
		}
	}
	return sizes, nil
}

// inferEinsum contracts inputs from left to right: what only one of them has and
// nothing needs later is summed first; then each product costs all letters that
// are left of both sides.
func inferEinsum(c *call) error {
	if slices.Contains(c.in, nil) {
		return c.malformed("all inputs", "one that is left out")
	}
	if err := c.sameType(c.in...); err != nil {
		return err
	}
	e, err := c.readEquation()
	if err != nil {
		return err
	}
	sizes, err := c.sizes(e)
	if err != nil {
		return err
	}
	last := make(map[byte]int) // operand that needs a letter last; the output needs it always
	for i, s := range append(slices.Clone(e.operands), e.output) {
		for j := range len(s) {
			last[s[j]] = i
		}
	}
	result := ""
	for i, s := range e.operands {
		if err := c.work(c.in[i].shape...); err != nil {
			return err
		}
		left := needed(result, i-1, last)
		right := needed(s, i, last)
		for j := range len(s) { // what both have takes part even if this is its end
			if strings.IndexByte(left, s[j]) >= 0 && strings.IndexByte(right, s[j]) < 0 {
				right += s[j : j+1]
			}
		}
		union := left
		for j := range len(right) {
			if strings.IndexByte(union, right[j]) < 0 {
				union += right[j : j+1]
			}
		}
		if i > 0 {
			if err := c.macs(letterDims(union, sizes)...); err != nil {
				return err
			}
			if err := c.calls(letterDims(batched(left, right, i, last), sizes)...); err != nil {
				return err
			}
		}
		result = needed(union, i, last)
	}
	return c.emit(c.in[0].datatype, letterDims(e.output, sizes))
}

// batched are the letters of both sides that are not summed: one product of
// matrices for each of their values.
func batched(left, right string, i int, last map[byte]int) string {
	var out []byte
	for j := range len(left) {
		if strings.IndexByte(right, left[j]) >= 0 && last[left[j]] > i {
			out = append(out, left[j])
		}
	}
	return string(out)
}

// needed keeps the letters that an operand after i, or the output, has.
func needed(letters string, i int, last map[byte]int) string {
	var out []byte
	for j := range len(letters) {
		if last[letters[j]] > i {
			out = append(out, letters[j])
		}
	}
	return string(out)
}

func letterDims(letters string, sizes map[byte]dim) []dim {
	out := make([]dim, len(letters))
	for i := range len(letters) {
		out[i] = sizes[letters[i]]
	}
	return out
}

// inferEyeLike gives a matrix of the input's shape.
func inferEyeLike(c *call) error {
	d := c.in[0].datatype
	if c.n.attrs["dtype"] != nil {
		var err error
		if d, err = datatypeOf(c.n.where, c.attrInt("dtype", 0)); err != nil {
			return err
		}
	}
	if len(c.in[0].shape) != 2 {
		return c.malformed("a matrix", "%s", c.in[0].text())
	}
	if err := c.work(c.in[0].shape...); err != nil {
		return err
	}
	return c.emit(d, c.in[0].shape)
}

// maxMatrix bounds the matrices whose determinant is taken: their cube is far
// from overflow.
const maxMatrix = 1 << 16

// inferDet is elimination of square matrices.
func inferDet(c *call) error {
	shape := c.in[0].shape
	r := len(shape)
	if r < 2 || !isConst(shape[r-1]) || shape[r-1] != shape[r-2] || shape[r-1].Size > maxMatrix {
		return c.unknown(fmt.Sprintf("square matrices of a constant size of at most %d", maxMatrix), "%s", c.in[0].text())
	}
	n := shape[r-1].Size
	if err := c.macs(append(slices.Clone(shape[:r-2]), constant((n*n*n+2)/3+n*n))...); err != nil {
		return err
	}
	if err := c.calls(shape[:r-2]...); err != nil {
		return err
	}
	return c.emit(c.in[0].datatype, shape[:r-2])
}

// inferSignalWindow covers HannWindow and its like: values of a constant number.
func inferSignalWindow(c *call) error {
	size, err := c.knownInts(c.in[0], "size")
	if err != nil {
		return err
	}
	if len(size) != 1 || size[0] < 1 {
		return c.malformed("one size of at least 1", "%v", size)
	}
	d := tensor.FP32
	if c.n.attrs["output_datatype"] != nil {
		if d, err = datatypeOf(c.n.where, c.attrInt("output_datatype", 0)); err != nil {
			return err
		}
	}
	if err := c.work(constant(size[0])); err != nil {
		return err
	}
	return c.emit(d, []dim{constant(size[0])})
}
