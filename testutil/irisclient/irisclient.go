// Package irisclient asks a chain for predictions of the Iris model: it registers the model, submits flowers as
// requests and reads the chain's answers. The demonstration, the network tests and the benchmarks share it.
package irisclient

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// ModelName is the name the model is registered by.
const ModelName = "iris"

// maxRise is how many times the quoted price a request may cost: the price rises while blocks are full.
const maxRise = 1_000

// Gas limits, well above what is used.
const (
	registerGas       = 5_000_000
	submitGas         = 1_000_000
	submitGasPerInput = 400_000
)

// Classifier is the Iris model on a chain.
type Classifier struct {
	// Client talks to the node that is asked.
	Client *chainclient.Client
	// Signer pays for the requests.
	Signer *chainclient.Signer
	// Model is the model's sha256, lower-case hexadecimal.
	Model string
	// Price is the fee of one request of one flower as it was quoted, in uopg.
	Price sdkmath.Int
	// Registered is the height at which the model was registered.
	Registered int64
}

// Train trains the network and gives it with its ONNX file.
func Train() (*iris.Network, []byte, iris.DataSet, error) {
	data, err := iris.Load()
	if err != nil {
		return nil, nil, iris.DataSet{}, err
	}
	network, err := iris.Train(data.Train)
	if err != nil {
		return nil, nil, iris.DataSet{}, err
	}
	onnx, err := network.ONNX()
	if err != nil {
		return nil, nil, iris.DataSet{}, err
	}
	return network, onnx, data, nil
}

// Register registers the model, unless the chain has it already, waits until the nodes have admitted it, and asks for the
// price of a request.
func Register(ctx context.Context, c *chainclient.Client, s *chainclient.Signer, onnx []byte) (*Classifier, error) {
	model, err := c.Admit(ctx, s, chainclient.Fees{Gas: registerGas}, &modelstypes.MsgRegisterModel{
		Owner: s.Address.String(), Onnx: onnx, Manifest: modelstypes.Manifest{
			Name: ModelName, TaskClass: schedulingtypes.TASK_CLASS_CLASSIFICATION, Royalty: sdkmath.ZeroInt(),
		},
	})
	if err != nil {
		return nil, err
	}
	k := &Classifier{Client: c, Signer: s, Model: model.Sha256, Registered: model.RegisteredHeight}
	quote, err := c.Inference.Quote(ctx, &inferencetypes.QueryQuoteRequest{
		Model: k.Model, Tier: inferencetypes.TIER_QUORUM, Symbols: []string{iris.BatchSymbol + "=1"},
	})
	if err != nil {
		return nil, fmt.Errorf("quote: %w", err)
	}
	k.Price = quote.Fee.Total
	return k, nil
}

// Message is the message that submits one request per row.
func (k *Classifier) Message(requester sdk.AccAddress, rows ...iris.Row) *inferencetypes.MsgSubmitRequests {
	msg := &inferencetypes.MsgSubmitRequests{
		Requester: requester.String(), Model: k.Model, Tier: inferencetypes.TIER_QUORUM, MaxFee: k.Price.MulRaw(maxRise),
	}
	for _, row := range rows {
		msg.Requests = append(msg.Requests, inferencetypes.InferenceInput{Inputs: []inferencetypes.Tensor{Features(row)}})
	}
	return msg
}

// Gas is the gas limit of a transaction with this many requests.
func Gas(requests int) uint64 { return submitGas + uint64(requests)*submitGasPerInput }

// Submit submits the rows in one transaction, of as many messages as it takes with the default parameters, waits for its block and
// returns the ids in the order of the rows.
func (k *Classifier) Submit(ctx context.Context, rows ...iris.Row) ([]uint64, error) {
	return k.SubmitAs(ctx, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_DEFAULT, rows...)
}

// SubmitAs is Submit for a tier and a sealing.
func (k *Classifier) SubmitAs(ctx context.Context, tier inferencetypes.Tier, sealing inferencetypes.Sealing, rows ...iris.Row) ([]uint64, error) {
	var msgs []sdk.Msg
	for part := range slices.Chunk(rows, int(inferencetypes.DefaultParams().MaxRequestsPerMessage)) {
		msg := k.Message(k.Signer.Address, part...)
		msg.Tier, msg.Sealing = tier, sealing
		msgs = append(msgs, msg)
	}
	resp, err := k.Client.Deliver(ctx, k.Signer, chainclient.Fees{Gas: Gas(len(rows))}, msgs...)
	if err != nil {
		return nil, fmt.Errorf("submit %d requests: %w", len(rows), err)
	}
	ids, err := k.Client.RequestIDs(resp)
	if err != nil {
		return nil, err
	}
	if len(ids) != len(rows) {
		return nil, fmt.Errorf("submit: expected %d ids, got %d", len(rows), len(ids))
	}
	return ids, nil
}

// Features is the model's input for one flower.
func Features(row iris.Row) inferencetypes.Tensor {
	contents := make([]byte, 0, 4*iris.Features)
	for _, v := range row.Features {
		contents = binary.LittleEndian.AppendUint32(contents, math.Float32bits(v))
	}
	return inferencetypes.Tensor{
		Name: iris.InputFeatures, Datatype: tensor.FP32.String(), Shape: []int64{1, iris.Features}, Contents: contents,
	}
}

// Answer is the chain's prediction for one request.
type Answer struct {
	iris.Prediction
	// Root is the root of the output, as the result names it.
	Root []byte
}

// Answer reads the final result of a request and checks that its bytes have the root it names.
func (k *Classifier) Answer(ctx context.Context, id uint64) (Answer, error) {
	resp, err := k.Client.Inference.Result(ctx, &inferencetypes.QueryResultRequest{Id: id})
	if err != nil {
		return Answer{}, fmt.Errorf("result of request %d: %w", id, err)
	}
	root := tensor.MerkleRoot(resp.Result.Output)
	if string(root[:]) != string(resp.Result.OutputRoot) {
		return Answer{}, fmt.Errorf("result of request %d: expected bytes with root %x, got %x", id, resp.Result.OutputRoot, root)
	}
	p, err := decode(resp.Result.Output)
	if err != nil {
		return Answer{}, fmt.Errorf("result of request %d: %w", id, err)
	}
	return Answer{Prediction: p, Root: resp.Result.OutputRoot}, nil
}

// decode reads a prediction from the canonical encoding of the model's outputs.
func decode(output []byte) (iris.Prediction, error) {
	ts, err := tensor.Decode(output, tensor.DefaultLimits)
	if err != nil {
		return iris.Prediction{}, err
	}
	if len(ts) != 2 || ts[0].Name != iris.OutputProbabilities || len(ts[0].Data) != 4*iris.Classes ||
		ts[1].Name != iris.OutputLabel || len(ts[1].Data) != 8 {
		return iris.Prediction{}, fmt.Errorf("expected %d probabilities and a label, got %v", iris.Classes, ts)
	}
	var p iris.Prediction
	for i := range p.Probabilities {
		p.Probabilities[i] = math.Float32frombits(binary.LittleEndian.Uint32(ts[0].Data[4*i:]))
	}
	p.Label = int64(binary.LittleEndian.Uint64(ts[1].Data))
	return p, nil
}

// tolerance is how far the probabilities of two correct implementations lie apart, with room to spare.
const tolerance = 1e-5

// CheckPrediction tells whether two predictions are the same: equal labels, probabilities equal but for rounding.
func CheckPrediction(want, got iris.Prediction) error {
	if want.Label != got.Label {
		return fmt.Errorf("expected label %d, got %d", want.Label, got.Label)
	}
	for i := range want.Probabilities {
		if math.Abs(float64(want.Probabilities[i]-got.Probabilities[i])) > tolerance {
			return fmt.Errorf("expected probabilities %v, got %v", want.Probabilities, got.Probabilities)
		}
	}
	return nil
}
