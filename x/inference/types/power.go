package types

import (
	"math/big"

	"github.com/opengradient/opengradient/internal/pricing"
)

// EligibleShare is the eligible power as a part of the total power, in basis points rounded down; 0 when there is no
// power at all.
func EligibleShare(eligible, total int64) uint32 {
	if eligible <= 0 || total <= 0 {
		return 0
	}
	share := new(big.Int).Mul(big.NewInt(min(eligible, total)), big.NewInt(pricing.BasisPoints))
	return uint32(share.Quo(share, big.NewInt(total)).Uint64())
}
