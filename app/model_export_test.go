package app_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/testutil/chaintest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// wide is a model x FP32[N,2] to y FP32[N,3] of more than one chunk.
func wide() []byte {
	const width = 20_000
	rows := onnxwrite.Symbolic("N")
	ones := func(n int) []float32 { return slices.Repeat([]float32{0.5}, n) }
	b, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name: "wide",
		Nodes: []onnxwrite.Node{
			{Op: "MatMul", Inputs: []string{"x", "a"}, Outputs: []string{"h"}},
			{Op: "MatMul", Inputs: []string{"h", "b"}, Outputs: []string{"y"}},
		},
		Inputs:  []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{rows, onnxwrite.Fixed(2)}}},
		Outputs: []onnxwrite.ValueInfo{{Name: "y", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{rows, onnxwrite.Fixed(3)}}},
		Initializers: []onnxwrite.Tensor{
			onnxwrite.FloatTensor("a", []int64{2, width}, ones(2*width)...), onnxwrite.FloatTensor("b", []int64{width, 3}, ones(3*width)...),
		},
	}}.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// TestModelsOutliveAnExport: an admission and an upload that are open go on, and what was proved stays proved.
func TestModelsOutliveAnExport(t *testing.T) {
	old := chaintest.New(t, chaintest.Options{})
	second := true // silent on the second model
	attester := func(c *chaintest.Chain) chaintest.Attester {
		return chaintest.Attester{Output: answer, Try: func(_ int, m modelstypes.Model, _ uint32) chaintest.Trial {
			if second && m.Name == "second" {
				return chaintest.Trial{}
			}
			return chaintest.Trial{Outputs: c.Golden(m, 0)}
		}}
	}
	old.AttestWith(attester(old))
	blocks(old, 2)
	register(t, old)
	from := old.Accounts[0]
	deliver(t, old, old.Tx(from, 0, registration(from.Address, "second", 2)))

	file := wide()
	chunks := slices.Collect(slices.Chunk(file, modelstypes.ChunkBytes))
	require.Greater(t, len(chunks), 1)
	sum := sha256.Sum256(file)
	opening := &modelstypes.MsgOpenUpload{
		Owner: from.Address.String(), Manifest: registration(from.Address, "wide", 1).Manifest, Sha256: hex.EncodeToString(sum[:]), Size_: uint64(len(file)),
	}
	for _, chunk := range chunks {
		hash := sha256.Sum256(chunk)
		opening.ChunkHashes = append(opening.ChunkHashes, hash[:])
	}
	upload := nextFileID(t, old)
	piece := func(i int) *modelstypes.MsgUploadChunk {
		return &modelstypes.MsgUploadChunk{Owner: from.Address.String(), UploadId: upload, Index: uint32(i), Data: chunks[i]}
	}
	deliver(t, old, old.Tx(from, 0, opening, piece(1)))
	asked := ask(t, old, 1)
	require.Equal(t, modelstypes.MODEL_STATUS_ADMITTING, old.Model("second:1").Status)
	exported, err := old.App.Export(nil)
	require.NoError(t, err)
	left := old.Model("second:1").Deadline - old.Height()
	second = false

	for name, initial := range map[string]int64{"at the next height": exported.Height, "from the first block": 1, "much later": 1_000_000} {
		t.Run(name, func(t *testing.T) {
			c := old.Import(exported.AppState, initial)
			c.Next()
			require.Equal(t, left, c.Model("second:1").Deadline-(initial-1), "blocks that remain")
			require.Equal(t, proofs(t, old, "linear")[0].OutputRoot, proofs(t, c, "linear")[0].OutputRoot)
			require.Equal(t, certificate(t, old).OutputRoot, certificate(t, c).OutputRoot)
			require.EqualValues(t, 4, ready(t, c, "linear"), "nobody has to prove it again")
			c.AttestWith(attester(c))
			blocks(c, 4)
			requireFinal(t, c, asked)
			c.Admitted("second")

			resp, err := models(c).Upload(c.Ctx(), &modelstypes.QueryUploadRequest{UploadId: upload})
			require.NoError(t, err)
			require.NotContains(t, resp.Missing, uint32(1), "what was there is there")
			for _, i := range resp.Missing {
				deliver(t, c, c.Tx(from, 0, piece(int(i))))
			}
			m := c.Admitted("wide")
			stored, err := c.App.ModelsKeeper.File(c.Ctx(), m)
			require.NoError(t, err)
			require.Equal(t, file, stored)
			id := ask(t, c, 1)
			blocks(c, 3)
			requireFinal(t, c, id)
		})
	}
}
