package types

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/agreement"
)

func TestParamsValidate(t *testing.T) {
	if err := DefaultParams().Validate(); err != nil {
		t.Fatalf("expected the defaults to be valid, got %v", err)
	}
	for _, tc := range []struct {
		name   string
		field  string
		change func(*Params)
	}{
		{"settlement with the verdict", "settle_blocks", func(p *Params) { p.SettleBlocks = 0 }},
		{"settlement too late", "settle_blocks", func(p *Params) { p.SettleBlocks = MaxSettleBlocks + 1 }},
		{"turns of no blocks", "publisher_turn_blocks", func(p *Params) { p.PublisherTurnBlocks = 0 }},
		{"turns too long", "publisher_turn_blocks", func(p *Params) { p.PublisherTurnBlocks = MaxPublisherTurnBlocks + 1 }},
		{"one candidate", "max_candidates", func(p *Params) { p.MaxCandidates = 1 }},
		{"more candidates than can be compared", "max_candidates", func(p *Params) { p.MaxCandidates = MaxMaxCandidates + 1 }},
		{"no time to commit", "seal_blocks", func(p *Params) { p.SealBlocks = 0 }},
		{"too much time to commit", "seal_blocks", func(p *Params) { p.SealBlocks = MaxSealBlocks + 1 }},
		{"arbitration at once", "soft_blocks", func(p *Params) { p.SoftBlocks = 0 }},
		{"arbitration too late", "soft_blocks", func(p *Params) { p.SoftBlocks = MaxSoftBlocks + 1 }},
		{"arbitration of no blocks", "arbitration_blocks", func(p *Params) { p.ArbitrationBlocks = 0 }},
		{"arbitration too long", "arbitration_blocks", func(p *Params) { p.ArbitrationBlocks = MaxArbitrationBlocks + 1 }},
		{"an arbitration over the budget", "compare_elements", func(p *Params) { p.CompareElements = MinCompareElements() - 1 }},
		{"a budget without a bound", "compare_elements", func(p *Params) { p.CompareElements = MaxCompareElements + 1 }},
		{"window too short", "conduct_window", func(p *Params) { p.ConductWindow, p.MaxMissed = MinConductWindow-1, 5 }},
		{"window too long", "conduct_window", func(p *Params) { p.ConductWindow = MaxConductWindow + 1 }},
		{"no number of misses jails", "max_missed", func(p *Params) { p.MaxMissed = p.ConductWindow }},
		{"no number of contradictions jails", "max_contradicted", func(p *Params) { p.MaxContradicted = p.ConductWindow }},
		{"no time in jail for conduct", "conduct_jail_blocks", func(p *Params) { p.ConductJailBlocks = 0 }},
		{"too long in jail for conduct", "conduct_jail_blocks", func(p *Params) { p.ConductJailBlocks = MaxJailBlocks + 1 }},
		{"no time in jail for a fault", "fault_jail_blocks", func(p *Params) { p.FaultJailBlocks = 0 }},
		{"too long in jail for a fault", "fault_jail_blocks", func(p *Params) { p.FaultJailBlocks = MaxJailBlocks + 1 }},
		{"no slash fraction", "slash_fraction", func(p *Params) { p.SlashFraction = sdkmath.LegacyDec{} }},
		{"a negative slash", "slash_fraction", func(p *Params) { p.SlashFraction = sdkmath.LegacySmallestDec().Neg() }},
		{"a slash of more than half", "slash_fraction", func(p *Params) { p.SlashFraction = MaxSlashFraction().Add(sdkmath.LegacySmallestDec()) }},
		{"a third corroborates", "corroboration_power", func(p *Params) { p.CorroborationPower = MinCorroborationPower - 1 }},
		{"nothing corroborates", "corroboration_power", func(p *Params) { p.CorroborationPower = BasisPoints + 1 }},
		{"evidence of no blocks", "evidence_blocks", func(p *Params) { p.EvidenceBlocks = 0 }},
		{"evidence kept too long", "evidence_blocks", func(p *Params) { p.EvidenceBlocks = MaxEvidenceBlocks + 1 }},
		{"no tolerance", "tolerances.fp16", func(p *Params) { p.Tolerances.Fp16 = sdkmath.LegacyDec{} }},
		{"a negative tolerance", "tolerances.bf16", func(p *Params) { p.Tolerances.Bf16 = sdkmath.LegacySmallestDec().Neg() }},
		{"a tolerance over the limit", "tolerances.fp32", func(p *Params) { p.Tolerances.Fp32 = sdkmath.LegacyMustNewDecFromStr("0.100000000000000001") }},
		{"a tolerance beyond 64 bits", "tolerances.fp64", func(p *Params) { p.Tolerances.Fp64 = sdkmath.LegacyNewDec(1_000_000) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			params := DefaultParams()
			tc.change(&params)
			err := params.Validate()
			if !errors.Is(err, ErrInvalidParams) {
				t.Fatalf("expected %v, got %v", ErrInvalidParams, err)
			}
			if !strings.Contains(err.Error(), tc.field) {
				t.Errorf("expected an error that names %s, got %v", tc.field, err)
			}
		})
	}
}

func TestParamsAtTheirBoundsAreValid(t *testing.T) {
	least := Params{
		SettleBlocks: 1, PublisherTurnBlocks: 1, MaxCandidates: 2, SealBlocks: 1, SoftBlocks: 1, ArbitrationBlocks: 1,
		Tolerances: NewTolerances(agreement.Taus{}), CompareElements: MinCompareElements(), ConductWindow: MinConductWindow,
		ConductJailBlocks: 1, FaultJailBlocks: 1, SlashFraction: sdkmath.LegacyZeroDec(),
		CorroborationPower: MinCorroborationPower, EvidenceBlocks: 1,
	}
	const largest = agreement.MaxTau
	most := Params{
		SettleBlocks: MaxSettleBlocks, PublisherTurnBlocks: MaxPublisherTurnBlocks, MaxCandidates: MaxMaxCandidates,
		SealBlocks: MaxSealBlocks, SoftBlocks: MaxSoftBlocks, ArbitrationBlocks: MaxArbitrationBlocks,
		Tolerances:      NewTolerances(agreement.Taus{FP16: largest, BF16: largest, FP32: largest, FP64: largest}),
		CompareElements: MaxCompareElements, ConductWindow: MaxConductWindow, MaxMissed: MaxConductWindow - 1,
		MaxContradicted: MaxConductWindow - 1, ConductJailBlocks: MaxJailBlocks, FaultJailBlocks: MaxJailBlocks,
		SlashFraction: MaxSlashFraction(), CorroborationPower: BasisPoints, EvidenceBlocks: MaxEvidenceBlocks,
	}
	for _, params := range []Params{least, most} {
		if err := params.Validate(); err != nil {
			t.Errorf("expected bounds to be valid, got %v", err)
		}
	}
}

func TestTolerancesKeepEveryPart(t *testing.T) {
	if got := DefaultParams().Taus(); got != agreement.DefaultTaus() {
		t.Errorf("expected the default tolerances %v, got %v", agreement.DefaultTaus(), got)
	}
	if got := DefaultParams().Tolerances.Fp32.String(); got != "0.000010000000000000" {
		t.Errorf("expected 0.000010000000000000 for fp32, got %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		tau := func(name string) agreement.Tau {
			return agreement.Tau(rapid.Uint64Range(0, uint64(agreement.MaxTau)).Draw(t, name))
		}
		taus := agreement.Taus{FP16: tau("fp16"), BF16: tau("bf16"), FP32: tau("fp32"), FP64: tau("fp64")}
		params := DefaultParams()
		params.Tolerances = NewTolerances(taus)
		if err := params.Validate(); err != nil {
			t.Fatalf("expected valid parameters, got %v", err)
		}
		if got := params.Taus(); got != taus {
			t.Fatalf("expected %v, got %v", taus, got)
		}
	})
}

func TestCorroboratedIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		params := DefaultParams()
		params.CorroborationPower = rapid.Uint32Range(MinCorroborationPower, BasisPoints).Draw(t, "part")
		total := rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, math.MaxInt64)).Draw(t, "total")
		share := new(big.Int).Mul(big.NewInt(total), big.NewInt(int64(params.CorroborationPower)))
		least := new(big.Int).Div(share, big.NewInt(int64(BasisPoints))).Int64()
		power := rapid.Int64Range(max(0, least-2), least+min(2, total-least)).Draw(t, "power")
		want := new(big.Int).Mul(big.NewInt(power), big.NewInt(int64(BasisPoints))).Cmp(share) >= 0
		if got := params.Corroborated(power, total); got != want {
			t.Fatalf("%d of %d at %d: expected %t, got %t", power, total, params.CorroborationPower, want, got)
		}
		if params.Corroborated(total/3, total) {
			t.Fatalf("expected a third of %d to corroborate nothing", total)
		}
	})
}
