package types

import (
	"fmt"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
)

// Quote prices a request of this tier under the parameters. It fails with ErrTierUnavailable when the tier is not
// offered.
func (p Params) Quote(tier Tier, w pricing.Work, royalty math.Int) (Fee, error) {
	if err := ValidateTier(tier); err != nil {
		return Fee{}, err
	}
	fee, err := pricing.Quote(w, pricing.Prices{
		Base: p.BasePrice.BigInt(), Byte: p.BytePrice.BigInt(), Multiplier: p.QuorumMultiplier, Royalty: royalty.BigInt(),
	})
	if err != nil {
		return Fee{}, err
	}
	return Fee{
		Compute: math.NewIntFromBigInt(fee.Compute), Bytes: math.NewIntFromBigInt(fee.Bytes),
		Royalty: math.NewIntFromBigInt(fee.Royalty), Total: math.NewIntFromBigInt(fee.Total),
	}, nil
}

// ValidateTier fails with ErrTierUnavailable unless requests of the tier are taken.
func ValidateTier(t Tier) error {
	if t != TIER_QUORUM {
		return ErrTierUnavailable.Wrapf("expected %s, got %s", TIER_QUORUM, t)
	}
	return nil
}

// Escrow is the part of the fee that is held until the request ends: compute and royalty.
func (f Fee) Escrow() math.Int { return f.Compute.Add(f.Royalty) }

// Validate checks that no part is missing or negative and that total is their sum.
func (f Fee) Validate() error {
	for _, p := range []struct {
		name  string
		value math.Int
	}{{"compute", f.Compute}, {"bytes", f.Bytes}, {"royalty", f.Royalty}, {"total", f.Total}} {
		if p.value.IsNil() || p.value.IsNegative() {
			return fmt.Errorf("fee: %s: expected at least 0, got %s", p.name, p.value)
		}
	}
	if sum := f.Compute.Add(f.Bytes).Add(f.Royalty); !sum.Equal(f.Total) {
		return fmt.Errorf("fee: expected the parts to sum to the total %s, got %s", f.Total, sum)
	}
	return nil
}

func (s FeeShares) pricing() pricing.Shares {
	return pricing.Shares{Publisher: s.Publisher, Members: s.Members, Owner: s.Owner, Community: s.Community}
}

// Split divides the escrow of a settled request; see pricing.Split.
func (s FeeShares) Split(f Fee, members []pricing.Member, publisher int) (pricing.Division, error) {
	return pricing.Split(f.Compute.BigInt(), f.Royalty.BigInt(), s.pricing(), members, publisher)
}

func checkAmount(v math.Int) error {
	if v.IsNil() || v.IsNegative() || v.GT(MaxAmount) {
		return fmt.Errorf("expected 0 to %s, got %s", MaxAmount, v)
	}
	return nil
}
