package executor

import (
	"cmp"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/voteext"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
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
	// NodeModels are the models that the chain holds as loaded by the operator's node: SHA-256, ascending.
	NodeModels(operator string) ([][]byte, error)
	// Duties are the rounds, in any phase, in which the operator has a seat.
	Duties(operator string) ([]Duty, error)
	// QueuedModels are the models of the first tasks of the queue, at most limit of them, in the order of the queue and each
	// once.
	QueuedModels(limit int) ([]ModelID, error)
	// Environment is the index of a registered environment class; ok is false when it is not registered.
	Environment(class schedulingtypes.EnvironmentClass) (index uint32, ok bool, err error)

	// ModelsWith are the models with a status, ascending.
	ModelsWith(status modelstypes.ModelStatus) ([]ModelID, error)
	// Model is a version of a model; ok is false when there is none.
	Model(id ModelID) (model modelstypes.Model, ok bool, err error)
	// ModelFile is the file of a model that the chain holds.
	ModelFile(model modelstypes.Model) ([]byte, error)
	// Golden says with which inputs a model is tried.
	Golden(id ModelID) (modelstypes.Golden, error)
	// Proof is what the chain holds of an operator's word on a model in an environment class; ok is false when it holds none.
	Proof(id ModelID, operator string, class uint32) (proof modelstypes.NodeProof, ok bool, err error)
	// Shown tells whether the chain holds the golden outputs of a root.
	Shown(id ModelID, root []byte) (bool, error)
	// MaxGoldenOutput bounds the golden outputs that the chain takes, in bytes.
	MaxGoldenOutput() (uint64, error)

	// Inputs is the canonical encoding of the inputs of a request.
	Inputs(requestID uint64) ([]byte, error)
}

// Duty is one round in which the node has a seat.
type Duty struct {
	Round    verificationtypes.Round
	Snapshot verificationtypes.Snapshot
	// TurnBlocks is the length of a publisher's turn under the round's parameters.
	TurnBlocks uint32
	// MaxCandidates is the number of outcomes the round tells apart.
	MaxCandidates uint32
	// Digest is the request digest: 32 bytes.
	Digest []byte
	// Model is run.
	Model ModelID
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

// urgency is the height before which the node's word is wanted. A sealed round may
// go on without those that have not committed once its timer has come; after that,
// and in every other phase, the deadline counts.
func (d Duty) urgency(height int64) int64 {
	if d.Round.Phase != verificationtypes.PHASE_COMMITTING {
		return d.Deadline
	}
	return min(max(d.Round.TimerHeight, height+2), d.Deadline)
}

// compareUrgency orders duties after the block of a height by what is to be run
// first: rounds that still look for a verdict, then the most urgent, then those the
// operator leads (its bytes are waited for), then the key.
func compareUrgency(a, b Duty, operator string, height int64) int {
	return cmp.Or(
		compareFirst(a.Round.Phase != verificationtypes.PHASE_SETTLING, b.Round.Phase != verificationtypes.PHASE_SETTLING),
		cmp.Compare(a.urgency(height), b.urgency(height)),
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
