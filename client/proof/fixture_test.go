package proof

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/proofwire"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	"github.com/opengradient/opengradient/testutil/proofchain"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func TestMain(m *testing.M) {
	app.SetAddressPrefixes()
	os.Exit(m.Run())
}

// The requests of the chain that the tests share, by how they end.
const (
	exactID      uint64 = iota + 1 // by equality
	arbitratedID                   // by comparison
	failedID                       // the model fails on it
	sealedID                       // by a committee, sealed
	openID                         // nobody answers
)

// nearby is the time of every verification that does not choose another: an hour after the chain.
var nearby = proofchain.Start.Add(time.Hour)

// network is the real application with settled requests of every kind, made once.
var network = sync.OnceValue(func() *chaintest.Chain {
	t := panics{}
	c := chaintest.New(t, chaintest.Options{})
	c.AttestWith(chaintest.Attester{
		Output: func(i int, id uint64) []byte {
			switch {
			case id == openID:
				return nil
			case id == arbitratedID && i >= 2:
				return output(float32(id) * (1 + 1e-6))
			default:
				return output(float32(id))
			}
		},
		Failure: func(_ int, id uint64) verificationtypes.Failure {
			if id == failedID {
				return verificationtypes.FAILURE_EXECUTION
			}
			return verificationtypes.FAILURE_NONE
		},
	})
	c.Next()
	c.Next()
	from := c.Accounts[0]
	deliver(t, c, c.Tx(from, 0, chaintest.Registration(from.Address, "linear", linear(), 7)))
	c.Admitted("linear")
	for id := exactID; id <= openID; id++ {
		msg := &inferencetypes.MsgSubmitRequests{
			Requester: from.Address.String(), Model: "linear", Tier: inferencetypes.TIER_QUORUM, Sealing: inferencetypes.SEALING_OPEN,
			MaxFee: sdkmath.NewInt(1_000_000),
			Requests: []inferencetypes.InferenceInput{{Inputs: []inferencetypes.Tensor{
				{Name: "x", Datatype: "FP32", Shape: []int64{1, 2}, Contents: floats(float32(id), 0.5)},
			}}},
		}
		if id == sealedID {
			msg.Tier, msg.Sealing = inferencetypes.TIER_COMMITTEE, inferencetypes.SEALING_SEALED
		}
		deliver(t, c, c.Tx(from, 0, msg))
	}
	for range 12 {
		c.Next()
	}
	return c
})

// panics is a test without a test: what is shared by several is made outside of them.
type panics struct{}

// Helper implements chaintest.TB.
func (panics) Helper() {}

// Errorf implements require.TestingT.
func (panics) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// FailNow implements require.TestingT.
func (panics) FailNow() { panic("the shared chain could not be made") }

func deliver(t chaintest.TB, c *chaintest.Chain, tx []byte) {
	for i, r := range c.Next(tx).TxResults {
		require.Zero(t, r.Code, "result %d of block %d: %s", i, c.Height(), r.Log)
	}
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

func output(v float32) []byte {
	b, err := tensor.EncodeOutputs([]tensor.Tensor{{Name: "y", Datatype: tensor.FP32, Shape: []int64{1, 3}, Data: floats(v, v+1, v+2)}})
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

// sliding are validators of whom one is replaced with every block: after four blocks nobody is left.
func sliding(height int64) []proofchain.Signer {
	all := proofchain.Signers('s', 200)
	return all[height : height+4]
}

// node is a node of the shared chain, with its own validators.
var node = sync.OnceValue(func() *proofchain.Source { return proofchain.Of(panics{}, network(), nil) })

// restless is a node of the shared chain whose validators change all the time.
var restless = sync.OnceValue(func() *proofchain.Source { return proofchain.Of(panics{}, network(), sliding) })

// at is the trust in the header of a node at a height.
func at(s *proofchain.Source, height int64) Trust {
	return Trust{Height: height, Hash: s.Block(height).Hash()}
}

func collect(t testing.TB, s Source, id uint64, opts CollectOptions) *File {
	t.Helper()
	if opts.Now.IsZero() {
		opts.Now = nearby
	}
	f, err := Collect(context.Background(), s, id, opts)
	require.NoError(t, err)
	return f
}

func verify(f *File, trust Trust) (Report, error) {
	return f.Verify(Options{Trust: trust, Clock: Clock{Now: nearby}})
}

// repair gives the file of a proof that somebody has changed and framed anew, checksum included. No check is made.
func repair(t testing.TB, p *proofwire.Proof) []byte {
	t.Helper()
	content, err := p.Marshal()
	require.NoError(t, err)
	return frame(content)
}

// check parses and verifies.
func check(b []byte, trust Trust) (Report, error) {
	f, err := Parse(b)
	if err != nil {
		return Report{}, err
	}
	return verify(f, trust)
}

// statuses are the checks of a report by name.
func statuses(r Report) map[string]Status {
	m := make(map[string]Status)
	for _, c := range r.Checks {
		m[c.Name] = c.Status
	}
	return m
}

func refusedAs(t testing.TB, part Part, err error) {
	t.Helper()
	require.Error(t, err)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, part, e.Part, "%s", err)
}
