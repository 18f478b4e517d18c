package pipelinetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Policy is how a node behaves.
type Policy uint8

// Policies. The first ones are honest.
const (
	// Honest attests what it computes.
	Honest Policy = iota
	// Forgetful is honest with a secret that is lost now and then: it cannot open what it committed to before.
	Forgetful
	// Silent says nothing but that it is ready.
	Silent
	// Liar attests and publishes the wrong output that all liars share.
	Liar
	// Scattered attests a root of its own and has no bytes for it.
	Scattered
	// Equivocator attests the truth, then something else.
	Equivocator
	// Withholder attests the truth and never publishes it.
	Withholder
	// Forger attests the truth and publishes other bytes.
	Forger
	// Sealer commits and never reveals.
	Sealer
	// Turncoat commits to the truth and reveals a lie with the salt of its commitment.
	Turncoat
	// Fumbler reveals the truth with a salt that opens nothing.
	Fumbler
	// Odd computes outputs far beyond the tolerance, in good faith, in a class of its own.
	Odd
	// Brink computes outputs between once and twice the tolerance.
	Brink
	// Stray speaks of requests and attempts that do not concern it.
	Stray
	// Quitter attests failures.
	Quitter
	// Chaotic is any of these in each block and round.
	Chaotic

	policies
)

var policyNames = [...]string{
	"honest", "forgetful", "silent", "liar", "scattered", "equivocator", "withholder", "forger", "sealer", "turncoat", "fumbler",
	"odd", "brink", "stray", "quitter", "chaotic",
}

// String gives the policy's name.
func (p Policy) String() string { return policyNames[p] }

// MeansWell tells whether the policy never says anything that its node does not believe, whatever the node leaves out: no
// fault can be proven of it.
func (p Policy) MeansWell() bool {
	switch p {
	case Honest, Forgetful, Silent, Withholder, Sealer, Fumbler, Odd, Brink:
		return true
	default:
		return false
	}
}

// IsHonest tells whether the policy is one of a node that does its duty.
func (p Policy) IsHonest() bool { return p <= Forgetful }

// Node is one operator's node.
type Node struct {
	Operator sdk.ValAddress
	Name     string
	Policy   Policy
	Class    uint32
	secret   uint64
}

// moved is by how many tolerances the outputs of an honest class differ from those of the first.
func moved(class uint32) float64 {
	if class == ClassTwo {
		return 0.3
	}
	return 0
}

// scene is a round as a node sees it in committed state.
type scene struct {
	run      run
	round    verificationtypes.Round
	snapshot verificationtypes.Snapshot
	turn     uint32
	height   int64
}

// claim is what a node says the outcome is, with the bytes it would publish.
type claim struct {
	outcome verificationtypes.Outcome
	output  []byte
}

func claimOf(output []byte) claim {
	return claim{outcome: verificationtypes.NewRootOutcome(tensor.MerkleRoot(output)), output: output}
}

func (r run) truth(class uint32) claim {
	if r.fails() {
		return claim{outcome: verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_EXECUTION)}
	}
	return claimOf(r.output(moved(class)))
}

func (n *Node) salt(s scene) []byte {
	seed := binary.BigEndian.AppendUint64(bytes.Clone(n.Operator), n.secret)
	seed = binary.BigEndian.AppendUint32(append(seed, s.round.Digest...), s.round.Attempt)
	salt := sha256.Sum256(seed)
	return salt[:]
}

// duty is what a node that means a claim has to say for a round: commit, then reveal what opens the commitment that is
// in state; or attest; and publish when it leads or it is its turn.
func (n *Node) duty(s scene, c claim, votes *verificationtypes.OperatorVotes) {
	at := s.snapshot.Position(n.Name)
	if at < 0 || !hasSeat(s.round, at) {
		return
	}
	id, attempt, vote := s.round.RequestId, s.round.Attempt, s.round.Votes[at]
	commitment := verificationtypes.NewCommitment(s.round.Digest, attempt, n.Name, n.salt(s), c.outcome)
	if s.round.Phase == verificationtypes.PHASE_COMMITTING {
		if len(vote.Commitment) == 0 {
			votes.Commitments = append(votes.Commitments, verificationtypes.Commitment{
				RequestId: id, Attempt: attempt, Commitment: commitment[:],
			})
		}
		return
	}
	speaks := vote.Candidate > 0
	if !speaks {
		attestation := verificationtypes.Attestation{RequestId: id, Attempt: attempt, Outcome: c.outcome, EnvironmentClass: n.Class}
		switch {
		case !s.round.Sealed:
			votes.Attestations = append(votes.Attestations, attestation)
			speaks = true
		case bytes.Equal(vote.Commitment, commitment[:]):
			votes.Reveals = append(votes.Reveals, verificationtypes.Reveal{Attestation: attestation, Salt: n.salt(s)})
			speaks = true
		}
	}
	if speaks && c.output != nil && s.publishes(at, vote.Candidate) {
		votes.Outputs = append(votes.Outputs, verificationtypes.PublishedOutput{RequestId: id, Attempt: attempt, Output: c.output})
	}
}

func hasSeat(round verificationtypes.Round, at int) bool {
	return len(round.Seats) == 0 || round.Seats[at/8]>>(at%8)&1 == 1
}

// publishes tells whether the member is to publish: it leads, or it is its turn among those behind its candidate.
func (s scene) publishes(at int, candidate uint32) bool {
	leads := s.snapshot.Members[at].Operator == s.round.Leader
	if candidate == 0 {
		return leads
	}
	if s.round.Candidates[candidate-1].Publisher != "" {
		return false
	}
	if leads {
		return true
	}
	since := s.round.ContestedHeight
	if candidate == s.round.Decided {
		since = s.round.DecidedHeight
	}
	if since == 0 || s.height < since {
		return false
	}
	var order []int
	leader := s.snapshot.Position(s.round.Leader)
	for i := range s.round.Votes {
		member := (leader + i) % len(s.round.Votes)
		if s.round.Votes[member].Candidate == candidate {
			order = append(order, member)
		}
	}
	return order[int(s.height-since)/int(s.turn)%len(order)] == at
}

// says is the content of a node's vote extension over committed state.
func (n *Node) says(scenes []scene, rng *rand.Rand) verificationtypes.OperatorVotes {
	votes := verificationtypes.OperatorVotes{Operator: n.Name}
	for _, s := range scenes {
		policy := n.Policy
		if policy == Chaotic {
			policy = Policy(rng.IntN(int(Chaotic)))
		}
		n.act(policy, s, &votes, rng)
	}
	canonical(&votes)
	return votes
}

// canonical orders the lists and drops repeats, as the codec of vote extensions demands.
func canonical(votes *verificationtypes.OperatorVotes) {
	type key struct {
		id      uint64
		attempt uint32
	}
	spoken := map[key]bool{}
	once := func(id uint64, attempt uint32) bool {
		k := key{id, attempt}
		repeated := spoken[k]
		spoken[k] = true
		return repeated
	}
	order := func(a, b key) int {
		if a.id != b.id {
			return compare(a.id, b.id)
		}
		return compare(a.attempt, b.attempt)
	}
	votes.Commitments = slices.DeleteFunc(votes.Commitments, func(c verificationtypes.Commitment) bool { return once(c.RequestId, c.Attempt) })
	votes.Reveals = slices.DeleteFunc(votes.Reveals, func(r verificationtypes.Reveal) bool {
		return once(r.Attestation.RequestId, r.Attestation.Attempt)
	})
	votes.Attestations = slices.DeleteFunc(votes.Attestations, func(a verificationtypes.Attestation) bool { return once(a.RequestId, a.Attempt) })
	clear(spoken)
	votes.Outputs = slices.DeleteFunc(votes.Outputs, func(o verificationtypes.PublishedOutput) bool { return once(o.RequestId, o.Attempt) })
	slices.SortFunc(votes.Commitments, func(a, b verificationtypes.Commitment) int {
		return order(key{a.RequestId, a.Attempt}, key{b.RequestId, b.Attempt})
	})
	slices.SortFunc(votes.Reveals, func(a, b verificationtypes.Reveal) int {
		return order(key{a.Attestation.RequestId, a.Attestation.Attempt}, key{b.Attestation.RequestId, b.Attestation.Attempt})
	})
	slices.SortFunc(votes.Attestations, func(a, b verificationtypes.Attestation) int {
		return order(key{a.RequestId, a.Attempt}, key{b.RequestId, b.Attempt})
	})
	slices.SortFunc(votes.Outputs, func(a, b verificationtypes.PublishedOutput) int {
		return order(key{a.RequestId, a.Attempt}, key{b.RequestId, b.Attempt})
	})
}

func compare[T uint32 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}
