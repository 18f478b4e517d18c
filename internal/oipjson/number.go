package oipjson

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/opengradient/opengradient/internal/tensor"
)

// maxLiteral bounds the text of one number. The longest exact decimal form of
// an FP64 value has fewer digits.
const maxLiteral = 1200

// JSON has no names for these values; they are strings.
const (
	nan         = `"NaN"`
	infinity    = `"Infinity"`
	negInfinity = `"-Infinity"`
)

func parseInteger(d tensor.Datatype, token []byte) (uint64, error) {
	size := d.Size() * 8
	if d >= tensor.Int8 {
		v, err := strconv.ParseInt(string(token), 10, size)
		if err != nil {
			return 0, fmt.Errorf("data: expected an integer of %s, got %s", d, sample(token))
		}
		return uint64(v), nil
	}
	if string(token) == "-0" {
		token = token[1:]
	}
	v, err := strconv.ParseUint(string(token), 10, size)
	if err != nil {
		return 0, fmt.Errorf("data: expected an integer of %s, got %s", d, sample(token))
	}
	return v, nil
}

// parseFloat gives the bits of the value nearest to a literal.
func parseFloat(d tensor.Datatype, token []byte) (uint64, error) {
	switch string(token) {
	case nan:
		return formats[d].nan, nil
	case infinity:
		return formats[d].infinity(), nil
	case negInfinity:
		return formats[d].infinity() | formats[d].sign(), nil
	}
	if len(token) == 0 || token[0] != '-' && (token[0] < '0' || token[0] > '9') {
		return 0, fmt.Errorf("data: expected a number, \"NaN\", \"Infinity\" or \"-Infinity\", got %s", sample(token))
	}
	if len(token) > maxLiteral {
		return 0, fmt.Errorf("data: expected a number of at most %d characters, got %d", maxLiteral, len(token))
	}
	overflow := fmt.Errorf("data: expected a number in the range of %s, got %s", d, sample(token))
	switch d {
	case tensor.FP32:
		v, err := strconv.ParseFloat(string(token), 32)
		if err != nil {
			return 0, overflow
		}
		return uint64(math.Float32bits(float32(v))), nil
	case tensor.FP64:
		v, err := strconv.ParseFloat(string(token), 64)
		if err != nil {
			return 0, overflow
		}
		return math.Float64bits(v), nil
	default:
		bits, ok := parseHalf(formats[d], string(token))
		if !ok {
			return 0, overflow
		}
		return bits, nil
	}
}

// format is the layout of a binary floating-point datatype.
type format struct {
	exponent, fraction int // bits
	nan                uint64
}

var formats = map[tensor.Datatype]format{
	tensor.FP16: {5, 10, 0x7e00},
	tensor.BF16: {8, 7, 0x7fc0},
	tensor.FP32: {8, 23, 0x7fc00000},
	tensor.FP64: {11, 52, 0x7ff8000000000000},
}

func (f format) sign() uint64     { return 1 << (f.exponent + f.fraction) }
func (f format) infinity() uint64 { return (1<<f.exponent - 1) << f.fraction }
func (f format) bias() int        { return 1<<(f.exponent-1) - 1 }

// parseHalf rounds a literal once to a 16-bit format, ties to even. It goes
// through FP64: only when that value lies exactly between two neighbours can
// the first rounding have hidden on which side the literal was, and then the
// literal itself is asked.
func parseHalf(f format, literal string) (bits uint64, ok bool) {
	v, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return 0, false
	}
	if math.Signbit(v) {
		bits = f.sign()
	}
	v = math.Abs(v)
	if v == 0 {
		// Too small for FP64 is far below half of the smallest value.
		return bits, true
	}
	_, exp := math.Frexp(v)                 // v = m × 2^exp, 0.5 <= m < 1
	exp = max(exp-1, 1-f.bias())            // of the leading bit, or that of subnormal values
	scaled := math.Ldexp(v, f.fraction-exp) // exact: a power of two, in range
	n := math.Floor(scaled)
	switch rest := scaled - n; {
	case rest > 0.5:
		n++
	case rest == 0.5:
		side := side(literal, v)
		if side > 0 || side == 0 && math.Mod(n, 2) == 1 {
			n++
		}
	}
	// n counts units of 2^(exp-fraction). A normal value has the leading bit
	// 2^fraction, which adds one to the exponent field; rounding up to the next
	// power of two carries into it.
	magnitude := uint64(exp+f.bias()-1)<<f.fraction + uint64(n)
	if magnitude >= f.infinity() {
		return 0, false
	}
	return bits | magnitude, true
}

// side tells on which side of v the magnitude of a literal lies: -1, 0 or 1.
// Both are of moderate size, so the exact fraction is small.
func side(literal string, v float64) int {
	exact, ok := new(big.Rat).SetString(literal)
	if !ok {
		return 0
	}
	return exact.Abs(exact).Cmp(new(big.Rat).SetFloat64(v))
}

// halfValue is the value of 16 bits.
func halfValue(f format, bits uint64) float64 {
	magnitude := bits &^ f.sign()
	var v float64
	switch exp, fraction := int(magnitude>>f.fraction), magnitude&(1<<f.fraction-1); {
	case magnitude > f.infinity():
		return math.NaN()
	case magnitude == f.infinity():
		v = math.Inf(1)
	case exp == 0:
		v = math.Ldexp(float64(fraction), 1-f.bias()-f.fraction)
	default:
		v = math.Ldexp(float64(fraction|1<<f.fraction), exp-f.bias()-f.fraction)
	}
	if bits&f.sign() != 0 {
		v = -v
	}
	return v
}

func decodeBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("data: expected base64: %w", err)
	}
	return b, nil
}
