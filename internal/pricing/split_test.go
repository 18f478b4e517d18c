package pricing

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

var quarters = Shares{Publisher: 2000, Members: 6000, Owner: 1000, Community: 1000}

func TestSplit(t *testing.T) {
	for name, tc := range map[string]struct {
		compute, royalty int64
		shares           Shares
		members          []Member
		publisher        int
		wantPublisher    int64
		wantMembers      []int64
		owner, community int64
		refund           int64
	}{
		"all agree":                             {1000, 7, quarters, []Member{{1, true}, {1, true}, {1, true}}, 0, 200, []int64{200, 200, 200}, 107, 100, 0},
		"absent member's part is refunded":      {1000, 0, quarters, []Member{{1, true}, {1, false}, {1, true}}, 2, 200, []int64{200, 0, 200}, 100, 100, 200},
		"parts follow power":                    {1000, 0, quarters, []Member{{3, true}, {1, true}, {2, false}}, 1, 200, []int64{300, 100, 0}, 100, 100, 200},
		"no publisher: its share goes members'": {1000, 0, quarters, []Member{{1, true}, {3, true}}, NoPublisher, 0, []int64{200, 600}, 100, 100, 0},
		"dust goes to the community":            {10, 0, quarters, []Member{{1, true}, {1, true}, {1, true}, {1, true}}, 0, 2, []int64{1, 1, 1, 1}, 1, 3, 0},
		"too small to divide":                   {1, 0, quarters, []Member{{1, true}, {1, false}}, 0, 0, []int64{0, 0}, 0, 1, 0},
		"royalty alone":                         {0, 5, quarters, []Member{{1, true}}, 0, 0, []int64{0}, 5, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Split(big.NewInt(tc.compute), big.NewInt(tc.royalty), tc.shares, tc.members, tc.publisher)
			if err != nil {
				t.Fatal(err)
			}
			check := func(what string, want int64, got *big.Int) {
				if got.Cmp(big.NewInt(want)) != 0 {
					t.Errorf("%s: expected %d, got %s", what, want, got)
				}
			}
			check("publisher", tc.wantPublisher, d.Publisher)
			check("owner", tc.owner, d.Owner)
			check("community", tc.community, d.Community)
			check("refund", tc.refund, d.Refund)
			for i, want := range tc.wantMembers {
				check("member", want, d.Members[i])
			}
		})
	}
}

func TestSplitRefuses(t *testing.T) {
	one, minus := big.NewInt(1), big.NewInt(-1)
	agreed := []Member{{1, true}}
	for name, tc := range map[string]struct {
		compute, royalty *big.Int
		shares           Shares
		members          []Member
		publisher        int
		want             error
	}{
		"no compute":                   {nil, one, quarters, agreed, 0, ErrAmount},
		"negative compute":             {minus, one, quarters, agreed, 0, ErrAmount},
		"no royalty":                   {one, nil, quarters, agreed, 0, ErrAmount},
		"negative royalty":             {one, minus, quarters, agreed, 0, ErrAmount},
		"shares below one":             {one, one, Shares{Publisher: 9999}, agreed, 0, ErrShares},
		"shares above one":             {one, one, Shares{Publisher: 9999, Owner: 2}, agreed, 0, ErrShares},
		"shares that wrap 32 bits":     {one, one, Shares{Publisher: 1<<32 - 1, Owner: 10_001}, agreed, 0, ErrShares},
		"no members":                   {one, one, quarters, nil, NoPublisher, ErrMembers},
		"member without power":         {one, one, quarters, []Member{{0, true}}, 0, ErrMembers},
		"publisher outside":            {one, one, quarters, agreed, 1, ErrMembers},
		"publisher below":              {one, one, quarters, agreed, -2, ErrMembers},
		"publisher that did not agree": {one, one, quarters, []Member{{1, true}, {1, false}}, 1, ErrMembers},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Split(tc.compute, tc.royalty, tc.shares, tc.members, tc.publisher); !errors.Is(err, tc.want) {
				t.Fatalf("expected %v, got %v", tc.want, err)
			}
		})
	}
}

func drawShares(t *rapid.T) Shares {
	a := rapid.Uint32Range(0, BasisPoints).Draw(t, "publisher")
	b := rapid.Uint32Range(0, BasisPoints-a).Draw(t, "members")
	c := rapid.Uint32Range(0, BasisPoints-a-b).Draw(t, "owner")
	return Shares{a, b, c, BasisPoints - a - b - c}
}

// Coins are conserved, nothing is negative, and every amount is what rational
// arithmetic rounded down gives.
func TestSplitConservesAndMatchesOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compute := new(big.Int).SetUint64(rapid.Uint64().Draw(t, "compute"))
		compute.Mul(compute, new(big.Int).SetUint64(rapid.Uint64Range(0, 1<<40).Draw(t, "scale")))
		royalty := new(big.Int).SetUint64(rapid.Uint64().Draw(t, "royalty"))
		shares := drawShares(t)
		members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Member {
			return Member{rapid.Int64Range(1, 1<<60).Draw(t, "power"), rapid.Bool().Draw(t, "agreed")}
		}), 1, 30).Draw(t, "members")
		publisher := rapid.IntRange(NoPublisher, len(members)-1).Draw(t, "publisher")
		if publisher != NoPublisher {
			members[publisher].Agreed = true
		}
		d, err := Split(compute, royalty, shares, members, publisher)
		if err != nil {
			t.Fatal(err)
		}

		floor := func(r *big.Rat) *big.Int { return new(big.Int).Quo(r.Num(), r.Denom()) }
		of := func(bps uint32) *big.Rat {
			return new(big.Rat).Mul(new(big.Rat).SetInt(compute), big.NewRat(int64(bps), BasisPoints))
		}
		power := new(big.Rat)
		for _, m := range members {
			power.Add(power, new(big.Rat).SetInt64(m.Power))
		}
		pool, toPublisher := shares.Members, new(big.Int)
		if publisher == NoPublisher {
			pool += shares.Publisher
		} else {
			toPublisher = floor(of(shares.Publisher))
		}
		refund, sum := new(big.Int), new(big.Int)
		for i, m := range members {
			part := floor(new(big.Rat).Mul(new(big.Rat).SetInt(floor(of(pool))), new(big.Rat).Quo(new(big.Rat).SetInt64(m.Power), power)))
			if !m.Agreed {
				refund.Add(refund, part)
				part = new(big.Int)
			}
			if part.Cmp(d.Members[i]) != 0 {
				t.Fatalf("member %d: expected %s, got %s", i, part, d.Members[i])
			}
			sum.Add(sum, d.Members[i])
		}
		owner := new(big.Int).Add(floor(of(shares.Owner)), royalty)
		for _, c := range []struct {
			name      string
			want, got *big.Int
		}{{"publisher", toPublisher, d.Publisher}, {"owner", owner, d.Owner}, {"refund", refund, d.Refund}} {
			if c.want.Cmp(c.got) != 0 {
				t.Fatalf("%s: expected %s, got %s", c.name, c.want, c.got)
			}
		}
		sum.Add(sum, d.Publisher).Add(sum, d.Owner).Add(sum, d.Community).Add(sum, d.Refund)
		if want := new(big.Int).Add(compute, royalty); sum.Cmp(want) != 0 {
			t.Fatalf("expected %s paid out, got %s", want, sum)
		}
		least := floor(of(shares.Community))
		dust := new(big.Int).Sub(d.Community, least)
		if dust.Sign() < 0 || dust.Cmp(big.NewInt(int64(len(members)+4))) > 0 {
			t.Fatalf("expected dust of at most one unit per part, got %s", dust)
		}
	})
}

// Without a member's attestation the others get what they would have got with it.
func TestAbsenceGivesOthersNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Member {
			return Member{rapid.Int64Range(1, 1<<40).Draw(t, "power"), true}
		}), 2, 20).Draw(t, "members")
		compute, shares := big.NewInt(rapid.Int64Min(0).Draw(t, "compute")), drawShares(t)
		with, err := Split(compute, new(big.Int), shares, members, 0)
		if err != nil {
			t.Fatal(err)
		}
		absent := rapid.IntRange(1, len(members)-1).Draw(t, "absent")
		members[absent].Agreed = false
		without, err := Split(compute, new(big.Int), shares, members, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range members {
			if i != absent && with.Members[i].Cmp(without.Members[i]) != 0 {
				t.Fatalf("member %d: expected %s, got %s", i, with.Members[i], without.Members[i])
			}
		}
		if without.Refund.Cmp(with.Members[absent]) != 0 || without.Community.Cmp(with.Community) != 0 {
			t.Fatalf("expected refund %s, got %s", with.Members[absent], without.Refund)
		}
	})
}
