package types

import (
	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/agreement"
)

// NewTolerances writes tolerances as decimals. Both count in parts of 10^-18: nothing is rounded.
func NewTolerances(taus agreement.Taus) Tolerances {
	dec := func(tau agreement.Tau) math.LegacyDec {
		return math.LegacyNewDecFromIntWithPrec(math.NewIntFromUint64(uint64(tau)), math.LegacyPrecision)
	}
	return Tolerances{Fp16: dec(taus.FP16), Bf16: dec(taus.BF16), Fp32: dec(taus.FP32), Fp64: dec(taus.FP64)}
}

// Validate checks every tolerance against its bounds. It returns ErrInvalidParams.
func (t Tolerances) Validate() error {
	limit := math.LegacyNewDecFromIntWithPrec(math.NewIntFromUint64(uint64(agreement.MaxTau)), math.LegacyPrecision)
	for _, tolerance := range []struct {
		name  string
		value math.LegacyDec
	}{
		{"fp16", t.Fp16},
		{"bf16", t.Bf16},
		{"fp32", t.Fp32},
		{"fp64", t.Fp64},
	} {
		if value := tolerance.value; value.IsNil() || value.IsNegative() || value.GT(limit) {
			return ErrInvalidParams.Wrapf("tolerances.%s: expected 0 to %s, got %s", tolerance.name, agreement.MaxTau, value)
		}
	}
	return nil
}

// Taus are the tolerances in the form in which outputs are compared. The tolerances must be valid.
func (t Tolerances) Taus() agreement.Taus {
	tau := func(dec math.LegacyDec) agreement.Tau { return agreement.Tau(dec.BigInt().Uint64()) }
	return agreement.Taus{FP16: tau(t.Fp16), BF16: tau(t.Bf16), FP32: tau(t.Fp32), FP64: tau(t.Fp64)}
}
