package proofchain

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// The requests of the shared chain, by how they end.
const (
	Exact      uint64 = iota + 1 // by equality
	Arbitrated                   // by comparison
	Failed                       // the model fails on it
	Sealed                       // by a committee, sealed
	Open                         // nobody answers
)

// Network is the real application with settled requests of every kind, made once. The prefixes of addresses must be set.
var Network = sync.OnceValue(func() *chaintest.Chain {
	t := panics{}
	c := chaintest.New(t, chaintest.Options{})
	c.AttestWith(chaintest.Attester{Output: answer, Failure: failure})
	c.Next()
	c.Next()
	from := c.Accounts[0]
	deliver(t, c, c.Tx(from, 0, chaintest.Registration(from.Address, "linear", linear(), 7)))
	c.Admitted("linear")
	for id := Exact; id <= Open; id++ {
		msg := &inferencetypes.MsgSubmitRequests{
			Requester: from.Address.String(), Model: "linear", Tier: inferencetypes.TIER_QUORUM, Sealing: inferencetypes.SEALING_OPEN,
			MaxFee: sdkmath.NewInt(1_000_000),
			Requests: []inferencetypes.InferenceInput{{Inputs: []inferencetypes.Tensor{
				{Name: "x", Datatype: "FP32", Shape: []int64{1, 2}, Contents: Input(id)},
			}}},
		}
		if id == Sealed {
			msg.Tier, msg.Sealing = inferencetypes.TIER_COMMITTEE, inferencetypes.SEALING_SEALED
		}
		deliver(t, c, c.Tx(from, 0, msg))
	}
	for range settling {
		c.Next()
	}
	return c
})

// settling is the number of blocks in which every answered request is settled.
const settling = 12

func answer(i int, id uint64) []byte {
	switch {
	case id == Open:
		return nil
	case id == Arbitrated && i >= 2:
		return Output(float32(id) * (1 + 1e-6))
	default:
		return Output(float32(id))
	}
}

func failure(_ int, id uint64) verificationtypes.Failure {
	if id == Failed {
		return verificationtypes.FAILURE_EXECUTION
	}
	return verificationtypes.FAILURE_NONE
}

// Input is the data of the input of a request of the shared chain.
func Input(id uint64) []byte { return floats(float32(id), 0.5) }

// Output is a canonical output of the model of the shared chain. That of a request is the output of its id.
func Output(v float32) []byte {
	b, err := tensor.EncodeOutputs([]tensor.Tensor{{Name: "y", Datatype: tensor.FP32, Shape: []int64{1, 3}, Data: floats(v, v+1, v+2)}})
	if err != nil {
		panic(err)
	}
	return b
}

// linear is the model x FP32[N,2] to y FP32[N,3].
func linear() []byte {
	rows := onnxwrite.Symbolic("N")
	b, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:         "linear",
		Nodes:        []onnxwrite.Node{{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Inputs:       []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{rows, onnxwrite.Fixed(2)}}},
		Outputs:      []onnxwrite.ValueInfo{{Name: "y", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{rows, onnxwrite.Fixed(3)}}},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("w", []int64{2, 3}, 1, 1, 1, 1, 1, 1)},
	}}.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func floats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func deliver(t TB, c *chaintest.Chain, tx []byte) {
	for i, r := range c.Next(tx).TxResults {
		require.Zero(t, r.Code, "result %d of block %d: %s", i, c.Height(), r.Log)
	}
}

// panics is a test without a test: what is shared by several is made outside of them.
type panics struct{}

// Helper implements TB.
func (panics) Helper() {}

// Errorf implements TB.
func (panics) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// FailNow implements TB.
func (panics) FailNow() { panic("the shared chain could not be made") }

// Node is a node of the shared chain, with its own validators. It is made once; a test that changes answers makes its own.
var Node = sync.OnceValue(func() *Source { return Of(panics{}, Network(), nil) })

// Restless is a node of the shared chain whose validators change all the time: one of four is replaced with every block.
var Restless = sync.OnceValue(func() *Source {
	all := Signers('s', restlessKeys)
	return Of(panics{}, Network(), func(height int64) []Signer { return all[height : height+4] })
})

const restlessKeys = 200
