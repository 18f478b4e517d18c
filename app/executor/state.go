package executor

import (
	"bytes"
	"cmp"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Committed is the last committed state of the chain.
type Committed interface {
	// View opens one consistent view on the state after the last committed
	// block. A view is used by one goroutine and only for a short time: old
	// versions of the state are pruned.
	View() (View, error)
}

// View is the state after one block, as far as the duty needs it.
type View interface {
	// Height is the height of that block.
	Height() int64
	// Operator is the operator of the validator with a consensus address; ok is
	// false when there is no such validator.
	Operator(consensus sdk.ConsAddress) (operator string, ok bool, err error)
	// Node is the node registered for an operator; ok is false when there is none.
	Node(operator string) (node schedulingtypes.Node, ok bool, err error)
	// Duties are the rounds, open or settling, that have the operator among their
	// members.
	Duties(operator string) ([]Duty, error)
	// Model is the ONNX file of a model named by its sha256 in lower-case hexadecimal.
	Model(sha256 string) ([]byte, error)
	// Inputs is the canonical encoding of the inputs of a request.
	Inputs(requestID uint64) ([]byte, error)
}

// Duty is one round that the node is a member of.
type Duty struct {
	Round    verificationtypes.Round
	Snapshot verificationtypes.Snapshot
	// TurnBlocks is the length of a publisher's turn under the round's parameters.
	TurnBlocks uint32
	// Digest is the request digest: 32 bytes.
	Digest []byte
	// ModelSHA256 is lower-case hexadecimal.
	ModelSHA256 string
	// InputRoot is the Merkle root of the canonical encoding of the inputs: 32 bytes.
	InputRoot []byte
	// Outputs are the wanted outputs in the order of the result.
	Outputs      []string
	ComputeUnits uint64
	// Deadline is the last height whose block can use an attestation of the round.
	Deadline int64
}

// Key names the attempt of the duty.
func (d Duty) Key() voteext.Key {
	return voteext.Key{RequestID: d.Round.RequestId, Attempt: d.Round.Attempt}
}

// compareUrgency orders duties by what is to be run first: rounds that still look
// for a verdict, then the earliest deadline, then those the operator leads (its
// bytes are waited for), then the key.
func compareUrgency(a, b Duty, operator string) int {
	return cmp.Or(
		compareFirst(a.Round.Phase == verificationtypes.PHASE_OPEN, b.Round.Phase == verificationtypes.PHASE_OPEN),
		cmp.Compare(a.Deadline, b.Deadline),
		compareFirst(a.Round.Leader == operator, b.Round.Leader == operator),
		a.Key().Compare(b.Key()),
	)
}

// compareFirst puts true before false.
func compareFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// standing is how committed state sees one duty of an operator, given what the
// outbox holds for it.
type standing struct {
	// run is true when an outcome is wanted and there is none.
	run bool
	// contradicted is true when the round holds another outcome of the operator
	// than the outbox.
	contradicted bool
	// item is what is to be said about the attempt, valid when say is true.
	item voteext.Item
	say  bool
}

// judge decides what is to be done about a duty after the block of a height. A nil
// entry means that the outbox holds nothing for it.
func judge(d Duty, entry *abcitypes.OutboxEntry, operator string, height int64) standing {
	vote, member := d.Round.VoteOf(d.Snapshot, operator)
	if !member {
		return standing{}
	}
	recorded := vote.Candidate > 0
	if entry == nil {
		return standing{run: !recorded && inTime(d, height)}
	}
	if recorded && d.Round.FindCandidate(entry.Outcome) != vote.Candidate {
		return standing{contradicted: true}
	}
	s := standing{item: voteext.Item{
		Key:              d.Key(),
		Outcome:          entry.Outcome,
		EnvironmentClass: entry.EnvironmentClass,
		Deadline:         d.Deadline,
		Attest:           !recorded,
	}}
	if publishes(d, entry.Outcome, operator, height) {
		s.item.Output = entry.Output
	}
	s.say = s.item.Attest || len(s.item.Output) > 0
	return s
}

// inTime tells whether an outcome computed after the block of a height can still
// count: the next vote is recorded by the block after the next.
func inTime(d Duty, height int64) bool { return d.Deadline >= height+2 }

// publishes tells whether it is for the operator to publish the bytes of an
// outcome: the leader does so with its attestation, and once the outcome is
// decided and its bytes are missing, the agreeing members do by turns.
func publishes(d Duty, outcome verificationtypes.Outcome, operator string, height int64) bool {
	if outcome.Failed() || d.Round.Phase != verificationtypes.PHASE_OPEN {
		return false
	}
	candidate := d.Round.FindCandidate(outcome)
	if d.Round.HasDecided() {
		if candidate != d.Round.Decided {
			return false
		}
		turn, ok := d.Round.PublisherTurn(d.Snapshot, height+1, d.TurnBlocks)
		return ok && turn == operator
	}
	if candidate > 0 && d.Round.Candidates[candidate-1].Publisher != "" {
		return false
	}
	return d.Round.Leader == operator
}

// belongs tells whether an entry was made for the request of a duty.
func belongs(entry abcitypes.OutboxEntry, d Duty) bool { return bytes.Equal(entry.Digest, d.Digest) }
