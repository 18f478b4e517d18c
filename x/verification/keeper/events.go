package keeper

import (
	"context"
	"encoding/hex"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/x/verification/types"
)

func emit(ctx context.Context, event proto.Message) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(event)
}

func emitRoundOpened(ctx context.Context, round types.Round) error {
	return emit(ctx, &types.EventRoundOpened{
		RequestId:  round.RequestId,
		Attempt:    round.Attempt,
		SnapshotId: round.SnapshotId,
		Rule:       round.Rule,
		Sealed:     round.Sealed,
	})
}

func emitRoundSealed(ctx context.Context, round types.Round) error {
	var commitments uint32
	for _, vote := range round.Votes {
		if len(vote.Commitment) > 0 {
			commitments++
		}
	}
	return emit(ctx, &types.EventRoundSealed{
		RequestId:   round.RequestId,
		Attempt:     round.Attempt,
		Commitments: commitments,
	})
}

func emitRoundRevealed(ctx context.Context, round types.Round) error {
	return emit(ctx, &types.EventRoundRevealed{RequestId: round.RequestId, Attempt: round.Attempt})
}

func emitRoundArbitrating(ctx context.Context, round types.Round) error {
	return emit(ctx, &types.EventRoundArbitrating{
		RequestId:  round.RequestId,
		Attempt:    round.Attempt,
		Candidates: uint32(len(round.Candidates)),
	})
}

func emitVerdict(ctx context.Context, round types.Round) error {
	winner := round.Winner()
	return emit(ctx, &types.EventVerdict{
		RequestId:  round.RequestId,
		Attempt:    round.Attempt,
		OutputRoot: winner.Outcome.OutputRoot,
		Failure:    winner.Outcome.Failure,
		Publisher:  winner.Publisher,
		Arbitrated: round.Arbitrated,
	})
}

func emitAttestationIgnored(ctx context.Context, ignored types.Ignored) error {
	return emit(ctx, &types.EventAttestationIgnored{
		Operator: ignored.Operator,
		Reason:   ignored.Reason,
		Count:    ignored.Count,
	})
}

func emitFault(ctx context.Context, round types.Round, operator string, kind types.FaultKind, slashed math.Int) error {
	return emit(ctx, &types.EventFault{
		RequestId: round.RequestId,
		Attempt:   round.Attempt,
		Operator:  operator,
		Kind:      kind,
		Slashed:   slashed.String(),
	})
}

func emitConductJailed(ctx context.Context, operator, reason string, until int64) error {
	return emit(ctx, &types.EventConductJailed{Operator: operator, Reason: reason, Until: until})
}

func emitDivergence(ctx context.Context, round types.Round, divergence types.Divergence, candidate types.Candidate) error {
	return emit(ctx, &types.EventDivergence{
		RequestId:    round.RequestId,
		Model:        hex.EncodeToString(divergence.Model),
		VerdictClass: divergence.VerdictClass,
		OtherClass:   divergence.OtherClass,
		Standing:     candidate.Standing,
		Error:        candidate.Error,
	})
}
