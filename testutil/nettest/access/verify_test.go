//go:build nettest

package access

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/client/proof"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// proved is what the verify command prints.
type proved struct {
	Valid   bool   `json:"valid"`
	Refused string `json:"refused"`
	Error   string `json:"error"`
	Trusted bool   `json:"trusted"`
	Checks  []struct {
		Check  string `json:"check"`
		Status string `json:"status"`
	} `json:"checks"`
	OutputRoot    string `json:"output_root"`
	Tier          string `json:"tier"`
	Sealed        bool   `json:"sealed"`
	Exact         bool   `json:"exact"`
	Recomputation *struct {
		Exact  bool `json:"exact"`
		Within bool `json:"within"`
	} `json:"recomputation"`
}

// verifier runs the verify command with a home folder of its own.
type verifier struct {
	*bed
	home, folder string
	// header is trusted, as another node than the one that is asked has it.
	height int64
	hash   string
}

// verify proves requests on the running network and offline, from a header that another node gave, and has files and nodes
// that lie refused.
func verify(t *testing.T, b *bed) {
	v := verifier{bed: b, home: t.TempDir(), folder: t.TempDir()}
	v.height = v.Height(t) - 2
	commit, err := v.Net.Nodes[1].Client().RPC.Commit(nettest.Patience(t), &v.height)
	if err != nil {
		t.Fatal(err)
	}
	v.hash = commit.Hash().String()

	rows := v.Fresh(3)
	ids := make([]uint64, len(rows))
	for i, kind := range []struct {
		tier    inferencetypes.Tier
		sealing inferencetypes.Sealing
	}{
		{inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN},
		{inferencetypes.TIER_COMMITTEE, inferencetypes.SEALING_OPEN},
		{inferencetypes.TIER_QUORUM, inferencetypes.SEALING_SEALED},
	} {
		submitted, err := v.SubmitAs(nettest.Patience(t), kind.tier, kind.sealing, rows[i])
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = submitted[0]
	}
	var height int64
	for i, id := range ids {
		height = max(height, v.Settled(t, id, rows[i]).Receipt.SettledHeight)
	}
	// The state is proved by the header of the next block.
	for _, n := range v.Net.Nodes {
		if err := n.Client().WaitHeight(nettest.Patience(t), height+2); err != nil {
			t.Fatal(err)
		}
	}
	v.live(t, ids)
	file := v.offline(t, ids[0])
	v.tampered(t, file)
	v.liars(t, ids[0])
	v.untrusting(t, ids[0], file)
}

// trusting are the flags of the trusted header.
func (v *verifier) trusting() []string {
	return []string{"--trusted-height", fmt.Sprint(v.height), "--trusted-hash", v.hash}
}

// run runs the command. What it prints is read as JSON; an error is what it says on standard error.
func (v *verifier) run(t *testing.T, args ...string) (proved, error) {
	t.Helper()
	cmd := exec.CommandContext(nettest.Patience(t), v.daemon, append([]string{"verify", "--home", v.home, "--output", "json"}, args...)...)
	var out, warnings bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &warnings
	failed := cmd.Run()
	var exit *exec.ExitError
	if failed != nil && !errors.As(failed, &exit) {
		t.Fatalf("%v: %v", cmd, failed)
	}
	var p proved
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &p); err != nil {
			t.Fatalf("%v: expected JSON, got %v: %s", cmd, err, out.Bytes())
		}
	}
	if failed != nil {
		failed = errors.New(strings.TrimSpace(warnings.String()))
	}
	if (failed == nil) != p.Valid {
		t.Fatalf("%v: expected an exit code that says what valid = %t says, got %v", cmd, p.Valid, failed)
	}
	return p, failed
}

func (v *verifier) mustRun(t *testing.T, args ...string) proved {
	t.Helper()
	p, err := v.run(t, args...)
	if err != nil {
		t.Fatalf("verify %v: %v", args, err)
	}
	return p
}

// live proves a request of each kind with a node that is not trusted, and one more by all adjacent headers.
func (v *verifier) live(t *testing.T, ids []uint64) {
	t.Helper()
	node := v.Net.Nodes[0].RPC
	for i, id := range ids {
		args := append([]string{fmt.Sprint(id), "--node", node, "--witness", v.Net.Nodes[2].RPC}, v.trusting()...)
		p := v.mustRun(t, args...)
		receipt, err := v.Client.Inference.Receipt(nettest.Patience(t), &inferencetypes.QueryReceiptRequest{Id: id})
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%x", receipt.Receipt.Outcome.OutputRoot); p.OutputRoot != want || !p.Trusted || !p.Exact {
			t.Errorf("request %d: expected a trusted proof of an exact verdict on root %s, got %+v", id, want, p)
		}
		if want := []string{"quorum", "committee", "quorum"}[i]; p.Tier != want || p.Sealed != (i == 2) {
			t.Errorf("request %d: expected tier %s, sealed %t, got %+v", id, want, i == 2, p)
		}
	}
	v.mustRun(t, append([]string{fmt.Sprint(ids[0]), "--node", node, "--sequential"}, v.trusting()...)...)
	if p := v.mustRun(t, fmt.Sprint(ids[0]), "--node", node, "--trust-node"); p.Trusted {
		t.Errorf("--trust-node: expected a proof that rests on no trusted header, got %+v", p)
	}
}

// offline saves a proof, recomputes it, and checks the file where no node can be reached. It gives the file.
func (v *verifier) offline(t *testing.T, id uint64) string {
	t.Helper()
	file := filepath.Join(v.folder, "request.proof")
	library := []string{"--recompute", "--library", filepath.Join(localnet.Root(), "build", "lib")}
	args := append([]string{fmt.Sprint(id), "--node", v.Net.Nodes[0].RPC, "--save", file}, v.trusting()...)
	if p := v.mustRun(t, append(args, library...)...); p.Recomputation == nil || !p.Recomputation.Exact {
		t.Errorf("--recompute: expected the very same outputs on the machine that made them, got %+v", p)
	}
	model := filepath.Join(v.folder, "iris.onnx")
	if err := os.WriteFile(model, v.ONNX, 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := []string{file, "--node", "tcp://127.0.0.1:1", "--model-file", model}
	if p := v.mustRun(t, append(append(nowhere, v.trusting()...), library...)...); p.Recomputation == nil || !p.Recomputation.Exact || !p.Trusted {
		t.Errorf("offline: expected a trusted proof that is recomputed exactly, got %+v", p)
	}
	if info, err := os.Stat(file); err == nil {
		t.Logf("the file of a proof has %d bytes", info.Size())
	}
	return file
}

// tampered changes bytes all over the file. None is taken.
func (v *verifier) tampered(t *testing.T, file string) {
	t.Helper()
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(v.folder, "bad.proof")
	for _, at := range []int{0, 7, 100, len(good) / 3, len(good) / 2, len(good) - 1} {
		changed := bytes.Clone(good)
		changed[at] ^= 0x10
		if err := os.WriteFile(bad, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		want := string(proof.PartChecksum)
		switch at {
		case 0:
			want = string(proof.PartMagic)
		case 7:
			want = string(proof.PartVersion)
		}
		if _, err := v.run(t, append([]string{bad}, v.trusting()...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("byte %d changed: expected a refusal that names the %s, got %v", at, want, err)
		}
	}
}

// untrusting leaves the trusted header out, or gives another.
func (v *verifier) untrusting(t *testing.T, id uint64, file string) {
	t.Helper()
	node := v.Net.Nodes[0].RPC
	other := strings.Repeat("ab", 32)
	for _, tc := range []struct {
		reason string
		args   []string
		says   string
	}{
		{"no trusted header", []string{fmt.Sprint(id), "--node", node}, "--trusted-hash"},
		{"another hash", []string{fmt.Sprint(id), "--node", node, "--trusted-height", fmt.Sprint(v.height), "--trusted-hash", other}, string(proof.PartTrustedHeader)},
		{"a file and another hash", []string{file, "--trusted-height", fmt.Sprint(v.height), "--trusted-hash", other}, string(proof.PartTrustedHeader)},
		{"a file and no trusted header", []string{file}, "--untrusted"},
		{"no such request", append([]string{"999999", "--node", node}, v.trusting()...), string(proof.PartNotOnChain)},
		{"a header too old", append([]string{file, "--trusting-period", "1ms"}, v.trusting()...), string(proof.PartTrustingPeriod)},
	} {
		if _, err := v.run(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: expected a refusal that says %q, got %v", tc.reason, tc.says, err)
		}
	}
	if p := v.mustRun(t, file, "--untrusted"); p.Trusted {
		t.Errorf("--untrusted: expected a proof that is not trusted, got %+v", p)
	}
}

// liars puts a proxy before a node that changes one answer.
func (v *verifier) liars(t *testing.T, id uint64) {
	t.Helper()
	key, err := inferencetypes.ReceiptKey(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		reason string
		lie    func(method string, params, result map[string]any) bool
		part   proof.Part
	}{
		{"a receipt", func(method string, params, result map[string]any) bool {
			if method != "abci_query" || !strings.EqualFold(fmt.Sprint(params["data"]), fmt.Sprintf("%x", key)) {
				return false
			}
			response := result["response"].(map[string]any)
			value, err := base64.StdEncoding.DecodeString(response["value"].(string))
			if err != nil || len(value) == 0 {
				return false
			}
			value[len(value)-1] ^= 1
			response["value"] = base64.StdEncoding.EncodeToString(value)
			return true
		}, proof.PartStoreProof},
		{"an application hash", func(method string, _, result map[string]any) bool {
			if method != "commit" {
				return false
			}
			header := result["signed_header"].(map[string]any)["header"].(map[string]any)
			if header["height"] == fmt.Sprint(v.height) {
				return false
			}
			header["app_hash"] = strings.Repeat("0", 64)
			return true
		}, proof.PartHeader},
		{"a trusted header", func(method string, _, result map[string]any) bool {
			if method != "commit" {
				return false
			}
			header := result["signed_header"].(map[string]any)["header"].(map[string]any)
			header["data_hash"] = strings.Repeat("0", 64)
			return true
		}, proof.PartHeader},
	} {
		lied := 0
		proxy := httptest.NewServer(lying(v.Net.Nodes[0], func(method string, params, result map[string]any) {
			if tc.lie(method, params, result) {
				lied++
			}
		}))
		_, err := v.run(t, append([]string{fmt.Sprint(id), "--node", proxy.URL}, v.trusting()...)...)
		proxy.Close()
		if lied == 0 {
			t.Errorf("%s: the proxy was not asked for what it lies about", tc.reason)
		}
		if err == nil || !strings.Contains(err.Error(), string(tc.part)) {
			t.Errorf("%s changed by the node: expected a refusal that names the %s, got %v", tc.reason, tc.part, err)
		}
	}
	honest := httptest.NewServer(lying(v.Net.Nodes[0], func(string, map[string]any, map[string]any) {}))
	defer honest.Close()
	v.mustRun(t, append([]string{fmt.Sprint(id), "--node", honest.URL}, v.trusting()...)...)
}

// lying hands calls over to the RPC of a node, and what it answers to lie before it goes back.
func lying(node *localnet.Node, lie func(method string, params, result map[string]any)) http.Handler {
	url := strings.Replace(node.RPC, "tcp://", "http://", 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handOver(w, r, url, lie); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
}

func handOver(w http.ResponseWriter, r *http.Request, url string, lie func(method string, params, result map[string]any)) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var call struct {
		Method string         `json:"method"`
		Params map[string]any `json:"params"`
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if result, ok := answer["result"].(map[string]any); ok {
		lie(call.Method, call.Params, result)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(answer)
}
