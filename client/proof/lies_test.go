package proof

import (
	"context"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	"github.com/opengradient/opengradient/testutil/proofchain"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// liar is a node that changes one answer.
type liar struct {
	*proofchain.Source
	header func(lb *cmttypes.LightBlock)
	value  func(store string, key, value []byte, ops *cmtcrypto.ProofOps) []byte
}

// LightBlock implements Source.
func (l liar) LightBlock(ctx context.Context, height int64) (*cmttypes.LightBlock, error) {
	lb, err := l.Source.LightBlock(ctx, height)
	if err != nil || l.header == nil {
		return lb, err
	}
	header, commit := *lb.Header, lb.Commit.Clone()
	changed := &cmttypes.LightBlock{SignedHeader: &cmttypes.SignedHeader{Header: &header, Commit: commit}, ValidatorSet: lb.ValidatorSet.Copy()}
	l.header(changed)
	return changed, nil
}

// Value implements Source.
func (l liar) Value(ctx context.Context, store string, key []byte, height int64) ([]byte, *cmtcrypto.ProofOps, error) {
	value, ops, err := l.Source.Value(ctx, store, key, height)
	if err != nil || l.value == nil {
		return value, ops, err
	}
	return l.value(store, key, value, ops), ops, nil
}

// TestNodesThatLieAreFoundOut changes one answer of a node.
func TestNodesThatLieAreFoundOut(t *testing.T) {
	s := proofchain.Node()
	trust := at(s, 3)
	key := func(k []byte, err error) string {
		require.NoError(t, err)
		return string(k)
	}
	alter := func(of string) func(string, []byte, []byte, *cmtcrypto.ProofOps) []byte {
		return func(_ string, key, value []byte, _ *cmtcrypto.ProofOps) []byte {
			if string(key) != of {
				return value
			}
			return flip(value, len(value)-1)
		}
	}
	for reason, tc := range map[string]struct {
		part Part
		node liar
	}{
		"the request":  {PartStoreProof, liar{value: alter(key(inferencetypes.RequestKey(arbitratedID)))}},
		"the result":   {PartStoreProof, liar{value: alter(key(inferencetypes.ResultKey(arbitratedID)))}},
		"the receipt":  {PartStoreProof, liar{value: alter(key(inferencetypes.ReceiptKey(arbitratedID)))}},
		"the inputs":   {PartInputRoot, liar{value: alter(key(inferencetypes.InputsKey(arbitratedID)))}},
		"the snapshot": {PartStoreProof, liar{value: alter(key(verificationtypes.SnapshotKey(1)))}},
		"the model": {PartStoreProof, liar{value: func(store string, _, value []byte, _ *cmtcrypto.ProofOps) []byte {
			if store != modelstypes.StoreKey {
				return value
			}
			return flip(value, len(value)-1)
		}}},
		"the evidence": {PartEvidenceRoot, liar{value: func(_ string, key, value []byte, _ *cmtcrypto.ProofOps) []byte {
			want, err := verificationtypes.EvidenceKey(arbitratedID)
			require.NoError(t, err)
			if string(key) != string(want) {
				return value
			}
			var stored verificationtypes.StoredEvidence
			require.NoError(t, stored.Unmarshal(value))
			stored.Evidence = flip(stored.Evidence, 1)
			b, err := stored.Marshal()
			require.NoError(t, err)
			return b
		}}},
		"the result hidden": {PartResult, liar{value: func(_ string, k, value []byte, _ *cmtcrypto.ProofOps) []byte {
			if string(k) == key(inferencetypes.ResultKey(arbitratedID)) {
				return nil
			}
			return value
		}}},
		"no proofs": {PartStoreProof, liar{value: func(_ string, _, value []byte, ops *cmtcrypto.ProofOps) []byte {
			ops.Ops = nil
			return value
		}}},
		"proofs that are none": {PartStoreProof, liar{value: func(_ string, _, value []byte, ops *cmtcrypto.ProofOps) []byte {
			ops.Ops[0].Data = []byte{1, 2, 3}
			return value
		}}},
		"the application hash": {PartSignatures, liar{header: func(lb *cmttypes.LightBlock) {
			if lb.Height > 3 {
				lb.AppHash = flip(lb.AppHash, 0)
			}
		}}},
		"another height": {PartHeader, liar{header: func(lb *cmttypes.LightBlock) {
			if lb.Height > 3 {
				lb.Height--
			}
		}}},
		"a hash to fit": {PartSignatures, liar{header: func(lb *cmttypes.LightBlock) {
			if lb.Height > 3 {
				lb.AppHash = flip(lb.AppHash, 0)
				lb.Commit.BlockID.Hash = lb.Header.Hash()
			}
		}}},
		"the trusted header": {PartSignatures, liar{header: func(lb *cmttypes.LightBlock) { lb.DataHash = flip(lb.DataHash, 0) }}},
	} {
		t.Run(reason, func(t *testing.T) {
			tc.node.Source = proofchain.Of(t, proofchain.Network(), nil)
			f, err := Collect(t.Context(), tc.node, arbitratedID, CollectOptions{Trust: trust, Clock: Clock{Now: nearby}})
			if err == nil {
				_, err = verify(f, trust)
			}
			refusedAs(t, tc.part, err)
		})
	}
}

// TestWitnesses asks other nodes for the header of the proof.
func TestWitnesses(t *testing.T) {
	s := proofchain.Node()
	opts := func(w Headers) CollectOptions {
		return CollectOptions{Trust: at(s, 3), Clock: Clock{Now: nearby}, Witnesses: []Witness{{Name: "other", Headers: w}}}
	}
	_, err := Collect(t.Context(), s, exactID, opts(proofchain.Of(t, proofchain.Network(), nil)))
	require.NoError(t, err)
	_, err = Collect(t.Context(), s, exactID, opts(proofchain.Restless()))
	refusedAs(t, PartWitness, err)
	require.ErrorContains(t, err, "other")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Collect(ctx, s, exactID, opts(behind{}))
	refusedAs(t, PartWitness, err)
}

// behind is a witness that has no block.
type behind struct{ proofchain.Source }

// LightBlock implements Headers.
func (behind) LightBlock(context.Context, int64) (*cmttypes.LightBlock, error) {
	return nil, errHeightTooHigh
}

// TestForeignChains makes up a whole chain with keys of one's own: its file fits together, and no trusted header of the
// real chain takes it.
func TestForeignChains(t *testing.T) {
	genuine, foreign := proofchain.Node(), proofchain.Of(t, proofchain.Network(), func(int64) []proofchain.Signer { return proofchain.Signers('f', 3) })
	f := collect(t, foreign, exactID, CollectOptions{Trust: at(foreign, 3)})
	report, err := verify(f, Trust{})
	require.NoError(t, err)
	require.False(t, report.Trusted)
	for _, height := range []int64{3, genuine.Height()} {
		_, err := verify(f, at(genuine, height))
		refusedAs(t, PartTrustedHeader, err)
	}
}

// forged is what a majority of validators that agree on lies would store. The fields are those of the arbitrated request.
type forged struct {
	request  inferencetypes.Request
	receipt  inferencetypes.Receipt
	result   inferencetypes.Result
	model    modelstypes.Model
	snapshot verificationtypes.Snapshot
	params   verificationtypes.Params
	inputs   []byte
	evidence verificationtypes.Evidence
	// noEvidence leaves the evidence out.
	noEvidence bool
}

// TestForgedStates has the validators sign states that do not fit together. Nothing but the checks of the values
// themselves can refuse them.
func TestForgedStates(t *testing.T) {
	good := collect(t, proofchain.Node(), arbitratedID, CollectOptions{Trust: at(proofchain.Node(), 3)})
	report, err := verify(good, Trust{})
	require.NoError(t, err)
	stored := report.Record
	otherDigest := func(f *forged) {
		f.request.Digest = flip(f.request.Digest, 0)
		f.receipt.Digest = f.request.Digest
	}
	redigest := func(f *forged) {
		digest, err := f.request.ComputeDigest(chaintest.ChainID)
		require.NoError(t, err)
		f.request.Digest, f.receipt.Digest, f.evidence.Round.Digest = digest, digest, digest
	}
	reroot := func(f *forged) {
		root, err := f.evidence.Root()
		require.NoError(t, err)
		f.receipt.EvidenceRoot = root[:]
	}
	for reason, tc := range map[string]struct {
		part Part // empty when it is verified
		edit func(f *forged)
	}{
		"nothing":                       {"", func(*forged) {}},
		"a request of another number":   {PartRequest, func(f *forged) { f.request.Id++ }},
		"a request with escrow":         {PartRequest, func(f *forged) { f.request.Escrow = f.request.Fee.Escrow() }},
		"a request without a verdict":   {PartRequest, func(f *forged) { f.request.Status = inferencetypes.REQUEST_STATUS_CANCELLED }},
		"a request with another digest": {PartDigest, otherDigest},
		"a request of another tier":     {PartDigest, func(f *forged) { f.request.Tier = inferencetypes.TIER_COMMITTEE }},
		"a request of somebody else":    {PartDigest, func(f *forged) { f.request.Requester = chaintest.AccountOf(7).Address.String() }},
		"a request with other outputs":  {PartDigest, func(f *forged) { f.request.Outputs = []string{"z"} }},
		"amounts beyond all numbers": {PartValue, func(f *forged) {
			f.request.Fee.Compute = sdkmath.NewIntFromBigInt(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)))
			f.request.Fee.Bytes = f.request.Fee.Compute
		}},
		"a receipt with another digest": {PartDigest, func(f *forged) { f.receipt.Digest = flip(f.receipt.Digest, 0) }},
		"a receipt of another request":  {PartReceipt, func(f *forged) { f.receipt.RequestId++ }},
		"a receipt of another model":    {PartReceipt, func(f *forged) { f.receipt.Model = hex.EncodeToString(make([]byte, 32)) }},
		"a receipt of other inputs":     {PartReceipt, func(f *forged) { f.receipt.InputRoot = flip(f.receipt.InputRoot, 0) }},
		"a receipt of another attempt":  {PartReceipt, func(f *forged) { f.receipt.Attempt++ }},
		"a receipt of a failure": {PartReceipt, func(f *forged) {
			f.receipt.Outcome = verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_EXECUTION)
			f.receipt.Publisher = ""
		}},
		"a receipt of an unknown failure": {PartReceipt, func(f *forged) { f.receipt.Outcome = verificationtypes.NewFailureOutcome(77) }},
		"a receipt of another root":       {PartOutputRoot, func(f *forged) { f.receipt.Outcome.OutputRoot = flip(f.receipt.Outcome.OutputRoot, 0) }},
		"a result of other bytes":         {PartOutputRoot, func(f *forged) { f.result.Output = proofchain.Output(99) }},
		"a result of another request":     {PartResult, func(f *forged) { f.result.RequestId++ }},
		"a result that is no tensors": {PartResult, func(f *forged) {
			f.result.Output = make([]byte, len(f.result.Output))
			root := tensor.MerkleRoot(f.result.Output)
			f.result.OutputRoot, f.receipt.Outcome.OutputRoot = root[:], root[:]
		}},
		"a model of another hash":        {PartModel, func(f *forged) { f.model.Sha256 = hex.EncodeToString(make([]byte, 32)) }},
		"a model without a signature":    {PartModel, func(f *forged) { f.model.Inspection = modelstypes.Inspection{} }},
		"a model of other inputs":        {PartInputs, func(f *forged) { f.model.Inspection.Inputs[0].Name = "z" }},
		"a model of other outputs":       {PartModel, func(f *forged) { f.model.Inspection.Outputs[0].Name = "z" }},
		"inputs of another length":       {PartInputs, func(f *forged) { f.request.InputBytes++; redigest(f); reroot(f) }},
		"a snapshot of another number":   {PartSnapshot, func(f *forged) { f.snapshot.Id++ }},
		"a snapshot that counts twice":   {PartSnapshot, func(f *forged) { f.snapshot.Members[1] = f.snapshot.Members[0] }},
		"a snapshot above its total":     {PartSnapshot, func(f *forged) { f.snapshot.TotalPower = 1 }},
		"a receipt with other evidence":  {PartEvidenceRoot, func(f *forged) { f.receipt.EvidenceRoot = flip(f.receipt.EvidenceRoot, 0) }},
		"evidence of another model":      {PartEvidence, func(f *forged) { f.evidence.Round.Model = make([]byte, 32); reroot(f) }},
		"evidence with half an outcome":  {PartEvidence, func(f *forged) { f.evidence.Round.Candidates[0].Outcome.OutputRoot = []byte{1}; reroot(f) }},
		"evidence of another digest":     {PartVerdict, func(f *forged) { f.evidence.Round.Digest = make([]byte, 32); reroot(f) }},
		"evidence of a vote moved":       {PartVerdict, func(f *forged) { f.evidence.Round.Votes[3].Candidate = 1; reroot(f) }},
		"evidence without a vote":        {PartVerdict, func(f *forged) { f.evidence.Round.Votes = f.evidence.Round.Votes[:3]; reroot(f) }},
		"evidence with another decision": {PartVerdict, func(f *forged) { f.evidence.Round.Decided = 3 - f.evidence.Round.Decided; reroot(f) }},
		"no such decision":               {PartVerdict, func(f *forged) { f.evidence.Round.Decided = 9; reroot(f) }},
		"parameters out of bounds":       {PartParams, func(f *forged) { f.params.EvidenceBlocks = 0 }},
		"a tolerance of nothing":         {PartVerdict, func(f *forged) { f.params.Tolerances = verificationtypes.NewTolerances(zeroTaus()) }},
		"a member that agreed with none": {PartVerdict, func(f *forged) {
			f.receipt.MemberOutcomes = make([]byte, len(f.receipt.MemberOutcomes))
			f.receipt.Tolerated = nil
		}},
		"a committee of two": {"", func(f *forged) {
			f.request.Tier, f.receipt.Tier = inferencetypes.TIER_COMMITTEE, inferencetypes.TIER_COMMITTEE
			redigest(f)
			alone(t, f, 0, 1)
		}},
		"a committee of a quorum": {PartVerdict, func(f *forged) { alone(t, f, 0) }},
		"a committee of one": {PartVerdict, func(f *forged) {
			f.request.Tier, f.receipt.Tier = inferencetypes.TIER_COMMITTEE, inferencetypes.TIER_COMMITTEE
			redigest(f)
			alone(t, f, 0)
		}},
		"a committee of a second attempt": {PartVerdict, func(f *forged) {
			f.request.Tier, f.receipt.Tier = inferencetypes.TIER_COMMITTEE, inferencetypes.TIER_COMMITTEE
			f.request.Attempt, f.receipt.Attempt = 2, 2
			redigest(f)
			alone(t, f, 0, 1)
		}},
		"evidence of a committee": {PartVerdict, func(f *forged) {
			f.evidence.Round.Rule, f.evidence.Round.Seats = verificationtypes.RULE_COMMITTEE, []byte{0b1111}
			reroot(f)
		}},
		"submitted before the first block": {PartReceipt, func(f *forged) { f.request.SubmittedHeight, f.receipt.SubmittedHeight = 0, 0 }},
		"assigned before it was submitted": {PartReceipt, func(f *forged) { f.request.AssignedHeight, f.receipt.AssignedHeight = 1, 1 }},
		"final before it was assigned":     {PartReceipt, func(f *forged) { f.request.FinalHeight, f.receipt.FinalHeight = 1, 1 }},
		"settled before it was final":      {PartReceipt, func(f *forged) { f.receipt.SettledHeight = f.receipt.FinalHeight - 1 }},
		"settled in the future":            {PartReceipt, func(f *forged) { f.receipt.SettledHeight = 1_000_000 }},
		"a leader without a seat":          {PartVerdict, func(f *forged) { f.receipt.Leader = chaintest.Operator(9).String() }},
		"an exact verdict":                 {PartVerdict, func(f *forged) { f.receipt.Arbitrated = false }},
	} {
		t.Run(reason, func(t *testing.T) {
			f := clone(t, stored, good.proof.Inputs)
			tc.edit(&f)
			s := proofchain.Forged(t, chaintest.ChainID, proofchain.Signers('m', 4), f.values(t))
			file, err := Collect(t.Context(), s, arbitratedID, CollectOptions{Trust: at(s, 2), Clock: Clock{Now: nearby}})
			if err == nil {
				_, err = verify(file, at(s, 2))
			}
			if tc.part == "" {
				require.NoError(t, err)
				return
			}
			refusedAs(t, tc.part, err)
		})
	}
}

// alone has a few members decide as a committee, each for a result of their own making, without evidence.
func alone(t *testing.T, f *forged, members ...int) {
	t.Helper()
	output := proofchain.Output(99)
	root := tensor.MerkleRoot(output)
	f.result.Output, f.result.OutputRoot, f.receipt.Outcome.OutputRoot = output, root[:], root[:]
	outcomes := make([]verificationtypes.MemberOutcome, len(f.snapshot.Members))
	for i := range outcomes {
		outcomes[i] = verificationtypes.MEMBER_OUTCOME_NEUTRAL
		if slices.Contains(members, i) {
			outcomes[i] = verificationtypes.MEMBER_OUTCOME_AGREED
		}
	}
	packed, err := agreement.PackOutcomes(outcomes)
	require.NoError(t, err)
	f.receipt.MemberOutcomes, f.receipt.Tolerated, f.receipt.Arbitrated = packed, nil, false
	f.receipt.Committee = agreement.PackBits(len(outcomes), members)
	f.receipt.Leader, f.receipt.Publisher = f.snapshot.Members[members[0]].Operator, f.snapshot.Members[members[0]].Operator
	f.noEvidence = true
}
