package pipelinetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Models of every world: x [N,2] to y [N,2] in a datatype that is compared within a tolerance, or exactly.
var models = []struct {
	name     string
	datatype tensor.Datatype
	royalty  int64
}{
	{"single", tensor.FP32, 0},
	{"double", tensor.FP64, 37},
	{"integer", tensor.Int64, 5},
}

// MaxNodes is the number of operators with a node in every world. They need not all have stake.
const MaxNodes = 9

// Environment classes of every world, by index. Nodes of the first two are honest: their outputs differ within the
// tolerance.
const (
	ClassOne uint32 = iota + 1
	ClassTwo
	ClassOdd
)

func environment(class uint32) *schedulingtypes.EnvironmentClass {
	return &schedulingtypes.EnvironmentClass{
		RuntimeVersion: "1.27.0", LibrarySha256: make([]byte, 32), Provider: "cpu", Profile: class, Isa: "avx2",
	}
}

// NodeStatus is what a node that is ready tells: it has all models loaded.
func NodeStatus(class uint32) schedulingtypes.NodeStatus {
	return schedulingtypes.NodeStatus{
		Ready: true, FreeCapacity: 100_000, Environment: environment(class), WorkerVersion: "test", ModelsReady: sums(),
	}
}

// sums are the SHA-256 of all models, ascending.
var sums = sync.OnceValue(func() (all [][]byte) {
	for _, m := range models {
		sum := sha256.Sum256(file(m.datatype))
		all = append(all, sum[:])
	}
	slices.SortFunc(all, bytes.Compare)
	return all
})

// Owner of every model.
var Owner = sdk.AccAddress("owner of the models_")

// template is a genesis with the models, which all nodes have proved in every environment class, the same for every world.
// The golden outputs of all nodes are equal, whatever they compute for requests.
var template = sync.OnceValue(func() Genesis {
	t := panicking{}
	w := newWorld(t, 1)
	w.Init(Genesis{
		Models: *modelstypes.DefaultGenesis(), Inference: *inferencetypes.DefaultGenesis(),
		Scheduling: *schedulingtypes.DefaultGenesisState(), Verification: *verificationtypes.DefaultGenesis(),
	})
	w.Bank.Fund(w.ctx, Owner.String(), 10_000_000)
	for _, m := range models {
		_, err := w.Models.RegisterModel(w.ctx, &modelstypes.MsgRegisterModel{
			Owner: Owner.String(), Onnx: file(m.datatype), Manifest: modelstypes.Manifest{
				Name: m.name, TaskClass: schedulingtypes.TASK_CLASS_REGRESSION, Royalty: sdkmath.NewInt(m.royalty),
			},
		})
		require.NoError(t, err)
	}
	var said []modelstypes.OperatorAttestations
	for i := range MaxNodes {
		w.Staking.write(w.ctx, Operator(i), Validator{Tokens: unit, Status: stakingtypes.Bonded})
		require.NoError(t, w.Scheduling.RegisterNode(w.ctx, &schedulingtypes.MsgRegisterNode{
			Operator: Operator(i).String(), Capacity: 100_000, MemoryBytes: 1 << 30, TaskClasses: schedulingtypes.AllTaskClasses(),
		}))
		vote := modelstypes.OperatorAttestations{Operator: Operator(i).String()}
		for class := ClassOdd; class >= ClassOne; class-- {
			for _, sum := range sums() {
				vote.Attestations = append(vote.Attestations, modelstypes.ModelAttestation{
					Model: sum, EnvironmentClass: class, OutputRoot: make([]byte, sha256.Size),
				})
			}
		}
		said = append(said, vote)
	}
	for class := ClassOne; class <= ClassOdd; class++ {
		require.NoError(t, w.Scheduling.SetStatus(w.ctx, Operator(0), NodeStatus(class)))
	}
	for i := range MaxNodes {
		require.NoError(t, w.Scheduling.SetStatus(w.ctx, Operator(i), NodeStatus(ClassOne)))
	}
	w.Staking.endBlock(w.ctx)
	require.NoError(t, w.Models.RecordAttestations(w.ctx, said))
	require.NoError(t, w.Models.EndBlock(w.ctx))
	for _, m := range models {
		admitted, err := w.Models.Find(w.ctx, m.name)
		require.NoError(t, err)
		require.True(t, admitted.Usable())
	}
	return w.Export(1)
})

// panicking is a TB for what is made once for all tests.
type panicking struct{}

// Helper implements TB.
func (panicking) Helper() {}

// Errorf implements TB.
func (panicking) Errorf(format string, args ...any) { panic([]any{format, args}) }

// FailNow implements TB.
func (panicking) FailNow() { panic("failed") }

func file(datatype tensor.Datatype) []byte {
	element, err := onnxwrite.ElementOf(datatype)
	if err != nil {
		panic(err)
	}
	dims := []onnxwrite.Dim{onnxwrite.Symbolic("N"), onnxwrite.Fixed(2)}
	m := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:    "twice",
		Nodes:   []onnxwrite.Node{{Op: "Add", Inputs: []string{"x", "x"}, Outputs: []string{"y"}}},
		Inputs:  []onnxwrite.ValueInfo{{Name: "x", Type: element, Dims: dims}},
		Outputs: []onnxwrite.ValueInfo{{Name: "y", Type: element, Dims: dims}},
	}}
	b, err := m.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// run is one request as nodes see it.
type run struct {
	id    uint64
	model int
	rows  int
}

// input is that of a run. What is in it has no influence on the output, which is made up.
func input(model, rows int) inferencetypes.InferenceInput {
	datatype := models[model].datatype
	return inferencetypes.InferenceInput{Inputs: []inferencetypes.Tensor{{
		Name: "x", Datatype: datatype.String(), Shape: []int64{int64(rows), 2}, Contents: make([]byte, 2*rows*datatype.Size()),
	}}}
}

// fails tells whether the run ends in a failure on every honest node.
func (r run) fails() bool { return r.id%8 == 5 }

// defaultTau is the tolerance that outputs are made for; parameters only ever raise it.
func defaultTau(datatype tensor.Datatype) float64 {
	switch datatype {
	case tensor.FP32:
		return 1e-5
	case tensor.FP64:
		return 1e-13
	default:
		return 0
	}
}

// values are the honest output, with a scale of 1, moved by a number of tolerances at one element. A move of two
// tolerances or more changes integers too.
func (r run) values(moved float64) []float64 {
	rng := rand.New(rand.NewPCG(r.id, 1))
	values := make([]float64, 2*r.rows)
	for i := range values {
		values[i] = rng.Float64() - 0.5
	}
	values[0] = 1
	values[len(values)-1] += moved * defaultTau(models[r.model].datatype)
	return values
}

// output is the canonical encoding of the honest output moved by a number of tolerances.
func (r run) output(moved float64) []byte {
	datatype := models[r.model].datatype
	t := tensor.Tensor{Name: "y", Datatype: datatype, Shape: []int64{int64(r.rows), 2}}
	for _, v := range r.values(moved) {
		switch datatype {
		case tensor.FP32:
			t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(float32(v)))
		case tensor.FP64:
			t.Data = binary.LittleEndian.AppendUint64(t.Data, math.Float64bits(v))
		default:
			whole := int64(v * 1000)
			if math.Abs(moved) >= 2 {
				whole += int64(moved)
			}
			t.Data = binary.LittleEndian.AppendUint64(t.Data, uint64(whole))
		}
	}
	b, err := tensor.EncodeOutputs([]tensor.Tensor{t})
	if err != nil {
		panic(err)
	}
	return b
}

// distance is how far an output is from the honest one of a class relative to the scale of the output, in its largest
// element; ok is false when it is none of the model.
func (r run) distance(output []byte, moved float64) (relative float64, ok bool) {
	ts, err := tensor.Decode(output, tensor.DefaultLimits)
	if err != nil || len(ts) != 1 || ts[0].Datatype != models[r.model].datatype || len(ts[0].Data) != 2*r.rows*ts[0].Datatype.Size() {
		return 0, false
	}
	honest, err := tensor.Decode(r.output(moved), tensor.DefaultLimits)
	if err != nil {
		return 0, false
	}
	var scale, largest float64
	for i := range 2 * r.rows {
		got := element(ts[0], i)
		scale, largest = max(scale, math.Abs(got)), max(largest, math.Abs(got-element(honest[0], i)))
	}
	return largest / scale, true
}

func element(t tensor.Tensor, i int) float64 {
	switch t.Datatype {
	case tensor.FP32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:])))
	case tensor.FP64:
		return math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
	default:
		return float64(int64(binary.LittleEndian.Uint64(t.Data[8*i:])))
	}
}
