package keeper_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func TestSubmit(t *testing.T) {
	f := newFixture(t)
	ids := f.submit(submission(input(1), input(3)))
	require.Equal(t, []uint64{1, 2}, ids)

	r := f.request(2)
	require.Equal(t, alice.String(), r.Requester)
	require.Equal(t, []string{"sum", "twice"}, r.Outputs)
	require.Equal(t, types.REQUEST_STATUS_SUBMITTED, r.Status)
	require.Equal(t, int64(10), r.SubmittedHeight)
	require.Equal(t, int64(140), r.FinalDeadline)
	require.Equal(t, uint64(1), r.ParamsVersion)
	require.Equal(t, uint64(8192), r.MaxOutputBytes)
	require.Equal(t, uint64(1), r.ComputeUnits)
	require.Equal(t, int64(100), r.Fee.Compute.Int64())
	require.Equal(t, int64(5), r.Fee.Royalty.Int64())
	require.Equal(t, int64(r.InputBytes+r.OutputBytes), r.Fee.Bytes.Int64())
	require.Equal(t, r.Fee.Escrow(), r.Escrow)
	require.NoError(t, r.Validate())
	digest, err := r.ComputeDigest("opengradient-test-1")
	require.NoError(t, err)
	require.Equal(t, digest, r.Digest)

	// The inputs are stored in the order of the signature, whatever the order of the message.
	encoded, err := f.k.Inputs.Get(f.ctx, 2)
	require.NoError(t, err)
	root := tensor.MerkleRoot(encoded)
	require.Equal(t, root[:], r.InputRoot)
	require.Len(t, encoded, int(r.InputBytes))
	inputs, err := f.queries.Inputs(f.ctx, &types.QueryInputsRequest{Id: 2})
	require.NoError(t, err)
	require.Equal(t, "x", inputs.Inputs[0].Name)
	require.Equal(t, input(3).Inputs[1], inputs.Inputs[0])

	task, err := f.scheduling.task(f.ctx, 2)
	require.NoError(t, err)
	require.Equal(t, r.Digest, task.Digest)
	require.Equal(t, schedulingtypes.TASK_CLASS_CLASSIFICATION, task.TaskClass)
	require.Equal(t, r.OutputBytes, task.OutputBytes)
	model, err := f.models.Find(f.ctx, "pair")
	require.NoError(t, err)
	memory, err := model.MemoryBytes(map[string]int64{"N": 3})
	require.NoError(t, err)
	require.Equal(t, memory, task.MemoryBytes)
	require.Greater(t, memory, model.Inspection.SessionBytes)

	fees := f.request(1).Fee.Total.Add(r.Fee.Total).Int64()
	require.Equal(t, int64(startBalance)-fees, f.balance(alice.String()))
	require.Equal(t, int64(210), f.escrowed())
	require.Equal(t, fees-210, f.balance(communityPool))
	require.NoError(t, f.k.CheckEscrow(f.ctx))
}

func TestSubmitBySha256AndSomeOutputs(t *testing.T) {
	f := newFixture(t)
	m, err := f.models.Find(f.ctx, "pair")
	require.NoError(t, err)
	msg := submission(input(1))
	msg.Model, msg.Outputs = m.Sha256, []string{"twice"}
	id := f.submit(msg)[0]
	require.Equal(t, []string{"twice"}, f.request(id).Outputs)
	msg.Outputs = []string{"twice", "sum"}
	require.Equal(t, []string{"twice", "sum"}, f.request(f.submit(msg)[0]).Outputs)
}

func TestSubmitRefuses(t *testing.T) {
	with := func(change func(inputs []types.Tensor) []types.Tensor) func(*fixture, *types.MsgSubmitRequests) {
		return func(_ *fixture, m *types.MsgSubmitRequests) { m.Requests[1].Inputs = change(m.Requests[1].Inputs) }
	}
	params := func(change func(*types.Params)) func(*fixture, *types.MsgSubmitRequests) {
		return func(f *fixture, _ *types.MsgSubmitRequests) { f.setParams(change) }
	}
	message := func(change func(*types.MsgSubmitRequests)) func(*fixture, *types.MsgSubmitRequests) {
		return func(_ *fixture, m *types.MsgSubmitRequests) { change(m) }
	}
	for name, tc := range map[string]struct {
		change func(*fixture, *types.MsgSubmitRequests)
		want   error // nil for an error of another module
	}{
		"bad requester":         {message(func(m *types.MsgSubmitRequests) { m.Requester = "x" }), nil},
		"no requests":           {message(func(m *types.MsgSubmitRequests) { m.Requests = nil }), types.ErrTooManyRequests},
		"too many requests":     {params(func(p *types.Params) { p.MaxRequestsPerMessage = 1 }), types.ErrTooManyRequests},
		"unknown model":         {message(func(m *types.MsgSubmitRequests) { m.Model = "none" }), modelstypes.ErrModelNotFound},
		"no tier":               {message(func(m *types.MsgSubmitRequests) { m.Tier = 0 }), types.ErrTierUnavailable},
		"unknown tier":          {message(func(m *types.MsgSubmitRequests) { m.Tier = 3 }), types.ErrTierUnavailable},
		"unknown fee class":     {message(func(m *types.MsgSubmitRequests) { m.FeeClass = 3 }), types.ErrFeeClass},
		"no price":              {func(f *fixture, _ *types.MsgSubmitRequests) { f.scheduling.unpriced = errBroken }, errBroken},
		"unknown sealing":       {message(func(m *types.MsgSubmitRequests) { m.Sealing = 3 }), types.ErrSealing},
		"unknown output":        {message(func(m *types.MsgSubmitRequests) { m.Outputs = []string{"sum", "none"} }), modelstypes.ErrOutputUnknown},
		"repeated output":       {message(func(m *types.MsgSubmitRequests) { m.Outputs = []string{"sum", "sum"} }), modelstypes.ErrOutputUnknown},
		"more outputs than are": {message(func(m *types.MsgSubmitRequests) { m.Outputs = []string{"sum", "twice", "sum"} }), modelstypes.ErrOutputUnknown},
		"input missing":         {with(func(in []types.Tensor) []types.Tensor { return in[:1] }), types.ErrInputName},
		"input too many":        {with(func(in []types.Tensor) []types.Tensor { return append(in, int64s("z", 1)) }), types.ErrInputName},
		"input twice":           {with(func(in []types.Tensor) []types.Tensor { return []types.Tensor{in[0], in[0]} }), types.ErrInputName},
		"input of another name": {with(func(in []types.Tensor) []types.Tensor { in[0].Name = "z"; return in }), types.ErrInputName},
		"input without name":    {with(func(in []types.Tensor) []types.Tensor { in[0].Name = ""; return in }), types.ErrInputName},
		"unknown datatype":      {with(func(in []types.Tensor) []types.Tensor { in[0].Datatype = "FLOAT"; return in }), types.ErrInputDatatype},
		"other datatype": {with(func(in []types.Tensor) []types.Tensor {
			in[0].Datatype = "UINT64"
			return in
		}), types.ErrInputDatatype},
		"other rank":          {with(func(in []types.Tensor) []types.Tensor { in[0].Shape = []int64{1, 1}; return in }), types.ErrInputShape},
		"other dimension":     {with(func(in []types.Tensor) []types.Tensor { return []types.Tensor{int64s("k", 1, 2), in[1]} }), types.ErrInputShape},
		"no rows":             {with(func(in []types.Tensor) []types.Tensor { return []types.Tensor{in[0], floats("x", []int64{0, 2})} }), types.ErrInputShape},
		"negative dimension":  {with(func(in []types.Tensor) []types.Tensor { in[0].Shape = []int64{-1}; return in }), types.ErrInputShape},
		"dimensions overflow": {with(func(in []types.Tensor) []types.Tensor { in[1].Shape = []int64{1 << 62, 1 << 62}; return in }), types.ErrInputShape},
		"data too short":      {with(func(in []types.Tensor) []types.Tensor { in[0].Contents = in[0].Contents[:7]; return in }), types.ErrInputMalformed},
		"data too long":       {with(func(in []types.Tensor) []types.Tensor { in[0].Contents = append(in[0].Contents, 0); return in }), types.ErrInputMalformed},
		"contents too large":  {params(func(p *types.Params) { p.MaxInputBytes = 30 }), types.ErrInputTooLarge},
		"encoding too large": {func(f *fixture, m *types.MsgSubmitRequests) {
			f.setParams(func(p *types.Params) { p.MaxInputBytes = 50 }) // above the contents, below the encoding
		}, types.ErrInputTooLarge},
		"outputs too large": {params(func(p *types.Params) { p.MaxOutputBytes = 60 }), types.ErrOutputTooLarge},
		"too much computation": {func(f *fixture, m *types.MsgSubmitRequests) {
			f.setParams(func(p *types.Params) { p.MaxComputeUnits, p.MaxOutputBytes = 1, 16<<10 })
			m.Requests[1] = input(1200)
			m.Outputs = []string{"twice"}
			m.MaxFee = math.NewInt(1_000_000)
			raiseCost(f)
		}, types.ErrComputeTooLarge},
		"eligible power below minimum": {func(f *fixture, _ *types.MsgSubmitRequests) { f.scheduling.eligible = 59 }, types.ErrEligiblePower},
		"no power at all":              {func(f *fixture, _ *types.MsgSubmitRequests) { f.scheduling.eligible, f.scheduling.total = 0, 0 }, types.ErrEligiblePower},
		"maximum fee below quote":      {message(func(m *types.MsgSubmitRequests) { m.MaxFee = math.NewInt(250) }), types.ErrMaxFee},
		"no maximum fee":               {message(func(m *types.MsgSubmitRequests) { m.MaxFee = math.Int{} }), types.ErrMaxFee},
		"negative maximum fee":         {message(func(m *types.MsgSubmitRequests) { m.MaxFee = math.NewInt(-1) }), types.ErrMaxFee},
		"escrow not covered": {func(f *fixture, _ *types.MsgSubmitRequests) {
			f.bank.set(f.ctx, alice.String(), math.NewInt(100))
		}, nil},
		"byte fee not covered": {func(f *fixture, _ *types.MsgSubmitRequests) {
			f.bank.set(f.ctx, alice.String(), math.NewInt(211))
		}, nil},
		"queue full": {func(f *fixture, _ *types.MsgSubmitRequests) {
			f.scheduling.refuse = schedulingtypes.ErrQueueFull
		}, schedulingtypes.ErrQueueFull},
		"no deadline slot for the second": {func(f *fixture, _ *types.MsgSubmitRequests) {
			f.scheduling.refuse, f.scheduling.refuseAt = schedulingtypes.ErrNoDeadlineSlot, 1
		}, schedulingtypes.ErrNoDeadlineSlot},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			msg := submission(input(1), input(2))
			tc.change(f, msg)
			f.requireUnchanged(func() {
				_, err := f.msgs.SubmitRequests(f.ctx, msg)
				require.Error(t, err)
				if tc.want != nil {
					require.ErrorIs(t, err, tc.want)
				}
			})
		})
	}
}

// raiseCost makes each row of the model "pair" cost a compute unit.
func raiseCost(f *fixture) {
	m, err := f.models.Find(f.ctx, "pair")
	require.NoError(f, err)
	m.Inspection.Cost = append(m.Inspection.Cost, modelstypes.CostTerm{Symbols: []string{"N"}, Macs: 1_000_000})
	f.models.set(f.ctx, m)
}

func TestSubmitNamesTheRequestThatIsRefused(t *testing.T) {
	f := newFixture(t)
	msg := submission(input(1), input(2))
	msg.Requests[1].Inputs[0].Datatype = "INT32"
	msg.Requests[1].Inputs[0].Contents = msg.Requests[1].Inputs[0].Contents[:4]
	_, err := f.msgs.SubmitRequests(f.ctx, msg)
	require.EqualError(t, err, `request 2 of 2: tensor "k" does not match the signature: datatype: expected INT64, got INT32: input datatype does not match the signature`)
}

func TestSubmitChargesGasBeforeTheWork(t *testing.T) {
	f := newFixture(t)
	msg := submission(input(2000))
	msg.Requests[0].Inputs[0].Datatype = "NONE" // would be refused
	f.ctx = f.ctx.WithGasMeter(storetypes.NewGasMeter(60_000))
	require.PanicsWithValue(t, storetypes.ErrorOutOfGas{Descriptor: "inference inputs"}, func() {
		_, _ = f.msgs.SubmitRequests(f.ctx, msg)
	})
}

func TestSubmitAsksForThePowerThatTheLargestRequestNeeds(t *testing.T) {
	f := newFixture(t)
	f.submit(submission(input(1), input(50), input(2)))
	m, err := f.models.Find(f.ctx, "pair")
	require.NoError(t, err)
	want, err := m.MemoryBytes(map[string]int64{"N": 50})
	require.NoError(t, err)
	require.Equal(t, want, f.scheduling.memory)
}

// What the quote says is what a request with these symbols is charged, to the last unit.
func TestQuoteIsTheChargedFee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(t)
		f.scheduling.basePrice = math.NewInt(rapid.Int64Range(0, 1000).Draw(t, "base"))
		f.setParams(func(p *types.Params) {
			p.BytePrice = math.NewInt(rapid.Int64Range(0, 20).Draw(t, "byte"))
			p.QuorumMultiplier = rapid.Uint32Range(1, 50_000).Draw(t, "multiplier")
			p.CommitteeMultiplier = rapid.Uint32Range(1, 50_000).Draw(t, "multiplier of a committee")
			p.EconomyMultiplier = rapid.Uint32Range(1, 10_000).Draw(t, "economy")
			p.PriorityMultiplier = rapid.Uint32Range(10_000, 50_000).Draw(t, "priority")
		})
		rows := rapid.IntRange(1, 500).Draw(t, "rows")
		tier := rapid.SampledFrom([]types.Tier{types.TIER_QUORUM, types.TIER_COMMITTEE}).Draw(t, "tier")
		class := rapid.SampledFrom([]schedulingtypes.FeeClass{
			schedulingtypes.FEE_CLASS_STANDARD, schedulingtypes.FEE_CLASS_ECONOMY, schedulingtypes.FEE_CLASS_PRIORITY,
		}).Draw(t, "class")
		outputs := rapid.SampledFrom([][]string{nil, {"sum"}, {"twice"}, {"twice", "sum"}}).Draw(t, "outputs")
		if rapid.Bool().Draw(t, "costly") {
			raiseCost(f)
		}
		quote, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{
			Model: "pair", Tier: tier, Symbols: []string{fmt.Sprintf("N=%d", rows)}, Outputs: outputs, FeeClass: class,
		})
		require.NoError(t, err)
		msg := submission(input(rows))
		msg.Outputs, msg.MaxFee, msg.Tier, msg.FeeClass = outputs, quote.Fee.Total, tier, class
		before := f.balance(alice.String())
		r := f.request(f.submit(msg)[0])
		require.Equal(t, quote.Fee, r.Fee)
		require.Equal(t, class, r.FeeClass)
		require.Equal(t, quote.ComputeUnits, r.ComputeUnits)
		require.Equal(t, quote.InputBytes, r.InputBytes)
		require.Equal(t, quote.OutputBytes, r.OutputBytes)
		require.Equal(t, quote.Fee.Total.Int64(), before-f.balance(alice.String()))
		require.Equal(t, uint32(10_000), quote.EligiblePower)

		if quote.Fee.Total.IsPositive() {
			msg.MaxFee = quote.Fee.Total.SubRaw(1)
			_, err = f.msgs.SubmitRequests(f.ctx, msg)
			require.ErrorIs(t, err, types.ErrMaxFee)
		}
	})
}

func TestQuoteRefuses(t *testing.T) {
	f := newFixture(t)
	for name, tc := range map[string]struct {
		req  *types.QueryQuoteRequest
		want error
	}{
		"unknown model":     {&types.QueryQuoteRequest{Model: "none"}, modelstypes.ErrModelNotFound},
		"unknown tier":      {&types.QueryQuoteRequest{Model: "pair", Tier: 7}, types.ErrTierUnavailable},
		"unknown fee class": {&types.QueryQuoteRequest{Model: "pair", FeeClass: 3}, types.ErrFeeClass},
		"unknown output":    {&types.QueryQuoteRequest{Model: "pair", Outputs: []string{"z"}}, modelstypes.ErrOutputUnknown},
		"unknown symbol":    {&types.QueryQuoteRequest{Model: "pair", Symbols: []string{"M=1"}}, types.ErrSymbol},
		"symbol twice":      {&types.QueryQuoteRequest{Model: "pair", Symbols: []string{"N=1", "N=1"}}, types.ErrSymbol},
		"symbol of zero":    {&types.QueryQuoteRequest{Model: "pair", Symbols: []string{"N=0"}}, types.ErrSymbol},
		"no value":          {&types.QueryQuoteRequest{Model: "pair", Symbols: []string{"N"}}, types.ErrSymbol},
		"not a number":      {&types.QueryQuoteRequest{Model: "pair", Symbols: []string{"N=x"}}, types.ErrSymbol},
		"overflow":          {&types.QueryQuoteRequest{Model: "pair", Symbols: []string{"N=9223372036854775807"}}, types.ErrSymbol},
		"inputs too large":  {&types.QueryQuoteRequest{Model: "pair", Symbols: []string{"N=100000"}}, types.ErrInputTooLarge},
		"outputs too large": {&types.QueryQuoteRequest{Model: "pair", Symbols: []string{"N=1000"}}, types.ErrOutputTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.queries.Quote(f.ctx, tc.req)
			require.ErrorIs(t, err, tc.want)
		})
	}
	quote, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: "pair"})
	require.NoError(t, err, "a symbol left out counts as 1, no tier means the default")
	require.Equal(t, f.request(f.submit(submission(input(1)))[0]).Fee, quote.Fee)
}

func TestQuoteSaysWhatItFollowsFrom(t *testing.T) {
	f := newFixture(t)
	f.scheduling.basePrice, f.scheduling.waiting, f.scheduling.eligible = math.NewInt(80), 7, 75
	quote, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{
		Model: "pair", Tier: types.TIER_COMMITTEE, FeeClass: schedulingtypes.FEE_CLASS_PRIORITY,
	})
	require.NoError(t, err)
	require.Equal(t, int64(80), quote.Fee.Compute.Int64(), "80 for a unit, half for the tier, twice for the class")
	require.Equal(t, int64(80), quote.BasePrice.Int64())
	require.Equal(t, []uint32{5_000, 20_000}, []uint32{quote.TierMultiplier, quote.ClassMultiplier})
	require.Equal(t, int64(8+5), quote.ReuseFee.Int64())
	require.Equal(t, uint64(7), quote.WaitingBlocks)
	require.Equal(t, uint32(7_500), quote.EligiblePower)
	require.Equal(t, types.DefaultParams().FeeShares, quote.Shares)
}
