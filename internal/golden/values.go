package golden

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/opengradient/opengradient/internal/tensor"
)

// maxNumberBytes is the longest text of a number in a range.
const maxNumberBytes = 32

// values turns random numbers into the elements of one input.
type values interface {
	append(data []byte, draw uint64) []byte
}

func (r Recipe) values(spec tensor.Spec) (values, error) {
	bounds, stated := r.Ranges[spec.Name]
	if !stated {
		bounds = Range{Low: "0", High: "1"}
		if spec.Datatype.IsFloat() {
			bounds.Low = "-1"
		}
	}
	var v values
	var err error
	switch {
	case spec.Datatype.IsFloat():
		v, err = newFloats(spec.Datatype, bounds)
	case spec.Datatype.Valid():
		v, err = newIntegers(spec.Datatype, bounds)
	default:
		err = fmt.Errorf("expected a datatype, got %s", spec.Datatype)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: input %q: %w", ErrRecipe, spec.Name, err)
	}
	return v, nil
}

// integers are evenly spread over low to low + span, as numbers of 64 bits of which the datatype keeps the lowest.
type integers struct {
	datatype  tensor.Datatype
	low, span uint64
}

func newIntegers(d tensor.Datatype, r Range) (integers, error) {
	bits := 8 * d.Size()
	if d == tensor.Bytes {
		bits = 64
	}
	var low, high uint64
	var ordered bool
	switch d {
	case tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64:
		var err error
		if low, err = parseUint(r.Low, bits); err != nil {
			return integers{}, err
		}
		if high, err = parseUint(r.High, bits); err != nil {
			return integers{}, err
		}
		ordered = low <= high
	default:
		a, err := parseInt(r.Low, bits)
		if err != nil {
			return integers{}, err
		}
		b, err := parseInt(r.High, bits)
		if err != nil {
			return integers{}, err
		}
		if d == tensor.Bool && (a < 0 || b > 1) {
			return integers{}, fmt.Errorf("expected a range within 0 and 1, got %d to %d", a, b)
		}
		low, high, ordered = uint64(a), uint64(b), a <= b
	}
	if !ordered {
		return integers{}, fmt.Errorf("expected low up to high, got %s to %s", r.Low, r.High)
	}
	return integers{datatype: d, low: low, span: high - low}, nil
}

func (v integers) append(data []byte, draw uint64) []byte {
	if v.span != math.MaxUint64 {
		draw %= v.span + 1
	}
	draw += v.low
	le := binary.LittleEndian
	if v.datatype == tensor.Bytes {
		text := strconv.FormatInt(int64(draw), 10)
		return append(le.AppendUint32(data, uint32(len(text))), text...)
	}
	switch v.datatype.Size() {
	case 1:
		return append(data, byte(draw))
	case 2:
		return le.AppendUint16(data, uint16(draw))
	case 4:
		return le.AppendUint32(data, uint32(draw))
	default:
		return le.AppendUint64(data, draw)
	}
}

// floats are low + span × one of 2^32 evenly spread parts of 0 to 1, rounded to the datatype.
type floats struct {
	datatype        tensor.Datatype
	low, high, span float64
}

func newFloats(d tensor.Datatype, r Range) (floats, error) {
	low, err := parseFloat(r.Low)
	if err != nil {
		return floats{}, err
	}
	high, err := parseFloat(r.High)
	if err != nil {
		return floats{}, err
	}
	if low > high {
		return floats{}, fmt.Errorf("expected low up to high, got %s to %s", r.Low, r.High)
	}
	if most := largest(d); low < -most || high > most {
		return floats{}, fmt.Errorf("expected numbers of %s, got %s to %s", d, r.Low, r.High)
	}
	span := float64(high - low)
	if math.IsInf(span, 0) {
		return floats{}, fmt.Errorf("expected a difference of less than 2^1024, got that of %s and %s", r.Low, r.High)
	}
	return floats{datatype: d, low: low, high: high, span: span}, nil
}

func (v floats) append(data []byte, draw uint64) []byte {
	// Each operation is rounded by itself: what is converted explicitly may not be fused with what follows.
	part := float64(float64(draw>>32) / float64(math.MaxUint32))
	product := float64(v.span * part)
	x := min(max(float64(v.low+product), v.low), v.high)
	le := binary.LittleEndian
	switch v.datatype {
	case tensor.FP16:
		return le.AppendUint16(data, narrow(x, 5, 10))
	case tensor.BF16:
		return le.AppendUint16(data, narrow(x, 8, 7))
	case tensor.FP32:
		return le.AppendUint32(data, math.Float32bits(float32(x)))
	default:
		return le.AppendUint64(data, math.Float64bits(x))
	}
}

// largest is the largest finite number of a floating-point datatype.
func largest(d tensor.Datatype) float64 {
	switch d {
	case tensor.FP16:
		return 65504
	case tensor.BF16:
		return 0x1.fep127
	case tensor.FP32:
		return math.MaxFloat32
	default:
		return math.MaxFloat64
	}
}

// narrow rounds a finite number, to nearest and ties to even, to a format of 16 bits with so many bits of exponent and
// mantissa. The number must not exceed the largest of the format.
func narrow(x float64, exponentBits, mantissaBits uint) uint16 {
	const wide = 52 // bits of the mantissa of a float64
	bits := math.Float64bits(x)
	sign := uint16(bits>>63) << 15
	exponent := int(bits>>wide&0x7ff) - 1023 + 1<<(exponentBits-1) - 1
	mantissa := bits&(1<<wide-1) | 1<<wide
	shift := wide - mantissaBits
	if exponent < 1 { // a subnormal number of the format, or nothing
		shift += uint(min(1-exponent, wide))
		exponent = 1
	}
	shift = min(shift, wide+2)
	kept, rest, half := mantissa>>shift, mantissa&(1<<shift-1), uint64(1)<<(shift-1)
	if rest > half || rest == half && kept&1 == 1 {
		kept++
	}
	// The leading bit of a normal mantissa, and a carry, count into the exponent.
	return sign | uint16(uint64(exponent-1)<<mantissaBits+kept)
}

func parseInt(text string, bits int) (int64, error) {
	if err := checkNumber(text, "+-"); err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("expected an integer of %d bits, got %q", bits, text)
	}
	return v, nil
}

func parseUint(text string, bits int) (uint64, error) {
	if err := checkNumber(text, ""); err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("expected an integer from 0 of %d bits, got %q", bits, text)
	}
	return v, nil
}

func parseFloat(text string) (float64, error) {
	if err := checkNumber(text, "+-.eE"); err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("expected a decimal number, got %q", text)
	}
	return v, nil
}

// checkNumber refuses texts that no decimal number has, whatever else a parser of the language would read.
func checkNumber(text, others string) error {
	if text == "" || len(text) > maxNumberBytes {
		return fmt.Errorf("expected a number of 1 to %d characters, got %d", maxNumberBytes, len(text))
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && !contains(others, c) {
			return fmt.Errorf("expected a decimal number, got %q", text)
		}
	}
	return nil
}

func contains(set string, c byte) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}
