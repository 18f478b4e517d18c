package pricing

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestQuote(t *testing.T) {
	huge := new(big.Int).Exp(big.NewInt(10), big.NewInt(30), nil)
	for name, tc := range map[string]struct {
		work                           Work
		base, perByte, royalty         *big.Int
		tier, class                    uint32
		compute, bytes, owner, inTotal string
	}{
		"whole multipliers":                {Work{3, 10, 20}, big.NewInt(100), big.NewInt(1), big.NewInt(5), 10_000, 10_000, "300", "30", "5", "335"},
		"rounded up":                       {Work{1, 0, 0}, big.NewInt(1), big.NewInt(0), big.NewInt(0), 1, 1, "1", "0", "0", "1"},
		"exact fraction is not rounded":    {Work{2, 0, 0}, big.NewInt(1), big.NewInt(0), big.NewInt(0), 5_000, 10_000, "1", "0", "0", "1"},
		"both multipliers, rounded once":   {Work{7, 0, 0}, big.NewInt(1), big.NewInt(0), big.NewInt(0), 15_000, 5_000, "6", "0", "0", "6"},
		"a class does not scale the bytes": {Work{1, 3, 4}, big.NewInt(10), big.NewInt(2), big.NewInt(9), 10_000, 20_000, "20", "14", "9", "43"},
		"nothing to pay":                   {Work{}, big.NewInt(100), big.NewInt(1), big.NewInt(0), 10_000, 10_000, "0", "0", "0", "0"},
		"byte counts above 64 bits in sum": {Work{0, math.MaxUint64, math.MaxUint64}, big.NewInt(0), big.NewInt(1), big.NewInt(0), 0, 0, "0", "36893488147419103230", "0", "36893488147419103230"},
		"large price":                      {Work{math.MaxUint64, 0, 0}, huge, big.NewInt(0), big.NewInt(0), 10_000, 10_000, "18446744073709551615000000000000000000000000000000", "0", "0", "18446744073709551615000000000000000000000000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			fee, err := Quote(tc.work, Prices{Base: tc.base, Byte: tc.perByte, Tier: tc.tier, Class: tc.class, Royalty: tc.royalty})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range [][2]string{{fee.Compute.String(), tc.compute}, {fee.Bytes.String(), tc.bytes}, {fee.Royalty.String(), tc.owner}, {fee.Total.String(), tc.inTotal}} {
				if c[0] != c[1] {
					t.Errorf("expected %s, got %s", c[1], c[0])
				}
			}
		})
	}
}

func TestQuoteRefusesAmounts(t *testing.T) {
	one, minus := big.NewInt(1), big.NewInt(-1)
	for name, p := range map[string]Prices{
		"no base price":       {nil, one, 1, 1, one},
		"negative base price": {minus, one, 1, 1, one},
		"no byte price":       {one, nil, 1, 1, one},
		"negative byte price": {one, minus, 1, 1, one},
		"no royalty":          {one, one, 1, 1, nil},
		"negative royalty":    {one, one, 1, 1, minus},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Quote(Work{}, p); !errors.Is(err, ErrAmount) {
				t.Fatalf("expected ErrAmount, got %v", err)
			}
		})
	}
}

// The oracle works in rational numbers and rounds once.
func TestQuoteMatchesOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Work{rapid.Uint64().Draw(t, "units"), rapid.Uint64().Draw(t, "in"), rapid.Uint64().Draw(t, "out")}
		p := Prices{
			Base: big.NewInt(rapid.Int64Min(0).Draw(t, "base")), Byte: big.NewInt(rapid.Int64Min(0).Draw(t, "byte")),
			Tier: rapid.Uint32().Draw(t, "tier"), Class: rapid.Uint32().Draw(t, "class"), Royalty: big.NewInt(rapid.Int64Min(0).Draw(t, "royalty")),
		}
		fee, err := Quote(w, p)
		if err != nil {
			t.Fatal(err)
		}
		exact := new(big.Rat).SetFrac(new(big.Int).SetUint64(w.Units), big.NewInt(1))
		exact.Mul(exact, new(big.Rat).SetInt(p.Base))
		exact.Mul(exact, big.NewRat(int64(p.Tier), BasisPoints))
		exact.Mul(exact, big.NewRat(int64(p.Class), BasisPoints))
		up := new(big.Int).Quo(exact.Num(), exact.Denom())
		if !exact.IsInt() {
			up.Add(up, big.NewInt(1))
		}
		if up.Cmp(fee.Compute) != 0 {
			t.Fatalf("expected compute %s, got %s", up, fee.Compute)
		}
		sum := new(big.Int).Add(fee.Compute, fee.Bytes)
		if sum.Add(sum, fee.Royalty).Cmp(fee.Total) != 0 {
			t.Fatalf("expected total %s, got %s", sum, fee.Total)
		}
	})
}
