package modelzoo

import "github.com/opengradient/opengradient/internal/onnxwrite"

var gates = map[string]int64{"RNN": 1, "GRU": 3, "LSTM": 4}

// recurrent reads a sequence [T,B,I] with one layer and scores its last state.
func recurrent(name, op string, steps, batch, in, hidden int64) Model {
	b := newBuilder(name)
	x := b.input("sequence", onnxwrite.ElementFloat, int(steps), int(batch), int(in))
	g := gates[op] * hidden
	outputs := b.nodes(op, 2, []string{x, b.weight(int(in), 1, g, in), b.weight(int(hidden), 1, g, hidden), b.weight(1, 1, 2*g)},
		onnxwrite.Int("hidden_size", hidden))
	last := b.node("Squeeze", []string{outputs[1], b.ints(0)})
	b.output(b.dense(last, hidden, 2), onnxwrite.ElementFloat)
	return Model{name, Recurrent, b.file(), floatInput("sequence", steps, batch, in)}
}

func recurrents() []Model {
	return []Model{
		recurrent("rnn-small", "RNN", 8, 1, 8, 32),
		recurrent("gru-medium", "GRU", 64, 1, 32, 128),
		recurrent("lstm-large", "LSTM", 96, 8, 64, 256),
	}
}

// transformer has layers of self-attention and a feed-forward network over tokens [1,T,width].
func transformer(name string, steps, width, heads int64, layers int) Model {
	b := newBuilder(name)
	x := b.input("tokens", onnxwrite.ElementFloat, 1, int(steps), int(width))
	split := func(x string, perm ...int64) string {
		return b.node("Transpose", []string{b.node("Reshape", []string{x, b.ints(0, 0, heads, width/heads)})}, onnxwrite.Ints("perm", perm...))
	}
	normalize := func(x, y string) string {
		return b.node("LayerNormalization", []string{b.node("Add", []string{x, y}), b.fill(1, width), b.weight(1, width)})
	}
	for range layers {
		q := split(b.project(x, width, width), 0, 2, 1, 3)
		k := split(b.project(x, width, width), 0, 2, 3, 1)
		v := split(b.project(x, width, width), 0, 2, 1, 3)
		scores := b.node("Mul", []string{b.node("MatMul", []string{q, k}), b.values(nil, []float32{fanScale(int(width / heads))})})
		mixed := b.node("MatMul", []string{b.node("Softmax", []string{scores}), v})
		joined := b.node("Reshape", []string{b.node("Transpose", []string{mixed}, onnxwrite.Ints("perm", 0, 2, 1, 3)), b.ints(0, 0, width)})
		x = normalize(x, b.project(joined, width, width))
		h := b.project(x, width, 4*width)
		// GELU in terms of Erf, as exporters write it before operator set 20.
		e := b.node("Erf", []string{b.node("Mul", []string{h, b.values(nil, []float32{0.70703125})})})
		h = b.node("Mul", []string{b.node("Mul", []string{h, b.values(nil, []float32{0.5})}), b.node("Add", []string{e, b.values(nil, []float32{1})})})
		x = normalize(x, b.project(h, 4*width, width))
	}
	b.output(b.node("ReduceMean", []string{x}, onnxwrite.Ints("axes", 1)), onnxwrite.ElementFloat)
	return Model{name, Attention, b.file(), floatInput("tokens", 1, steps, width)}
}

func attentions() []Model {
	return []Model{
		transformer("attention-small", 8, 32, 2, 1),
		transformer("attention-medium", 64, 128, 4, 1),
		transformer("attention-large", 128, 192, 6, 2),
	}
}
