package daemon

import (
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/voteext"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// view is what a misbehaving validator knows when it votes: the rounds in committed state, and what the block it votes on
// carries.
type view struct {
	operator string
	// class is the environment class that its node is registered in; 0 while there is none.
	class  uint32
	rounds []seenRound
	// said holds the words in the block voted on by operator.
	said map[string]abcitypes.VoteExtension
}

// seenRound is a round as one operator sees it.
type seenRound struct {
	verificationtypes.Round
	// seat is true when the operator has a seat in it, and vote is what the round holds of it.
	seat bool
	vote verificationtypes.MemberVote
}

func (r seenRound) key() voteext.Key {
	return voteext.Key{RequestID: r.RequestId, Attempt: r.Attempt}
}

// view reads committed state and the block voted on.
func (a *App) view(req *abci.RequestExtendVote) (view, error) {
	ctx, err := a.CreateQueryContext(0, false)
	if err != nil {
		return view{}, err
	}
	ctx = ctx.WithGasMeter(storetypes.NewInfiniteGasMeter())
	operator, err := a.operator(ctx, a.consensus)
	if err != nil {
		return view{}, err
	}
	v := view{operator: operator, said: make(map[string]abcitypes.VoteExtension)}
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil {
		return view{}, err
	}
	node, err := a.SchedulingKeeper.Nodes.Get(ctx, address)
	if err != nil {
		return view{}, fmt.Errorf("node of %s: %w", operator, err)
	}
	v.class = node.EnvironmentClass
	err = a.VerificationKeeper.Rounds.Walk(ctx, nil, func(_ uint64, r verificationtypes.Round) (bool, error) {
		snapshot, err := a.VerificationKeeper.Snapshots.Get(ctx, r.SnapshotId)
		if err != nil {
			return true, err
		}
		seen := seenRound{Round: r}
		if i := snapshot.Position(operator); i >= 0 {
			seen.vote = r.Votes[i]
			seen.seat = r.HasSeat(i)
		}
		v.rounds = append(v.rounds, seen)
		return false, nil
	})
	if err != nil {
		return view{}, err
	}
	return v, a.listen(ctx, req, v.said)
}

// listen reads who said what in the block voted on.
func (a *App) listen(ctx sdk.Context, req *abci.RequestExtendVote, said map[string]abcitypes.VoteExtension) error {
	if len(req.Txs) == 0 || !proposal.IsInjection(req.Txs[0]) {
		return nil
	}
	injected, err := proposal.Decode(req.Txs[0])
	if err != nil {
		return err
	}
	for i, entry := range injected.Entries[:min(len(injected.Entries), len(req.ProposedLastCommit.Votes))] {
		operator, err := a.operator(ctx, req.ProposedLastCommit.Votes[i].Validator.Address)
		if err != nil {
			continue
		}
		if ext, err := voteext.Decode(entry.Extension); err == nil {
			said[operator] = ext
		}
	}
	return nil
}

func (a *App) operator(ctx sdk.Context, consensus sdk.ConsAddress) (string, error) {
	validator, err := a.StakingKeeper.GetValidatorByConsAddr(ctx, consensus)
	if err != nil {
		return "", fmt.Errorf("validator of %s: %w", consensus, err)
	}
	return validator.GetOperator(), nil
}
