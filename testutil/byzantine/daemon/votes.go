package daemon

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/testutil/byzantine"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// delay is the number of blocks by which a late voter is late: more than a round lasts.
const delay = 10

// voter remembers what one way of misbehaving needs from vote to vote.
type voter struct {
	kind byzantine.Vote
	// past are the honest extensions of the last votes, the oldest first.
	past []abcitypes.VoteExtension
	// copied are the words taken from leaders, until a round is gone.
	copied map[voteext.Key]word
}

// word is what was copied for one attempt.
type word struct {
	attestation *verificationtypes.Attestation
	commitment  *verificationtypes.Commitment
	reveal      *verificationtypes.Reveal
}

func newVoter() voter { return voter{copied: make(map[voteext.Key]word)} }

// rawExtension is the extension of a voter that does not keep to the encoding; raw is false for one that does.
func rawExtension(kind byzantine.Vote, height int64) (b []byte, raw bool) {
	switch kind {
	case byzantine.VoteEmpty:
		return []byte{}, true
	case byzantine.VoteRandom:
		seed := rand.New(rand.NewPCG(uint64(height), rand.Uint64()))
		b = make([]byte, 1+seed.IntN(4096))
		for i := range b {
			b[i] = byte(seed.Uint32())
		}
		return b, true
	case byzantine.VoteOversized, byzantine.VoteOversizedLate:
		return bytes.Repeat([]byte{0x2a}, voteext.MaxBytes+1), true
	default:
		return nil, false
	}
}

// say is what the voter makes of an honest extension. It tells whether there was an occasion to misbehave.
func (m *voter) say(honest abcitypes.VoteExtension, v view) (abcitypes.VoteExtension, bool) {
	switch m.kind {
	case byzantine.VoteLate:
		return m.late(honest)
	case byzantine.VoteCopy:
		return m.copyLeaders(honest, v)
	case byzantine.VoteEquivocate:
		return equivocate(honest, v)
	case byzantine.VoteUnassigned:
		return unassigned(honest, v)
	case byzantine.VoteConceal:
		deed := len(honest.Reveals) > 0
		honest.Reveals = nil
		return honest, deed
	case byzantine.VoteOtherReveal:
		return revealOther(honest, v)
	case byzantine.VoteWithhold:
		return withhold(honest, v)
	case byzantine.VoteOtherBytes:
		return publishOther(honest, v)
	case byzantine.VoteInvent:
		return invent(honest, v)
	default:
		return honest, false
	}
}

// invented is the outcome that an operator makes up for an attempt: a root of no output.
func invented(operator string, key voteext.Key) verificationtypes.Outcome {
	text := binary.BigEndian.AppendUint64([]byte("invented/"+operator+"/"), key.RequestID)
	root := sha256.Sum256(binary.BigEndian.AppendUint32(text, key.Attempt))
	return verificationtypes.Outcome{OutputRoot: root[:]}
}

func attest(key voteext.Key, outcome verificationtypes.Outcome, class uint32) verificationtypes.Attestation {
	return verificationtypes.Attestation{RequestId: key.RequestID, Attempt: key.Attempt, Outcome: outcome, EnvironmentClass: max(class, 1)}
}

func (m *voter) late(honest abcitypes.VoteExtension) (abcitypes.VoteExtension, bool) {
	m.past = append(m.past, honest)
	if len(m.past) <= delay {
		return abcitypes.VoteExtension{Version: voteext.Version, Status: honest.Status}, false
	}
	old := m.past[0]
	m.past = m.past[1:]
	return old, len(old.Attestations)+len(old.Commitments)+len(old.Reveals) > 0
}

// copyLeaders has no word of its own: it repeats what the block voted on holds of a round's leader.
func (m *voter) copyLeaders(honest abcitypes.VoteExtension, v view) (abcitypes.VoteExtension, bool) {
	ext := abcitypes.VoteExtension{Version: voteext.Version, Status: honest.Status}
	open := make(map[voteext.Key]bool, len(v.rounds))
	for _, r := range v.rounds {
		open[r.key()] = true
		if r.Leader == v.operator {
			continue
		}
		m.listenTo(r.key(), v.said[r.Leader])
		w := m.copied[r.key()]
		switch {
		case w.reveal != nil:
			ext.Reveals = append(ext.Reveals, *w.reveal)
		case w.commitment != nil:
			ext.Commitments = append(ext.Commitments, *w.commitment)
		case w.attestation != nil && r.vote.Candidate == 0:
			ext.Attestations = append(ext.Attestations, *w.attestation)
		}
	}
	for key := range m.copied {
		if !open[key] {
			delete(m.copied, key)
		}
	}
	return ext, len(ext.Attestations)+len(ext.Commitments)+len(ext.Reveals) > 0
}

func (m *voter) listenTo(key voteext.Key, leader abcitypes.VoteExtension) {
	w := m.copied[key]
	for _, a := range leader.Attestations {
		if a.RequestId == key.RequestID && a.Attempt == key.Attempt {
			w.attestation = &a
		}
	}
	for _, c := range leader.Commitments {
		if c.RequestId == key.RequestID && c.Attempt == key.Attempt {
			w.commitment = &c
		}
	}
	for _, r := range leader.Reveals {
		if r.Attestation.RequestId == key.RequestID && r.Attestation.Attempt == key.Attempt {
			w.reveal = &r
		}
	}
	m.copied[key] = w
}

// equivocate attests a second outcome in every round that holds a first one.
func equivocate(honest abcitypes.VoteExtension, v view) (abcitypes.VoteExtension, bool) {
	var second []verificationtypes.Attestation
	for _, r := range v.rounds {
		if r.vote.Candidate > 0 {
			second = append(second, attest(r.key(), invented(v.operator, r.key()), v.class))
		}
	}
	honest.Attestations = append(second, honest.Attestations...)
	return honest, len(second) > 0
}

// future is how far ahead of the chain the requests are that do not exist yet.
const future = 10_000

// unassigned attests attempts without a round, of the past and of the future, and rounds without a seat for it.
func unassigned(honest abcitypes.VoteExtension, v view) (abcitypes.VoteExtension, bool) {
	last := uint64(1)
	for _, r := range v.rounds {
		last = max(last, r.RequestId)
		next := r.key()
		next.Attempt++
		honest.Attestations = append(honest.Attestations, attest(next, invented(v.operator, next), v.class))
		if !r.seat {
			honest.Attestations = append(honest.Attestations, attest(r.key(), invented(v.operator, r.key()), v.class))
		}
	}
	for i := range uint64(40) {
		key := voteext.Key{RequestID: last + future + i, Attempt: 1}
		honest.Attestations = append(honest.Attestations, attest(key, invented(v.operator, key), v.class))
	}
	return honest, true
}

func revealOther(honest abcitypes.VoteExtension, v view) (abcitypes.VoteExtension, bool) {
	for i, r := range honest.Reveals {
		key := voteext.Key{RequestID: r.Attestation.RequestId, Attempt: r.Attestation.Attempt}
		honest.Reveals[i].Attestation.Outcome = invented(v.operator, key)
	}
	deed := len(honest.Reveals) > 0
	honest.Outputs = nil
	return honest, deed
}

// withhold never publishes. In every second request it attests a root for which there are no bytes.
func withhold(honest abcitypes.VoteExtension, v view) (abcitypes.VoteExtension, bool) {
	deed := len(honest.Outputs) > 0
	honest.Outputs = nil
	for i, a := range honest.Attestations {
		if a.RequestId%2 == 0 {
			honest.Attestations[i].Outcome = invented(v.operator, voteext.Key{RequestID: a.RequestId, Attempt: a.Attempt})
			deed = true
		}
	}
	return honest, deed
}

// publishOther puts other bytes beside every word of its own.
func publishOther(honest abcitypes.VoteExtension, v view) (abcitypes.VoteExtension, bool) {
	honest.Outputs = nil
	add := func(key voteext.Key) {
		honest.Outputs = append(honest.Outputs, verificationtypes.PublishedOutput{
			RequestId: key.RequestID, Attempt: key.Attempt, Output: invented(v.operator, key).OutputRoot,
		})
	}
	for _, a := range honest.Attestations {
		add(voteext.Key{RequestID: a.RequestId, Attempt: a.Attempt})
	}
	for _, r := range v.rounds {
		if r.vote.Candidate > 0 {
			add(r.key())
		}
	}
	return honest, len(honest.Outputs) > 0
}

// invent attests a made-up root in every round at once, before anybody can have run anything.
func invent(honest abcitypes.VoteExtension, v view) (abcitypes.VoteExtension, bool) {
	ext := abcitypes.VoteExtension{Version: voteext.Version, Status: honest.Status}
	for _, r := range v.rounds {
		if r.seat && r.vote.Candidate == 0 {
			ext.Attestations = append(ext.Attestations, attest(r.key(), invented(v.operator, r.key()), v.class))
		}
	}
	return ext, len(ext.Attestations) > 0
}

// orderly puts an extension in the order of the encoding, with one word for each attempt, the first one given, and as much
// of it as is allowed.
func orderly(ext abcitypes.VoteExtension) abcitypes.VoteExtension {
	said := make(map[voteext.Key]bool)
	published := make(map[voteext.Key]bool)
	first := func(seen map[voteext.Key]bool, id uint64, attempt uint32) bool {
		key := voteext.Key{RequestID: id, Attempt: attempt}
		again := seen[key]
		seen[key] = true
		return again
	}
	compare := func(id, otherID uint64, attempt, otherAttempt uint32) int {
		return voteext.Key{RequestID: id, Attempt: attempt}.Compare(voteext.Key{RequestID: otherID, Attempt: otherAttempt})
	}
	ext.Attestations = slices.DeleteFunc(slices.Clone(ext.Attestations), func(a verificationtypes.Attestation) bool {
		return first(said, a.RequestId, a.Attempt)
	})
	ext.Commitments = slices.DeleteFunc(slices.Clone(ext.Commitments), func(c verificationtypes.Commitment) bool {
		return first(said, c.RequestId, c.Attempt)
	})
	ext.Reveals = slices.DeleteFunc(slices.Clone(ext.Reveals), func(r verificationtypes.Reveal) bool {
		return first(said, r.Attestation.RequestId, r.Attestation.Attempt)
	})
	ext.Outputs = slices.DeleteFunc(slices.Clone(ext.Outputs), func(o verificationtypes.PublishedOutput) bool {
		return first(published, o.RequestId, o.Attempt)
	})
	slices.SortFunc(ext.Attestations, func(a, b verificationtypes.Attestation) int {
		return compare(a.RequestId, b.RequestId, a.Attempt, b.Attempt)
	})
	slices.SortFunc(ext.Commitments, func(a, b verificationtypes.Commitment) int {
		return compare(a.RequestId, b.RequestId, a.Attempt, b.Attempt)
	})
	slices.SortFunc(ext.Reveals, func(a, b verificationtypes.Reveal) int {
		return compare(a.Attestation.RequestId, b.Attestation.RequestId, a.Attestation.Attempt, b.Attestation.Attempt)
	})
	slices.SortFunc(ext.Outputs, func(a, b verificationtypes.PublishedOutput) int {
		return compare(a.RequestId, b.RequestId, a.Attempt, b.Attempt)
	})
	ext.Outputs = ext.Outputs[:min(len(ext.Outputs), voteext.MaxOutputs)]
	for ext.Size() > voteext.MaxBytes && len(ext.Outputs) > 0 {
		ext.Outputs = ext.Outputs[:len(ext.Outputs)-1]
	}
	for ext.Size() > voteext.MaxBytes && len(ext.Attestations) > 0 {
		ext.Attestations = ext.Attestations[:len(ext.Attestations)-1]
	}
	return ext
}
