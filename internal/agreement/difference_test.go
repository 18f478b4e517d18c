package agreement

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

// High and low are together the exact difference, for all pairs of finite numbers.
func TestGapIsExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := math.Float64frombits(genBits(rt, tensor.FP64)), math.Float64frombits(genBits(rt, tensor.FP64))
		if rapid.Bool().Draw(rt, "near") {
			b = math.Float64frombits(math.Float64bits(a) + uint64(rapid.Int64Range(-1<<54, 1<<54).Draw(rt, "steps")))
		}
		if !finite(a) || !finite(b) {
			return
		}
		g := gapOf(a, b)
		sum := new(big.Rat).Add(new(big.Rat).SetFloat64(g.high), new(big.Rat).SetFloat64(g.low))
		if g.doubled {
			sum.Add(sum, sum)
		}
		want := new(big.Rat).Sub(new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(b))
		if want.Abs(want).Cmp(sum) != 0 {
			rt.Fatalf("|%x - %x|: expected %v, got %+v", a, b, want.FloatString(40), g)
		}
		exact := new(big.Rat).SetFrac(fixedPoint(a), new(big.Int).Lsh(big.NewInt(1), 1074))
		if exact.Cmp(new(big.Rat).SetFloat64(a)) != 0 {
			rt.Fatalf("%x: fixed point is %v", a, exact.FloatString(40))
		}
	})
}

// Pairs by growing difference: the part that rounding leaves out counts, and so do differences that overflow.
func TestGapsAreOrdered(t *testing.T) {
	const most = math.MaxFloat64
	var before gap
	for i, pair := range [][2]float64{
		{0, 0x1p-1074}, {1, 0x1p-53}, {0x1p-60, 1}, {1, 0}, {1, -0x1p-1074}, {-0x1p-60, 1}, {1.5, -0x1p-1000}, {most, 0x1p-1074},
		{most, 0}, {0x1p-1074, -most}, {most, -0x1p969}, {most, -0x1p970}, {-0x1p1000, most}, {most, -most / 2},
		{-most, most},
	} {
		g := gapOf(pair[0], pair[1])
		sum := new(big.Rat).Add(new(big.Rat).SetFloat64(g.high), new(big.Rat).SetFloat64(g.low))
		if g.doubled {
			sum.Add(sum, sum)
		}
		want := new(big.Rat).Sub(new(big.Rat).SetFloat64(pair[0]), new(big.Rat).SetFloat64(pair[1]))
		if want.Abs(want).Cmp(sum) != 0 {
			t.Errorf("pair %d: expected the exact difference, got %+v", i, g)
		}
		if !g.exceeds(before) || before.exceeds(g) || g.exceeds(g) {
			t.Errorf("pair %d: expected %+v to exceed %+v", i, g, before)
		}
		before = g
	}
}

// Every 16-bit pattern means what the definition of its format says.
func TestEverySixteenBitValue(t *testing.T) {
	for _, datatype := range []tensor.Datatype{tensor.FP16, tensor.BF16} {
		bits := make([]uint64, 1<<16)
		for i := range bits {
			bits[i] = uint64(i)
		}
		all := floats(datatype, bits...)
		got := values(all)
		for i, want := range oracleNumbers(all) {
			switch {
			case want.special == "NaN":
				if !math.IsNaN(got[i]) {
					t.Fatalf("%v %#x: expected NaN, got %v", datatype, i, got[i])
				}
			case want.special != "":
				if !math.IsInf(got[i], 0) || math.Signbit(got[i]) != strings.HasPrefix(want.special, "-") {
					t.Fatalf("%v %#x: expected %s, got %v", datatype, i, want.special, got[i])
				}
			case new(big.Rat).SetFloat64(got[i]).Cmp(want.value) != 0:
				t.Fatalf("%v %#x: expected %v, got %v", datatype, i, want.value, got[i])
			}
		}
	}
}
