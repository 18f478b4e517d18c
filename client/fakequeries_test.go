package client

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdkmath "cosmossdk.io/math"
	nodeservice "github.com/cosmos/cosmos-sdk/client/grpc/node"
	sdk "github.com/cosmos/cosmos-sdk/types"
	txtypes "github.com/cosmos/cosmos-sdk/types/tx"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/cosmos/gogoproto/proto"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// testModels are models by all their references.
func testModels(t *testing.T) map[string]modelstypes.Model {
	t.Helper()
	dim := func(size int64, symbol string) modelstypes.Dim { return modelstypes.Dim{Size_: size, Symbol: symbol} }
	spec := func(name, datatype string, dims ...modelstypes.Dim) modelstypes.TensorSpec {
		return modelstypes.TensorSpec{Name: name, Datatype: datatype, Dims: dims}
	}
	model := func(name string, digit string, status modelstypes.ModelStatus, inputs, outputs []modelstypes.TensorSpec) modelstypes.Model {
		return modelstypes.Model{
			Name: name, Version: 1, Sha256: strings.Repeat(digit, 64), Status: status, Royalty: sdkmath.NewInt(5),
			Inspection: modelstypes.Inspection{
				Opset: 17, Inputs: inputs, Outputs: outputs,
				Cost: []modelstypes.CostTerm{{Symbols: []string{"N"}, Macs: 1_000_000}},
			},
		}
	}
	x := []modelstypes.TensorSpec{spec("x", "FP32", dim(1, "N"), dim(4, ""))}
	y := []modelstypes.TensorSpec{spec("label", "INT64", dim(1, "N")), spec("score", "FP32", dim(1, "N"), dim(3, ""))}
	mixed := []modelstypes.TensorSpec{
		spec("flags", "BOOL", dim(2, "")), spec("words", "BYTES", dim(1, "N")), spec("a", "FP32", dim(1, "N")), spec("b", "INT64", dim(2, "N")),
	}
	active := modelstypes.MODEL_STATUS_ACTIVE
	models := make(map[string]modelstypes.Model)
	for _, m := range []modelstypes.Model{
		model("iris", "a", active, x, y),
		model("mixed", "b", active, mixed, y),
		model("asleep", "c", modelstypes.MODEL_STATUS_DISABLED, x, y),
		model("young", "d", modelstypes.MODEL_STATUS_ADMITTING, nil, nil),
		model("old", "e", modelstypes.MODEL_STATUS_DEPRECATED, x, y),
	} {
		for _, reference := range []string{m.Name, m.Name + ":1", m.Sha256} {
			models[reference] = m
		}
	}
	return models
}

// Invoke implements grpc.ClientConnInterface.
func (n *fakeNode) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	if _, err := n.call(method[strings.LastIndexByte(method, '/')+1:]); err != nil {
		return err
	}
	answer, err := n.answer(ctx, args)
	if err != nil {
		return err
	}
	into, ok := reply.(proto.Message)
	if !ok {
		return fmt.Errorf("expected a message, got %T", reply)
	}
	raw, err := proto.Marshal(answer)
	if err != nil {
		return err
	}
	return proto.Unmarshal(raw, into)
}

func (n *fakeNode) answer(ctx context.Context, args any) (proto.Message, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch req := args.(type) {
	case *modelstypes.QueryModelRequest:
		m, ok := n.models[req.Model]
		if !ok {
			return nil, status.Error(codes.NotFound, "model not found")
		}
		return &modelstypes.QueryModelResponse{Model: m}, nil
	case *inferencetypes.QueryParamsRequest:
		return &inferencetypes.QueryParamsResponse{Params: n.params, Version: 1}, nil
	case *inferencetypes.QueryQuoteRequest:
		return &inferencetypes.QueryQuoteResponse{
			BasePrice: sdkmath.NewInt(100), EligiblePower: n.power, ReuseFee: sdkmath.ZeroInt(),
			Fee: inferencetypes.Fee{Compute: sdkmath.ZeroInt(), Bytes: sdkmath.ZeroInt(), Royalty: sdkmath.ZeroInt(), Total: sdkmath.ZeroInt()},
		}, nil
	case *inferencetypes.QueryRequestRequest:
		if req.Id == 0 || req.Id > uint64(len(n.requests)) {
			return nil, status.Error(codes.NotFound, "request not found")
		}
		return &inferencetypes.QueryRequestResponse{Request: n.requests[req.Id-1]}, nil
	case *inferencetypes.QueryResultRequest:
		return &inferencetypes.QueryResultResponse{
			Result:  inferencetypes.Result{RequestId: req.Id, OutputRoot: []byte{byte(req.Id)}},
			Outputs: inferencetypes.NewTensors([]Tensor{Int64s("label", []int64{1}, []int64{int64(req.Id)})}),
		}, nil
	case *inferencetypes.QueryReceiptRequest:
		r := n.requests[req.Id-1]
		if n.height < r.SubmittedHeight+5 {
			return nil, status.Error(codes.FailedPrecondition, "request is not settled")
		}
		return &inferencetypes.QueryReceiptResponse{Receipt: inferencetypes.Receipt{
			RequestId: req.Id, Fee: r.Fee, Refunded: sdkmath.ZeroInt(), SettledHeight: r.SubmittedHeight + 5,
		}}, nil
	case *inferencetypes.QueryIdempotencyKeyRequest:
		k, ok := n.keys[req.Key]
		if !ok {
			return nil, status.Error(codes.NotFound, "idempotency key not found")
		}
		return &inferencetypes.QueryIdempotencyKeyResponse{Key: k}, nil
	case *schedulingtypes.QueryParamsRequest:
		return &schedulingtypes.QueryParamsResponse{Params: schedulingtypes.DefaultParams()}, nil
	case *schedulingtypes.QueryMarketRequest:
		return &schedulingtypes.QueryMarketResponse{Market: schedulingtypes.Market{BasePrice: sdkmath.NewInt(100)}}, nil
	default:
		return n.answerSDK(ctx, args)
	}
}

func (n *fakeNode) answerSDK(ctx context.Context, args any) (proto.Message, error) {
	switch req := args.(type) {
	case *authtypes.QueryAccountInfoRequest:
		if req.Address != n.address {
			return nil, status.Error(codes.NotFound, "account not found")
		}
		return &authtypes.QueryAccountInfoResponse{Info: &authtypes.BaseAccount{
			Address: n.address, AccountNumber: 7, Sequence: n.sequenceAt(ctx),
		}}, nil
	case *banktypes.QueryBalanceRequest:
		balance := sdk.NewCoin(inferencetypes.Denom, n.balance)
		return &banktypes.QueryBalanceResponse{Balance: &balance}, nil
	case *nodeservice.ConfigRequest:
		return &nodeservice.ConfigResponse{MinimumGasPrice: n.gasPrice.String()}, nil
	case *txtypes.SimulateRequest:
		tx, _, err := n.read(req.TxBytes)
		if err != nil {
			return nil, err
		}
		n.simulatedFee = tx.fee
		if expected := n.sequence + uint64(len(n.pool)); tx.sequence != expected {
			return nil, status.Errorf(codes.Unknown, "account sequence mismatch, expected %d, got %d: incorrect account sequence", expected, tx.sequence)
		}
		return &txtypes.SimulateResponse{GasInfo: &sdk.GasInfo{GasUsed: fakeGas}}, nil
	default:
		return nil, status.Errorf(codes.Unimplemented, "%T", args)
	}
}

func TestFakeModelsAreSound(t *testing.T) {
	for name, m := range testModels(t) {
		if m.Status.Admitted() {
			require.NoError(t, m.CheckSignature(), name)
		}
	}
}
