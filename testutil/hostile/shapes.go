package hostile

import (
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/onnxfile"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// shapes are sizes that overflow, are negative, zero or unknown.
func (c *corpus) shapes() {
	large, unknown, bad := onnxfile.ReasonTooLarge, onnxfile.ReasonUnknownShape, onnxfile.ReasonMalformed
	shaped := func(dims ...ow.Dim) []byte {
		g := relu()
		g.Inputs[0].Dims = dims
		return model(g)
	}
	c.add("shape", "2-40", large, shaped(ow.Fixed(1<<40)))
	c.add("shape", "2-40-times-symbol", large, shaped(ow.Symbolic("N"), ow.Fixed(1<<40)))
	c.add("shape", "2-40-twice", large, shaped(ow.Fixed(1<<40), ow.Fixed(1<<40)))
	c.add("shape", "2-63-less-1", large, shaped(ow.Fixed(math.MaxInt64)))
	c.add("shape", "product-of-2-64", large, shaped(ow.Fixed(1<<32), ow.Fixed(1<<32)))
	c.add("shape", "rank-9", large, shaped(ow.Shape(1, 1, 1, 1, 1, 1, 1, 1, 1)...))
	c.add("shape", "rank-17", large, shaped(ow.Shape(make([]int64, 17)...)...))
	c.add("shape", "negative", unknown, shaped(ow.Fixed(-1)))
	c.add("shape", "unspecified", unknown, shaped(ow.Dim{}))
	unranked := relu()
	unranked.Inputs[0] = ow.ValueInfo{Name: "x", Type: ow.ElementFloat, Unranked: true}
	c.add("shape", "unranked", unknown, model(unranked))
	var symbols []ow.Dim
	for i := range 8 {
		symbols = append(symbols, ow.Symbolic(fmt.Sprintf("S%d", i)))
	}
	many := relu()
	many.Inputs[0].Dims = symbols
	many.Inputs = append(many.Inputs, ow.ValueInfo{Name: "z", Type: ow.ElementFloat, Dims: []ow.Dim{ow.Symbolic("one-too-many")}})
	c.add("shape", "nine-symbols", large, model(many))
	wrong := relu()
	wrong.Outputs[0] = ow.ValueInfo{Name: "y", Type: ow.ElementFloat, Dims: ow.Shape(7, 4)}
	c.add("shape", "declared-otherwise", bad, model(wrong))

	c.add("shape", "diagonal-beyond-the-memory", bad, model(with(graph(node("Trilu", "y", in("x", "k"))), number("k", math.MinInt64))))

	zero := func(g ow.Graph, dims ...ow.Dim) []byte {
		g.Inputs[0].Dims = dims
		return model(g)
	}
	c.add("zero-dimension", "of-the-input", unknown, shaped(ow.Fixed(0), ow.Fixed(4)))
	c.add("zero-dimension", "of-a-slice", unknown, model(with(graph(node("Slice", "y", in("x", "s", "e", "a"))), ints("s", 2), ints("e", 2), ints("a", 1))))
	c.add("zero-dimension", "of-an-expansion", unknown, model(with(graph(node("Expand", "y", in("x", "s"))), ints("s", 0, 1, 1))))
	c.add("zero-dimension", "of-a-kernel", bad, zero(with(graph(node("MaxPool", "y", in("x"), ow.Ints("kernel_shape", 0)))), ow.Fixed(1), ow.Fixed(1), ow.Fixed(4)))
	c.add("zero-dimension", "of-a-stride", bad, zero(with(graph(node("MaxPool", "y", in("x"), ow.Ints("kernel_shape", 1), ow.Ints("strides", 0)))), ow.Fixed(1), ow.Fixed(1), ow.Fixed(4)))
	c.add("zero-dimension", "step-of-a-range", unknown, model(with(graph(node("Range", "r", in("a", "b", "d")), node("Relu", "y", in("x"))), number("a", 0), number("b", 9), number("d", 0))))
}

// expansions are small files whose values grow without bound.
func (c *corpus) expansions() {
	const class = "expansion"
	large := onnxfile.ReasonTooLarge
	c.add(class, "constant-of-shape", large, model(with(graph(node("ConstantOfShape", "y", in("s"))), ints("s", 1<<20, 1<<20))))
	c.add(class, "constant-of-shape-8-gib", large, model(with(graph(node("ConstantOfShape", "y", in("s"))), ints("s", 1<<31))))
	c.add(class, "tile", large, model(with(graph(node("Tile", "y", in("x", "r"))), ints("r", 1, 1<<38))))
	c.add(class, "expand", large, model(with(graph(node("Expand", "y", in("x", "s"))), ints("s", 1<<20, 1<<20, 1, 4))))
	bound := with(graph(node("Range", "r", in("a", "b", "d")), node("Cast", "y", in("r"), ow.Int("to", 1))), number("a", 0), number("b", 1<<40), number("d", 1))
	c.add(class, "range", large, model(bound))
	c.add(class, "one-hot", large, model(with(graph(node("Cast", "i", in("x"), ow.Int("to", 7)), node("OneHot", "y", in("i", "d", "v"))), number("d", 1<<40), ow.FloatTensor("v", []int64{2}, 0, 1))))
	c.add(class, "pad", large, model(with(graph(node("Pad", "y", in("x", "p"))), ints("p", 0, 0, 0, 1<<40))))
	image := func(g ow.Graph) ow.Graph {
		g.Inputs[0].Dims = ow.Shape(1, 1, 4, 4)
		return g
	}
	c.add(class, "resize", large, model(image(with(graph(node("Resize", "y", in("x", "", "", "s"))), ints("s", 1, 1, 1<<20, 1<<20)))))
	c.add(class, "transposed-convolution", large, model(image(with(graph(node("ConvTranspose", "y", in("x", "w"), ow.Ints("strides", 1<<20, 1<<20))), ow.FloatTensor("w", []int64{1, 1, 1, 1}, 1)))))
	c.add(class, "pads-of-a-convolution", large, model(image(with(graph(node("Conv", "y", in("x", "w"), ow.Ints("pads", 1<<22, 1<<22, 1<<22, 1<<22))), ow.FloatTensor("w", []int64{1, 1, 1, 1}, 1)))))
	c.add(class, "outer-product", large, model(with(graph(
		node("Reshape", "a", in("k", "col")), node("Reshape", "b", in("k", "row")), node("MatMul", "m", in("a", "b")), node("ReduceMax", "y", in("m")),
	), func() ow.Tensor { t := ow.FloatTensor("k", []int64{1 << 16}, make([]float32, 1<<16)...); return t }(), ints("col", -1, 1), ints("row", 1, -1))))
	c.add(class, "doubling-by-concat", large, model(graph(chain(60, func(_ int, from, to string) ow.Node {
		return node("Concat", to, in(from, from), ow.Int("axis", 1))
	})...)))
	c.add(class, "squaring-by-einsum", large, model(graph(
		node("Einsum", "a", in("x", "x"), ow.String("equation", "ij,kl->ijkl")),
		node("Einsum", "y", in("a", "a"), ow.String("equation", "ijkl,mnop->ijklmnop")),
		node("Einsum", "z", in("y", "y"), ow.String("equation", "abcdefgh,ijklmnop->abcdefghijklmnop")),
	)))
	// Each level folds 64 constants of the level before: a reader that evaluates constants does 64⁸ additions.
	c.add(class, "constant-folding", large, model(with(graph(
		append(chain(8, func(i int, from, to string) ow.Node {
			if i == 0 {
				from = "k"
			}
			if to == "y" {
				to = "big"
			}
			return node("Concat", to, repeat(from, 64), ow.Int("axis", 0))
		}), node("Gather", "y", in("big", "zero")))...,
	), ow.FloatTensor("k", []int64{64}, make([]float32, 64)...), number("zero", 0))))
	c.add(class, "dimensions-by-multiplication", large, model(with(graph(append(chain(12, func(i int, from, to string) ow.Node {
		if i == 0 {
			from = "k"
		}
		if to == "y" {
			to = "s"
		}
		return node("Mul", to, in(from, "k"))
	}), node("ConstantOfShape", "y", in("s")))...), ints("k", 8))))
}

func repeat(name string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = name
	}
	return out
}
