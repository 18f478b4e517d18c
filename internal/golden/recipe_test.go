package golden_test

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/tensor"
)

func TestRecipeRefuses(t *testing.T) {
	symbolic := tensor.Spec{Name: "x", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}}}
	for _, c := range []struct {
		name   string
		input  tensor.Spec
		ranges map[string]golden.Range
		symbol map[string]int64
		want   error
	}{
		{"a range of what is no input", fixed("x", tensor.FP32, 1), map[string]golden.Range{"z": {"0", "1"}}, nil, golden.ErrRecipe},
		{"a range that falls", fixed("x", tensor.FP32, 1), map[string]golden.Range{"x": {"1", "0"}}, nil, golden.ErrRecipe},
		{"an integer range that falls", fixed("x", tensor.Int8, 1), map[string]golden.Range{"x": {"1", "-1"}}, nil, golden.ErrRecipe},
		{"no number", fixed("x", tensor.FP32, 1), map[string]golden.Range{"x": {"", "1"}}, nil, golden.ErrRecipe},
		{"infinity", fixed("x", tensor.FP32, 1), map[string]golden.Range{"x": {"0", "inf"}}, nil, golden.ErrRecipe},
		{"a hexadecimal float", fixed("x", tensor.FP32, 1), map[string]golden.Range{"x": {"0", "0x1p3"}}, nil, golden.ErrRecipe},
		{"an underscore", fixed("x", tensor.Int64, 1), map[string]golden.Range{"x": {"0", "1_000"}}, nil, golden.ErrRecipe},
		{"beyond FP16", fixed("x", tensor.FP16, 1), map[string]golden.Range{"x": {"0", "65505"}}, nil, golden.ErrRecipe},
		{"beyond FP32", fixed("x", tensor.FP32, 1), map[string]golden.Range{"x": {"-1e39", "0"}}, nil, golden.ErrRecipe},
		{"a difference beyond FP64", fixed("x", tensor.FP64, 1), map[string]golden.Range{"x": {"-1e308", "1.7e308"}}, nil, golden.ErrRecipe},
		{"beyond INT8", fixed("x", tensor.Int8, 1), map[string]golden.Range{"x": {"0", "128"}}, nil, golden.ErrRecipe},
		{"below 0 of an unsigned integer", fixed("x", tensor.Uint8, 1), map[string]golden.Range{"x": {"-1", "1"}}, nil, golden.ErrRecipe},
		{"a boolean of 2", fixed("x", tensor.Bool, 1), map[string]golden.Range{"x": {"0", "2"}}, nil, golden.ErrRecipe},
		{"a fraction of an integer", fixed("x", tensor.Int32, 1), map[string]golden.Range{"x": {"0", "1.5"}}, nil, golden.ErrRecipe},
		{"a symbol that is not there", symbolic, nil, map[string]int64{"M": 1}, golden.ErrRecipe},
		{"a symbol of 0", symbolic, nil, map[string]int64{"N": 0}, golden.ErrRecipe},
		{"an input that is too large", symbolic, nil, map[string]int64{"N": golden.VectorBytes}, golden.ErrSize},
		{"a size that overflows", symbolic, nil, map[string]int64{"N": math.MaxInt64}, golden.ErrSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := golden.Recipe{Inputs: []tensor.Spec{c.input}, Outputs: output(), Ranges: c.ranges, Symbols: c.symbol}
			_, err := r.Vectors()
			require.ErrorIs(t, err, c.want)
		})
	}
	r := golden.Recipe{
		Inputs: []tensor.Spec{symbolic}, Symbols: map[string]int64{"N": 1 << 16},
		Outputs: []tensor.Spec{{Name: "y", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 100, Symbol: "N"}}}},
	}
	_, err := r.Count()
	require.ErrorIs(t, err, golden.ErrSize, "outputs that are too large")
}

// TestCountFits holds the number of vectors against the sizes of what they really give.
func TestCountFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, out := rapid.Int64Range(1, 1<<17).Draw(t, "in"), rapid.Int64Range(1, 4000).Draw(t, "out")
		r := golden.Recipe{
			Inputs:  []tensor.Spec{fixed("x", tensor.Uint8, in)},
			Outputs: []tensor.Spec{fixed("y", tensor.FP32, out), fixed("z", tensor.FP16)},
		}
		count, err := r.Count()
		require.NoError(t, err)
		encoded, err := tensor.EncodedSize(
			tensor.Tensor{Name: "y", Datatype: tensor.FP32, Shape: []int64{out}}, tensor.Tensor{Name: "z", Datatype: tensor.FP16})
		require.NoError(t, err)
		inputs, err := tensor.EncodedSize(tensor.Tensor{Name: "x", Datatype: tensor.Uint8, Shape: []int64{in}})
		require.NoError(t, err)
		fits := func(n int64) bool {
			return n*(encoded+8) <= golden.OutputBytes && n*inputs <= golden.VectorBytes
		}
		want := 1
		for want < golden.MaxVectors && fits(int64(want+1)) {
			want++
		}
		require.Equal(t, want, count)
	})
}

// TestVectorsStayInRange draws ranges of every datatype and reads every element back.
func TestVectorsStayInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := tensor.Datatype(rapid.IntRange(int(tensor.Bool), int(tensor.Bytes)).Draw(t, "datatype"))
		low, high := rapid.IntRange(0, 1).Draw(t, "low"), 1
		if d != tensor.Bool {
			low = rapid.IntRange(0, 100).Draw(t, "from")
			high = low + rapid.IntRange(0, 27).Draw(t, "more")
		}
		r := golden.Recipe{
			Model: [32]byte{byte(rapid.IntRange(0, 255).Draw(t, "model"))}, Inputs: []tensor.Spec{fixed("x", d, 3, 5)}, Outputs: output(),
			Ranges: map[string]golden.Range{"x": {strconv.Itoa(low), strconv.Itoa(high)}},
		}
		vectors, err := r.Vectors()
		require.NoError(t, err)
		for _, v := range vectors {
			require.Len(t, v, 1)
			require.NoError(t, v[0].Validate())
			_, err := tensor.Bind(r.Inputs, v)
			require.NoError(t, err)
			for _, x := range read(v[0]) {
				require.False(t, x < float64(low) || x > float64(high), "%v is not within %d and %d", x, low, high)
			}
		}
	})
}

// read widens the elements of a tensor with small values.
func read(t tensor.Tensor) []float64 {
	var out []float64
	le := binary.LittleEndian
	for d := t.Data; len(d) > 0; {
		size := t.Datatype.Size()
		switch t.Datatype {
		case tensor.Bytes:
			size = 4 + int(le.Uint32(d))
			v, err := strconv.Atoi(string(d[4:size]))
			if err != nil {
				panic(err)
			}
			out = append(out, float64(v))
		case tensor.FP16:
			out = append(out, half(le.Uint16(d)))
		case tensor.BF16:
			out = append(out, float64(math.Float32frombits(uint32(le.Uint16(d))<<16)))
		case tensor.FP32:
			out = append(out, float64(math.Float32frombits(le.Uint32(d))))
		case tensor.FP64:
			out = append(out, math.Float64frombits(le.Uint64(d)))
		default:
			v := uint64(0)
			for i := size - 1; i >= 0; i-- {
				v = v<<8 | uint64(d[i])
			}
			out = append(out, float64(v))
		}
		d = d[size:]
	}
	return out
}

// half reads a normal or subnormal FP16 number.
func half(b uint16) float64 {
	exponent, mantissa := int(b>>10&31), float64(b&1023)
	v := math.Ldexp(mantissa, -24)
	if exponent > 0 {
		v = math.Ldexp(1024+mantissa, exponent-25)
	}
	if b>>15 == 1 {
		return -v
	}
	return v
}

// TestNarrowRoundsToNearest compares the rounding to 16 bits with exact arithmetic over all neighbours.
func TestNarrowRoundsToNearest(t *testing.T) {
	for _, d := range []tensor.Datatype{tensor.FP16, tensor.BF16} {
		widen := half
		if d == tensor.BF16 {
			widen = func(b uint16) float64 { return float64(math.Float32frombits(uint32(b) << 16)) }
		}
		rapid.Check(t, func(t *rapid.T) {
			most := map[tensor.Datatype]uint16{tensor.FP16: 0x7bff, tensor.BF16: 0x7f7f}[d]
			at := rapid.Uint16Range(0, most-1).Draw(t, "at")
			below, above := widen(at), widen(at+1)
			x := below + (above-below)*rapid.SampledFrom([]float64{0, 0.25, 0.5, 0.5000001, 0.75, 1}).Draw(t, "part")
			text := strconv.FormatFloat(x, 'e', 17, 64)
			r := golden.Recipe{
				Inputs: []tensor.Spec{fixed("x", d, 1)}, Outputs: output(), Ranges: map[string]golden.Range{"x": {text, text}},
			}
			vectors, err := r.Vectors()
			require.NoError(t, err)
			got := widen(binary.LittleEndian.Uint16(vectors[0][0].Data))
			down, up := distance(x, below), distance(x, above)
			want := below
			if up.Cmp(down) < 0 || up.Cmp(down) == 0 && at&1 == 1 {
				want = above
			}
			require.Equal(t, want, got, "%s of %v", d, x)
		})
	}
}

func distance(a, b float64) *big.Rat {
	d := new(big.Rat).Sub(new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(b))
	return d.Abs(d)
}

func TestVectorsDiffer(t *testing.T) {
	r := golden.Recipe{Inputs: []tensor.Spec{fixed("a", tensor.FP32, 64), fixed("b", tensor.FP32, 64)}, Outputs: output()}
	seen := make(map[string]struct{})
	for model := range byte(3) {
		r.Model[31] = model
		vectors, err := r.Vectors()
		require.NoError(t, err)
		require.Len(t, vectors, golden.MaxVectors)
		for _, v := range vectors {
			for _, x := range v {
				seen[string(x.Data)] = struct{}{}
			}
		}
	}
	require.Len(t, seen, 3*golden.MaxVectors*2, "no two inputs are alike")
}
