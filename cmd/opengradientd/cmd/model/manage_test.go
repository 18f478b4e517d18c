package model

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/internal/modelstore"
	"github.com/opengradient/opengradient/testutil/chaintest"
	"github.com/opengradient/opengradient/x/models/types"
)

// sign runs a command that signs as alice, and gives its document.
func (r *rpc) sign(t *testing.T, args ...string) map[string]any {
	t.Helper()
	out, _, err := r.run(t.Context(), 1, append(args, "--from", "alice", "--gas-prices", "0.01uopg", "--yes", "--output", "json")...)
	require.NoError(t, err)
	document := make(map[string]any)
	require.NoError(t, json.Unmarshal([]byte(out), &document), out)
	return document
}

func (r *rpc) details(t *testing.T, model string) view.Details {
	t.Helper()
	out, _, err := r.run(t.Context(), 1, "show", model, "--output", "json")
	require.NoError(t, err)
	var d view.Details
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&d))
	return d
}

func TestTheLifeOfAName(t *testing.T) {
	r := newChain(t, &chaintest.Attester{})
	file := matrix(t, smallRows, 1)
	_, _, err := r.run(t.Context(), 1, pushArgs(file, "net", "--tag", "stable", "--card", write(t, "c.md", cardText))...)
	require.NoError(t, err)
	_, _, err = r.run(t.Context(), 1, pushArgs(matrix(t, smallRows, 2), "net")...)
	require.NoError(t, err)
	require.Equal(t, []string{"stable"}, r.details(t, "net:1").Tags)
	require.Equal(t, []string{"latest"}, r.details(t, "net:2").Tags)

	require.Equal(t, map[string]any{"name": "net", "tag": "stable", "version": 2.0}, r.sign(t, "tag", "net", "stable"))
	require.Equal(t, uint32(2), r.details(t, "net:stable").Version)
	require.Equal(t, map[string]any{"name": "net", "tag": "stable", "version": 0.0}, r.sign(t, "untag", "net:stable"))
	_, _, err = r.run(t.Context(), 1, "show", "net:stable")
	require.ErrorContains(t, err, "net:stable: expected a model of the chain, found none")

	require.Equal(t, map[string]any{"model": "net:2", "status": "deprecated"}, r.sign(t, "deprecate", "net"))
	require.Equal(t, map[string]any{"model": "net:2", "status": "disabled"}, r.sign(t, "disable", "net:2"))
	require.Equal(t, "disabled", r.details(t, "net:2").Status)
	out, _, err := r.run(t.Context(), 1, "list", "--output", "json")
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(out, `"reference"`), "a disabled model is not listed")
	out, _, err = r.run(t.Context(), 1, "list", "--all", "--task", "tabular-regression")
	require.NoError(t, err)
	require.Contains(t, out, "net:2")
	require.Equal(t, map[string]any{"model": "net:2", "status": "active"}, r.sign(t, "enable", "net:2"))

	out, _, err = r.run(t.Context(), 1, "show", "net:1", "--card")
	require.NoError(t, err)
	require.Equal(t, cardText, out)
	out, _, err = r.run(t.Context(), 1, "show", "net:1")
	require.NoError(t, err)
	for _, part := range []string{"Signature", "[N, 16]", "Certificate", "Nodes", "Versions", "apache-2.0"} {
		require.Contains(t, out, part)
	}

	owner := r.chain.Accounts[0].Address.String()
	require.Equal(t, map[string]any{"name": "net", "owner": owner}, r.sign(t, "transfer", "net", owner))
	require.Equal(t, owner, r.details(t, "net").Owner)
	_, _, err = r.run(t.Context(), 1, "disable", "net", "--from", "alice", "--gas-prices", "0uopg", "--yes")
	require.ErrorContains(t, err, "refused by the chain: failed to execute message; message index: 0: net: expected", "not the owner any more")
}

func TestCommandsRefuseArgumentsThatCannotBeMeant(t *testing.T) {
	r := newChain(t, nil)
	flags := []string{"--from", "alice", "--gas-prices", "0uopg", "--yes"}
	sequence := r.sequence()
	for want, args := range map[string][]string{
		"invalid tag":                        {"tag", "net", "Stable"},
		`expected name:tag, got "net:2"`:     {"untag", "net:2"},
		`expected name:tag, got "net"`:       {"untag", "net"},
		"new owner: expected an address":     {"transfer", "net", "bob"},
		"invalid model name":                 {"transfer", "Net", "bob"},
		"net: expected a model of the chain": {"disable", "net"},
		"expected the number of an upload":   {"cancel-upload", "first"},
		"refused by the chain":               {"cancel-upload", "77"},
		"accepts 1 arg":                      {"retry"},
		"is neither a file nor a model":      {"inspect", "No Such File"},
		"--status: status: expected one of":  {"list", "--status", "fine"},
		"--owner: expected an address":       {"list", "--owner", "bob"},
	} {
		all := args
		if args[0] != "list" && args[0] != "inspect" {
			all = append(args, flags...)
		}
		_, _, err := r.run(t.Context(), 1, all...)
		require.ErrorContains(t, err, want, args)
	}
	require.Equal(t, sequence+1, r.sequence(), "only what the command cannot know reaches the chain")
}

func TestRetry(t *testing.T) {
	broken := true
	r := newChain(t, &chaintest.Attester{})
	r.chain.AttestWith(chaintest.Attester{Try: func(_ int, m types.Model, _ uint32) chaintest.Trial {
		if broken {
			return chaintest.Trial{Failure: types.MODEL_FAILURE_TIMEOUT}
		}
		return chaintest.Trial{Outputs: r.chain.Golden(m, 0)}
	}})
	_, _, err := r.run(t.Context(), 1, pushArgs(matrix(t, smallRows, 1), "net")...)
	require.ErrorContains(t, err, "net:1 is rejected, reason timeout")
	broken = false
	before := r.balance()
	require.Equal(t, map[string]any{"model": "net:1", "status": "admitting"}, r.sign(t, "retry", "net:1"))
	require.Greater(t, before-r.balance(), int64(1_000_000), "another admission fee")
	for range 10 {
		if r.details(t, "net:1").Status == "active" {
			break
		}
	}
	require.Equal(t, "active", r.details(t, "net:1").Status)
	_, _, err = r.run(t.Context(), 1, "retry", "net:1", "--from", "alice", "--gas-prices", "0uopg", "--yes")
	require.ErrorContains(t, err, "expected a model that nodes rejected or whose admission has expired")
}

func TestInspectAndVerify(t *testing.T) {
	r := newChain(t, &chaintest.Attester{})
	file, other := matrix(t, smallRows, 1), matrix(t, smallRows, 2)
	_, _, err := r.run(t.Context(), 1, pushArgs(file, "net")...)
	require.NoError(t, err)

	byFile, _, err := r.run(t.Context(), 1, "inspect", file, "--output", "json")
	require.NoError(t, err)
	byModel, _, err := r.run(t.Context(), 1, "inspect", "net", "--output", "json")
	require.NoError(t, err)
	require.JSONEq(t, byFile, byModel)
	out, _, err := r.run(t.Context(), 1, "inspect", file)
	require.NoError(t, err)
	require.Contains(t, out, "MatMul")

	for _, args := range [][]string{{file}, {file, "net:1"}, {"net"}} {
		out, _, err := r.run(t.Context(), 1, append([]string{"verify", "--output", "json"}, args...)...)
		require.NoError(t, err)
		var v view.Verification
		require.NoError(t, json.Unmarshal([]byte(out), &v))
		require.True(t, v.Good())
		require.Len(t, v.Checks, 3)
		require.Nil(t, v.Run)
	}
	out, _, err = r.run(t.Context(), 1, "verify", other, "net")
	require.ErrorIs(t, err, errDiffers)
	require.Contains(t, out, "sha256      DIFFERS")
	require.Contains(t, out, "inspection  ok")
	_, _, err = r.run(t.Context(), 1, "verify", other)
	require.ErrorContains(t, err, "model not found")
}

// TestLimitsOfGasSuffice pushes the largest cards and golden inputs that the chain takes, in every way.
func TestLimitsOfGasSuffice(t *testing.T) {
	r := newChain(t, nil)
	params := types.DefaultParams()
	card := write(t, "c.md", strings.Repeat("x", int(params.MaxCardBytes)))
	run := fmt.Sprintf(`{"inputs":[{"name":"x","shape":[100,16],"datatype":"FP32","data":[%s]}]}`, strings.TrimSuffix(strings.Repeat("0.5,", 1600), ","))
	golden := write(t, "g.json", "["+strings.TrimSuffix(strings.Repeat(run+",", 8), ",")+"]")
	for i, args := range [][]string{
		pushArgs(matrix(t, smallRows, 1), "net", "--card", card, "--golden", golden),
		pushArgs(matrix(t, smallRows, 2), "net", "--card", card, "--golden", golden, "--source", "https://models.example.org/net.onnx"),
		pushArgs(matrix(t, largeRows, 3), "net", "--card", card),
	} {
		_, _, err := r.run(t.Context(), 1, append(args, "--no-wait")...)
		require.NoError(t, err, i)
	}
}

func TestRemoveLeavesTheChainAlone(t *testing.T) {
	r := newChain(t, nil)
	_, _, err := r.run(t.Context(), 1, pushArgs(matrix(t, smallRows, 1), "net", "--no-wait")...)
	require.NoError(t, err)
	_, _, err = r.run(t.Context(), 1, "rm", "net:1")
	require.ErrorContains(t, err, "the chain holds this file and keeps it")
	_, _, err = r.run(t.Context(), 1, "rm", strings.Repeat("ab", 32))
	require.ErrorContains(t, err, "expected a file of the local cache")
}

func TestPullByReferenceGoesThroughTheCache(t *testing.T) {
	r := newChain(t, nil)
	file, cache := matrix(t, smallRows, 1), t.TempDir()
	_, _, err := r.run(t.Context(), 1, pushArgs(file, "net", "--no-wait", "--source", "https://models.example.org/net.onnx")...)
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "pulled.onnx")
	r.settings = map[string]any{"models.cache-dir": cache}
	_, _, err = r.run(t.Context(), 1, "pull", "net:1", "-o", out)
	require.ErrorIs(t, err, modelstore.ErrUnavailable, "nobody agreed to the source")
	require.NoFileExists(t, out)

	r.settings["models.files"] = []string{file}
	text, _, err := r.run(t.Context(), 1, "pull", "net:1", "-o", out, "--output", "json")
	require.NoError(t, err)
	sha := r.details(t, "net:1").SHA256
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"reference":"net:1","sha256":"%s","size_bytes":%d,"file":%q}`, sha, len(want), out), text)
	got, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, want, got)

	require.FileExists(t, filepath.Join(cache, sha))
	text, _, err = r.run(t.Context(), 1, "rm", "net:1")
	require.NoError(t, err)
	require.Equal(t, sha+" is removed from the local cache; the chain is as it was\n", text)
	require.NoFileExists(t, filepath.Join(cache, sha))
	require.Equal(t, "admitting", r.details(t, "net:1").Status)
}
