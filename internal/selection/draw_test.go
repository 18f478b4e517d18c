package selection_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/selection"
)

func ints(values ...int64) []*big.Int {
	weights := make([]*big.Int, len(values))
	for i, value := range values {
		weights[i] = big.NewInt(value)
	}
	return weights
}

func seedOf(n uint64) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, n))
}

func TestDrawRefuses(t *testing.T) {
	tooLarge := new(big.Int).Lsh(big.NewInt(1), selection.MaxTotalBits)
	tests := map[string]struct {
		weights []*big.Int
		want    error
	}{
		"nobody to draw from":              {nil, selection.ErrNoWeights},
		"a missing weight":                 {[]*big.Int{big.NewInt(1), nil}, selection.ErrInvalidWeight},
		"a negative weight":                {ints(4, -1), selection.ErrInvalidWeight},
		"only zero weights":                {ints(0, 0), selection.ErrTotalWeight},
		"a sum above the limit":            {[]*big.Int{tooLarge}, selection.ErrTotalWeight},
		"a sum that passes the limit late": {[]*big.Int{new(big.Int).Sub(tooLarge, big.NewInt(1)), big.NewInt(1)}, selection.ErrTotalWeight},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := selection.Draw(seedOf(1), tt.weights); !errors.Is(err, tt.want) {
				t.Fatalf("expected %v, got %v", tt.want, err)
			}
		})
	}
}

func TestDrawTakesTheLargestTotal(t *testing.T) {
	largest := new(big.Int).Lsh(big.NewInt(1), selection.MaxTotalBits)
	largest.Sub(largest, big.NewInt(1))
	if got, err := selection.Draw(seedOf(7), []*big.Int{new(big.Int), largest}); err != nil || got != 1 {
		t.Fatalf("expected position 1, got %d, %v", got, err)
	}
}

// drawByTickets is the rule told in another way: one ticket per unit of weight in a row, and the position that owns
// the ticket with the number found by reading the stream bit by bit.
func drawByTickets(seed [32]byte, weights []int64) int {
	var owners []int
	for position, weight := range weights {
		for range weight {
			owners = append(owners, position)
		}
	}
	bits := 0
	for 1<<bits <= len(owners) {
		bits++
	}
	for try := uint64(0); ; try++ {
		digest := sha256.Sum256(binary.BigEndian.AppendUint64(append([]byte(nil), seed[:]...), try))
		number := 0
		for bit := range bits {
			number |= int(digest[31-bit/8]>>(bit%8)&1) << bit
		}
		if number < len(owners) {
			return owners[number]
		}
	}
}

func TestDrawMatchesTickets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Int64Range(0, 300), 1, 12).Draw(t, "weights")
		weights[rapid.IntRange(0, len(weights)-1).Draw(t, "positive")]++
		seed := seedOf(rapid.Uint64().Draw(t, "seed"))
		got, err := selection.Draw(seed, ints(weights...))
		if err != nil {
			t.Fatal(err)
		}
		if want := drawByTickets(seed, weights); got != want {
			t.Fatalf("expected position %d, got %d", want, got)
		}
	})
}

func TestDrawLeavesWeightsAlone(t *testing.T) {
	weights := ints(3, 0, 5)
	if _, err := selection.Draw(seedOf(3), weights); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{3, 0, 5} {
		if weights[i].Int64() != want {
			t.Fatalf("weight %d: expected %d, got %s", i, want, weights[i])
		}
	}
}

// TestDrawIsProportional compares the frequencies over fixed seeds with the weights by Pearson's chi-square. The
// limits are the 99.9% quantiles; the seeds are fixed, so that the figures are the same in every run.
func TestDrawIsProportional(t *testing.T) {
	const draws = 20000
	tests := map[string]struct {
		weights []int64
		limit   float64 // 99.9% quantile for (number of positive weights - 1) degrees of freedom
	}{
		"even weights":                   {[]int64{1, 1, 1, 1}, 16.27},
		"a sum just above a power of 2":  {[]int64{3, 3, 3}, 13.82},
		"uneven weights":                 {[]int64{1, 2, 3, 4, 90}, 18.47},
		"a zero between":                 {[]int64{5, 0, 5}, 10.83},
		"weights as large as on a chain": {[]int64{1 << 61, 1 << 60, 1 << 59}, 13.82},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			counts := make([]int, len(tt.weights))
			for n := range uint64(draws) {
				position, err := selection.Draw(seedOf(n), ints(tt.weights...))
				if err != nil {
					t.Fatal(err)
				}
				counts[position]++
			}
			var total float64
			for _, weight := range tt.weights {
				total += float64(weight)
			}
			var chiSquare float64
			for i, weight := range tt.weights {
				if weight == 0 {
					if counts[i] != 0 {
						t.Fatalf("a weight of zero was drawn %d times", counts[i])
					}
					continue
				}
				expected := draws * float64(weight) / total
				chiSquare += (float64(counts[i]) - expected) * (float64(counts[i]) - expected) / expected
			}
			if chiSquare > tt.limit {
				t.Fatalf("chi-square %.2f is above %.2f: counts %v for weights %v", chiSquare, tt.limit, counts, tt.weights)
			}
		})
	}
}
