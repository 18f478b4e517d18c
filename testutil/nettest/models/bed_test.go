//go:build nettest

package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/bigmodel"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	// timeoutCommit is the time between blocks.
	timeoutCommit = 500 * time.Millisecond
	// snapshotInterval is the number of blocks between snapshots.
	snapshotInterval = 10
	// uploadBytes and referenceBytes are the sizes of the two large models.
	uploadBytes, referenceBytes = 20 << 20, 100_000_000
)

// bed is a network of four validators, and the files of two large models. Three nodes have the file of the second, the
// fourth has only peers, the first of which serves a corrupted copy of it.
type bed struct {
	*nettest.Fixture
	operators []string
	files     string
	upload    string // path of the model that is uploaded
	reference []byte // the model by reference
	corrupted atomic.Int64
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{files: t.TempDir()}
	uploaded, err := bigmodel.Make(uploadBytes, 3)
	if err != nil {
		t.Fatal(err)
	}
	if b.reference, err = bigmodel.Make(referenceBytes, 5); err != nil {
		t.Fatal(err)
	}
	b.upload = b.write(t, "uploaded.onnx", uploaded)
	known := b.write(t, "reference.onnx", b.reference)
	liar := httptest.NewServer(http.HandlerFunc(b.serveCorrupted))
	t.Cleanup(liar.Close)

	b.Fixture = nettest.Start(t, localnet.Options{
		TimeoutCommit: timeoutCommit, SnapshotInterval: snapshotInterval,
		Configure: func(net *localnet.Network, i int) error {
			node := net.Nodes[i]
			for key, value := range map[string]string{
				"model-budget": strconv.Itoa(900 << 20), "admission-memory-limit": strconv.Itoa(1 << 30),
				"admission-run-timeout": `"3s"`, "admission-load-timeout": `"20s"`,
			} {
				if err := node.SetAppConfig("inference", key, value); err != nil {
					return err
				}
			}
			if i < 3 {
				return node.SetAppConfig("models", "files", fmt.Sprintf("[%q]", known))
			}
			return node.SetAppConfig("models", "peers", fmt.Sprintf("[%q, %q]", liar.URL, net.Nodes[0].REST))
		},
	})
	for _, node := range b.Net.Nodes {
		b.operators = append(b.operators, nettest.Operator(t, b.Net, node))
	}
	return b
}

func (b *bed) write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(b.files, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveCorrupted serves the model by reference with one byte changed.
func (b *bed) serveCorrupted(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, digest(b.reference)) {
		http.NotFound(w, r)
		return
	}
	b.corrupted.Add(1)
	wrong := bytes.Clone(b.reference)
	wrong[len(wrong)/2] ^= 1
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(wrong))
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// command is the daemon's command line with what every command needs.
func (b *bed) command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	daemon, err := localnet.Binary("opengradientd")
	if err != nil {
		t.Fatal(err)
	}
	node := b.Net.Nodes[0]
	cmd := exec.CommandContext(ctx, daemon, append(args, "--home", node.Home, "--node", node.RPC)...)
	return cmd
}

// run runs a command to its end and gives what it wrote to its standard output.
func (b *bed) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := b.try(t, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (b *bed) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := b.command(nettest.Patience(t), t, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s", err, errOut.String())
	}
	return out.String(), nil
}

// signing are the flags of commands that send transactions. The key is not the one whose sequence numbers the test counts.
func signing() []string {
	return []string{"--from", "validator", "--keyring-backend", "test", "--chain-id", localnet.ChainID, "--yes"}
}

// owner is the account that signs with signing.
func (b *bed) owner(t *testing.T) sdk.AccAddress {
	t.Helper()
	return nettest.Validator(t, b.Net, b.Net.Nodes[0]).Address
}

func (b *bed) model(t *testing.T, reference string) *modelstypes.QueryModelResponse {
	t.Helper()
	resp, err := b.Client.Models.Model(nettest.Patience(t), &modelstypes.QueryModelRequest{Model: reference})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// awaitStatus waits until a model has a status, and fails when it gets another one that is final.
func (b *bed) awaitStatus(t *testing.T, reference string, want modelstypes.ModelStatus) modelstypes.Model {
	t.Helper()
	var model modelstypes.Model
	ctx := nettest.Patience(t)
	err := chainclient.Until(ctx, fmt.Sprintf("%s of %s", want, reference), func() (bool, error) {
		resp, err := b.Client.Models.Model(ctx, &modelstypes.QueryModelRequest{Model: reference})
		if err != nil {
			return false, nil //nolint:nilerr // The transaction may not be in a block yet.
		}
		model = resp.Model
		switch model.Status {
		case modelstypes.MODEL_STATUS_INSPECTING, modelstypes.MODEL_STATUS_ADMITTING, want:
			return model.Status == want, nil
		}
		return false, fmt.Errorf("expected %s, got %s: %s", want, model.Status, model.Verdict.Detail)
	})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// proofs are what the nodes attest of a model, by operator.
func (b *bed) proofs(t *testing.T, reference string) map[string][]modelstypes.NodeProof {
	t.Helper()
	resp, err := b.Client.Models.Proofs(nettest.Patience(t), &modelstypes.QueryProofsRequest{Model: reference})
	if err != nil {
		t.Fatal(err)
	}
	proofs := make(map[string][]modelstypes.NodeProof)
	for _, p := range resp.Proofs {
		proofs[p.Operator] = append(proofs[p.Operator], p)
	}
	return proofs
}

// awaitProofs waits until each operator has proved a model in a class.
func (b *bed) awaitProofs(t *testing.T, reference string, class uint32, operators ...string) {
	t.Helper()
	nettest.Until(t, fmt.Sprintf("proofs of %s in class %d", reference, class), func() bool {
		proofs := b.proofs(t, reference)
		for _, operator := range operators {
			if !proved(proofs[operator], class) {
				return false
			}
		}
		return true
	})
}

func proved(proofs []modelstypes.NodeProof, class uint32) bool {
	for _, p := range proofs {
		if p.EnvironmentClass == class && p.Failure == modelstypes.MODEL_FAILURE_NONE {
			return true
		}
	}
	return false
}

// features is an input of the large models.
func features(shift float32) inferencetypes.Tensor {
	var contents []byte
	for i := range bigmodel.Features {
		contents = binary.LittleEndian.AppendUint32(contents, math.Float32bits(shift+float32(i)/bigmodel.Features))
	}
	return inferencetypes.Tensor{
		Name: bigmodel.Input, Datatype: tensor.FP32.String(), Shape: []int64{1, bigmodel.Features}, Contents: contents,
	}
}

// ask has a large model run, and gives the operators that agreed.
func (b *bed) ask(t *testing.T, model string, shift float32) []string {
	t.Helper()
	ctx := nettest.Patience(t)
	resp, err := b.Client.Deliver(ctx, b.Signer, chainclient.Fees{Gas: irisclient.Gas(1)}, &inferencetypes.MsgSubmitRequests{
		Requester: b.Signer.Address.String(), Model: model, Tier: inferencetypes.TIER_QUORUM, MaxFee: sdkmath.NewInt(1_000_000_000),
		Requests: []inferencetypes.InferenceInput{{Inputs: []inferencetypes.Tensor{features(shift)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := b.Client.RequestIDs(resp)
	if err != nil {
		t.Fatal(err)
	}
	b.Ended(t, ids[0], inferencetypes.REQUEST_STATUS_FINALIZED)
	receipt, err := b.Client.WaitReceipt(ctx, ids[0])
	if err != nil {
		t.Fatal(err)
	}
	return nettest.With(receipt, verificationtypes.MEMBER_OUTCOME_AGREED)
}

// class is the index of a node's environment class.
func (b *bed) class(t *testing.T, operator string) uint32 {
	t.Helper()
	resp, err := b.Client.Scheduling.Node(nettest.Patience(t), &schedulingtypes.QueryNodeRequest{Operator: operator})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Node.Node.EnvironmentClass
}

// metric sums the samples of a metric of a node, 0 when it has none.
func metric(t *testing.T, node *localnet.Node, name string) float64 {
	t.Helper()
	resp, err := http.Get(node.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("metrics of %s: %s, %v", node.Name, resp.Status, err)
	}
	var sum float64
	for line := range strings.Lines(string(text)) {
		series, value, found := strings.Cut(strings.TrimSpace(line), " ")
		family, _, _ := strings.Cut(series, "{")
		if !found || family != name {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// everyBlockInItsFirstRound checks that no block needed a second round: whatever the nodes were given to do, none of them
// held up consensus.
func everyBlockInItsFirstRound(t *testing.T, b *bed) {
	ctx := nettest.Patience(t)
	var longest time.Duration
	var last time.Time
	late := 0
	for height := int64(1); height <= b.Height(t); height++ {
		commit, err := b.Client.RPC.Commit(ctx, &height)
		if err != nil {
			t.Fatal(err)
		}
		if !last.IsZero() {
			longest = max(longest, commit.Time.Sub(last))
		}
		last = commit.Time
		if round := commit.Commit.Round; round > 0 {
			late++
			t.Logf("height %d was decided in round %d", height, round)
		}
	}
	t.Logf("%d blocks, the longest interval %s", b.Height(t), longest)
	if late > 0 {
		t.Errorf("expected every block to be decided in its first round, got %d that were not", late)
	}
}
