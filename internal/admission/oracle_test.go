package admission_test

import (
	"bytes"
	"math/big"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/admission"
)

// simple is the rule of admission written as it is told, with as many walks and as large numbers as that takes.
func simple(b admission.Ballot) (outcome admission.Outcome, agree int64, reason uint32) {
	power := func(meant func(admission.Voter) bool) int64 {
		sum := int64(0)
		for _, v := range b.Voters {
			if meant(v) {
				sum += v.Power
			}
		}
		return sum
	}
	best := func(meant func(admission.Voter) bool) (root admission.Root) {
		var roots []admission.Root
		for _, v := range b.Voters {
			if v.Word == admission.Ran && meant(v) {
				roots = append(roots, v.Root)
			}
		}
		sort.Slice(roots, func(i, j int) bool { return bytes.Compare(roots[i][:], roots[j][:]) < 0 })
		most := int64(-1)
		for _, r := range roots {
			if p := power(func(v admission.Voter) bool { return meant(v) && v.Word == admission.Ran && v.Root == r }); p > most {
				most, root = p, r
			}
		}
		return root
	}
	canonical := best(func(admission.Voter) bool { return true })
	// judge says of one voter whether it agrees, is open, or is against.
	judge := func(v admission.Voter) string {
		if v.Word == admission.Silent {
			return "open"
		}
		if v.Word == admission.Failed {
			return "failed"
		}
		class := best(func(o admission.Voter) bool { return o.Class == v.Class })
		switch {
		case v.Root != class:
			return "disagrees"
		case class == canonical:
			return "agrees"
		}
		switch b.Compare(canonical, class) {
		case admission.Within:
			return "agrees"
		case admission.Unknown:
			return "open"
		default:
			return "disagrees"
		}
	}
	of := func(word string) int64 { return power(func(v admission.Voter) bool { return judge(v) == word }) }
	agree = of("agrees")
	all := power(func(admission.Voter) bool { return true })
	exceeds := func(p int64) bool {
		third, half := big.NewInt(p), big.NewInt(p)
		return third.Mul(third, big.NewInt(3)).Cmp(new(big.Int).Mul(big.NewInt(all), big.NewInt(2))) > 0 &&
			half.Mul(half, big.NewInt(2)).Cmp(big.NewInt(b.Total)) > 0
	}
	against := new(big.Int).Mul(big.NewInt(of("failed")+of("disagrees")), big.NewInt(3))
	most := int64(0)
	for code := uint32(1); code < 10; code++ {
		if p := power(func(v admission.Voter) bool { return v.Word == admission.Failed && v.Failure == code }); p > most {
			most, reason = p, code
		}
	}
	if of("disagrees") > most {
		reason = 0
	}
	switch {
	case exceeds(agree):
		return admission.Active, agree, reason
	case !exceeds(agree+of("open")) && against.Cmp(big.NewInt(all)) > 0:
		return admission.Rejected, agree, reason
	case b.Due:
		return admission.Expired, agree, reason
	default:
		return admission.Pending, agree, reason
	}
}

func drawBallot(t *rapid.T) admission.Ballot {
	scale := rapid.SampledFrom([]int64{1, 1 << 55}).Draw(t, "scale")
	b := admission.Ballot{
		Due: rapid.Bool().Draw(t, "due"),
		Voters: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) admission.Voter {
			v := admission.Voter{
				Power: rapid.Int64Range(0, 9).Draw(t, "power") * scale,
				Class: rapid.Uint32Range(1, 3).Draw(t, "class"),
				Word:  admission.Word(rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(t, "word")),
			}
			switch v.Word {
			case admission.Ran:
				v.Root[0] = rapid.ByteRange(1, 3).Draw(t, "root")
			case admission.Failed:
				v.Failure = rapid.Uint32Range(1, 7).Draw(t, "failure")
			}
			return v
		}), 0, 9).Draw(t, "voters"),
	}
	for _, v := range b.Voters {
		b.Total += v.Power
	}
	b.Total += rapid.Int64Range(0, 20).Draw(t, "others") * scale
	relations := make(map[[2]byte]admission.Relation)
	for i := byte(1); i <= 3; i++ {
		for j := byte(1); j <= 3; j++ {
			relations[[2]byte{i, j}] = admission.Relation(rapid.IntRange(0, 2).Draw(t, "relation"))
		}
	}
	b.Compare = func(canonical, other admission.Root) admission.Relation {
		return relations[[2]byte{canonical[0], other[0]}]
	}
	return b
}

func TestDecideAgainstTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBallot(t)
		got := admission.Decide(b)
		outcome, agree, reason := simple(b)
		require.Equal(t, outcome.String(), got.Outcome.String())
		require.Equal(t, agree, got.Agree)
		require.Equal(t, reason, got.Failure)
		require.Equal(t, got.Voters, got.Agree+got.Open+got.Against)
	})
}

func TestDecideDoesNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBallot(t)
		want := admission.Decide(b)
		b.Voters = rapid.Permutation(b.Voters).Draw(t, "order")
		require.Equal(t, want, admission.Decide(b))
	})
}

// TestDecideIsMonotone: a silent voter that comes with the canonical root never takes an admission away, and one that
// fails never a rejection.
func TestDecideIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBallot(t)
		b.Due = false
		before := admission.Decide(b)
		ran := 0
		for _, v := range b.Voters {
			if v.Word == admission.Ran {
				ran++
			}
		}
		for i, v := range b.Voters {
			if v.Word != admission.Silent {
				continue
			}
			changed := b
			changed.Voters = append([]admission.Voter(nil), b.Voters...)
			if ran > 0 {
				changed.Voters[i].Word, changed.Voters[i].Root = admission.Ran, before.Canonical
				after := admission.Decide(changed)
				require.GreaterOrEqual(t, after.Agree, before.Agree)
				if before.Outcome == admission.Active {
					require.Equal(t, admission.Active, after.Outcome)
				}
			}
			changed.Voters[i] = admission.Voter{Power: v.Power, Class: v.Class, Word: admission.Failed, Failure: 1}
			after := admission.Decide(changed)
			require.Equal(t, before.Agree, after.Agree)
			if before.Outcome == admission.Rejected {
				require.Equal(t, admission.Rejected, after.Outcome)
			}
		}
		b.Due = true
		if due := admission.Decide(b); before.Outcome == admission.Pending {
			require.Equal(t, admission.Expired, due.Outcome, "an admission ends at its deadline")
		} else {
			require.Equal(t, before.Outcome, due.Outcome, "the deadline changes no verdict")
		}
	})
}
