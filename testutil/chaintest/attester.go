package chaintest

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Environment is the environment class of every validator of a test chain.
func Environment() *schedulingtypes.EnvironmentClass {
	return &schedulingtypes.EnvironmentClass{
		RuntimeVersion: "1.27.0", LibrarySha256: make([]byte, 32), Provider: "cpu", Profile: 1, Isa: "avx2",
	}
}

// Output gives the canonical output that validator i computes for a request. No bytes mean that it stays silent.
type Output func(i int, requestID uint64) []byte

// Attest makes every validator behave like a node whose worker computes output: a heartbeat in every extension,
// an attestation for each open round it has not attested yet, and, while it leads, the bytes until they are in state.
func (c *Chain) Attest(output Output) {
	c.Extend = func(i int, _ int64) []byte {
		b, err := voteext.Encode(c.Extension(i, output))
		require.NoError(c.t, err)
		return b
	}
}

// Extension is what validator i has to say about the committed state.
func (c *Chain) Extension(i int, output Output) abcitypes.VoteExtension {
	c.t.Helper()
	ext := abcitypes.VoteExtension{
		Version: voteext.Version,
		Status:  &schedulingtypes.NodeStatus{Ready: true, FreeCapacity: 100_000, Environment: Environment(), WorkerVersion: "test"},
	}
	ctx := c.Ctx()
	operator := c.Validators[i].Operator.String()
	node, err := c.App.SchedulingKeeper.Nodes.Get(ctx, c.Validators[i].Operator)
	require.NoError(c.t, err)
	err = c.App.VerificationKeeper.Rounds.Walk(ctx, nil, func(id uint64, round verificationtypes.Round) (bool, error) {
		snapshot, err := c.App.VerificationKeeper.Snapshot(ctx, round.SnapshotId)
		if err != nil {
			return true, err
		}
		at := slices.IndexFunc(snapshot.Members, func(m verificationtypes.Member) bool { return m.Operator == operator })
		if at < 0 || node.EnvironmentClass == 0 {
			return false, nil
		}
		out := output(i, id)
		if len(out) == 0 {
			return false, nil
		}
		candidate := round.Votes[at].Candidate
		if candidate == 0 {
			root := tensor.MerkleRoot(out)
			ext.Attestations = append(ext.Attestations, verificationtypes.Attestation{
				RequestId: id, Attempt: round.Attempt, EnvironmentClass: node.EnvironmentClass,
				Outcome: verificationtypes.Outcome{OutputRoot: root[:]},
			})
		}
		missing := candidate == 0 || round.Candidates[candidate-1].Publisher == ""
		if round.Phase == verificationtypes.PHASE_OPEN && round.Leader == operator && missing {
			ext.Outputs = append(ext.Outputs, verificationtypes.PublishedOutput{RequestId: id, Attempt: round.Attempt, Output: out})
		}
		return false, nil
	})
	require.NoError(c.t, err)
	return ext
}
