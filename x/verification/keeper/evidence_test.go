package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/types"
)

func evidenceFor(requestID uint64, change func(*types.Round)) types.Evidence {
	round := types.Round{
		RequestId: requestID, Attempt: 1, Phase: types.PHASE_SETTLING, Decided: 1,
		Candidates: []types.Candidate{{Outcome: outcomeOf(1), Power: 20}},
		Votes:      []types.MemberVote{{Candidate: 1, EnvironmentClass: 1, Height: 92}},
	}
	if change != nil {
		change(&round)
	}
	return types.NewEvidence(round, []types.RoundOutput{{RequestId: requestID, Candidate: 1, Output: []byte{1}}})
}

// contested gives a round a second outcome.
func contested(r *types.Round) {
	r.ContestedHeight = 93
	r.Candidates = append(r.Candidates, types.Candidate{Outcome: outcomeOf(2), Power: 10})
}

func TestEvidenceIsKeptWhenTheReceiptDoesNotDo(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(*types.Round)
		kept    bool
		outputs int
	}{
		{"all that spoke attested the same", nil, false, 0},
		{"contested", contested, true, 1},
		{"arbitrated", func(r *types.Round) { contested(r); r.Arbitrated = true }, true, 1},
		{"a fault and one outcome", func(r *types.Round) { r.Faults = []types.Fault{{Kind: types.FAULT_KIND_OUTPUT}} }, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			evidence := evidenceFor(7, tc.change)
			root, err := b.keepEvidence(b.ctx, evidence, types.DefaultParams())
			require.NoError(t, err)
			stored, err := b.evidenceOf(b.ctx, 7)
			if !tc.kept {
				require.ErrorIs(t, err, types.ErrEvidenceNotFound)
				encoded, err := evidence.Encode()
				require.NoError(t, err)
				require.Equal(t, tensor.MerkleRoot(encoded), root)
				return
			}
			require.NoError(t, err)
			require.Equal(t, root, tensor.MerkleRoot(stored.Evidence))
			require.Equal(t, int64(100_100), stored.ExpiryHeight)
			decoded, err := types.DecodeEvidence(stored.Evidence)
			require.NoError(t, err)
			require.Len(t, decoded.Outputs, tc.outputs)
		})
	}
}

func TestPruneEvidence(t *testing.T) {
	b := newBench(t)
	params := types.DefaultParams()
	fault := func(r *types.Round) { r.Faults = []types.Fault{{Kind: types.FAULT_KIND_OUTPUT}} }
	params.EvidenceBlocks = 10
	const first = types.MaxPrunedEvidence + 5
	for id := uint64(1); id <= first; id++ {
		_, err := b.keepEvidence(b.ctx, evidenceFor(id, fault), params)
		require.NoError(t, err)
	}
	params.EvidenceBlocks = 11
	_, err := b.keepEvidence(b.ctx, evidenceFor(first+1, fault), params)
	require.NoError(t, err)

	left := func() (ids []uint64) {
		require.NoError(t, b.Evidence.Walk(b.ctx, nil, func(id uint64, _ types.StoredEvidence) (bool, error) {
			ids = append(ids, id)
			return false, nil
		}))
		count := 0
		require.NoError(t, b.EvidenceExpiry.Walk(b.ctx, nil, func(expiryKey) (bool, error) { count++; return false, nil }))
		require.Len(t, ids, count, "expected one expiry for each record")
		return ids
	}
	require.NoError(t, b.at(109).pruneEvidence(b.ctx))
	require.Len(t, left(), first+1, "expected nothing to go before its time")
	require.NoError(t, b.at(110).pruneEvidence(b.ctx))
	require.Equal(t, []uint64{first - 4, first - 3, first - 2, first - 1, first, first + 1}, left())
	require.NoError(t, b.pruneEvidence(b.ctx))
	require.Equal(t, []uint64{first + 1}, left())
	require.NoError(t, b.at(111).pruneEvidence(b.ctx))
	require.Empty(t, left())
}
