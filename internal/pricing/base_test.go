package pricing

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// market is that of a new chain.
var market = Market{Min: big.NewInt(100), Max: big.NewInt(1_000_000_000_000), Target: 9_000, MaxFall: 1_250}

// nextBase is NextBase of what is valid.
func nextBase(t interface{ Fatal(args ...any) }, price *big.Int, utilisation uint32, m Market) *big.Int {
	next, err := NextBase(price, utilisation, m)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// TestNextBaseGolden: the golden file lists prices and what becomes of them. A change of it is a change of the chain.
func TestNextBaseGolden(t *testing.T) {
	path := filepath.Join("testdata", "base.golden")
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	m, cases := Market{}, 0
	for lines := bufio.NewScanner(bytes.NewReader(golden)); lines.Scan(); {
		line := lines.Text()
		if given, isMarket := strings.CutPrefix(line, "market "); isMarket {
			m = Market{Min: new(big.Int), Max: new(big.Int)}
			if _, err := fmt.Sscan(given, m.Min, m.Max, &m.Target, &m.MaxFall); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
		}
		given, _, isCase := strings.Cut(line, ":")
		if strings.HasPrefix(line, "#") || !isCase {
			fmt.Fprintln(&got, line)
			continue
		}
		cases++
		price, list := new(big.Int), ""
		if _, err := fmt.Sscan(given, price, &list); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		fmt.Fprintf(&got, "%s:", given)
		for _, text := range strings.Split(list, ",") {
			var utilisation uint32
			if _, err := fmt.Sscan(text, &utilisation); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			price = nextBase(t, price, utilisation, m)
			fmt.Fprintf(&got, " %s", price)
		}
		fmt.Fprintln(&got)
	}
	if cases == 0 {
		t.Fatal("expected cases in the golden file, got none")
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got.Bytes(), golden) {
		t.Errorf("expected\n%s\ngot\n%s", golden, got.Bytes())
	}
}

func TestMarketRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*Market)
		want   error
	}{
		"that of a new chain":             {func(*Market) {}, nil},
		"one price":                       {func(m *Market) { m.Max = m.Min }, nil},
		"no price at all":                 {func(m *Market) { m.Min, m.Max = new(big.Int), new(big.Int) }, nil},
		"the largest target":              {func(m *Market) { m.Target = BasisPoints }, nil},
		"a price that falls to nothing":   {func(m *Market) { m.MaxFall = BasisPoints }, nil},
		"no least price":                  {func(m *Market) { m.Min = nil }, ErrAmount},
		"a negative least price":          {func(m *Market) { m.Min = big.NewInt(-1) }, ErrAmount},
		"no largest price":                {func(m *Market) { m.Max = nil }, ErrAmount},
		"a negative largest price":        {func(m *Market) { m.Max = big.NewInt(-1) }, ErrAmount},
		"a largest price below the other": {func(m *Market) { m.Max = big.NewInt(99) }, ErrMarket},
		"no target":                       {func(m *Market) { m.Target = 0 }, ErrMarket},
		"a target above a whole":          {func(m *Market) { m.Target = BasisPoints + 1 }, ErrMarket},
		"a price that never falls":        {func(m *Market) { m.MaxFall = 0 }, ErrMarket},
		"a fall of more than all of it":   {func(m *Market) { m.MaxFall = math.MaxUint32 }, ErrMarket},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := market
			tt.change(&m)
			if err := m.Validate(); !errors.Is(err, tt.want) {
				t.Fatalf("expected %v, got %v", tt.want, err)
			}
			if next, err := NextBase(big.NewInt(100), 5_000, m); !errors.Is(err, tt.want) || (err != nil) != (next == nil) {
				t.Fatalf("expected %v and no price, got %v, %v", tt.want, next, err)
			}
		})
	}
	for name, price := range map[string]*big.Int{"no price": nil, "a negative price": big.NewInt(-1)} {
		t.Run(name, func(t *testing.T) {
			if next, err := NextBase(price, 5_000, market); !errors.Is(err, ErrAmount) || next != nil {
				t.Fatalf("expected %v and no price, got %v, %v", ErrAmount, next, err)
			}
		})
	}
}

// drawMarket draws any rule, with prices of every size.
func drawMarket(t *rapid.T) Market {
	least := drawPrice(t, "least")
	return Market{
		Min: least, Max: new(big.Int).Add(least, drawPrice(t, "more")),
		Target:  rapid.OneOf(rapid.Just(uint32(1)), rapid.Just(uint32(BasisPoints)), rapid.Uint32Range(1, BasisPoints)).Draw(t, "target"),
		MaxFall: rapid.OneOf(rapid.Just(uint32(1)), rapid.Just(uint32(BasisPoints)), rapid.Uint32Range(1, BasisPoints)).Draw(t, "fall"),
	}
}

func drawPrice(t *rapid.T, label string) *big.Int {
	largest := rapid.SampledFrom([]int64{3, 1_000, math.MaxInt64}).Draw(t, label+" of")
	price := big.NewInt(rapid.Int64Range(0, largest).Draw(t, label))
	return price.Lsh(price, rapid.SampledFrom([]uint{0, 0, 1, 100}).Draw(t, label+" bits"))
}

func drawUtilisation(t *rapid.T, label string, m Market) uint32 {
	return rapid.OneOf(
		rapid.Uint32Range(0, BasisPoints), rapid.SampledFrom([]uint32{0, m.Target - 1, m.Target, m.Target + 1, BasisPoints, math.MaxUint32}),
	).Draw(t, label)
}

// plainBase is the rule in rational numbers, rounded towards the price, at least 1 away from it and then into the bounds.
func plainBase(price *big.Int, utilisation uint32, m Market) *big.Int {
	used := big.NewRat(int64(min(utilisation, BasisPoints)), BasisPoints)
	target := big.NewRat(int64(m.Target), BasisPoints)
	change := new(big.Rat).Sub(used, target)
	change.Quo(change, target).Mul(change, big.NewRat(int64(m.MaxFall), BasisPoints)).Mul(change, new(big.Rat).SetInt(price))
	// Quo rounds towards zero.
	step := new(big.Int).Quo(change.Num(), change.Denom())
	if step.Sign() == 0 {
		step.SetInt64(int64(used.Cmp(target)))
	}
	next := new(big.Int).Add(price, step)
	switch {
	case next.Cmp(m.Min) < 0:
		return m.Min
	case next.Cmp(m.Max) > 0:
		return m.Max
	}
	return next
}

func TestNextBaseMatchesOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMarket(t)
		price := drawPrice(t, "price")
		utilisation := drawUtilisation(t, "utilisation", m)
		given, least, largest := price.String(), m.Min.String(), m.Max.String()
		next := nextBase(t, price, utilisation, m)
		if want := plainBase(price, utilisation, m); next.Cmp(want) != 0 {
			t.Fatalf("%s at %d by %+v: expected %s, got %s", price, utilisation, m, want, next)
		}
		if next.Cmp(m.Min) < 0 || next.Cmp(m.Max) > 0 {
			t.Fatalf("expected a price from %s to %s, got %s", m.Min, m.Max, next)
		}
		// The next price is one of its own: changing it changes nothing else.
		next.SetInt64(-1)
		if price.String() != given || m.Min.String() != least || m.Max.String() != largest {
			t.Fatalf("expected %s, %s and %s to stay, got %s, %s and %s", given, least, largest, price, m.Min, m.Max)
		}
	})
}

// TestNextBaseIsMonotonic: a fuller block never makes a lower price, and neither does a higher price before it.
func TestNextBaseIsMonotonic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMarket(t)
		price := drawPrice(t, "price")
		higher := new(big.Int).Add(price, drawPrice(t, "higher"))
		utilisation := drawUtilisation(t, "utilisation", m)
		fuller := max(utilisation, drawUtilisation(t, "fuller", m))
		next := nextBase(t, price, utilisation, m)
		if after := nextBase(t, price, fuller, m); after.Cmp(next) < 0 {
			t.Fatalf("%s by %+v: %s at %d and %s at %d", price, m, next, utilisation, after, fuller)
		}
		if after := nextBase(t, higher, utilisation, m); after.Cmp(next) < 0 {
			t.Fatalf("at %d by %+v: %s after %s and %s after %s", utilisation, m, next, price, after, higher)
		}
	})
}

// TestNextBaseStaysAtTheTarget, and moves on either side of it while the bounds let it.
func TestNextBaseStaysAtTheTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMarket(t)
		price := plainBase(drawPrice(t, "price"), m.Target, m) // within the bounds
		if next := nextBase(t, price, m.Target, m); next.Cmp(price) != 0 {
			t.Fatalf("expected %s to stay, got %s", price, next)
		}
		if next := nextBase(t, price, m.Target-1, m); next.Cmp(price) >= 0 && price.Cmp(m.Min) > 0 {
			t.Fatalf("expected less than %s below the target, got %s", price, next)
		}
		if next := nextBase(t, price, m.Target+1, m); m.Target < BasisPoints && next.Cmp(price) <= 0 && price.Cmp(m.Max) < 0 {
			t.Fatalf("expected more than %s above the target, got %s", price, next)
		}
	})
}

// elastic is the utilisation by a demand that fills blocks to the target at a price, and changes by elasticity × as many
// percent as the price does.
func elastic(price *big.Int, fair, elasticity float64, m Market) uint32 {
	p, _ := new(big.Float).SetInt(price).Float64()
	return uint32(min(BasisPoints, float64(m.Target)*math.Pow(fair/p, elasticity)))
}

// TestTheMarketFindsThePrice: whatever it begins with, the price comes to where demand fills blocks to the target, and stays
// near it.
func TestTheMarketFindsThePrice(t *testing.T) {
	for name, tt := range map[string]struct {
		begin      int64
		fair       float64
		elasticity float64
	}{
		"from the least price":          {100, 1_000_000, 1},
		"from far above":                {1_000_000_000_000, 1_000_000, 1},
		"demand that hardly cares":      {100, 1_000_000, 0.3},
		"demand that cares a lot":       {1_000_000_000, 1_000_000, 3},
		"from where it is":              {1_000_000, 1_000_000, 1},
		"a price of few units":          {100, 500, 1},
		"fair below the least possible": {1_000_000, 10, 1},
	} {
		t.Run(name, func(t *testing.T) {
			price := big.NewInt(tt.begin)
			want := max(tt.fair, 100)
			for block := range 4_000 {
				price = nextBase(t, price, elastic(price, tt.fair, tt.elasticity, market), market)
				got, _ := new(big.Float).SetInt(price).Float64()
				// One step of 1 is the finest there is.
				if off := math.Abs(got - want); block >= 3_000 && off > max(0.02*want, 2) {
					t.Fatalf("block %d: expected about %.0f, got %s", block, want, price)
				}
			}
		})
	}
}

// TestThePriceFallsBackAfterABurst: full blocks raise the price, and empty ones bring it back at least nine times as fast.
func TestThePriceFallsBackAfterABurst(t *testing.T) {
	for _, burst := range []int{1, 10, 100, 1_000, 3_000} {
		price := new(big.Int).Set(market.Min)
		for range burst {
			next := nextBase(t, price, BasisPoints, market)
			// A ninth of an eighth, rounded up from what is too small.
			if most := new(big.Int).Add(price, new(big.Int).Quo(price, big.NewInt(72))); next.Cmp(most.Add(most, big.NewInt(1))) > 0 {
				t.Fatalf("expected at most %s after %s, got %s", most, price, next)
			}
			price = next
		}
		empty := 0
		for ; price.Cmp(market.Min) > 0; empty++ {
			price = nextBase(t, price, 0, market)
		}
		if most := burst/9 + 20; empty > most {
			t.Fatalf("after %d full blocks: expected the least price after %d empty ones, got %d", burst, most, empty)
		}
		if next := nextBase(t, price, 0, market); next.Cmp(market.Min) != 0 {
			t.Fatalf("expected the price to stay at %s, got %s", market.Min, next)
		}
	}
}
