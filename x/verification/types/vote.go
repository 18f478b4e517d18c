package types

// OperatorVotes is what one validator's vote extension holds for this module: canonical, each list strictly ascending by
// (request id, attempt). Every operator whose extension the block carries has one, empty or not: that is its attendance.
type OperatorVotes struct {
	Operator     string
	Commitments  []Commitment
	Attestations []Attestation
	Reveals      []Reveal
	Outputs      []PublishedOutput
}

// Reasons why content of a vote extension is not taken.
const (
	// ReasonNoRound: the request has no round of this attempt.
	ReasonNoRound = "no_round"
	// ReasonNotMember: the operator is not in the round's snapshot.
	ReasonNotMember = "not_member"
	// ReasonSecondOutcome: the operator already attested another outcome in this attempt; the first one stands.
	ReasonSecondOutcome = "second_outcome"
	// ReasonBadOutcome: the attestation is not well-formed.
	ReasonBadOutcome = "bad_outcome"
	// ReasonBadOutput: the operator attested no root in this round, or the bytes are not the canonical output with that root.
	ReasonBadOutput = "bad_output"
	// ReasonNoSeat: the operator has no seat in the committee of the round.
	ReasonNoSeat = "no_seat"
	// ReasonSealed: an attestation, a reveal or bytes before the round reveals.
	ReasonSealed = "sealed"
	// ReasonNotSealed: a commitment or a reveal in a round that is not sealed, or a commitment after the time for it.
	ReasonNotSealed = "not_sealed"
	// ReasonSecondCommitment: the operator made another commitment in this attempt; the first one stands.
	ReasonSecondCommitment = "second_commitment"
	// ReasonNoCommitment: the operator reveals or attests in a sealed round without having committed.
	ReasonNoCommitment = "no_commitment"
	// ReasonUnopened: the reveal does not open the commitment; the operator counts as silent until one does.
	ReasonUnopened = "unopened"
	// ReasonTooManyCandidates: the round tells no further outcome apart, and this one has too little power behind it.
	ReasonTooManyCandidates = "too_many_candidates"
)

// Ignored counts what was not taken from one operator for one reason.
type Ignored struct {
	Operator string
	Reason   string
	Count    uint32
}

// DecisionKind says how the attestations of a block ended a round.
type DecisionKind uint8

const (
	// DecisionUnspecified is never returned.
	DecisionUnspecified DecisionKind = iota
	// DecisionFinal: the verdict stands, and for an outcome with a root its bytes are at hand.
	DecisionFinal
	// DecisionImpossible: no outcome can reach the threshold any more. It is reported once; the round stays until the
	// caller abandons it.
	DecisionImpossible
)

// Decision is the end of one round's search for a verdict.
type Decision struct {
	RequestID uint64
	Attempt   uint32
	Kind      DecisionKind
	// Outcome is the verdict; zero for DecisionImpossible.
	Outcome Outcome
	// Output is the canonical output bytes; empty unless the outcome is a root.
	Output []byte
	// Publisher is the operator whose bytes Output are; empty unless the outcome is a root.
	Publisher  string
	Leader     string
	SnapshotID uint64
	// Arbitrated is true when the verdict was found by comparison.
	Arbitrated bool
}

// Recorded is what the votes of one block brought about.
type Recorded struct {
	// Decisions are ordered by request id.
	Decisions []Decision
	// Ignored is ordered by operator, then reason.
	Ignored []Ignored
}

// Settlement is a round whose time for late attestations is over.
type Settlement struct {
	Round Round
	// Snapshot is the electorate of the round. The round's reference passes to the receipt.
	Snapshot Snapshot
	// Outcomes is the conduct of each member in snapshot order.
	Outcomes []MemberOutcome
	// Bitmap is Outcomes at two bits each, least significant bits first.
	Bitmap []byte
	// Tolerated has one bit per member that agreed within the tolerance and not exactly, least significant first; nil
	// when there is none.
	Tolerated []byte
	// EvidenceRoot is the Merkle root of the canonical encoding of the round's Evidence.
	EvidenceRoot [RootSize]byte
	// Timeliness is when each member was heard, in snapshot order.
	Timeliness []Timeliness
}
