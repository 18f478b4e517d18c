package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/testutil/chaintest"
	"github.com/opengradient/opengradient/x/models/types"
)

// matrix is the file of a model x FP32[N,rows] to y FP32[N,2].
func matrix(t *testing.T, rows int64, first float32) string {
	t.Helper()
	weights := make([]float32, rows*2)
	weights[0] = first
	for i := 1; i < len(weights); i++ {
		weights[i] = float32(i%97) / 97
	}
	n := onnxwrite.Symbolic("N")
	file, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:         "matrix",
		Nodes:        []onnxwrite.Node{{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Inputs:       []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{n, onnxwrite.Fixed(rows)}}},
		Outputs:      []onnxwrite.ValueInfo{{Name: "y", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{n, onnxwrite.Fixed(2)}}},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("w", []int64{rows, 2}, weights...)},
	}}.Marshal()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "matrix.onnx")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	return path
}

const (
	smallRows = 16
	// largeRows give a file of 5 chunks, the last of which is short.
	largeRows = 4*modelpush.ChunkSize/8 + 100
)

func pushArgs(file, name string, more ...string) []string {
	return append([]string{
		"push", file, "--name", name, "--task", "regression", "--from", "alice", "--gas-prices", "0.01uopg", "--yes", "--output", "json",
	}, more...)
}

func newChain(t *testing.T, attester *chaintest.Attester) *rpc {
	t.Helper()
	chain := chaintest.New(t, chaintest.Options{Accounts: 2})
	if attester != nil {
		chain.AttestWith(*attester)
	}
	r := newRPC(t, chain)
	for range 3 {
		r.block() // the nodes are known then
	}
	return r
}

func decode(t *testing.T, text string) pushResult {
	t.Helper()
	var result pushResult
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&result), text)
	require.False(t, decoder.More(), "one document")
	return result
}

// total is the quoted sum in uopg.
func total(t *testing.T, r pushResult) int64 {
	t.Helper()
	n, err := strconv.ParseInt(strings.TrimSuffix(r.Paid.Total, types.Denom), 10, 64)
	require.NoError(t, err)
	return n
}

func TestPushPaysWhatItQuotes(t *testing.T) {
	r := newChain(t, &chaintest.Attester{})
	card := write(t, "CARD.md", cardText)
	for name, tc := range map[string]struct {
		file         string
		more         []string
		transactions int
	}{
		"inline":    {matrix(t, smallRows, 1), []string{"--card", card}, 1},
		"upload":    {matrix(t, largeRows, 2), []string{"--card", card, "--symbol", "N=3", "--range", "x=-2:2"}, 6},
		"reference": {matrix(t, smallRows, 3), []string{"--source", "https://models.example.org/m.onnx"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			before, sequence := r.balance(), r.sequence()
			out, _, err := r.run(t.Context(), 1, pushArgs(tc.file, name, tc.more...)...)
			require.NoError(t, err)
			result := decode(t, out)
			require.Equal(t, name+":1", result.Reference)
			require.Equal(t, "active", result.Status)
			require.Equal(t, []string{"latest"}, result.Tags)
			require.Len(t, result.Certificate.Classes, 1)
			require.Len(t, result.Proofs, 4)
			require.Equal(t, tc.transactions, result.Paid.Transactions)
			require.Equal(t, sequence+uint64(tc.transactions), r.sequence())
			require.Equal(t, total(t, result), before-r.balance(), "charged what was quoted")

			again, problems, err := r.run(t.Context(), 1, pushArgs(tc.file, name, tc.more...)...)
			require.NoError(t, err)
			require.Contains(t, problems, "is registered already, as "+name+":1")
			require.Equal(t, "0uopg", decode(t, again).Paid.Total)
			require.Equal(t, total(t, result), before-r.balance(), "nothing more is paid")
		})
	}
}

// TestPushKilledAroundEveryTransaction ends the process before and after the node has taken each transaction, and runs it again.
func TestPushKilledAroundEveryTransaction(t *testing.T) {
	r := newChain(t, nil)
	before := r.balance()
	_, _, err := r.run(t.Context(), 1, pushArgs(matrix(t, largeRows, 1), "matrix", "--no-wait")...)
	require.NoError(t, err)
	r.inspected(t)
	whole := before - r.balance()
	for kill := 1; kill <= 6; kill++ {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("transaction %d late %t", kill, late), func(t *testing.T) {
				file := matrix(t, largeRows, float32(2*kill)+map[bool]float32{true: 1}[late])
				args := pushArgs(file, "matrix", "--no-wait")
				before, sequence := r.balance(), r.sequence()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				die := func(n int) error {
					if n >= kill {
						cancel()
						return errPowerCut
					}
					return nil
				}
				r.sent, r.before, r.after = 0, nil, nil
				if late {
					r.after = die
				} else {
					r.before = die
				}
				out, _, err := r.run(ctx, 1, args...)
				require.Error(t, err)
				require.Empty(t, out)

				r.before, r.after = nil, nil
				out, _, err = r.run(t.Context(), 1, args...)
				require.NoError(t, err)
				require.Contains(t, []string{"inspecting", "admitting"}, decode(t, out).Status)
				require.Equal(t, sequence+6, r.sequence(), "one transaction each")
				r.inspected(t)
				require.Equal(t, whole, before-r.balance(), "as if it had never been killed")
				r.requireFile(t, file)
			})
		}
	}
}

// TestPushBesideAnotherProcess has another process send with the same key before every block, and a node that has no index.
func TestPushBesideAnotherProcess(t *testing.T) {
	r := newChain(t, nil)
	r.noIndex = true
	file := matrix(t, largeRows, 1)
	others := 0
	r.foreign = func() {
		if others == 20 {
			return
		}
		others++
		account := r.chain.Accounts[1]
		msg := &types.MsgCancelUpload{Owner: account.Address.String(), UploadId: 1 << 40}
		_, err := r.take(r.chain.Tx(account, uint64(len(r.pool)), msg))
		require.NoError(t, err)
	}
	sequence := r.sequence()
	_, _, err := r.run(t.Context(), 1, pushArgs(file, "matrix", "--no-wait", "--parallel", "2")...)
	require.NoError(t, err)
	require.Equal(t, sequence+6+uint64(others), r.sequence()+uint64(len(r.pool)), "six of this process, once each")
	r.requireFile(t, file)
}

func TestPushTellsWhyAModelIsRejected(t *testing.T) {
	r := newChain(t, &chaintest.Attester{Try: func(i int, m types.Model, _ uint32) chaintest.Trial {
		return chaintest.Trial{Failure: types.MODEL_FAILURE_CRASH}
	}})
	out, _, err := r.run(t.Context(), 1, pushArgs(matrix(t, smallRows, 1), "bad")...)
	require.ErrorContains(t, err, "the model was not admitted: bad:1 is rejected, reason crash")
	require.ErrorContains(t, err, "ogvaloper1")
	require.ErrorContains(t, err, "class 1: crash")
	result := decode(t, out)
	require.Equal(t, "rejected", result.Status)
	require.Equal(t, "crash", result.Verdict.Reason)
}

func TestPushRefusesBeforeItCosts(t *testing.T) {
	r := newChain(t, nil)
	good := matrix(t, smallRows, 1)
	before := r.balance()
	_, _, err := r.run(t.Context(), 0, pushArgs(good, "taken", "--no-wait")...)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"not a model":      {pushArgs(write(t, "x.onnx", "hello"), "x"), "the file is refused"},
		"registered":       {pushArgs(good, "x"), "expected one that is not registered yet, got the file of taken:1"},
		"range of nothing": {pushArgs(matrix(t, smallRows, 2), "x", "--range", "z=0:1"), "golden"},
		"source":           {pushArgs(matrix(t, smallRows, 2), "x", "--source", "https://127.0.0.1/x"), "invalid sources"},
		"many labels":      {pushArgs(matrix(t, smallRows, 2), "x", "--card", write(t, "c", "---\ntags: ["+labels(33)+"]\n---\n")), "labels: expected at most 32, got 33"},
		"parallel":         {pushArgs(matrix(t, smallRows, 2), "x", "--parallel", "99"), "--parallel: expected 1 to 24, got 99"},
		"gas price":        {append(pushArgs(matrix(t, smallRows, 2), "x"), "--gas-prices", "much"), "gas price: expected a price"},
		"key":              {append(pushArgs(matrix(t, smallRows, 2), "x"), "--from", "nobody"), "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := r.run(t.Context(), 1, tc.args...)
			require.ErrorContains(t, err, tc.want)
			require.Empty(t, out)
			require.Equal(t, before, r.balance())
		})
	}
}

func labels(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("l%d", i)
	}
	return strings.Join(words, ",")
}

func TestAnUploadKeepsWhatItWasOpenedWith(t *testing.T) {
	r := newChain(t, nil)
	file := matrix(t, largeRows, 1)
	ctx, cancel := context.WithCancel(t.Context())
	r.before = func(n int) error {
		if n == 3 {
			cancel()
			return errPowerCut
		}
		return nil
	}
	_, _, err := r.run(ctx, 1, pushArgs(file, "matrix")...)
	require.ErrorIs(t, err, context.Canceled)
	r.before = nil
	for want, args := range map[string][]string{
		"expected the name it was opened with, matrix, got other":        pushArgs(file, "other"),
		"expected the royalty it was opened with, 0, got 5":              pushArgs(file, "matrix", "--royalty", "5"),
		"expected the task it was opened with, regression, got ranking":  append(pushArgs(file, "matrix"), "--task", "ranking"),
		"expected the card, license, labels and golden vectors it was o": pushArgs(file, "matrix", "--card", write(t, "c", "# x")),
	} {
		_, _, err := r.run(t.Context(), 1, args...)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `"model cancel-upload 1"`)
	}
	out, _, err := r.run(t.Context(), 1, "uploads", "--owner", r.chain.Accounts[1].Address.String())
	require.NoError(t, err)
	require.Contains(t, out, "1 of 5")
	out, _, err = r.run(t.Context(), 1, "cancel-upload", "1", "--from", "alice", "--gas-prices", "0uopg", "--yes", "--output", "json")
	require.NoError(t, err)
	require.JSONEq(t, `{"id":1,"cancelled":true}`, out)
	out, _, err = r.run(t.Context(), 1, "uploads", "--output", "json")
	require.NoError(t, err)
	require.JSONEq(t, `{"uploads":[]}`, out)
}

// TestPushThatGoesOnCostsItsGas: the fees of an upload are paid when it is opened.
func TestPushThatGoesOnCostsItsGas(t *testing.T) {
	r := newChain(t, nil)
	file := matrix(t, largeRows, 1)
	ctx, cancel := context.WithCancel(t.Context())
	r.before = func(n int) error {
		if n == 3 {
			cancel()
			return errPowerCut
		}
		return nil
	}
	start := r.balance()
	_, _, err := r.run(ctx, 1, pushArgs(file, "matrix")...)
	require.ErrorIs(t, err, context.Canceled)
	r.before = nil
	r.block() // with what was sent before the end
	before := r.balance()
	require.Greater(t, start-before, int64(1_000_000), "the admission is paid for")
	out, _, err := r.run(t.Context(), 1, pushArgs(file, "matrix", "--no-wait")...)
	require.NoError(t, err)
	result := decode(t, out)
	require.Equal(t, 4, result.Paid.Transactions)
	require.Equal(t, "0", result.Paid.AdmissionFee)
	require.Equal(t, total(t, result), before-r.balance(), "charged what was quoted")
}

// inspected makes blocks until every file has been inspected.
func (r *rpc) inspected(t *testing.T) {
	t.Helper()
	for range 20 {
		out, _, err := r.run(t.Context(), 1, "list", "--status", "inspecting", "--output", "json")
		require.NoError(t, err)
		if strings.Contains(out, `"models": []`) {
			return
		}
		r.block()
	}
	t.Fatal("files are still being inspected")
}

// requireFile pulls the model that a file is, and compares it with the file.
func (r *rpc) requireFile(t *testing.T, file string) {
	t.Helper()
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	sum := sha256.Sum256(want)
	pulled := filepath.Join(t.TempDir(), "pulled.onnx")
	_, _, err = r.run(t.Context(), 1, "pull", hex.EncodeToString(sum[:]), "-o", pulled)
	require.NoError(t, err)
	got, err := os.ReadFile(pulled)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
