package voteext

import (
	"fmt"

	"cosmossdk.io/log/v2"
	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// Handler answers the two vote extension calls of ABCI.
type Handler struct {
	source Source
	seen   *SeenCache
	logger log.Logger
}

// NewHandler returns a handler that reads source and seen. A nil source is a
// node without an inference duty, which has nothing to say; a nil seen remembers
// nothing.
func NewHandler(source Source, seen *SeenCache, logger log.Logger) *Handler {
	if logger == nil {
		logger = log.NewNopLogger()
	}
	return &Handler{source: source, seen: seen, logger: logger}
}

// ExtendVote implements sdk.ExtendVoteHandler. It reads memory only, never fails
// and never panics: whatever goes wrong, the extension is empty.
func (h *Handler) ExtendVote(_ sdk.Context, req *abci.RequestExtendVote) (resp *abci.ResponseExtendVote, err error) {
	resp = &abci.ResponseExtendVote{VoteExtension: []byte{}}
	defer func() {
		if r := recover(); r != nil {
			h.report("extending a vote panicked", req.GetHeight(), fmt.Errorf("%v", r))
			resp, err = &abci.ResponseExtendVote{VoteExtension: []byte{}}, nil
		}
	}()
	if h.source == nil {
		return resp, nil
	}
	seen, _ := h.seen.Get(req.Hash)
	b, err := Encode(pack(h.source.Pending(), seen, req.Height))
	if err != nil {
		// Out of reach: pack keeps every rule that Encode checks.
		h.report("the vote extension cannot be encoded", req.Height, err)
		return resp, nil
	}
	resp.VoteExtension = b
	return resp, nil
}

// report logs without letting the logger harm the vote.
func (h *Handler) report(msg string, height int64, err error) {
	defer func() { _ = recover() }()
	h.logger.Error(msg, "height", height, "error", err)
}
