package selection_test

import (
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/selection"
)

func TestFreeCapacity(t *testing.T) {
	tests := map[string]struct{ capacity, reported, leading, want uint64 }{
		"the report is below the capacity":     {1000, 400, 100, 300},
		"the report is above the capacity":     {1000, math.MaxUint64, 100, 900},
		"all of it is taken":                   {1000, 1000, 1000, 0},
		"more than all of it is taken":         {1000, 400, 500, 0},
		"nothing reported":                     {1000, 0, 0, 0},
		"nothing taken":                        {1000, 1000, 0, 1000},
		"the largest numbers do not wrap over": {math.MaxUint64, math.MaxUint64, math.MaxUint64 - 1, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := selection.FreeCapacity(tt.capacity, tt.reported, tt.leading); got != tt.want {
				t.Fatalf("expected %d, got %d", tt.want, got)
			}
		})
	}
}

func TestCandidateWeight(t *testing.T) {
	huge := new(big.Int).Mul(big.NewInt(math.MaxInt64), big.NewInt(10_000))
	huge.Mul(huge, new(big.Int).SetUint64(math.MaxUint64))
	tests := map[string]struct {
		candidate selection.Candidate
		want      *big.Int
	}{
		"the product":                {selection.Candidate{Power: 7, Reliability: 10, Free: 3}, big.NewInt(210)},
		"a full node still counts":   {selection.Candidate{Power: 7, Reliability: 10}, big.NewInt(70)},
		"no reliability, no weight":  {selection.Candidate{Power: 7, Free: 3}, new(big.Int)},
		"the largest do not overrun": {selection.Candidate{Power: math.MaxInt64, Reliability: 10_000, Free: math.MaxUint64}, huge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.candidate.Weight(); got.Cmp(tt.want) != 0 {
				t.Fatalf("expected %s, got %s", tt.want, got)
			}
		})
	}
}

// TestSeed pins the encoding of the seed: a change of it is a change of the chain.
func TestSeed(t *testing.T) {
	seed := selection.Seed([]byte("app hash"), []byte("digest"), 2)
	const want = "483936e13d86389fe5823927fbd18f6bc2d650b3fbaa7e0cbc3f7fb890b7ac18"
	if got := hex.EncodeToString(seed[:]); got != want {
		t.Fatalf("expected %s, got %s", want, got)
	}
	for name, other := range map[string][32]byte{
		"another app hash":  selection.Seed([]byte("app hasH"), []byte("digest"), 2),
		"another digest":    selection.Seed([]byte("app hash"), []byte("digesT"), 2),
		"another attempt":   selection.Seed([]byte("app hash"), []byte("digest"), 3),
		"a moved boundary":  selection.Seed([]byte("app hashd"), []byte("igest"), 2),
		"an empty app hash": selection.Seed(nil, []byte("app hashdigest"), 2),
	} {
		if other == seed {
			t.Errorf("%s gives the same seed", name)
		}
	}
}

func TestLeader(t *testing.T) {
	member := selection.Candidate{Power: 10, Reliability: 10_000, Free: 100}
	passed, unreliable, idle := member, member, member
	passed.Passed = true
	unreliable.Reliability = 0
	idle.Power = 0
	unreliablePassed := unreliable
	unreliablePassed.Passed = true
	tests := map[string]struct {
		candidates []selection.Candidate
		allowed    map[int]bool
	}{
		"the only member":                          {[]selection.Candidate{member}, map[int]bool{0: true}},
		"one at fault is passed over":              {[]selection.Candidate{passed, member}, map[int]bool{1: true}},
		"passing over is waived when none remains": {[]selection.Candidate{passed, passed}, map[int]bool{0: true, 1: true}},
		"no reliability is never drawn":            {[]selection.Candidate{unreliable, member}, map[int]bool{1: true}},
		"by power when nobody has weight":          {[]selection.Candidate{unreliable, idle, unreliable}, map[int]bool{0: true, 2: true}},
		"one at fault does not return for weight":  {[]selection.Candidate{passed, unreliable}, map[int]bool{1: true}},
		"waived first, then by power":              {[]selection.Candidate{unreliablePassed, unreliablePassed}, map[int]bool{0: true, 1: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			drawn := map[int]bool{}
			for n := range uint64(200) {
				leader, err := selection.Leader(seedOf(n), tt.candidates)
				if err != nil {
					t.Fatal(err)
				}
				if !tt.allowed[leader] {
					t.Fatalf("position %d must not lead", leader)
				}
				drawn[leader] = true
			}
			if len(drawn) != len(tt.allowed) {
				t.Fatalf("expected every one of %v to lead at some time, got %v", tt.allowed, drawn)
			}
		})
	}
}

func TestLeaderRefuses(t *testing.T) {
	tests := map[string]struct {
		candidates []selection.Candidate
		want       error
	}{
		"no candidates":            {nil, selection.ErrNoWeights},
		"candidates with no power": {[]selection.Candidate{{Reliability: 1, Free: 1}}, selection.ErrTotalWeight},
		"a negative power":         {[]selection.Candidate{{Power: -1, Reliability: 1}, {Power: 5, Reliability: 1}}, selection.ErrInvalidWeight},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := selection.Leader(seedOf(1), tt.candidates); !errors.Is(err, tt.want) {
				t.Fatalf("expected %v, got %v", tt.want, err)
			}
		})
	}
}

// TestLeaderIsAllowed: whoever is drawn was not passed over unless all were, and has weight unless nobody has.
func TestLeaderIsAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidates := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) selection.Candidate {
			return selection.Candidate{
				Power:       rapid.Int64Range(1, 1<<60).Draw(t, "power"),
				Reliability: rapid.Uint32Range(0, 3).Draw(t, "reliability"),
				Free:        rapid.Uint64().Draw(t, "free"),
				Passed:      rapid.Bool().Draw(t, "passed"),
			}
		}), 1, 20).Draw(t, "candidates")
		seed := seedOf(rapid.Uint64().Draw(t, "seed"))
		leader, err := selection.Leader(seed, candidates)
		if err != nil {
			t.Fatal(err)
		}
		again, err := selection.Leader(seed, candidates)
		if err != nil || again != leader {
			t.Fatalf("expected %d again, got %d, %v", leader, again, err)
		}
		anyLeft, anyWeight := false, false
		for _, c := range candidates {
			anyLeft = anyLeft || !c.Passed
		}
		for _, c := range candidates {
			anyWeight = anyWeight || (!(anyLeft && c.Passed) && c.Weight().Sign() > 0)
		}
		if anyLeft && candidates[leader].Passed {
			t.Fatalf("position %d is to be passed over and others remain", leader)
		}
		if anyWeight && candidates[leader].Weight().Sign() == 0 {
			t.Fatalf("position %d has no weight and others have", leader)
		}
	})
}
