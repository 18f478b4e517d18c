package voteext

import (
	"bytes"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Source is the outbox as a vote extension sees it.
type Source interface {
	// Pending returns what the node has to say now. It is called inside
	// consensus: it reads memory only and returns at once. What it returns is
	// shared and never changed afterwards, by either side.
	Pending() Pending
}

// Pending is what a node has to say, in no particular order.
type Pending struct {
	// Status is the status to send; nil when none is due.
	Status *schedulingtypes.NodeStatus
	// Items holds each attempt at most once.
	Items []Item
	// Models is what the node has found out about models and committed state does not
	// hold, each model and class at most once. Outputs are left out when they are above
	// their bound.
	Models []modelstypes.ModelAttestation
}

// Item is what a node has to say about one attempt.
type Item struct {
	Key
	Outcome          verificationtypes.Outcome
	EnvironmentClass uint32
	// Deadline is the last height whose block can use the item.
	Deadline int64
	// Attest is true while committed state does not hold the attestation.
	Attest bool
	// Commitment is set while the attempt is sealed: it goes out alone, and neither
	// the outcome nor any bytes with it.
	Commitment []byte
	// Salt is set when the attestation is to open a commitment: it goes out as a
	// reveal.
	Salt []byte
	// Output is the canonical output bytes when it is for this node to publish
	// them, else nil.
	Output []byte
	// Contested is the canonical output bytes when this node publishes them only if
	// the block it votes on shows another outcome, else nil.
	Contested []byte
}

// sound tells whether everything in the item is well-formed.
func (it Item) sound() bool {
	return it.attestation().Validate() == nil &&
		(len(it.Commitment) == 0 || len(it.Commitment) == verificationtypes.CommitmentSize) &&
		(len(it.Salt) == 0 || len(it.Salt) == verificationtypes.SaltSize)
}

func (it Item) attestation() verificationtypes.Attestation {
	return verificationtypes.Attestation{
		RequestId:        it.RequestID,
		Attempt:          it.Attempt,
		Outcome:          it.Outcome,
		EnvironmentClass: it.EnvironmentClass,
	}
}

func (it Item) commitment() verificationtypes.Commitment {
	return verificationtypes.Commitment{RequestId: it.RequestID, Attempt: it.Attempt, Commitment: it.Commitment}
}

func (it Item) reveal() verificationtypes.Reveal {
	return verificationtypes.Reveal{Attestation: it.attestation(), Salt: it.Salt}
}

// SameCondition tells whether two statuses say the same of a node apart from its
// load: readiness, environment, the one it prepares, and worker version. A missing status equals only
// a missing one.
func SameCondition(a, b *schedulingtypes.NodeStatus) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Ready == b.Ready && a.WorkerVersion == b.WorkerVersion &&
		SameEnvironment(a.Environment, b.Environment) && SameEnvironment(a.NextEnvironment, b.NextEnvironment)
}

// SameEnvironment tells whether two environment classes are equal. A missing
// class equals only a missing one.
func SameEnvironment(a, b *schedulingtypes.EnvironmentClass) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.RuntimeVersion == b.RuntimeVersion && bytes.Equal(a.LibrarySha256, b.LibrarySha256) &&
		a.Provider == b.Provider && a.Profile == b.Profile && a.Isa == b.Isa
}
