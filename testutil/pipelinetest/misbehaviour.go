package pipelinetest

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// act adds what a node of a policy says of one round.
func (n *Node) act(policy Policy, s scene, votes *verificationtypes.OperatorVotes, rng *rand.Rand) {
	truth := s.run.truth(n.Class)
	switch policy {
	case Honest, Forgetful:
		n.duty(s, truth, votes)
	case Silent:
	case Liar:
		n.duty(s, claimOf(s.run.output(777)), votes)
	case Scattered:
		n.duty(s, claim{outcome: n.inventedRoot(s, 0)}, votes)
	case Equivocator:
		n.equivocate(s, truth, votes)
	case Withholder:
		n.duty(s, claim{outcome: truth.outcome}, votes)
	case Forger:
		n.forge(s, truth, votes, rng)
	case Sealer:
		n.duty(s, truth, votes)
		votes.Reveals = nil
	case Turncoat:
		n.reveal(s, truth, claimOf(s.run.output(777)), votes, func(salt []byte) []byte { return salt })
	case Fumbler:
		n.reveal(s, truth, truth, votes, func(salt []byte) []byte {
			wrong := sha256.Sum256(salt)
			return wrong[:]
		})
	case Odd:
		n.duty(s, claimOf(s.run.output(5)), votes)
	case Brink:
		n.duty(s, claimOf(s.run.output(1.5)), votes)
	case Stray:
		n.stray(s, votes, rng)
	case Quitter:
		n.duty(s, claim{outcome: verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_OUTPUT_LIMIT)}, votes)
	}
}

// inventedRoot is a root that nobody has bytes of.
func (n *Node) inventedRoot(s scene, nonce uint64) verificationtypes.Outcome {
	seed := binary.BigEndian.AppendUint64(append([]byte("invented"), n.Operator...), s.round.RequestId)
	root := sha256.Sum256(binary.BigEndian.AppendUint64(seed, nonce))
	return verificationtypes.NewRootOutcome(root)
}

// equivocate speaks the truth until it is in state, then attests and reveals something else.
func (n *Node) equivocate(s scene, truth claim, votes *verificationtypes.OperatorVotes) {
	n.duty(s, truth, votes)
	at := s.snapshot.Position(n.Name)
	if at < 0 || s.round.Votes[at].Candidate == 0 {
		return
	}
	other := verificationtypes.Attestation{
		RequestId: s.round.RequestId, Attempt: s.round.Attempt, Outcome: n.inventedRoot(s, 1), EnvironmentClass: n.Class,
	}
	if s.round.Sealed {
		votes.Reveals = append(votes.Reveals, verificationtypes.Reveal{Attestation: other, Salt: n.salt(s)})
	} else {
		votes.Attestations = append(votes.Attestations, other)
	}
}

// forge attests the truth and publishes bytes that are not those of its root: others, or no tensors at all.
func (n *Node) forge(s scene, truth claim, votes *verificationtypes.OperatorVotes, rng *rand.Rand) {
	before := len(votes.Outputs)
	n.duty(s, truth, votes)
	votes.Outputs = votes.Outputs[:before]
	output := s.run.output(777)
	if rng.IntN(2) == 0 {
		output = []byte("no tensors")
	}
	votes.Outputs = append(votes.Outputs, verificationtypes.PublishedOutput{
		RequestId: s.round.RequestId, Attempt: s.round.Attempt, Output: output,
	})
}

// reveal commits to one claim and reveals another, or with another salt. In a round that is not sealed it means both.
func (n *Node) reveal(s scene, committed, revealed claim, votes *verificationtypes.OperatorVotes, salt func([]byte) []byte) {
	if !s.round.Sealed || s.round.Phase == verificationtypes.PHASE_COMMITTING {
		n.duty(s, committed, votes)
		return
	}
	if at := s.snapshot.Position(n.Name); at < 0 || s.round.Votes[at].Candidate > 0 {
		return
	}
	votes.Reveals = append(votes.Reveals, verificationtypes.Reveal{
		Attestation: verificationtypes.Attestation{
			RequestId: s.round.RequestId, Attempt: s.round.Attempt, Outcome: revealed.outcome, EnvironmentClass: n.Class,
		},
		Salt: salt(n.salt(s)),
	})
	if revealed.output != nil {
		votes.Outputs = append(votes.Outputs, verificationtypes.PublishedOutput{
			RequestId: s.round.RequestId, Attempt: s.round.Attempt, Output: revealed.output,
		})
	}
}

// stray speaks in the wrong form, of the wrong attempt, or of a request that it has no part in.
func (n *Node) stray(s scene, votes *verificationtypes.OperatorVotes, rng *rand.Rand) {
	id, attempt := s.round.RequestId, s.round.Attempt
	if rng.IntN(2) == 0 {
		id += rng.Uint64N(4)
	}
	if rng.IntN(2) == 0 {
		attempt = uint32(rng.IntN(4)) + 1
	}
	attestation := verificationtypes.Attestation{
		RequestId: id, Attempt: attempt, Outcome: n.inventedRoot(s, rng.Uint64N(3)), EnvironmentClass: uint32(rng.IntN(5)) + 1,
	}
	switch rng.IntN(3) {
	case 0:
		votes.Attestations = append(votes.Attestations, attestation)
	case 1:
		votes.Reveals = append(votes.Reveals, verificationtypes.Reveal{Attestation: attestation, Salt: n.salt(s)})
	default:
		votes.Commitments = append(votes.Commitments, verificationtypes.Commitment{
			RequestId: id, Attempt: attempt, Commitment: attestation.Outcome.OutputRoot,
		})
	}
	if rng.IntN(2) == 0 {
		votes.Outputs = append(votes.Outputs, verificationtypes.PublishedOutput{
			RequestId: id, Attempt: attempt, Output: s.run.output(float64(rng.IntN(3))),
		})
	}
}
