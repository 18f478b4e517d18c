package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// replayNode answers what a node would about one settled request.
type replayNode struct {
	types.QueryClient
	receipt types.Receipt
}

func (n *replayNode) Receipt(context.Context, *types.QueryReceiptRequest, ...grpc.CallOption) (*types.QueryReceiptResponse, error) {
	return &types.QueryReceiptResponse{Receipt: n.receipt}, nil
}

type replayVerification struct {
	verificationtypes.QueryClient
	snapshot verificationtypes.Snapshot
	evidence []byte // none when nil
}

func (v *replayVerification) Snapshot(context.Context, *verificationtypes.QuerySnapshotRequest, ...grpc.CallOption) (*verificationtypes.QuerySnapshotResponse, error) {
	return &verificationtypes.QuerySnapshotResponse{Snapshot: v.snapshot}, nil
}

func (v *replayVerification) Evidence(context.Context, *verificationtypes.QueryEvidenceRequest, ...grpc.CallOption) (*verificationtypes.QueryEvidenceResponse, error) {
	if v.evidence == nil {
		return nil, status.Error(codes.NotFound, "dropped")
	}
	return &verificationtypes.QueryEvidenceResponse{Encoded: v.evidence}, nil
}

func (v *replayVerification) ParamsVersion(context.Context, *verificationtypes.QueryParamsVersionRequest, ...grpc.CallOption) (*verificationtypes.QueryParamsVersionResponse, error) {
	return &verificationtypes.QueryParamsVersionResponse{Params: verificationtypes.DefaultParams()}, nil
}

// settledRequest is request 7, failed alike on a committee of two out of three: their conduct is agreed, agreed, neutral.
func settledRequest(t *testing.T) (*replayNode, *replayVerification) {
	t.Helper()
	operators := make([]string, 3)
	snapshot := verificationtypes.Snapshot{Id: 3, TotalPower: 100}
	for i, power := range []int64{30, 20, 50} {
		operators[i] = sdk.ValAddress(bytes.Repeat([]byte{byte(i + 1)}, 20)).String()
		snapshot.Members = append(snapshot.Members, verificationtypes.Member{Operator: operators[i], Power: power})
	}
	failure := verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_EXECUTION)
	digest := bytes.Repeat([]byte{1}, 32)
	round := verificationtypes.Round{
		RequestId: 7, Attempt: 1, SnapshotId: 3, Leader: operators[0], ParamsVersion: 1, Digest: digest, Decided: 1, FinalHeight: 12,
		Rule: verificationtypes.RULE_COMMITTEE, Seats: []byte{0b011},
		Candidates: []verificationtypes.Candidate{{Outcome: failure, Power: 50, Standing: verificationtypes.STANDING_AGREES}},
		Votes:      []verificationtypes.MemberVote{{Candidate: 1, Height: 12}, {Candidate: 1, Height: 12}, {}},
	}
	encoded, err := verificationtypes.NewEvidence(round, nil).Encode()
	require.NoError(t, err)
	root := tensor.MerkleRoot(encoded)
	return &replayNode{receipt: types.Receipt{
		RequestId: 7, Digest: digest, Model: "", InputRoot: digest, Tier: types.TIER_COMMITTEE, Outcome: failure, Attempt: 1,
		Leader: operators[0], SnapshotId: 3, MemberOutcomes: []byte{0b110101}, Committee: []byte{0b011}, EvidenceRoot: root[:],
		Fee: types.Fee{Compute: math.OneInt(), Bytes: math.OneInt(), Royalty: math.OneInt(), Total: math.NewInt(3)}, Refunded: math.ZeroInt(),
	}}, &replayVerification{snapshot: snapshot, evidence: encoded}
}

func TestReplayPrintsTheVerdict(t *testing.T) {
	node, verification := settledRequest(t)
	verification.evidence = nil // not needed for an exact verdict
	done, err := replayer{inference: node, verification: verification}.replay(context.Background(), 7)
	require.NoError(t, err)
	var text, json bytes.Buffer
	require.NoError(t, done.print(&text, "text"))
	a, b, c := verification.snapshot.Members[0].Operator, verification.snapshot.Members[1].Operator, verification.snapshot.Members[2].Operator
	require.Contains(t, text.String(), "request: 7\nverdict: failure execution\npower: 50 agreed, 50 needed, 100 in all\nhow: exact\n"+
		"derived from: receipt and snapshot\nattempt: 1\nsealed: no\nleader: "+a+"\n\n")
	for _, line := range []string{a + "  30     yes   agreed\n", b + "  20     yes   agreed\n", c + "  50     no    neutral\n"} {
		require.Contains(t, text.String(), line)
	}
	require.NoError(t, done.print(&json, "json"))
	require.JSONEq(t, `{"id":"7","failure":"execution","power":"50","threshold":"50","total_power":"100","exact":true,"evidence":false,
		"attempt":1,"sealed":false,"leader":"`+a+`","members":[
		{"operator":"`+a+`","power":"30","seat":true,"outcome":"agreed","tolerated":false},
		{"operator":"`+b+`","power":"20","seat":true,"outcome":"agreed","tolerated":false},
		{"operator":"`+c+`","power":"50","seat":false,"outcome":"neutral","tolerated":false}]}`, json.String())
}

// What is saved replays without the node's copy.
func TestReplaySavesAndTakesEvidence(t *testing.T) {
	node, verification := settledRequest(t)
	file := filepath.Join(t.TempDir(), "evidence.bin")
	done, err := replayer{inference: node, verification: verification, save: file}.replay(context.Background(), 7)
	require.NoError(t, err)
	require.True(t, done.evidence)
	saved, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, verification.evidence, saved)

	verification.evidence = nil
	done, err = replayer{inference: node, verification: verification, load: saved}.replay(context.Background(), 7)
	require.NoError(t, err)
	require.True(t, done.evidence)
	require.True(t, done.verdict.Exact)
}

func TestReplayFailsWithWhatDiffers(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(n *replayNode, v *replayVerification, r *replayer)
		want  string
	}{
		"another request":     {func(n *replayNode, _ *replayVerification, _ *replayer) { n.receipt.RequestId = 8 }, "expected the receipt of request 7, got that of 8"},
		"a member less":       {func(_ *replayNode, v *replayVerification, _ *replayer) { v.snapshot.Members = v.snapshot.Members[:2] }, "outcomes"},
		"silent seat":         {func(n *replayNode, _ *replayVerification, _ *replayer) { n.receipt.MemberOutcomes = []byte{0b110001} }, "expected power of at least 50 behind the verdict, got 30"},
		"evidence is gone":    {func(n *replayNode, v *replayVerification, _ *replayer) { n.receipt.Arbitrated, v.evidence = true, nil }, "give a copy with --evidence"},
		"nothing to save":     {func(_ *replayNode, v *replayVerification, r *replayer) { v.evidence, r.save = nil, "unused" }, "leave out --save"},
		"evidence of nothing": {func(_ *replayNode, _ *replayVerification, r *replayer) { r.load = []byte{} }, "evidence root"},
		"evidence of noise":   {func(_ *replayNode, _ *replayVerification, r *replayer) { r.load = []byte{0xff, 0x0c, 1} }, "evidence root"},
		"evidence of another": {func(_ *replayNode, _ *replayVerification, r *replayer) { r.load = []byte{10, 2, 8, 9} }, "evidence root"},
		"claimed arbitrated":  {func(n *replayNode, _ *replayVerification, _ *replayer) { n.receipt.Arbitrated = true }, "arbitrated"},
		"malformed receipt":   {func(n *replayNode, _ *replayVerification, _ *replayer) { n.receipt.Digest = nil }, "digest"},
	} {
		t.Run(name, func(t *testing.T) {
			node, verification := settledRequest(t)
			r := replayer{inference: node, verification: verification}
			tc.spoil(node, verification, &r)
			_, err := r.replay(context.Background(), 7)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
