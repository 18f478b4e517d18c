package agreement

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

var nan, inf = math.NaN(), math.Inf(1)

// narrow gives the bits of the number of a float datatype that is nearest to x, of two equally near the one with the even
// last bit, as processors do. What is too large becomes an infinity.
func narrow(datatype tensor.Datatype, x float64) uint64 {
	switch datatype {
	case tensor.FP64:
		return math.Float64bits(x)
	case tensor.FP32:
		return uint64(math.Float32bits(float32(x)))
	}
	format := oracleFormat[datatype]
	infinity := (uint64(1)<<format.exponent - 1) << format.mantissa
	sign := uint64(0)
	if math.Signbit(x) {
		sign = 1 << (format.exponent + format.mantissa)
	}
	x = math.Abs(x)
	switch {
	case math.IsNaN(x):
		return infinity | 1<<(format.mantissa-1)
	case math.IsInf(x, 0):
		return sign | infinity
	case x == 0:
		return sign
	}
	bias := 1<<(format.exponent-1) - 1
	_, exponent := math.Frexp(x) // x is in [1/2, 1) · 2^exponent
	exponent = max(exponent-1, 1-bias)
	// Counted in the last place of its binade, a number is its mantissa; a carry goes up into the exponent by itself.
	steps := uint64(math.RoundToEven(math.Ldexp(x, format.mantissa-exponent)))
	return sign | min(uint64(exponent+bias-1)<<format.mantissa+steps, infinity)
}

// narrowed builds a vector of the numbers nearest to the values; integers are counted in units of 1/8192.
func narrowed(datatype tensor.Datatype, values ...float64) tensor.Tensor {
	bits := make([]uint64, len(values))
	for i, value := range values {
		switch {
		case datatype.IsFloat():
			bits[i] = narrow(datatype, value)
		case value == value:
			bits[i] = uint64(int8(max(-1, min(1, value)) * 8192))
		}
	}
	return floats(datatype, bits...).Canonical()
}

func mustEncode(t tensor.Tensor) []byte {
	encoding, err := tensor.EncodeOutputs([]tensor.Tensor{t})
	if err != nil {
		panic(err)
	}
	return encoding
}

// Narrowing gives each number of a datatype back, and the halfway points between two of them to the even one.
func TestNarrow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		datatype := rapid.SampledFrom([]tensor.Datatype{tensor.FP16, tensor.BF16}).Draw(rt, "datatype")
		format := oracleFormat[datatype]
		largest := (uint64(1)<<format.exponent-1)<<format.mantissa - 1
		bits := rapid.OneOf(rapid.Uint64Range(0, largest-1), rapid.Uint64Range(0, 3<<format.mantissa)).Draw(rt, "bits")
		xs := values(floats(datatype, bits, bits+1))
		if got := narrow(datatype, xs[0]); got != bits {
			rt.Fatalf("%v %v: expected %#x, got %#x", datatype, xs[0], bits, got)
		}
		halfway := (xs[0] + xs[1]) / 2
		for _, tc := range []struct {
			x    float64
			want uint64
		}{
			{halfway, bits + bits&1}, {math.Nextafter(halfway, 0), bits}, {math.Nextafter(halfway, inf), bits + 1},
		} {
			if got := narrow(datatype, tc.x); got != tc.want {
				rt.Fatalf("%v %v: expected %#x, got %#x", datatype, tc.x, tc.want, got)
			}
		}
	})
}
