package types_test

import (
	"math"
	"math/big"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestDefaultParams(t *testing.T) {
	params := types.DefaultParams()
	require.NoError(t, params.Validate())
	require.EqualValues(t, 130, params.Lifetime())
}

// canBeZero are the parameters that can be zero: no head start, and computation that is free while few want it.
var canBeZero = []string{"StandardHeadStart", "PriorityHeadStart", "MinBasePrice", "MaxBasePrice"}

// TestEveryParamIsBounded sets each field to zero and to the largest number of its type: a field that is added later
// without a bound fails here.
func TestEveryParamIsBounded(t *testing.T) {
	fields := reflect.TypeFor[types.Params]()
	for i := range fields.NumField() {
		for name, value := range map[string]uint64{"zero": 0, "the largest": math.MaxUint64} {
			t.Run(fields.Field(i).Name+" "+name, func(t *testing.T) {
				params := types.DefaultParams()
				// Those of a pair are bounded by each other.
				params.StandardHeadStart, params.MinBasePrice = 0, sdkmath.ZeroInt()
				if params.PriorityHeadStart = 0; fields.Field(i).Name == "QueueBlocks" {
					params.PriorityHeadStart = 1
				}
				switch field := reflect.ValueOf(&params).Elem().Field(i); field.Interface().(type) {
				case uint32:
					field.SetUint(min(value, math.MaxUint32))
				case uint64:
					field.SetUint(value)
				default:
					field.Set(reflect.ValueOf(sdkmath.NewIntFromUint64(value)))
				}
				if value == 0 && slices.Contains(canBeZero, fields.Field(i).Name) {
					require.NoError(t, params.Validate())
					return
				}
				require.ErrorIs(t, params.Validate(), types.ErrInvalidParams)
			})
		}
	}
}

func TestLargestParamsAreValid(t *testing.T) {
	params := types.Params{
		BlockComputeUnits:      types.MaxBlockComputeUnits,
		BlockOutputBytes:       types.MaxBlockOutputBytes,
		MaxAssignmentsPerBlock: types.MaxAssignmentsPerBlock,
		MaxQueueDepth:          types.MaxQueueDepth,
		QueueBlocks:            types.MaxQueueBlocks,
		AttemptBlocks:          types.MaxAttemptBlocks,
		MaxAttempts:            types.MaxAttempts,
		DeadlineQuota:          types.MaxDeadlineQuota,
		HeartbeatWindow:        types.MaxHeartbeatWindow,
		MaxEnvironmentClasses:  types.MaxEnvironmentClasses,
		UnprovenCapacity:       types.MaxCapacity,
		StandardHeadStart:      types.MaxQueueBlocks,
		PriorityHeadStart:      types.MaxQueueBlocks,
		MinBasePrice:           types.MaxPrice,
		MaxBasePrice:           types.MaxPrice,
		TargetUtilisation:      10_000,
		MaxPriceFall:           10_000,
	}
	require.NoError(t, params.Validate())
	require.EqualValues(t, 1_000_000+32*100_000, params.Lifetime())
}

// TestParamsOfAPair: head starts and prices are bounded by each other as well.
func TestParamsOfAPair(t *testing.T) {
	tests := map[string]struct {
		change  func(*types.Params)
		message string // empty when valid
	}{
		"no head starts":                          {func(p *types.Params) { p.StandardHeadStart, p.PriorityHeadStart = 0, 0 }, ""},
		"standard as good as priority":            {func(p *types.Params) { p.StandardHeadStart = p.PriorityHeadStart }, ""},
		"standard before priority":                {func(p *types.Params) { p.StandardHeadStart = p.PriorityHeadStart + 1 }, "head starts"},
		"a head start of all the time":            {func(p *types.Params) { p.PriorityHeadStart = p.QueueBlocks }, ""},
		"a head start of more than that":          {func(p *types.Params) { p.PriorityHeadStart = p.QueueBlocks + 1 }, "head starts"},
		"less time than the head start":           {func(p *types.Params) { p.QueueBlocks = p.PriorityHeadStart - 1 }, "head starts"},
		"one price":                               {func(p *types.Params) { p.MaxBasePrice = p.MinBasePrice }, ""},
		"no price at all":                         {func(p *types.Params) { p.MinBasePrice, p.MaxBasePrice = sdkmath.ZeroInt(), sdkmath.ZeroInt() }, ""},
		"a largest price below the least":         {func(p *types.Params) { p.MaxBasePrice = p.MinBasePrice.SubRaw(1) }, "expected a largest base price of at least 100, got 99"},
		"a negative price":                        {func(p *types.Params) { p.MinBasePrice = sdkmath.NewInt(-1) }, "min_base_price: expected 0 to 1000000000000000000, got -1"},
		"a price out of bounds":                   {func(p *types.Params) { p.MaxBasePrice = types.MaxPrice.AddRaw(1) }, "max_base_price: expected 0 to 1000000000000000000"},
		"a least price that was left out":         {func(p *types.Params) { p.MinBasePrice = sdkmath.Int{} }, "min_base_price"},
		"a largest price that was left out":       {func(p *types.Params) { p.MaxBasePrice = sdkmath.Int{} }, "max_base_price"},
		"a target of all of the block":            {func(p *types.Params) { p.TargetUtilisation = 10_000 }, ""},
		"a target above that":                     {func(p *types.Params) { p.TargetUtilisation = 10_001 }, "expected a target of 1 to 10000"},
		"no fall":                                 {func(p *types.Params) { p.MaxPriceFall = 0 }, "expected a fall of 1 to 10000"},
		"as many assignments as a vote can cover": {func(p *types.Params) { p.MaxAssignmentsPerBlock = 256 }, ""},
		"more assignments than that":              {func(p *types.Params) { p.MaxAssignmentsPerBlock = 257 }, "max_assignments_per_block: expected 1 to 256, got 257"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			params := types.DefaultParams()
			tt.change(&params)
			err := params.Validate()
			if tt.message == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, types.ErrInvalidParams)
			require.ErrorContains(t, err, tt.message)
		})
	}
}

func TestWhatParamsMean(t *testing.T) {
	params := types.DefaultParams()
	limits := queue.Limits{Tasks: 64, Units: 20_000, Bytes: 65_536}
	starts := queue.HeadStarts{Standard: 10, Priority: 30}
	require.Equal(t, limits, params.Limits())
	require.Equal(t, starts, params.HeadStarts())
	require.Equal(t, queue.Rule{Limits: limits, MaxTasks: 10_000, MaxBlocks: 100, HeadStarts: starts}, params.QueueRule())
	require.Equal(t, pricing.Market{Min: big.NewInt(100), Max: big.NewInt(1e12), Target: 9_000, MaxFall: 1_250}, params.Market())
}
