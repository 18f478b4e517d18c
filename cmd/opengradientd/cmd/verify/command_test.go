package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/client"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/client/proof"
	"github.com/opengradient/opengradient/testutil/proofchain"
)

func TestMain(m *testing.M) {
	app.SetAddressPrefixes()
	os.Exit(m.Run())
}

// nearby is an hour after the shared chain.
var nearby = proofchain.Start.Add(time.Hour).Format(time.RFC3339)

// saved is the file of a proof that begins with the third header, and the flags that trust it.
func saved(t *testing.T, id uint64) (path string, trusting []string) {
	t.Helper()
	s := proofchain.Node()
	hash := s.Block(3).Hash()
	f, err := proof.Collect(t.Context(), s, id, proof.CollectOptions{
		Trust: proof.Trust{Height: 3, Hash: hash}, Clock: proof.Clock{Now: proofchain.Start.Add(time.Hour)},
	})
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "request.proof")
	require.NoError(t, os.WriteFile(path, f.Marshal(), 0o600))
	return path, []string{"--trusted-height", "3", "--trusted-hash", hash.String(), "--at", nearby}
}

// execute runs the command and gives what it prints.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := &cobra.Command{Use: "opengradientd", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(NewCommand())
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	root.SetArgs(append([]string{"verify"}, args...))
	clientCtx := client.Context{}.WithHomeDir(t.TempDir()).WithViper("")
	err := root.ExecuteContext(context.WithValue(t.Context(), client.ClientContextKey, &clientCtx))
	return out.String(), err
}

// TestFilesAreVerifiedOffline checks files of every kind of request, for people and for programs.
func TestFilesAreVerifiedOffline(t *testing.T) {
	for reason, tc := range map[string]struct {
		id     uint64
		prints []string
	}{
		"by equality":   {proofchain.Exact, []string{"✓  request", "✓  verdict", "–  evidence", `outputs [{"name":"y"`, "linear:1"}},
		"by comparison": {proofchain.Arbitrated, []string{"✓  evidence", "within its tolerance"}},
		"a failure":     {proofchain.Failed, []string{"the model fails on these inputs", `inputs [{"name":"x"`}},
	} {
		t.Run(reason, func(t *testing.T) {
			path, trusting := saved(t, tc.id)
			text, err := execute(t, append(trusting, path)...)
			require.NoError(t, err)
			for _, part := range tc.prints {
				require.Contains(t, text, part)
			}
			t.Log("\n" + text)
			require.NotContains(t, text, "✗")
			text, err = execute(t, append(trusting, path, "--output", "json")...)
			require.NoError(t, err)
			var document map[string]any
			require.NoError(t, json.Unmarshal([]byte(text), &document))
			require.Equal(t, true, document["valid"])
			require.Equal(t, true, document["trusted"])
			require.Equal(t, strconv.FormatUint(tc.id, 10), document["request_id"])
			require.Equal(t, "linear:1", document["model"])
		})
	}
}

// TestWhatIsRefused looks at the messages, which say what to do.
func TestWhatIsRefused(t *testing.T) {
	path, trusting := saved(t, proofchain.Exact)
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	bad := filepath.Join(t.TempDir(), "bad.proof")
	changed := bytes.Clone(good)
	changed[len(changed)/2] ^= 4
	require.NoError(t, os.WriteFile(bad, changed, 0o600))
	model := filepath.Join(t.TempDir(), "other.onnx")
	require.NoError(t, os.WriteFile(model, []byte("another model"), 0o600))
	with := func(args ...string) []string { return append(args, trusting...) }
	for reason, tc := range map[string]struct {
		args []string
		says string
	}{
		"no trusted header":        {[]string{path, "--at", nearby}, "--untrusted"},
		"half a trusted header":    {[]string{path, "--trusted-height", "3"}, "expected --trusted-height and --trusted-hash together"},
		"a hash that is none":      {[]string{path, "--trusted-height", "3", "--trusted-hash", "xyz"}, "64 hexadecimal digits"},
		"a changed file":           {with(bad), "checksum"},
		"no such file":             {with("nothing.proof"), "expected the number of a request or a proof file"},
		"too old":                  {with(path, "--trusting-period", "1m"), "trusting period of block 3"},
		"no trusting period":       {with(path, "--trusting-period", "0s"), "expected a time above zero"},
		"a time that is none":      {[]string{path, "--at", "yesterday"}, "expected a time such as"},
		"not collected so":         {with(path, "--sequential"), "expected adjacent headers"},
		"a node for a file":        {with(path, "--witness", "tcp://localhost:26657"), "a file is checked without a node"},
		"two kinds of trust":       {with("7", "--trust-node"), "got both"},
		"a form that is none":      {with(path, "--output", "xml"), "expected text or json"},
		"recomputed without model": {with(path, "--recompute"), "--model-file"},
		"another model":            {with(path, "--recompute", "--model-file", model), "expected SHA-256"},
		"a node that is not there": {with("7", "--node", "tcp://127.0.0.1:1"), "expected it to answer"},
	} {
		t.Run(reason, func(t *testing.T) {
			_, err := execute(t, tc.args...)
			require.ErrorContains(t, err, tc.says)
		})
	}
	text, err := execute(t, path, "--at", nearby, "--untrusted")
	require.NoError(t, err)
	require.Contains(t, text, "–  trusted header")
	text, err = execute(t, path, "--at", nearby, "--output", "json")
	require.ErrorIs(t, err, errUntrusted)
	require.Contains(t, text, `"valid": false`)
	text, err = execute(t, bad, "--output", "json")
	require.Error(t, err)
	require.Contains(t, text, `"refused": "checksum"`)
}
