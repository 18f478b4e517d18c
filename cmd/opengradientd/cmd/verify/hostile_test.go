package verify

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	ctypes "github.com/cometbft/cometbft/rpc/core/types"

	"github.com/opengradient/opengradient/internal/proofwire"
	"github.com/opengradient/opengradient/testutil/chaintest"
	"github.com/opengradient/opengradient/testutil/proofchain"
)

// edited changes a saved file and repairs its checksum.
func edited(t *testing.T, path string, edit func(p *proofwire.Proof)) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	p := new(proofwire.Proof)
	require.NoError(t, p.Unmarshal(b[8:len(b)-sha256.Size]))
	edit(p)
	content, err := p.Marshal()
	require.NoError(t, err)
	body := append(b[:8:8], content...)
	sum := sha256.Sum256(body)
	changed := filepath.Join(t.TempDir(), "edited.proof")
	require.NoError(t, os.WriteFile(changed, append(body, sum[:]...), 0o600))
	return changed
}

// TestRecordedVerdictsAreAskedFor takes the evidence out of a file: its verdict is then recorded and no longer derived.
func TestRecordedVerdictsAreAskedFor(t *testing.T) {
	path, trusting := saved(t, proofchain.Arbitrated)
	stripped := edited(t, path, func(p *proofwire.Proof) { p.Evidence, p.Stores[2].Values = nil, p.Stores[2].Values[:1] })
	for reason, tc := range map[string]struct {
		args    []string
		verdict string
		valid   bool
		says    string
	}{
		"with evidence":    {[]string{path}, "derived", true, ""},
		"stripped":         {[]string{stripped}, "recorded", false, "--allow-recorded"},
		"stripped, asked":  {[]string{stripped, "--allow-recorded"}, "recorded", true, ""},
		"evidence, asked":  {[]string{path, "--allow-recorded"}, "derived", true, ""},
		"nothing to trust": {[]string{stripped, "--allow-recorded", "--trusted-height", "4"}, "", false, "trusted header"},
	} {
		t.Run(reason, func(t *testing.T) {
			args := append(append([]string{}, trusting...), "--output", "json")
			text, err := execute(t, append(args, tc.args...)...)
			var document struct {
				Valid            bool
				Verdict, Refused string
			}
			require.NoError(t, json.Unmarshal([]byte(text), &document))
			require.Equal(t, tc.valid, document.Valid)
			require.Equal(t, tc.verdict, document.Verdict)
			if tc.valid {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
			require.NotEmpty(t, document.Refused)
		})
	}
}

// TestFilesDoNotSpeakToTheTerminal has a file name a chain that clears the screen.
func TestFilesDoNotSpeakToTheTerminal(t *testing.T) {
	path, trusting := saved(t, proofchain.Exact)
	for _, id := range []string{"og\x1b[2J", "og\u202e", "og\nall is well", strings.Repeat("\x07", 5000)} {
		text, err := execute(t, append(trusting, edited(t, path, func(p *proofwire.Proof) { p.ChainId = id }))...)
		require.ErrorContains(t, err, "chain id")
		for _, c := range "\x1b\u202e\n\x07" {
			require.NotContains(t, err.Error(), string(c))
		}
		require.NotContains(t, text, "\x1b")
		require.Less(t, len(err.Error()), 2000)
	}
}

// status is a node that knows who it is.
func status(t *testing.T, id string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ ID json.RawMessage }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		answer := new(ctypes.ResultStatus)
		answer.NodeInfo.Network = chaintest.ChainID
		b, _ := cmtjson.Marshal(answer)
		b = []byte(strings.Replace(string(b), `"id":""`, fmt.Sprintf(`"id":%q`, id), 1))
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, asked.ID, b)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestWitnessesAreOtherNodes refuses the node that is asked under any address, and one witness twice.
func TestWitnessesAreOtherNodes(t *testing.T) {
	node, again, other := status(t, "aa"), status(t, "aa"), status(t, "bb")
	trusting := []string{"7", "--trusted-height", "3", "--trusted-hash", proofchain.Node().Block(3).Hash().String(), "--node", node}
	for reason, tc := range map[string]struct {
		witnesses []string
		says      string
	}{
		"the same address": {[]string{node}, "the address of the node that is asked"},
		"the same node":    {[]string{again}, "got the node that is asked at"},
		"one twice":        {[]string{other, other}, "got the address of witness"},
		"another":          {[]string{other}, "the last block"},
	} {
		t.Run(reason, func(t *testing.T) {
			args := trusting
			for _, w := range tc.witnesses {
				args = append(args, "--witness", w)
			}
			_, err := execute(t, args...)
			require.ErrorContains(t, err, tc.says)
		})
	}
}
