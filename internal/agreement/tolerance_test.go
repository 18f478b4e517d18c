package agreement

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

var floatDatatypes = []tensor.Datatype{tensor.FP16, tensor.BF16, tensor.FP32, tensor.FP64}

// floats builds a vector from bit patterns.
func floats(datatype tensor.Datatype, bits ...uint64) tensor.Tensor {
	t := tensor.Tensor{Name: "y", Datatype: datatype, Shape: []int64{int64(len(bits))}}
	for _, b := range bits {
		t.Data = append(t.Data, binary.LittleEndian.AppendUint64(nil, b)[:datatype.Size()]...)
	}
	return t
}

func f32(values ...float32) tensor.Tensor {
	bits := make([]uint64, len(values))
	for i, v := range values {
		bits[i] = uint64(math.Float32bits(v))
	}
	return floats(tensor.FP32, bits...)
}

func f64(values ...float64) tensor.Tensor {
	bits := make([]uint64, len(values))
	for i, v := range values {
		bits[i] = math.Float64bits(v)
	}
	return floats(tensor.FP64, bits...)
}

func encode(t interface {
	Helper()
	Fatal(...any)
}, ts ...tensor.Tensor,
) []byte {
	t.Helper()
	encoding, err := tensor.EncodeOutputs(ts)
	if err != nil {
		t.Fatal(err)
	}
	return encoding
}

func TestCompare(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	strs := func(elements ...string) tensor.Tensor {
		s := tensor.Tensor{Name: "y", Datatype: tensor.Bytes, Shape: []int64{int64(len(elements))}}
		for _, e := range elements {
			s.Data = append(binary.LittleEndian.AppendUint32(s.Data, uint32(len(e))), e...)
		}
		return s
	}
	ints := func(datatype tensor.Datatype, data ...byte) tensor.Tensor {
		return tensor.Tensor{Name: "y", Datatype: datatype, Shape: []int64{int64(len(data) / datatype.Size())}, Data: data}
	}
	named := func(name string, shape []int64, t tensor.Tensor) tensor.Tensor {
		t.Name, t.Shape = name, shape
		return t
	}
	// A tolerance of exactly 2^-10 keeps edges representable.
	taus := Taus{FP16: TauUnit / 1024, BF16: TauUnit / 1024, FP32: TauUnit / 1024, FP64: TauUnit / 1024}
	const edge = 0x1p-10
	for _, tc := range []struct {
		name             string
		candidate, other tensor.Tensor
		want             Relation
		wantError        uint64
	}{
		{"equal", f32(1, -2, 3), f32(1, -2, 3), Within, 0},
		{"exactly the tolerance", f32(1, 0), f32(1, edge), Within, TauUnit / 1024},
		{"the next number after the tolerance", f32(1, 0), f32(1, math.Nextafter32(edge, 1)), Beyond, 0},
		{"exactly twice the tolerance", f32(1, 0), f32(1, 2*edge), Beyond, TauUnit / 512},
		{"the next number after twice the tolerance", f32(1, 0), f32(1, math.Nextafter32(2*edge, 1)), Beyond2, 0},
		{"the sign of a difference is no matter", f32(1, 0), f32(1, -edge), Within, TauUnit / 1024},
		{"the scale is the largest absolute value", f32(0, -4), f32(4*edge, -4), Within, TauUnit / 1024},
		{"the scale is the candidate's, smaller", f32(1), f32(1 + 2*edge), Beyond, TauUnit / 512},
		{"half the largest element of the other is far", f32(1), f32(2), Beyond2, TauUnit},
		{"zeros of both signs are equal", f64(0, 1), f64(math.Copysign(0, -1), 1), Within, 0},
		{"nothing is near a candidate of zeros", f64(0, 0), f64(0, math.SmallestNonzeroFloat64), Beyond2, ErrorUnbounded},
		{"zeros are near zeros", f64(0, 0), f64(0, 0), Within, 0},
		{"subnormal numbers have a scale", f64(0x1p-1064), f64(0x1p-1064 + 0x1p-1074), Within, TauUnit / 1024},
		{"subnormal numbers beyond it", f64(0x1p-1064), f64(0x1p-1064 + 0x1p-1073), Beyond, TauUnit / 512},
		{"a difference that overflows", f64(math.MaxFloat64), f64(-math.MaxFloat64), Beyond2, 2 * TauUnit},
		{"an error beyond 64 bits", f64(0x1p-1000), f64(1), Beyond2, ErrorUnbounded},
		{"NaN in the same place", f32(nan, 1), f32(nan, 1), Within, 0},
		{"NaN of another pattern is made canonical", floats(tensor.FP32, 0x7fc00000), floats(tensor.FP32, 0xff800001), Within, 0},
		{"NaN against a number", f32(nan, 1), f32(1, 1), Incomparable, ErrorUnbounded},
		{"a number against NaN", f32(1, 1), f32(nan, 1), Incomparable, ErrorUnbounded},
		{"infinity in the same place", f32(inf, 1), f32(inf, 1+edge), Within, TauUnit / 1024},
		{"the other infinity", f32(inf, 1), f32(-inf, 1), Incomparable, ErrorUnbounded},
		{"infinity against the largest number", f32(inf), f32(math.MaxFloat32), Incomparable, ErrorUnbounded},
		{"infinity against NaN", f32(inf), f32(nan), Incomparable, ErrorUnbounded},
		{"infinities leave the scale to the finite", f32(inf, 1, 0), f32(inf, 1, 2*edge), Beyond, TauUnit / 512},
		{"nothing finite leaves no scale", f32(nan, -inf), f32(nan, -inf), Within, 0},
		{"no elements", f32(), f32(), Within, 0},
		{"equal integers", ints(tensor.Int8, 1, 2), ints(tensor.Int8, 1, 2), Within, 0},
		{"integers that differ by one", ints(tensor.Uint8, 200), ints(tensor.Uint8, 201), Beyond2, ErrorUnbounded},
		{"booleans that differ", ints(tensor.Bool, 1), ints(tensor.Bool, 0), Beyond2, ErrorUnbounded},
		{"equal bytes", strs("a", ""), strs("a", ""), Within, 0},
		{"bytes that differ", strs("setosa"), strs("virginica"), Beyond2, ErrorUnbounded},
		{"another name", f32(1), named("z", []int64{1}, f32(1)), Incomparable, ErrorUnbounded},
		{"another datatype of the same bits", f32(1), ints(tensor.Int32, 0, 0, 0x80, 0x3f), Incomparable, ErrorUnbounded},
		{"another rank of the same elements", f32(1), named("y", nil, f32(1)), Incomparable, ErrorUnbounded},
		{"another length", f32(1), f32(1, 1), Incomparable, ErrorUnbounded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Compare(encode(t, tc.candidate), encode(t, tc.other), taus, 100)
			if err != nil || got.Relation != tc.want || (tc.wantError != 0 && got.Error != tc.wantError) {
				t.Errorf("expected %v with error %d, got %+v, %v", tc.want, tc.wantError, got, err)
			}
			if want := oracleRelation([]tensor.Tensor{tc.candidate.Canonical()}, []tensor.Tensor{tc.other.Canonical()}, taus); want != tc.want {
				t.Errorf("the oracle says %v", want)
			}
		})
	}
}

func TestCompareNamesTheTensorThatDecides(t *testing.T) {
	named := func(name string, t tensor.Tensor) tensor.Tensor {
		t.Name = name
		return t
	}
	candidate := encode(t, named("a", f32(1)), named("b", f32(1, 1)), named("c", f32(1, 0, 0)))
	for _, tc := range []struct {
		name  string
		other []byte
		want  Comparison
	}{
		{"all within", encode(t, named("a", f32(1)), named("b", f32(1, 1)), named("c", f32(1, 0, 0))), Comparison{Within, 0, 0, 45}},
		{"the first of the farthest", encode(t, named("a", f32(1)), named("b", f32(1, 2)), named("c", f32(1, 4, 0))),
			Comparison{Beyond2, 4 * TauUnit, 1, 45}},
		{"an infinity in the last", encode(t, named("a", f32(2)), named("b", f32(1, 1)), named("c", f32(1, 0, float32(math.Inf(1))))),
			Comparison{Incomparable, ErrorUnbounded, 2, 45}},
		{"a tensor less", encode(t, named("a", f32(1))), Comparison{Incomparable, ErrorUnbounded, -1, 0}},
		{"another order", encode(t, named("b", f32(1, 1)), named("a", f32(1)), named("c", f32(1, 0, 0))),
			Comparison{Incomparable, ErrorUnbounded, -1, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := Compare(candidate, tc.other, DefaultTaus(), 45); err != nil || got != tc.want {
				t.Errorf("expected %+v, got %+v, %v", tc.want, got, err)
			}
		})
	}
}

func TestCompareRefuses(t *testing.T) {
	sound := encode(t, f32(1, 2))
	negativeZero, err := tensor.Encode([]tensor.Tensor{f32(float32(math.Copysign(0, -1)))})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name             string
		candidate, other []byte
		taus             Taus
		budget           int64
		want             error
	}{
		{"a candidate of no bytes", nil, sound, DefaultTaus(), 9, ErrOutput},
		{"another of no bytes", sound, nil, DefaultTaus(), 9, ErrOutput},
		{"a byte too many", sound, append(append([]byte{}, sound...), 0), DefaultTaus(), 9, ErrOutput},
		{"a zero with a sign", negativeZero, sound, DefaultTaus(), 9, ErrOutput},
		{"more elements than the budget", sound, sound, DefaultTaus(), 1, ErrBudget},
		{"a tolerance above the largest", sound, sound, Taus{BF16: MaxTau + 1}, 9, ErrTau},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := Compare(tc.candidate, tc.other, tc.taus, tc.budget); !errors.Is(err, tc.want) {
				t.Errorf("expected %v, got %+v, %v", tc.want, got, err)
			}
		})
	}
}

func TestCostIsThatOfTheComparison(t *testing.T) {
	text := tensor.Tensor{Name: "t", Datatype: tensor.Bytes, Shape: []int64{2}, Data: []byte("\x05\x00\x00\x00hello\x00\x00\x00\x00")}
	small := f32(1, 2, 3)
	small.Name = "s"
	encoding := encode(t, small, f32(make([]float32, 40)...), text)
	cost, err := Cost(encoding)
	if err != nil || cost != 15+40+4 {
		t.Fatalf("expected 3 floats, 40 floats and 13 bytes to cost 59, got %d, %v", cost, err)
	}
	least := tensor.Tensor{Name: "n", Datatype: tensor.FP16, Data: []byte{0, 0}}
	other := least
	other.Name = "m"
	if one, two := len(encode(t, least)), len(encode(t, least, other)); two-one != leastFloatCost {
		t.Errorf("expected no float tensor to be encoded in less than %d bytes, got %d", leastFloatCost, two-one)
	}
	if got, err := Compare(encoding, encoding, DefaultTaus(), cost); err != nil || got.Elements != cost {
		t.Errorf("expected %d elements, got %+v, %v", cost, got, err)
	}
	if _, err := Cost(nil); !errors.Is(err, ErrOutput) {
		t.Errorf("expected %v, got %v", ErrOutput, err)
	}
}

// genBits draws a bit pattern of a float datatype: anything, with a weight on the ends of the range.
func genBits(rt *rapid.T, datatype tensor.Datatype) uint64 {
	format := oracleFormat[datatype]
	mask := uint64(1)<<(8*datatype.Size()-1)<<1 - 1
	infinity := (uint64(1)<<format.exponent - 1) << format.mantissa
	sign := uint64(1) << (format.exponent + format.mantissa)
	bits := rapid.OneOf(
		rapid.Uint64(),
		rapid.SampledFrom([]uint64{0, 1, 2, 1<<format.mantissa - 1, 1 << format.mantissa, infinity - 1, infinity, infinity + 1}),
		rapid.Map(rapid.Uint64Range(0, 8), func(n uint64) uint64 { return infinity>>1 + n - 4 }), // about one
	).Draw(rt, "bits") & mask
	if rapid.Bool().Draw(rt, "negative") {
		bits |= sign
	}
	return bits
}

// genPair draws two tensors of one datatype and shape, the second mostly a few steps from the first.
func genPair(rt *rapid.T) (a, b tensor.Tensor) {
	datatype := rapid.SampledFrom(floatDatatypes).Draw(rt, "datatype")
	n := rapid.IntRange(0, 6).Draw(rt, "elements")
	as, bs := make([]uint64, n), make([]uint64, n)
	for i := range as {
		as[i] = genBits(rt, datatype)
		bs[i] = as[i] + uint64(rapid.Int64Range(-3, 3).Draw(rt, "steps"))
		if rapid.IntRange(0, 9).Draw(rt, "anew") == 0 {
			bs[i] = genBits(rt, datatype)
		}
	}
	return floats(datatype, as...).Canonical(), floats(datatype, bs...).Canonical()
}

func TestCompareAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := genPair(rt)
		tau := Tau(rapid.Uint64Range(0, uint64(MaxTau)).Draw(rt, "tau"))
		taus := Taus{tau, tau, tau, tau}
		got, err := Compare(encode(rt, a), encode(rt, b), taus, 15)
		want := oracleRelation([]tensor.Tensor{a}, []tensor.Tensor{b}, taus)
		if err != nil || got.Relation != want {
			rt.Fatalf("%v against %v: expected %v, got %+v, %v", a, b, want, got, err)
		}
	})
}

// The reported error is the least tolerance that is enough: with it the outputs are within, with one part less they
// are beyond, and the same holds for its half and twice the tolerance.
func TestErrorIsTheLeastSufficientTolerance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := genPair(rt)
		left, err := parseOutput(encode(rt, a))
		if err != nil {
			rt.Fatal(err)
		}
		right, err := parseOutput(encode(rt, b))
		if err != nil {
			rt.Fatal(err)
		}
		relation := func(tau uint64) Relation {
			taus := Taus{Tau(tau), Tau(tau), Tau(tau), Tau(tau)}
			got := compare(left, right, taus)
			if want := oracleRelation([]tensor.Tensor{a}, []tensor.Tensor{b}, taus); got.Relation != want {
				rt.Fatalf("%v against %v at %d: expected %v, got %+v", a, b, tau, want, got)
			}
			return got.Relation
		}
		e := compare(left, right, Taus{}).Error
		if e == 0 || e > math.MaxUint64/2 {
			return
		}
		half := e/2 + e%2
		if relation(e) != Within || relation(e-1) == Within || relation(half) > Beyond || relation(half-1) != Beyond2 {
			rt.Fatalf("%v against %v: %d is not the least tolerance", a, b, e)
		}
	})
}

// Turning the sign of every element changes nothing, and neither does the order of the elements.
func TestCompareIsSymmetricInSignAndOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := genPair(rt)
		want, err := Compare(encode(rt, a), encode(rt, b), DefaultTaus(), 15)
		if err != nil {
			rt.Fatal(err)
		}
		size := a.Datatype.Size()
		turned := func(t tensor.Tensor) tensor.Tensor {
			out := t
			out.Data = nil
			for rest := t.Data; len(rest) > 0; rest = rest[:len(rest)-size] {
				out.Data = append(out.Data, rest[len(rest)-size:]...)
				out.Data[len(out.Data)-1] ^= 0x80
			}
			return out
		}
		got, err := Compare(encode(rt, turned(a)), encode(rt, turned(b)), DefaultTaus(), 15)
		if err != nil || got != want {
			rt.Fatalf("%v against %v: expected %+v, turned %+v, %v", a, b, want, got, err)
		}
	})
}

func TestTaus(t *testing.T) {
	defaults := DefaultTaus()
	if err := defaults.Validate(); err != nil {
		t.Error(err)
	}
	for datatype, want := range map[tensor.Datatype]string{
		tensor.FP16: "0.002", tensor.BF16: "0.016", tensor.FP32: "0.00001", tensor.FP64: "0.0000000000001",
		tensor.Int8: "0", tensor.Uint64: "0", tensor.Bool: "0", tensor.Bytes: "0", tensor.Invalid: "0",
	} {
		if got := defaults.Of(datatype).String(); got != want {
			t.Errorf("%v: expected %s, got %s", datatype, want, got)
		}
	}
	for tau, want := range map[Tau]string{1: "0.000000000000000001", TauUnit: "1", 3*TauUnit/2 + 1: "1.500000000000000001"} {
		if got := tau.String(); got != want {
			t.Errorf("expected %s, got %s", want, got)
		}
	}
	for _, taus := range []Taus{{FP16: MaxTau + 1}, {BF16: MaxTau + 1}, {FP32: MaxTau + 1}, {FP64: MaxTau + 1}} {
		if err := taus.Validate(); !errors.Is(err, ErrTau) {
			t.Errorf("%+v: expected %v, got %v", taus, ErrTau, err)
		}
	}
	if err := (Taus{MaxTau, MaxTau, MaxTau, MaxTau}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestRelationNames(t *testing.T) {
	for relation, want := range map[Relation]string{
		Within: "within", Beyond: "beyond", Beyond2: "beyond2", Incomparable: "incomparable", 9: "relation(9)",
	} {
		if got := relation.String(); got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
}
