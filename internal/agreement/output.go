package agreement

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/tensor"
)

// ErrOutput reports bytes that are not the canonical encoding of an output: they do not decode, or a NaN or a zero is
// not in its canonical form.
var ErrOutput = errors.New("output is not canonical")

// bytesPerElement is what counts as one element of a BYTES tensor. Each of its elements has a length of four bytes, so
// this is never less than the number of elements.
const bytesPerElement = 4

// leastFloatCost is what a float tensor counts for at least: comparing it takes a division of large integers, however
// small it is. It is the length of the shortest encoding of one: a name of one byte, no dimension, one element of 16 bits.
const leastFloatCost = 15

// output is a decoded canonical encoding, made ready to be compared many times.
type output struct {
	tensors []outputTensor
	cost    int64 // elements a comparison with this output looks at
}

type outputTensor struct {
	tensor.Tensor
	cost   int64
	values []float64 // the elements of a float tensor, without rounding; nil for other datatypes
	scale  float64   // the largest absolute value among the finite ones, 0 when there are none
}

// parseOutput decodes within tensor.DefaultLimits. It uses at most a small multiple of the memory of the encoding.
func parseOutput(encoding []byte) (output, error) {
	ts, err := tensor.Decode(encoding, tensor.DefaultLimits)
	if err != nil {
		return output{}, fmt.Errorf("%w: %w", ErrOutput, err)
	}
	out := output{tensors: make([]outputTensor, len(ts))}
	for i, t := range ts {
		if !bytes.Equal(t.Canonical().Data, t.Data) {
			return output{}, fmt.Errorf("%w: expected tensor %q with one form of NaN and of zero, got another", ErrOutput, t.Name)
		}
		parsed := outputTensor{Tensor: t, values: values(t)}
		for _, value := range parsed.values {
			if size := math.Abs(value); size > parsed.scale && size <= math.MaxFloat64 {
				parsed.scale = size
			}
		}
		if size := t.Datatype.Size(); size > 0 {
			parsed.cost = int64(len(t.Data) / size)
			if t.Datatype.IsFloat() {
				parsed.cost = max(parsed.cost, leastFloatCost)
			}
		} else {
			parsed.cost = int64(len(t.Data)+bytesPerElement-1) / bytesPerElement
		}
		out.tensors[i] = parsed
		out.cost += parsed.cost
	}
	return out, nil
}

// values widens the elements of a float tensor. Every float datatype is a subset of the 64-bit one, so nothing rounds.
func values(t tensor.Tensor) []float64 {
	if !t.Datatype.IsFloat() {
		return nil
	}
	size := t.Datatype.Size()
	out := make([]float64, len(t.Data)/size)
	for i := range out {
		element := t.Data[i*size:]
		switch t.Datatype {
		case tensor.FP16:
			out[i] = widenFP16(binary.LittleEndian.Uint16(element))
		case tensor.BF16:
			out[i] = float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(element)) << 16))
		case tensor.FP32:
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(element)))
		default:
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(element))
		}
	}
	return out
}

func widenFP16(bits uint16) float64 {
	const mantissaBits, exponentMask, smallest = 10, 0x1f, 0x1p-24
	mantissa, exponent := uint64(bits&(1<<mantissaBits-1)), uint64(bits>>mantissaBits)&exponentMask
	var value float64
	switch {
	case exponent == exponentMask && mantissa != 0:
		return math.NaN()
	case exponent == exponentMask:
		value = math.Inf(1)
	case exponent == 0:
		value = float64(float64(mantissa) * smallest)
	default:
		// The exponents' biases are 1023 and 15, the mantissas 52 and 10 bits wide.
		value = math.Float64frombits((exponent+1023-15)<<52 | mantissa<<(52-mantissaBits))
	}
	if bits>>15 != 0 {
		value = -value
	}
	return value
}
