package hostile

import (
	"encoding/binary"
	"math"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
)

// run adds a file that passes inspection. Its input x has the shape given, without one [1,4].
func (c *corpus) run(effect Effect, name, what string, file []byte, shape ...int64) {
	c.add("execution-"+effect.String(), name, Passes, file)
	f := &c.files[len(c.files)-1]
	f.Effect, f.Execution = effect, what
	if len(shape) == 0 {
		shape = []int64{1, 4}
	}
	f.Inputs = func() []tensor.Tensor { return []tensor.Tensor{sequence(shape...)} }
}

// sequence is x with the values 0, 1, 2 and so on up to 7, again and again.
func sequence(shape ...int64) tensor.Tensor {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	t := tensor.Tensor{Name: "x", Datatype: tensor.FP32, Shape: shape}
	for i := range n {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(float32(i%8)))
	}
	return t
}

// fixed gives the input of a graph fixed dims.
func fixed(g ow.Graph, dims ...int64) ow.Graph {
	g.Inputs[0].Dims = ow.Shape(dims...)
	return g
}

// small ends a graph in one number, so that its result is small.
func small(g ow.Graph) ow.Graph {
	for i := range g.Nodes {
		for j, name := range g.Nodes[i].Outputs {
			if name == "y" {
				g.Nodes[i].Outputs[j] = "whole"
			}
		}
	}
	g.Nodes = append(g.Nodes, node("ReduceMax", "y", in("whole")))
	return g
}

func zeros(name string, shape ...int64) ow.Tensor {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return ow.FloatTensor(name, shape, make([]float32, n)...)
}

// toInt casts x to i, INT64.
func toInt() ow.Node { return node("Cast", "i", in("x"), ow.Int("to", 7)) }

// toFloat casts a value to y, FLOAT.
func toFloat(from string) ow.Node { return node("Cast", "y", in(from), ow.Int("to", 1)) }

// lowest computes l, the lowest INT64, in the shape of x.
func lowest(rest ...ow.Node) ow.Graph {
	nodes := append([]ow.Node{toInt(), node("Mul", "z", in("i", "zero")), node("Add", "l", in("z", "lowest"))}, rest...)
	return with(graph(nodes...), number("zero", 0), number("lowest", math.MinInt64), number("minus", -1))
}

func (c *corpus) executions() {
	c.crashes()
	c.failures()
	c.exhaustions()
	c.overstays()
}

func (c *corpus) crashes() {
	c.run(Crashes, "lowest-integer-divided-by-minus-1", "SIGFPE: the quotient does not fit 64 bits",
		model(lowest(node("Div", "q", in("l", "minus")), toFloat("q"))))
	c.run(Crashes, "remainder-of-the-lowest-integer", "SIGFPE: the quotient does not fit 64 bits",
		model(lowest(node("Mod", "q", in("l", "minus")), toFloat("q"))))
	diagonal := lowest(node("ReduceMin", "k", in("l"), ow.Int("keepdims", 0)), node("Trilu", "y", in("x", "k")))
	c.run(Crashes, "diagonal-beyond-the-memory", "SIGSEGV: the computed diagonal is added to a size without a check", model(diagonal))
}

func (c *corpus) failures() {
	c.run(Fails, "index-outside-the-table", "the computed index is beyond the data of Gather",
		model(with(graph(toInt(), node("Add", "j", in("i", "far")), node("Gather", "y", in("t", "j"))), number("far", 1<<40), ow.FloatTensor("t", []int64{4}, 1, 2, 3, 4))))
	c.run(Fails, "update-outside-the-data", "an index of ScatterND is beyond the data",
		model(with(graph(node("ScatterND", "y", in("x", "i", "u"))), ow.Int64Tensor("i", []int64{1, 2}, 0, 99), ow.FloatTensor("u", []int64{1}, 1))))
	c.run(Fails, "division-by-a-computed-zero", "the divisor of integers is 0",
		model(with(graph(toInt(), node("Mul", "z", in("i", "zero")), node("Div", "q", in("i", "z")), toFloat("q")), number("zero", 0))))
	c.run(Fails, "reflection-wider-than-the-data", "Pad reflects more elements than there are",
		model(with(graph(node("Pad", "y", in("x", "p"), ow.String("mode", "reflect"))), ints("p", 0, 1000, 0, 1000))))
	lstm := ow.Node{Op: "LSTM", Inputs: in("x", "w", "r", "", "l"), Outputs: in("y"), Attributes: []ow.Attribute{ow.Int("hidden_size", 1)}}
	c.run(Fails, "sequence-longer-than-its-data", "sequence_lens of LSTM exceeds the steps",
		model(with(fixed(graph(lstm), 2, 1, 4), zeros("w", 1, 4, 4), zeros("r", 1, 4, 1), ow.Int32Tensor("l", []int64{1}, 1<<30))), 2, 1, 4)
	region := with(fixed(graph(node("RoiAlign", "y", in("x", "r", "b"), ow.Int("sampling_ratio", 1))), 1, 1, 4, 4), ow.FloatTensor("r", []int64{1, 4}, 0, 0, 2, 2), ints("b", 1<<40))
	c.run(Fails, "region-of-another-image", "a region of RoiAlign names an image that is not there", model(region), 1, 1, 4, 4)

	c.run(Unloaded, "division-by-a-constant-zero", "the runtime finds the divisor while loading",
		model(with(graph(toInt(), node("Div", "q", in("i", "zero")), toFloat("q")), number("zero", 0))))
	c.run(Unloaded, "sum-of-booleans", "Add has no such type", model(graph(node("Cast", "b", in("x"), ow.Int("to", 9)), node("Add", "s", in("b", "b")), toFloat("s"))))
	rnn := ow.Node{Op: "RNN", Inputs: in("x", "w", "r"), Outputs: in("y"), Attributes: []ow.Attribute{ow.Int("hidden_size", 1), ow.Strings("activations", "Mine")}}
	c.run(Unloaded, "activation-nobody-knows", "RNN has no activation of that name", model(with(fixed(graph(rnn), 2, 1, 4), zeros("w", 1, 1, 4), zeros("r", 1, 1, 1))), 2, 1, 4)
}

// exhaustions use memory that is not in the values of the graph, or more of it than a worker has.
func (c *corpus) exhaustions() {
	const side = 1088
	kernel := ow.Tensor{Name: "w", Type: ow.ElementUint8, Dims: []int64{1, 1, 64, 64}, Data: make([]byte, 64*64)}
	integer := with(fixed(graph(node("Cast", "u", in("x"), ow.Int("to", 2)), node("ConvInteger", "i", in("u", "w")), toFloat("i")), 1, 1, side, side), kernel)
	c.run(Exhausts, "columns-of-an-integer-convolution", "4 GiB of scratch memory beside 12 MiB of values: the image as one column for each position of the kernel",
		model(small(integer)), 1, 1, side, side)
	transposed := with(fixed(graph(node("ConvTranspose", "y", in("x", "w"))), 1, 1, 512, 512), zeros("w", 1, 1, 64, 64))
	c.run(Exhausts, "columns-of-a-transposed-convolution", "4 GiB of scratch memory beside 2 MiB of values",
		model(small(transposed)), 1, 1, 512, 512)
	outer := fixed(graph(node("Transpose", "t", in("x")), node("MatMul", "y", in("x", "t"))), 16384, 1)
	c.run(Exhausts, "outer-product", "a value of 1 GiB from an input of 64 KiB, as its report says", model(small(outer)), 16384, 1)
}

// overstays are charged in full, near the limit of inspection, and run for minutes.
func (c *corpus) overstays() {
	products := chain(60, func(_ int, from, to string) ow.Node { return node("MatMul", to, in(from, "i")) })
	products[0].Inputs[0] = "i"
	products[59].Outputs[0] = "p"
	nodes := append([]ow.Node{toInt()}, append(products, toFloat("p"))...)
	c.run(Overstays, "products-of-integers", "60 products of 2048 by 2048 integers of 64 bits, for which the runtime has no fast kernel: minutes",
		model(small(fixed(graph(nodes...), 2048, 2048))), 2048, 2048)
	pools := chain(7, func(_ int, from, to string) ow.Node {
		return node("AveragePool", to, in(from), ow.Ints("kernel_shape", 255, 255), ow.Ints("pads", 254, 254, 254, 254), ow.Ints("dilations", 2, 2))
	})
	c.run(Overstays, "windows-as-wide-as-the-image", "7 windows of 255 by 255 over 512 by 512: minutes",
		model(small(fixed(graph(pools...), 1, 1, 512, 512)), func(m *ow.Model) { m.Opset = 19 }), 1, 1, 512, 512)
}
