package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/client/wish"
	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func readSchedule(stdin string, args ...string) (*types.MsgCreateSchedule, error) {
	cmd := newCreateScheduleCmd()
	cmd.SetIn(strings.NewReader(stdin))
	if err := cmd.ParseFlags(args); err != nil {
		return nil, err
	}
	w, err := readWish(cmd, client.Context{Offline: true}, "iris")
	if err != nil {
		return nil, err
	}
	return scheduleMsg(cmd, w)
}

func TestCreateScheduleReadsTheRequestAndItsTerms(t *testing.T) {
	msg, err := readSchedule(oneRequest, "--input", "-", "--every", "100", "--count", "24", "--max-fee", "500", "--deposit", "9000uopg",
		"--tier", "committee", "--fee-class", "economy", "--sealing", "open")
	require.NoError(t, err)
	require.Equal(t, "iris", msg.Model)
	require.Equal(t, []string{"label"}, msg.Outputs)
	require.Len(t, msg.Inputs, 1)
	require.Equal(t, []uint32{100, 24}, []uint32{msg.Every, msg.Count})
	require.Equal(t, types.TIER_COMMITTEE, msg.Tier)
	require.Equal(t, types.SEALING_OPEN, msg.Sealing)
	require.Equal(t, schedulingtypes.FEE_CLASS_ECONOMY, msg.FeeClass)
	require.Equal(t, "500", msg.MaxFee.String())
	require.Equal(t, "9000", msg.Deposit.String())
}

func TestCreateScheduleRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"two requests":           {"[" + oneRequest + "," + oneRequest + "]", "--every", "1", "--count", "1"},
		"no interval":            {oneRequest, "--every", "0", "--count", "1"},
		"no runs":                {oneRequest, "--every", "1", "--count", "0"},
		"too many runs":          {oneRequest, "--every", "1", "--count", "1000001"},
		"deposit of other coins": {oneRequest, "--every", "1", "--count", "1", "--deposit", "5atom"},
		"unknown fee class":      {oneRequest, "--every", "1", "--count", "1", "--fee-class", "gold"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSchedule(args[0], append([]string{"--input", "-"}, args[1:]...)...)
			require.Error(t, err)
		})
	}
}

func TestScheduleIsPaidByTheQuote(t *testing.T) {
	for name, tc := range map[string]struct {
		args            []string
		maxFee, deposit string
	}{
		"neither":  {nil, "320", "7680"},
		"most":     {[]string{"--max-fee", "300"}, "300", "7680"},
		"deposit":  {[]string{"--deposit", "9000"}, "320", "9000"},
		"both set": {[]string{"--max-fee", "300", "--deposit", "9000"}, "300", "9000"},
	} {
		t.Run(name, func(t *testing.T) {
			msg, err := readSchedule(oneRequest, append([]string{"--input", "-", "--every", "1", "--count", "24"}, tc.args...)...)
			require.NoError(t, err)
			fillFees(msg, math.NewInt(320))
			require.Equal(t, tc.maxFee, msg.MaxFee.String())
			require.Equal(t, tc.deposit, msg.Deposit.String())
		})
	}
}

func TestRoomIsAQuarterOfTheComputePart(t *testing.T) {
	for name, tc := range map[string]struct{ compute, want int64 }{
		"nothing to move": {0, 195},
		"rounded up":      {1, 197},
		"a quarter":       {100, 320},
	} {
		t.Run(name, func(t *testing.T) {
			fee := types.Fee{Compute: math.NewInt(tc.compute), Bytes: math.NewInt(190), Royalty: math.NewInt(5), Total: math.NewInt(tc.compute + 195)}
			require.Equal(t, tc.want, fee.WithRoom().Int64())
		})
	}
}

func TestNoQuoteOffline(t *testing.T) {
	cmd := newSubmitCmd()
	cmd.SetContext(context.Background())
	_, err := quotedFee(cmd, client.Context{Offline: true}, wish.Wish{})
	require.ErrorContains(t, err, "--offline")
}

// quotes answers queries for a model whose input x has N rows, each quote dearer than the one before.
type quotes struct {
	types.QueryClient
	asked []*types.QueryQuoteRequest
}

// irisModels answers queries for that model.
type irisModels struct{ modelstypes.QueryClient }

func (irisModels) Model(context.Context, *modelstypes.QueryModelRequest, ...grpc.CallOption) (*modelstypes.QueryModelResponse, error) {
	return &modelstypes.QueryModelResponse{Model: modelstypes.Model{Inspection: modelstypes.Inspection{Inputs: []modelstypes.TensorSpec{
		{Name: "x", Datatype: "FP32", Dims: []modelstypes.Dim{{Size_: 1, Symbol: "N"}, {Size_: 2}}},
	}}}}, nil
}

func (q *quotes) Quote(_ context.Context, r *types.QueryQuoteRequest, _ ...grpc.CallOption) (*types.QueryQuoteResponse, error) {
	q.asked = append(q.asked, r)
	compute := math.NewInt(int64(100 * len(q.asked)))
	return &types.QueryQuoteResponse{Fee: types.Fee{Compute: compute, Total: compute}}, nil
}

func TestQuoteIsAskedForEachSizeOnce(t *testing.T) {
	rows := func(n int64) oipjson.Request {
		return oipjson.Request{
			Inputs:  []tensor.Tensor{{Name: "x", Datatype: tensor.FP32, Shape: []int64{n, 2}, Data: make([]byte, 8*n)}},
			Outputs: []string{"label"},
		}
	}
	q := &quotes{}
	fee, err := dearestFee(context.Background(), q, irisModels{}, wish.Wish{
		Model: "iris", Requests: []oipjson.Request{rows(1), rows(3), rows(1)},
		Tier: types.TIER_COMMITTEE, FeeClass: schedulingtypes.FEE_CLASS_PRIORITY,
	})
	require.NoError(t, err)
	require.Equal(t, int64(250), fee.Int64(), "what the dearest costs, with room")
	asked := func(symbol string) *types.QueryQuoteRequest {
		return &types.QueryQuoteRequest{
			Model: "iris", Tier: types.TIER_COMMITTEE, Symbols: []string{symbol}, Outputs: []string{"label"},
			FeeClass: schedulingtypes.FEE_CLASS_PRIORITY,
		}
	}
	require.Equal(t, []*types.QueryQuoteRequest{asked("N=1"), asked("N=3")}, q.asked)

	_, err = dearestFee(context.Background(), q, irisModels{}, wish.Wish{Requests: []oipjson.Request{rows(1), {}}})
	require.ErrorContains(t, err, "request 2")
}
