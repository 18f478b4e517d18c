package types

import (
	"encoding/binary"

	"github.com/opengradient/opengradient/internal/tensor"
)

const evidenceDomain = "opengradient/verification/evidence/v1"

// Evidence is the canonical encoding of what the round holds, from which its verdict can be replayed. All integers are
// little-endian and unsigned; heights are the two's complement of their 64 bits.
//
//	37 bytes  domain tag "opengradient/verification/evidence/v1"
//	8         request id
//	4         attempt
//	8         snapshot id
//	4         number of the winning candidate counted from 1, 0 without a verdict
//	4         count of candidates, then for each:
//	          1   failure
//	          1   length of the output root, 0 or 32
//	          n   output root
//	          8   power
//	4         count of members, then for each in snapshot order:
//	          4   number of the candidate counted from 1, 0 while silent
//	          4   environment class
//	          8   height of the block that recorded the attestation
func (r Round) Evidence() []byte {
	le := binary.LittleEndian
	buf := make([]byte, 0, len(evidenceDomain)+32+42*len(r.Candidates)+16*len(r.Votes))
	buf = append(buf, evidenceDomain...)
	buf = le.AppendUint64(buf, r.RequestId)
	buf = le.AppendUint32(buf, r.Attempt)
	buf = le.AppendUint64(buf, r.SnapshotId)
	buf = le.AppendUint32(buf, r.Decided)
	buf = le.AppendUint32(buf, uint32(len(r.Candidates)))
	for _, candidate := range r.Candidates {
		buf = append(buf, byte(candidate.Outcome.Failure), byte(len(candidate.Outcome.OutputRoot)))
		buf = append(buf, candidate.Outcome.OutputRoot...)
		buf = le.AppendUint64(buf, uint64(candidate.Power))
	}
	buf = le.AppendUint32(buf, uint32(len(r.Votes)))
	for _, vote := range r.Votes {
		buf = le.AppendUint32(buf, vote.Candidate)
		buf = le.AppendUint32(buf, vote.EnvironmentClass)
		buf = le.AppendUint64(buf, uint64(vote.Height))
	}
	return buf
}

// EvidenceRoot is the Merkle root of Evidence, as the receipt holds it.
func (r Round) EvidenceRoot() tensor.Root { return tensor.MerkleRoot(r.Evidence()) }
