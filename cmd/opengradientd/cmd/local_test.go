package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/client/proof"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/testutil/proofchain"
)

// TestLocalCommandsMakeNoHome runs what reads a file or nothing with homes that are there, cannot be made, and are unknown.
func TestLocalCommandsMakeNoHome(t *testing.T) {
	s := proofchain.Node()
	now := proofchain.Start.Add(time.Hour)
	f, err := proof.Collect(t.Context(), s, proofchain.Exact, proof.CollectOptions{
		Trust: proof.Trust{Height: 3, Hash: s.Block(3).Hash()}, Clock: proof.Clock{Now: now},
	})
	require.NoError(t, err)
	folder := t.TempDir()
	file, model := filepath.Join(folder, "request.proof"), filepath.Join(folder, "net.onnx")
	require.NoError(t, os.WriteFile(file, f.Marshal(), 0o600))
	onnx, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:    "negate",
		Nodes:   []onnxwrite.Node{{Op: "Neg", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{onnxwrite.Fixed(2)}}},
		Outputs: []onnxwrite.ValueInfo{{Name: "y", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{onnxwrite.Fixed(2)}}},
	}}.Marshal()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(model, onnx, 0o600))
	for reason, home := range map[string]string{
		"a home that is not there": filepath.Join(folder, "home"), "a home below a file": filepath.Join(file, "home"), "no home": "",
	} {
		for name, args := range map[string][]string{
			"verify":     {"verify", file, "--trusted-height", "3", "--trusted-hash", s.Block(3).Hash().String(), "--at", now.Format(time.RFC3339)},
			"inspect":    {"model", "inspect", model},
			"version":    {"version"},
			"completion": {"completion", "bash"},
		} {
			t.Run(reason+", "+name, func(t *testing.T) {
				t.Chdir(t.TempDir())
				t.Setenv("HOME", home)
				root := newRoot(t)
				var out bytes.Buffer
				root.SetOut(&out)
				root.SetErr(&out)
				root.SetArgs(args)
				require.NoError(t, svrcmd.Execute(root, EnvPrefix, app.DefaultNodeHome()), out.String())
				made, err := os.ReadDir(".")
				require.NoError(t, err)
				require.Empty(t, made)
				_, err = os.Stat(home)
				require.Error(t, err, "%s was made", home)
			})
		}
	}
}

// TestLocalCommandsReadTheirEnvironment sets a flag by its variable, as it can be set for every command.
func TestLocalCommandsReadTheirEnvironment(t *testing.T) {
	t.Setenv(EnvPrefix+"_TRUSTED_HEIGHT", "3")
	root := newRoot(t)
	root.SetArgs([]string{"verify", "nothing.proof"})
	err := svrcmd.Execute(root, EnvPrefix, filepath.Join(t.TempDir(), "home"))
	require.ErrorContains(t, err, "expected --trusted-height and --trusted-hash together")
}
