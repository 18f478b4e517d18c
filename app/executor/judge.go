package executor

import (
	"bytes"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/agreement"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Self is the node as it stands to its duties after the block of a height.
type Self struct {
	Operator string
	Height   int64
	Key      SealKey
}

// Word is what a node has to say about a duty for which it holds an outcome: the
// item for its vote extensions. Ok is false when there is nothing to say. It is a
// function of its arguments alone.
func (s Self) Word(d Duty, entry abcitypes.OutboxEntry) (item voteext.Item, ok bool) {
	standing := judge(d, &entry, s)
	return standing.item, standing.say
}

// standing is how committed state sees one duty of an operator, given what the
// outbox holds for it.
type standing struct {
	// run is true when an outcome is wanted and there is none.
	run bool
	// contradicted is true when the round holds another outcome of the operator
	// than the outbox.
	contradicted bool
	// stranded is true when the round holds a commitment of the operator that the
	// outbox and the seal key do not open.
	stranded bool
	// item is what is to be said about the attempt, valid when say is true.
	item voteext.Item
	say  bool
}

// judge decides what is to be done about a duty. A nil entry means that the outbox
// holds nothing for it.
//
// In a sealed round the outcome is told, by a reveal or by bytes, only when
// committed state has left the committing phase and holds the very commitment
// that the reveal opens. So nothing is said when it holds another one.
func judge(d Duty, entry *abcitypes.OutboxEntry, self Self) standing {
	position := d.Snapshot.Position(self.Operator)
	if position < 0 || position >= len(d.Round.Votes) || !d.Round.HasSeat(position) {
		return standing{}
	}
	vote := d.Round.Votes[position]
	recorded := vote.Candidate > 0
	committing := d.Round.Phase == verificationtypes.PHASE_COMMITTING
	if d.Round.Sealed && !committing && len(vote.Commitment) == 0 {
		// Too late to commit: no word of the node counts any more.
		return standing{}
	}
	if entry == nil {
		return standing{run: !recorded && inTime(d, self.Height)}
	}
	if recorded && d.Round.FindCandidate(entry.Outcome) != vote.Candidate {
		return standing{contradicted: true}
	}
	s := standing{item: voteext.Item{
		Key:              d.Key(),
		Outcome:          entry.Outcome,
		EnvironmentClass: entry.EnvironmentClass,
		Deadline:         d.urgency(self.Height),
		Attest:           !recorded,
	}}
	if d.Round.Sealed {
		commitment, salt := self.Key.seal(d.Round, self.Operator, entry.Outcome)
		switch {
		case committing && len(vote.Commitment) == 0:
			s.item.Attest, s.item.Commitment, s.say = false, commitment, true
			return s
		case !bytes.Equal(vote.Commitment, commitment):
			return standing{stranded: true}
		case committing:
			return standing{}
		}
		if !recorded {
			s.item.Salt = salt
		}
	}
	switch publishing(d, entry.Outcome, self, recorded) {
	case publishNow:
		s.item.Output = entry.Output
	case publishIfContested:
		s.item.Contested = entry.Output
	}
	s.say = s.item.Attest || len(s.item.Output)+len(s.item.Contested) > 0
	return s
}

// inTime tells whether an outcome computed after the block of a height can still
// count: the next vote is recorded by the block after the next.
func inTime(d Duty, height int64) bool { return d.Deadline >= height+2 }

// publication says what a node does with the bytes of its outcome.
type publication uint8

const (
	publishNothing publication = iota
	// publishNow: the bytes go out with the next vote.
	publishNow
	// publishIfContested: they go out if the block voted on shows another outcome.
	publishIfContested
)

// publishing decides when a node publishes the bytes of its outcome in a round
// that is not committing. Nothing is compared with a failure that was decided.
//
//   - The leader does with its attestation.
//   - The members behind a decided root whose bytes are missing do by turns.
//   - The members behind another root do by turns from when the round is contested.
//   - A node whose outcome is a new one beside others does with its attestation.
//   - In all other cases the block voted on may be the one that shows another
//     outcome: then the first member behind each root does at once.
func publishing(d Duty, outcome verificationtypes.Outcome, self Self, recorded bool) publication {
	r := d.Round
	if outcome.Failed() || (r.HasDecided() && r.Winner().Outcome.Failed()) {
		return publishNothing
	}
	candidate := r.FindCandidate(outcome)
	switch {
	case candidate == 0:
		return publishingFirst(d, self)
	case r.Candidates[candidate-1].Publisher != "":
		return publishNothing
	case candidate == r.Decided:
		return onTurn(d, candidate, r.DecidedHeight, self)
	case r.IsContested() && recorded:
		return onTurn(d, candidate, r.ContestedHeight, self)
	case r.IsContested() || r.HasDecided():
		// Those whose attestation of it is recorded take turns.
		return publishNothing
	case r.Leader == self.Operator:
		return publishNow
	case recorded && !leads(d, candidate, self):
		return publishNothing
	default:
		return publishIfContested
	}
}

// publishingFirst is publishing for an outcome that the round does not hold.
func publishingFirst(d Duty, self Self) publication {
	r := d.Round
	switch {
	case !r.HasDecided() && r.Leader == self.Operator:
		return publishNow
	case len(r.Candidates) == 0:
		return publishIfContested
	case uint32(len(r.Candidates)) < d.MaxCandidates:
		return publishNow
	default:
		// The round has no room for the outcome, and perhaps never will.
		return publishNothing
	}
}

// onTurn publishes in the turns of the node, which are counted from a height.
func onTurn(d Duty, candidate uint32, from int64, self Self) publication {
	order := d.Round.PublisherOrder(d.Snapshot, candidate)
	position, ok := agreement.PublisherTurn(order, from, self.Height+1, d.TurnBlocks)
	if ok && d.Snapshot.Members[position].Operator == self.Operator {
		return publishNow
	}
	return publishNothing
}

// leads tells whether the node is the first of those that are to publish a candidate.
func leads(d Duty, candidate uint32, self Self) bool {
	order := d.Round.PublisherOrder(d.Snapshot, candidate)
	return len(order) > 0 && d.Snapshot.Members[order[0]].Operator == self.Operator
}

// belongs tells whether an entry was made for the request of a duty.
func belongs(entry abcitypes.OutboxEntry, d Duty) bool { return bytes.Equal(entry.Digest, d.Digest) }
