package types_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func TestParams(t *testing.T) {
	require.NoError(t, types.DefaultParams().Validate())
	require.NoError(t, types.DefaultGenesis().Validate())
	for name, change := range map[string]func(p *types.Params){
		"no input bytes":            func(p *types.Params) { p.MaxInputBytes = 0 },
		"input bytes above bound":   func(p *types.Params) { p.MaxInputBytes = 5 << 20 },
		"no output bytes":           func(p *types.Params) { p.MaxOutputBytes = 0 },
		"output bytes above bound":  func(p *types.Params) { p.MaxOutputBytes = 17 << 10 },
		"no requests":               func(p *types.Params) { p.MaxRequestsPerMessage = 0 },
		"requests above bound":      func(p *types.Params) { p.MaxRequestsPerMessage = 1025 },
		"no eligible power":         func(p *types.Params) { p.MinEligiblePower = 0 },
		"eligible power above all":  func(p *types.Params) { p.MinEligiblePower = 10_001 },
		"no byte price":             func(p *types.Params) { p.BytePrice = math.Int{} },
		"no multiplier":             func(p *types.Params) { p.QuorumMultiplier = 0 },
		"multiplier above bound":    func(p *types.Params) { p.QuorumMultiplier = 1_000_001 },
		"shares below one":          func(p *types.Params) { p.FeeShares.Owner-- },
		"shares above one":          func(p *types.Params) { p.FeeShares.Owner++ },
		"input gas above bound":     func(p *types.Params) { p.InputGasPerByte = 1_000_001 },
		"no compute units":          func(p *types.Params) { p.MaxComputeUnits = 0 },
		"compute units above bound": func(p *types.Params) { p.MaxComputeUnits = 1<<62 + 1 },
		"no committee multiplier":   func(p *types.Params) { p.CommitteeMultiplier = 0 },
		"committee above bound":     func(p *types.Params) { p.CommitteeMultiplier = 1_000_001 },
		"no seal fee":               func(p *types.Params) { p.SealFee = math.Int{} },
		"negative seal fee":         func(p *types.Params) { p.SealFee = math.NewInt(-1) },
		"seal fee above bound":      func(p *types.Params) { p.SealFee = types.MaxAmount.AddRaw(1) },
		"inputs kept too long":      func(p *types.Params) { p.InputBlocks = 1_000_000_001 },
		"no economy multiplier":     func(p *types.Params) { p.EconomyMultiplier = 0 },
		"economy above standard":    func(p *types.Params) { p.EconomyMultiplier = 10_001 },
		"priority below standard":   func(p *types.Params) { p.PriorityMultiplier = 9_999 },
		"priority above bound":      func(p *types.Params) { p.PriorityMultiplier = 1_000_001 },
		"keys not remembered":       func(p *types.Params) { p.IdempotencyBlocks = 0 },
		"keys remembered too long":  func(p *types.Params) { p.IdempotencyBlocks = 10_000_001 },
		"reuse too late":            func(p *types.Params) { p.ReuseBlocks = 10_000_001 },
		"reuse above a new run":     func(p *types.Params) { p.ReusePrice = 10_001 },
		"too many schedules":        func(p *types.Params) { p.MaxSchedules = 1_000_001 },
		"no runs in a block":        func(p *types.Params) { p.MaxRunsPerBlock = 0 },
		"too many runs in a block":  func(p *types.Params) { p.MaxRunsPerBlock = 257 },
	} {
		t.Run(name, func(t *testing.T) {
			p := types.DefaultParams()
			change(&p)
			require.ErrorIs(t, p.Validate(), types.ErrInvalidParams)
		})
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
	p.BytePrice, p.QuorumMultiplier, p.CommitteeMultiplier, p.PriorityMultiplier = types.MaxAmount, 1_000_000, 1_000_000, 1_000_000
	require.NoError(t, p.Validate())
	for _, tier := range []types.Tier{types.TIER_QUORUM, types.TIER_COMMITTEE} {
		service := types.Service{Tier: tier, Class: schedulingtypes.FEE_CLASS_PRIORITY}
		fee, err := p.Quote(service, schedulingtypes.MaxPrice, maxWork(), types.MaxAmount)
		require.NoError(t, err)
		require.NoError(t, fee.Validate())
		require.ErrorIs(t, types.CheckDeposit(fee.Total, fee.Total, types.MaxScheduleRuns), types.ErrDeposit)
	}
}

// A tier and a fee class scale the compute part by their own multipliers and nothing else.
func TestQuoteOfServices(t *testing.T) {
	p := types.DefaultParams()
	work := pricing.Work{Units: 3, InputBytes: 20, OutputBytes: 30}
	for service, compute := range map[types.Service]int64{
		{Tier: types.TIER_QUORUM}:    300,
		{Tier: types.TIER_COMMITTEE}: 150,
		{Tier: types.TIER_QUORUM, Class: schedulingtypes.FEE_CLASS_ECONOMY}:     225,
		{Tier: types.TIER_COMMITTEE, Class: schedulingtypes.FEE_CLASS_ECONOMY}:  113,
		{Tier: types.TIER_QUORUM, Class: schedulingtypes.FEE_CLASS_PRIORITY}:    600,
		{Tier: types.TIER_COMMITTEE, Class: schedulingtypes.FEE_CLASS_PRIORITY}: 300,
	} {
		fee, err := p.Quote(service, math.NewInt(100), work, math.NewInt(7))
		require.NoError(t, err)
		require.Equal(t, []int64{compute, 50, 7, compute + 57},
			[]int64{fee.Compute.Int64(), fee.Bytes.Int64(), fee.Royalty.Int64(), fee.Total.Int64()}, service)
	}
	for _, tier := range []types.Tier{types.TIER_UNSPECIFIED, 3, -1} {
		_, err := p.Quote(types.Service{Tier: tier}, math.NewInt(100), work, math.NewInt(7))
		require.ErrorIs(t, err, types.ErrTierUnavailable)
	}
	for _, class := range []schedulingtypes.FeeClass{3, -1} {
		_, err := p.Quote(types.Service{Tier: types.TIER_QUORUM, Class: class}, math.NewInt(100), work, math.NewInt(7))
		require.ErrorIs(t, err, types.ErrFeeClass)
	}
}

func TestReuseFee(t *testing.T) {
	for name, tc := range map[string]struct {
		price          uint32
		compute        int64
		part, expected int64
	}{
		"a tenth":      {1_000, 300, 30, 37},
		"rounded up":   {1_000, 301, 31, 38},
		"never free":   {1, 1, 1, 8},
		"free":         {0, 300, 0, 7},
		"the whole":    {10_000, 301, 301, 308},
		"nothing done": {1_000, 0, 0, 7},
	} {
		t.Run(name, func(t *testing.T) {
			p := types.DefaultParams()
			p.ReusePrice = tc.price
			compute, total := p.ReuseFee(types.Fee{Compute: math.NewInt(tc.compute), Bytes: math.NewInt(50), Royalty: math.NewInt(7)})
			require.Equal(t, tc.part, compute.Int64())
			require.Equal(t, tc.expected, total.Int64())
		})
	}
}

func TestCheckWork(t *testing.T) {
	p := types.DefaultParams()
	most := pricing.Work{Units: p.MaxComputeUnits, InputBytes: p.MaxInputBytes, OutputBytes: p.MaxOutputBytes}
	require.NoError(t, p.CheckWork(most))
	for name, tc := range map[string]struct {
		change func(w *pricing.Work)
		want   error
	}{
		"inputs":      {func(w *pricing.Work) { w.InputBytes++ }, types.ErrInputTooLarge},
		"outputs":     {func(w *pricing.Work) { w.OutputBytes++ }, types.ErrOutputTooLarge},
		"computation": {func(w *pricing.Work) { w.Units++ }, types.ErrComputeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			work := most
			tc.change(&work)
			require.ErrorIs(t, p.CheckWork(work), tc.want)
		})
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
