package view

import (
	"bytes"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/push"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

var update = flag.Bool("update", false, "write the golden files")

// requireGolden compares what is written with a golden file.
func requireGolden(t *testing.T, name string, write func(w io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	require.NoError(t, write(&got))
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
	for line := range strings.SplitSeq(got.String(), "\n") {
		require.Equal(t, strings.TrimRight(line, " "), line, "no spaces at the end of a line")
	}
}

const (
	hashA = "c82901bcbd5b9810eba8ff1447be87ab175a7aa7aa6a6b695696281a4d63146f"
	hashB = "0f343b0931126a20f133d67c2b018a3b5d1e1f5a2c3d4e5f60718293a4b5c6d7"
)

func root(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func iris() types.Model {
	return types.Model{
		Sha256: hashA, Name: "iris", Version: 3, TaskClass: schedulingtypes.TASK_CLASS_CLASSIFICATION, Size_: 1536,
		Inspection: types.Inspection{
			Opset:      17,
			Inputs:     []types.TensorSpec{{Name: "features", Datatype: "FP32", Dims: []types.Dim{{Size_: 1, Symbol: "N"}, {Size_: 4}}}},
			Outputs:    []types.TensorSpec{{Name: "label", Datatype: "INT64", Dims: []types.Dim{{Size_: 2, Symbol: "N"}}}, {Name: "a\x1bb", Datatype: "FP32"}},
			Cost:       []types.CostTerm{{Elements: 4096}, {Symbols: []string{"N"}, Macs: 3_000_000, Elements: 50}},
			Activation: []types.MemoryTerm{{Symbols: []string{"N"}, Bytes: 96}},
			Parameters: 123, SessionBytes: 7680,
		},
		Royalty: sdkmath.NewInt(10), Status: types.MODEL_STATUS_ACTIVE, File: 4, License: "apache-2.0", Labels: []string{"vision", "onnx"},
		CardSha256: hashB, RegisteredHeight: 12, AdmittedHeight: 15,
	}
}

func large() types.Model {
	return types.Model{
		Sha256: hashB, Name: "large", Version: 1, TaskClass: schedulingtypes.TASK_CLASS_GENERATION, Size_: 104857600,
		Royalty: sdkmath.ZeroInt(), Status: types.MODEL_STATUS_REJECTED, Sources: []string{"https://models.example.org/large.onnx"},
		Verdict: types.Verdict{Reason: "crash", Detail: "nodes with 6000000 of 10000000 power\nfailed", Height: 40}, RegisteredHeight: 30,
	}
}

func details() Details {
	return Details{
		Model: NewModel(iris()), Owner: "og1lc3k5kufzs049nekfjwna5dlt05uclj42ul8s9", Tags: []string{"latest", "stable"}, NodesReady: 4,
		Versions: []Version{{Version: 1, SHA256: hashB, Status: "deprecated", Tags: []string{}}, {Version: 3, SHA256: hashA, Status: "active", Tags: []string{"latest", "stable"}}},
		Certificate: NewCertificate(types.Certificate{
			Model: hashA, OutputRoot: root(1), Outputs: make([]byte, 114),
			Classes: []types.ClassProof{{EnvironmentClass: 1, OutputRoot: root(1), ProvenHeight: 15}, {EnvironmentClass: 2, OutputRoot: root(2), ProvenHeight: 19}},
		}),
		Proofs: NewProofs([]types.NodeProof{
			{Operator: "ogvaloper1aaaa", EnvironmentClass: 1, OutputRoot: root(1), Height: 14},
			{Operator: "ogvaloper1bbbb", EnvironmentClass: 2, Failure: types.MODEL_FAILURE_TIMEOUT, Height: 15},
		}),
	}
}

func TestModels(t *testing.T) {
	list := []Model{NewModel(iris()), NewModel(large())}
	requireGolden(t, "list", func(w io.Writer) error { return ModelList(w, list) })
	requireGolden(t, "list.json", func(w io.Writer) error { return JSON(w, map[string]any{"models": list}) })
	requireGolden(t, "list-empty", func(w io.Writer) error { return ModelList(w, nil) })
}

func TestShow(t *testing.T) {
	requireGolden(t, "show", func(w io.Writer) error { return Show(w, details()) })
	requireGolden(t, "show.json", func(w io.Writer) error { return JSON(w, details()) })
	requireGolden(t, "show-rejected", func(w io.Writer) error { return Show(w, Details{Model: NewModel(large()), Owner: "og1owner"}) })
}

func TestUploads(t *testing.T) {
	list := NewUploads([]types.Upload{{
		Id: 7, Owner: "og1owner", Manifest: types.Manifest{Name: "iris"}, Sha256: hashA, Size_: 20 << 20, ChunkHashes: make([][]byte, 80),
		Received: 50, Deposit: sdkmath.NewInt(20971520), Expires: 20012,
	}})
	requireGolden(t, "uploads", func(w io.Writer) error { return UploadList(w, list) })
	requireGolden(t, "uploads.json", func(w io.Writer) error { return JSON(w, map[string]any{"uploads": list}) })
}

func TestQuote(t *testing.T) {
	q := NewQuote(push.Cost{
		ByteFee: sdkmath.NewInt(20971520), AdmissionFee: sdkmath.NewInt(1000000), Gas: 650_000_000,
		GasFee: sdk.NewInt64Coin(types.Denom, 650000), Transactions: 81,
	})
	requireGolden(t, "quote", func(w io.Writer) error { return Quoted(w, q) })
	requireGolden(t, "quote.json", func(w io.Writer) error { return JSON(w, q) })
	free := NewQuote(push.Cost{ByteFee: sdkmath.ZeroInt(), AdmissionFee: sdkmath.ZeroInt(), GasFee: sdk.NewInt64Coin(types.Denom, 0)})
	require.Equal(t, "0uopg", free.Total)
}

func TestNode(t *testing.T) {
	now := time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC)
	used := now.Add(-90 * time.Second)
	n := nodeapi.Models{
		Height: 120, BudgetBytes: 4 << 30, UsedBytes: 7680, Error: "worker\x1b died",
		Models: []nodeapi.Model{
			{SHA256: hashA, Name: "iris", Version: 3, MemoryBytes: 7680, State: nodeapi.StateLoaded, LastUsed: &used, Pinned: true},
			{SHA256: hashB, MemoryBytes: 0, State: nodeapi.StateFailed, Failure: "timeout", Detail: "10s"},
		},
		Next: &nodeapi.Preparation{Proven: 1, Total: 2},
	}
	requireGolden(t, "ps", func(w io.Writer) error { return Node(w, n, now) })
}

func TestVerification(t *testing.T) {
	far := NewDistance("probabilities", tensor.FP32)
	far.Add(2e-6)
	far.Add(1e-6)
	exact := NewDistance("label", tensor.Int64)
	v := Verification{
		Reference: "iris:3", SHA256: hashA,
		Checks: []Check{{Name: "sha256", OK: true, Detail: hashA}, {Name: "run", Detail: "output label is farther"}},
		Run:    &Run{Environment: "onnxruntime 1.27.0", OutputRoot: hashB, EqualClasses: []uint32{}, Distances: []Distance{far, exact}},
	}
	require.False(t, v.Good())
	requireGolden(t, "verify", func(w io.Writer) error { return Verified(w, v) })
	requireGolden(t, "verify.json", func(w io.Writer) error { return JSON(w, v) })
}

func TestDistances(t *testing.T) {
	d := NewDistance("y", tensor.FP32)
	require.True(t, d.Within())
	d.Add(1e-5)
	require.True(t, d.Within())
	d.Add(1.1e-5)
	require.False(t, d.Within())
	for _, unknown := range []float64{math.Inf(1), math.NaN()} {
		d := NewDistance("y", tensor.FP32)
		d.Add(unknown)
		require.False(t, d.Within())
		d.Add(0)
		require.Nil(t, d.Distance, "stays unknown")
	}
	i := NewDistance("label", tensor.Int64)
	i.Add(1e-9)
	require.False(t, i.Within(), "integers have to be equal")
}

func TestPlain(t *testing.T) {
	require.Equal(t, "a\ufffd[31mb\ufffd", Plain("a\x1b[31mb\u202e", false))
	require.Equal(t, "a\n\tb", Plain("a\n\tb", true))
	require.Equal(t, "a\ufffdb", Plain("a\nb", false))
}

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 20 << 20: "20.0 MiB", 3 << 40: "3.0 TiB"} {
		require.Equal(t, want, Size(bytes))
	}
}
