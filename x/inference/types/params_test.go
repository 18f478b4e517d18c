package types_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
)

func TestParams(t *testing.T) {
	require.NoError(t, types.DefaultParams().Validate())
	require.NoError(t, types.DefaultGenesis().Validate())
	for name, change := range map[string]func(p *types.Params){
		"no model bytes":            func(p *types.Params) { p.MaxModelBytes = 0 },
		"model bytes above bound":   func(p *types.Params) { p.MaxModelBytes = 33 << 20 },
		"no input bytes":            func(p *types.Params) { p.MaxInputBytes = 0 },
		"input bytes above bound":   func(p *types.Params) { p.MaxInputBytes = 5 << 20 },
		"no output bytes":           func(p *types.Params) { p.MaxOutputBytes = 0 },
		"output bytes above bound":  func(p *types.Params) { p.MaxOutputBytes = 17 << 10 },
		"no requests":               func(p *types.Params) { p.MaxRequestsPerMessage = 0 },
		"requests above bound":      func(p *types.Params) { p.MaxRequestsPerMessage = 1025 },
		"no eligible power":         func(p *types.Params) { p.MinEligiblePower = 0 },
		"eligible power above all":  func(p *types.Params) { p.MinEligiblePower = 10_001 },
		"no base price":             func(p *types.Params) { p.BasePrice = math.Int{} },
		"negative base price":       func(p *types.Params) { p.BasePrice = math.NewInt(-1) },
		"base price above bound":    func(p *types.Params) { p.BasePrice = types.MaxAmount.AddRaw(1) },
		"no byte price":             func(p *types.Params) { p.BytePrice = math.Int{} },
		"no multiplier":             func(p *types.Params) { p.QuorumMultiplier = 0 },
		"multiplier above bound":    func(p *types.Params) { p.QuorumMultiplier = 1_000_001 },
		"shares below one":          func(p *types.Params) { p.FeeShares.Owner-- },
		"shares above one":          func(p *types.Params) { p.FeeShares.Owner++ },
		"model gas above bound":     func(p *types.Params) { p.ModelGasPerByte = 1_000_001 },
		"input gas above bound":     func(p *types.Params) { p.InputGasPerByte = 1_000_001 },
		"no compute units":          func(p *types.Params) { p.MaxComputeUnits = 0 },
		"compute units above bound": func(p *types.Params) { p.MaxComputeUnits = 1<<62 + 1 },
		"total below one model":     func(p *types.Params) { p.MaxTotalModelBytes = p.MaxModelBytes - 1 },
		"total above bound":         func(p *types.Params) { p.MaxTotalModelBytes = 1<<40 + 1 },
		"no committee multiplier":   func(p *types.Params) { p.CommitteeMultiplier = 0 },
		"committee above bound":     func(p *types.Params) { p.CommitteeMultiplier = 1_000_001 },
		"no seal fee":               func(p *types.Params) { p.SealFee = math.Int{} },
		"negative seal fee":         func(p *types.Params) { p.SealFee = math.NewInt(-1) },
		"seal fee above bound":      func(p *types.Params) { p.SealFee = types.MaxAmount.AddRaw(1) },
		"inputs kept too long":      func(p *types.Params) { p.InputBlocks = 1_000_000_001 },
	} {
		t.Run(name, func(t *testing.T) {
			p := types.DefaultParams()
			change(&p)
			require.ErrorIs(t, p.Validate(), types.ErrInvalidParams)
		})
	}
}

func TestNames(t *testing.T) {
	for _, ok := range []string{"a", "iris", "resnet-50_v1.2", strings.Repeat("g", 64)} {
		require.NoError(t, types.ValidateName(ok), ok)
	}
	for _, bad := range []string{"", "9lives", "-a", "A", "a b", "é", "a\n", strings.Repeat("g", 65), strings.Repeat("f", 64)} {
		require.ErrorIs(t, types.ValidateName(bad), types.ErrInvalidName, bad)
	}
}

func TestParseModelID(t *testing.T) {
	id, ok := types.ParseModelID(strings.Repeat("0f", 32))
	require.True(t, ok)
	require.Len(t, id, 32)
	for _, bad := range []string{"", "0f", strings.Repeat("0F", 32), strings.Repeat("zz", 32), strings.Repeat("0f", 33)} {
		_, ok := types.ParseModelID(bad)
		require.False(t, ok, bad)
	}
}

func TestEligibleShare(t *testing.T) {
	require.Equal(t, uint32(6_666), types.EligibleShare(2, 3))
	require.Equal(t, uint32(10_000), types.EligibleShare(3, 3))
	require.Equal(t, uint32(10_000), types.EligibleShare(4, 3))
	require.Equal(t, uint32(0), types.EligibleShare(0, 3))
	require.Equal(t, uint32(0), types.EligibleShare(0, 0))
	require.Equal(t, uint32(0), types.EligibleShare(-1, 3))
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1, 1<<60).Draw(t, "total")
		eligible := rapid.Int64Range(0, total).Draw(t, "eligible")
		want := new(big.Rat).Mul(big.NewRat(10_000, 1), new(big.Rat).SetFrac(big.NewInt(eligible), big.NewInt(total)))
		require.Equal(t, new(big.Int).Quo(want.Num(), want.Denom()).Int64(), int64(types.EligibleShare(eligible, total)))
	})
}

func TestParseSymbols(t *testing.T) {
	specs := []tensor.Spec{{Name: "x", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}, {Size: 2, Symbol: "a=b"}}}}
	got, err := types.ParseSymbols(specs, []string{"a=b=3"})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"N": 1, "a=b": 3}, got)
	for _, bad := range [][]string{{"N"}, {"M=1"}, {"N=0"}, {"N=-1"}, {"N=1.0"}, {"N=99999999999999999999"}, {"N=1", "N=2"}} {
		_, err := types.ParseSymbols(specs, bad)
		require.ErrorIs(t, err, types.ErrSymbol, bad)
	}
}

// The largest parameters do not overflow the coins' integers.
func TestQuoteWithinCoinRange(t *testing.T) {
	p := types.DefaultParams()
	p.BasePrice, p.BytePrice, p.QuorumMultiplier, p.CommitteeMultiplier = types.MaxAmount, types.MaxAmount, 1_000_000, 1_000_000
	require.NoError(t, p.Validate())
	for _, tier := range []types.Tier{types.TIER_QUORUM, types.TIER_COMMITTEE} {
		fee, err := p.Quote(tier, maxWork(), types.MaxAmount)
		require.NoError(t, err)
		require.NoError(t, fee.Validate())
	}
}

// A tier scales the compute part by its own multiplier and nothing else.
func TestQuoteOfTiers(t *testing.T) {
	p := types.DefaultParams()
	work := pricing.Work{Units: 3, InputBytes: 20, OutputBytes: 30}
	for tier, compute := range map[types.Tier]int64{types.TIER_QUORUM: 300, types.TIER_COMMITTEE: 150} {
		fee, err := p.Quote(tier, work, math.NewInt(7))
		require.NoError(t, err)
		require.Equal(t, []int64{compute, 50, 7, compute + 57},
			[]int64{fee.Compute.Int64(), fee.Bytes.Int64(), fee.Royalty.Int64(), fee.Total.Int64()}, tier)
	}
	for _, tier := range []types.Tier{types.TIER_UNSPECIFIED, 3, -1} {
		_, err := p.Quote(tier, work, math.NewInt(7))
		require.ErrorIs(t, err, types.ErrTierUnavailable)
	}
}

func TestSealed(t *testing.T) {
	p := types.DefaultParams()
	p.SealFee = math.NewInt(100)
	for name, tc := range map[string]struct {
		wish types.Sealing
		fee  int64
		want bool
	}{
		"below the fee":          {types.SEALING_DEFAULT, 99, false},
		"at the fee":             {types.SEALING_DEFAULT, 100, true},
		"wanted below the fee":   {types.SEALING_SEALED, 0, true},
		"unwanted above the fee": {types.SEALING_OPEN, 1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, types.ValidateSealing(tc.wish))
			require.Equal(t, tc.want, p.Sealed(tc.wish, types.Fee{Total: math.NewInt(tc.fee)}))
		})
	}
	require.ErrorIs(t, types.ValidateSealing(3), types.ErrSealing)
	require.ErrorIs(t, types.ValidateSealing(-1), types.ErrSealing)
}
