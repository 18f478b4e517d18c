package client

import (
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/pricing"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Request is one inference request.
type Request struct {
	// Model is a name (its tag latest), name:version, name:tag or the SHA-256 of the file in hexadecimal.
	Model string
	// Inputs are the input tensors of the model, in any order.
	Inputs []Tensor
	// Outputs are the names of the wanted outputs; none means all.
	Outputs []string
	// Tier says who recomputes; unspecified is TIER_QUORUM.
	Tier     inferencetypes.Tier
	Sealing  inferencetypes.Sealing
	FeeClass schedulingtypes.FeeClass
	// MaxFee is the most to pay, in uopg; nil is what the chain quotes now and a quarter of its compute part more, as the base
	// price may move until the request is in a block.
	MaxFee math.Int
	// IdempotencyKey names the request: the chain answers a key once, and again with the same id. It is 1 to 64 bytes of
	// printable ASCII. Empty: the account draws one at random.
	IdempotencyKey string
	// ReuseBlocks, when set, takes a receipt of the same model, inputs, outputs and tier that was settled at most so many blocks
	// ago in place of a new run.
	ReuseBlocks uint32
}

// Checked is a request that passed every check that can be made before it is signed.
type Checked struct {
	// Request is the request with its defaults filled in.
	Request Request
	// Model is the record of the model.
	Model modelstypes.Model
	// Inputs and Outputs are the signature of the inputs and of the wanted outputs, in the order of the result.
	Inputs, Outputs []Spec
	// Symbols are the values of the signature's symbols.
	Symbols map[string]int64
	// Work is the size of the run.
	Work pricing.Work
	// Fee is what the request costs now; Sealed tells whether it is sealed at that fee.
	Fee    inferencetypes.Fee
	Sealed bool
	// ReuseFee is what a receipt costs that stands for the request, see Request.ReuseBlocks.
	ReuseFee math.Int
	// MaxFee is the most that the request may cost.
	MaxFee math.Int
	// EligiblePower is the share of all power that can run the model now, in basis points; 0 when it is not known.
	EligiblePower uint32
	// WaitingBlocks is the number of blocks that what waits in the queue takes at least.
	WaitingBlocks uint64
	// GasLimit and GasFee are those of the transaction, beside the fee. Only the check of an account gives them.
	GasLimit uint64
	GasFee   sdk.Coin

	tensors []Tensor // in the order of the signature
	root    []byte   // of the inputs
}

// InputRoot is the Merkle root of the canonical encoding of the inputs: 32 bytes.
func (c Checked) InputRoot() []byte { return c.root }

// OutputShapes are the shapes that the wanted outputs will have.
func (c Checked) OutputShapes() ([][]int64, error) {
	shapes := make([][]int64, len(c.Outputs))
	for i, s := range c.Outputs {
		var err error
		if shapes[i], err = s.Resolve(c.Symbols); err != nil {
			return nil, err
		}
	}
	return shapes, nil
}

// message is the transaction message of a checked request.
func (c Checked) message(requester string) *inferencetypes.MsgSubmitRequests {
	r := c.Request
	return &inferencetypes.MsgSubmitRequests{
		Requester: requester, Model: r.Model,
		Requests: []inferencetypes.InferenceInput{{Inputs: inferencetypes.NewTensors(c.tensors)}},
		Outputs:  r.Outputs, Tier: r.Tier, MaxFee: c.MaxFee, Sealing: r.Sealing, FeeClass: r.FeeClass,
		IdempotencyKey: r.IdempotencyKey, ReuseBlocks: r.ReuseBlocks,
	}
}

// Submission is a request that a block has taken.
type Submission struct {
	// RequestID is the id to wait for.
	RequestID uint64
	// Key is the idempotency key.
	Key string
	// TxHash is the transaction, in upper-case hexadecimal, and Height the block that has it. Both are empty when the chain had
	// answered the key before this submission was signed, or the node no longer has the block.
	TxHash string
	Height int64
	// Reused tells that a receipt that was there before stands for the request.
	Reused bool
	// AnsweredBefore tells that the key had been answered before: nothing was charged beside gas.
	AnsweredBefore bool
	// GasFee is what was paid for gas, with every transaction that was needed.
	GasFee sdk.Coin
	// GasUsed and GasLimit are those of the transaction.
	GasUsed, GasLimit uint64
}
