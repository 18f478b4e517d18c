package proof

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/opengradient/opengradient/internal/proofwire"
	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// loadSnapshot checks the electorate that the receipt refers to.
func (r *Record) loadSnapshot(s state) error {
	key, err := verificationtypes.SnapshotKey(r.Receipt.SnapshotId)
	if r.Snapshot, err = load[verificationtypes.Snapshot](s, proofwire.KIND_SNAPSHOT, key, err); err != nil {
		return err
	}
	if r.Snapshot.Id != r.Receipt.SnapshotId {
		return differs(PartSnapshot, "", r.Receipt.SnapshotId, r.Snapshot.Id)
	}
	if err := r.Snapshot.Validate(); err != nil {
		return fails(PartSnapshot, "", err)
	}
	return nil
}

// loadEvidence checks the evidence against its root, and the parameters that it was judged under.
func (r *Record) loadEvidence(s state, encoded []byte) error {
	if carried := len(encoded) > 0; carried != s.has(proofwire.KIND_PARAMS) {
		return differs(PartStores, "verification", "parameters with evidence and not without", fmt.Sprintf("evidence %t, parameters %t", carried, !carried))
	} else if !carried {
		return nil
	}
	if root := tensor.MerkleRoot(encoded); !bytes.Equal(root[:], r.Receipt.EvidenceRoot) {
		return differs(PartEvidenceRoot, "", r.Receipt.EvidenceRoot, root[:])
	}
	evidence, err := verificationtypes.DecodeEvidence(encoded)
	if err != nil {
		return fails(PartEvidence, "", err)
	}
	for i, candidate := range evidence.Round.Candidates {
		if err := candidate.Outcome.Validate(); err != nil {
			return fails(PartEvidence, fmt.Sprintf("candidate %d", i+1), err)
		}
	}
	if id := hex.EncodeToString(evidence.Round.Model); id != r.Request.Model {
		return differs(PartEvidence, "model", r.Request.Model, id)
	}
	key, err := verificationtypes.ParamsVersionKey(evidence.Round.ParamsVersion)
	params, err := load[verificationtypes.Params](s, proofwire.KIND_PARAMS, key, err)
	if err != nil {
		return err
	}
	if err := params.Validate(); err != nil {
		return fails(PartParams, "", err)
	}
	r.Evidence, r.Params = &evidence, &params
	return nil
}

// replay derives the verdict again.
func (r *Record) replay(evidence []byte) error {
	claim := r.Receipt.Claim()
	if !claim.Arbitrated {
		verdict, err := claim.Replay(r.Snapshot)
		if err != nil {
			return fails(PartVerdict, "", err)
		}
		r.Verdict = &verdict
	}
	if r.Params != nil {
		verdict, err := claim.ReplayEvidence(r.Snapshot, *r.Params, evidence)
		if err != nil {
			return fails(PartVerdict, "", err)
		}
		r.Verdict = &verdict
	}
	return nil
}
