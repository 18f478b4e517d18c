package voteext

import (
	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// VerifyVoteExtension implements sdk.VerifyVoteExtensionHandler. It refuses only
// an extension above MaxBytes: refusing more would let content decide which
// precommits count, and a node whose own extension is refused stops. Content is
// judged at the tally. It reads no state and never panics.
func (h *Handler) VerifyVoteExtension(_ sdk.Context, req *abci.RequestVerifyVoteExtension) (resp *abci.ResponseVerifyVoteExtension, err error) {
	defer func() {
		if r := recover(); r != nil {
			resp, err = verdict(abci.ResponseVerifyVoteExtension_ACCEPT), nil
		}
	}()
	if len(req.VoteExtension) > MaxBytes {
		return verdict(abci.ResponseVerifyVoteExtension_REJECT), nil
	}
	return verdict(abci.ResponseVerifyVoteExtension_ACCEPT), nil
}

func verdict(s abci.ResponseVerifyVoteExtension_VerifyStatus) *abci.ResponseVerifyVoteExtension {
	return &abci.ResponseVerifyVoteExtension{Status: s}
}
