package types

import (
	"fmt"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Service is what a request asks for, as far as its price follows.
type Service struct {
	Tier  Tier
	Class schedulingtypes.FeeClass
}

// Quote prices a request under the parameters, with the base price of a compute unit. It fails with ErrTierUnavailable
// or ErrFeeClass when the service is not offered.
func (p Params) Quote(s Service, base math.Int, w pricing.Work, royalty math.Int) (Fee, error) {
	tier, err := p.TierMultiplier(s.Tier)
	if err != nil {
		return Fee{}, err
	}
	class, err := p.ClassMultiplier(s.Class)
	if err != nil {
		return Fee{}, err
	}
	fee, err := pricing.Quote(w, pricing.Prices{
		Base: base.BigInt(), Byte: p.BytePrice.BigInt(), Tier: tier, Class: class, Royalty: royalty.BigInt(),
	})
	if err != nil {
		return Fee{}, err
	}
	return Fee{
		Compute: math.NewIntFromBigInt(fee.Compute), Bytes: math.NewIntFromBigInt(fee.Bytes),
		Royalty: math.NewIntFromBigInt(fee.Royalty), Total: math.NewIntFromBigInt(fee.Total),
	}, nil
}

// ReuseFee is what the reuse of a receipt costs in place of a fee: a part of the compute part, rounded up, and the
// royalty.
func (p Params) ReuseFee(f Fee) (compute, total math.Int) {
	compute = f.Compute.MulRaw(int64(p.ReusePrice)).AddRaw(pricing.BasisPoints - 1).QuoRaw(pricing.BasisPoints)
	return compute, compute.Add(f.Royalty)
}

// CheckMaxFee fails with ErrMaxFee when a fee is above the most that is to be paid.
func CheckMaxFee(fee, most math.Int) error {
	if fee.GT(most) {
		return ErrMaxFee.Wrapf("expected at least %s%s, got %s%s", fee, Denom, most, Denom)
	}
	return nil
}

// StorageFee is what so many bytes of inputs cost that a schedule keeps, whatever becomes of it. It is never refunded.
func (p Params) StorageFee(bytes uint64) math.Int {
	return p.BytePrice.Mul(math.NewIntFromUint64(bytes))
}

// ClassMultiplier scales the compute part of the fee of a fee class, in basis points.
func (p Params) ClassMultiplier(class schedulingtypes.FeeClass) (uint32, error) {
	switch class {
	case schedulingtypes.FEE_CLASS_STANDARD:
		return pricing.BasisPoints, nil
	case schedulingtypes.FEE_CLASS_ECONOMY:
		return p.EconomyMultiplier, nil
	case schedulingtypes.FEE_CLASS_PRIORITY:
		return p.PriorityMultiplier, nil
	default:
		return 0, ErrFeeClass.Wrapf("expected %s, %s or %s, got %s", schedulingtypes.FEE_CLASS_STANDARD,
			schedulingtypes.FEE_CLASS_ECONOMY, schedulingtypes.FEE_CLASS_PRIORITY, class)
	}
}

// TierMultiplier scales the compute part of the fee of a tier, in basis points.
func (p Params) TierMultiplier(tier Tier) (uint32, error) {
	switch tier {
	case TIER_QUORUM:
		return p.QuorumMultiplier, nil
	case TIER_COMMITTEE:
		return p.CommitteeMultiplier, nil
	default:
		return 0, ValidateTier(tier)
	}
}

// ValidateTier fails with ErrTierUnavailable unless requests of the tier are taken.
func ValidateTier(t Tier) error {
	if t != TIER_QUORUM && t != TIER_COMMITTEE {
		return ErrTierUnavailable.Wrapf("expected %s or %s, got %s", TIER_QUORUM, TIER_COMMITTEE, t)
	}
	return nil
}

// ValidateSealing fails with ErrSealing unless the wish is one that a request can have.
func ValidateSealing(s Sealing) error {
	if _, ok := Sealing_name[int32(s)]; !ok {
		return ErrSealing.Wrapf("expected %s, %s or %s, got %s", SEALING_DEFAULT, SEALING_SEALED, SEALING_OPEN, s)
	}
	return nil
}

// Sealed tells whether a request with this fee and this wish is sealed. Without a wish it is when the fee reaches
// seal_fee.
func (p Params) Sealed(wish Sealing, fee Fee) bool {
	switch wish {
	case SEALING_SEALED:
		return true
	case SEALING_OPEN:
		return false
	default:
		return fee.Total.GTE(p.SealFee)
	}
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

// WithRoom is the total and a quarter of the compute part more, rounded up: what a client allows when the base price may move
// until its transaction is in a block. The other parts do not move.
func (f Fee) WithRoom() math.Int {
	return f.Total.Add(f.Compute.AddRaw(3).QuoRaw(4))
}
