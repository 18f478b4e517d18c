package proposal

import (
	"errors"
	"fmt"
	"math"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto"
	cmttypes "github.com/cometbft/cometbft/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
)

// Keys resolves consensus addresses in the state of ctx.
type Keys interface {
	ConsensusKey(ctx sdk.Context, consAddr []byte) (crypto.PubKey, bool)
}

// Handler prepares and processes proposals.
type Handler struct {
	// next selects the ordinary transactions.
	next     sdk.PrepareProposalHandler
	decode   sdk.TxDecoder
	keys     Keys
	accepted Accepted
}

// Accepted is told of every block that ProcessProposal accepts, with its decoded injection; nil when the block
// carries none. It must not block.
type Accepted func(req *abci.RequestProcessProposal, injected *abcitypes.InjectedCommit)

// NewHandler returns a handler that adds the injection to what next selects. A nil accepted tells nobody.
func NewHandler(
	next sdk.PrepareProposalHandler,
	decode sdk.TxDecoder,
	keys Keys,
	accepted Accepted,
) *Handler {
	return &Handler{next: next, decode: decode, keys: keys, accepted: accepted}
}

// Required tells whether a block at height must carry an injection: the last commit has votes, and they carry
// extensions.
func Required(ctx sdk.Context, height int64, votes int) bool {
	if votes == 0 {
		return false
	}
	p := ctx.ConsensusParams().Abci
	return p != nil && p.VoteExtensionsEnableHeight > 0 && height > p.VoteExtensionsEnableHeight
}

// PrepareProposal never fails: at worst it proposes the injection alone, since a proposal without it would be
// rejected by everyone.
func (h *Handler) PrepareProposal(ctx sdk.Context, req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	var injection [][]byte
	var reserved int64
	if Required(ctx, req.Height, len(req.LocalLastCommit.Votes)) {
		tx, err := h.inject(req)
		if err != nil {
			ctx.Logger().Error("no injection possible, proposing an empty block", "height", req.Height, "err", err)
			return &abci.ResponsePrepareProposal{}, nil
		}
		injection = [][]byte{tx}
		reserved = cmttypes.ComputeProtoSizeForTxs(cmttypes.ToTxs(injection))
	}
	txs := h.selectTxs(ctx, req, req.MaxTxBytes-reserved)
	return &abci.ResponsePrepareProposal{Txs: append(injection, txs...)}, nil
}

func (h *Handler) inject(req *abci.RequestPrepareProposal) ([]byte, error) {
	// The proto size of a list with one transaction is the transaction with a tag and a length of at most five bytes each.
	const framing = 16
	commit, err := BuildCommit(req.LocalLastCommit, req.MaxTxBytes-framing)
	if err != nil {
		return nil, err
	}
	return Encode(commit)
}

// selectTxs asks next for ordinary transactions that fit in maxBytes. It works on a copy of the request, because
// others share the original, and drops what ProcessProposal would not accept.
func (h *Handler) selectTxs(ctx sdk.Context, req *abci.RequestPrepareProposal, maxBytes int64) (txs [][]byte) {
	defer func() {
		if r := recover(); r != nil {
			ctx.Logger().Error("selecting transactions panicked", "height", req.Height, "panic", r)
			txs = nil
		}
	}()
	if maxBytes <= 0 {
		return nil
	}
	inner := *req
	inner.MaxTxBytes = maxBytes
	candidates := h.acceptable(ctx, req.Txs, false)
	inOrder(candidates)
	inner.Txs = raws(candidates)
	resp, err := h.next(ctx, &inner)
	if err != nil {
		ctx.Logger().Error("selecting transactions failed", "height", req.Height, "err", err)
		return nil
	}
	return raws(h.acceptable(ctx, resp.Txs, true))
}

func raws(list []candidate) [][]byte {
	txs := make([][]byte, len(list))
	for i, c := range list {
		txs[i] = c.raw
	}
	return txs
}

// acceptable returns the transactions that ProcessProposal would take: each on its own or, with together, all of them
// in one block. The selection in between adds up gas limits without regard to overflow.
func (h *Handler) acceptable(ctx sdk.Context, txs [][]byte, together bool) []candidate {
	kept := make([]candidate, 0, len(txs))
	left := maxGas(ctx)
	for _, raw := range txs {
		tx, gas, err := h.read(raw)
		if err != nil || gas > left {
			continue
		}
		if together {
			left -= gas
		}
		kept = append(kept, candidate{raw, tx})
	}
	return kept
}

// read decodes an ordinary transaction, and gives the gas that it may use. It fails for an injected commit, for what does not
// decode, and for what decodes without a fee, which the SDK's own type does not survive being asked for.
func (h *Handler) read(raw []byte) (tx sdk.Tx, gas uint64, err error) {
	if IsInjection(raw) {
		return nil, 0, errors.New("expected an ordinary transaction, got an injected commit")
	}
	if tx, err = h.decode(raw); err != nil {
		return nil, 0, fmt.Errorf("does not decode: %w", err)
	}
	gasTx, ok := tx.(sdk.GasTx)
	if !ok {
		return tx, 0, nil
	}
	defer func() {
		if r := recover(); r != nil {
			tx, gas, err = nil, 0, fmt.Errorf("expected a gas limit, got none: %v", r)
		}
	}()
	return tx, gasTx.GetGas(), nil
}

// maxGas is the gas limit of a block; all there is when there is none.
func maxGas(ctx sdk.Context) uint64 {
	b := ctx.ConsensusParams().Block
	if b == nil || b.MaxGas < 0 {
		return math.MaxUint64
	}
	return uint64(b.MaxGas)
}

// ProcessProposal accepts a block exactly when its injection is complete and genuine, every other transaction
// decodes, and the block keeps to its gas and byte limits. It depends on nothing local, so that honest
// validators decide alike.
func (h *Handler) ProcessProposal(ctx sdk.Context, req *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	injected, err := h.check(ctx, req)
	if err != nil {
		ctx.Logger().Error("proposal rejected", "height", req.Height, "proposer", fmt.Sprintf("%X", req.ProposerAddress), "reason", err)
		return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
	}
	if h.accepted != nil {
		h.accepted(req, injected)
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}

func (h *Handler) check(ctx sdk.Context, req *abci.RequestProcessProposal) (*abcitypes.InjectedCommit, error) {
	txs := req.Txs
	var injected *abcitypes.InjectedCommit
	if Required(ctx, req.Height, len(req.ProposedLastCommit.Votes)) {
		if len(txs) == 0 {
			return nil, fmt.Errorf("expected the injected commit as first transaction, got no transactions")
		}
		c, err := Decode(txs[0])
		if err != nil {
			return nil, err
		}
		resolve := func(addr []byte) (crypto.PubKey, bool) { return h.keys.ConsensusKey(ctx, addr) }
		if err := CheckCommit(c, req.ProposedLastCommit, req.Height, ctx.ChainID(), resolve); err != nil {
			return nil, err
		}
		injected, txs = &c, txs[1:]
	}
	if err := h.checkTxs(ctx, txs); err != nil {
		return nil, err
	}
	return injected, checkBytes(ctx, req.Txs)
}

func (h *Handler) checkTxs(ctx sdk.Context, txs [][]byte) error {
	left := maxGas(ctx)
	for i, raw := range txs {
		_, gas, err := h.read(raw)
		if err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
		if gas > left {
			return fmt.Errorf("block gas: expected at most %d, got more with transaction %d", maxGas(ctx), i)
		}
		left -= gas
	}
	return nil
}

func checkBytes(ctx sdk.Context, txs [][]byte) error {
	b := ctx.ConsensusParams().Block
	if b == nil || b.MaxBytes < 0 {
		return nil
	}
	if size := cmttypes.ComputeProtoSizeForTxs(cmttypes.ToTxs(txs)); size > b.MaxBytes {
		return fmt.Errorf("block transactions: expected at most %d bytes, got %d", b.MaxBytes, size)
	}
	return nil
}
