package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/verification/types"
)

func emitRoundOpened(ctx context.Context, round types.Round) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventRoundOpened{
		RequestId:  round.RequestId,
		Attempt:    round.Attempt,
		SnapshotId: round.SnapshotId,
	})
}

func emitVerdict(ctx context.Context, round types.Round) error {
	winner := round.Winner()
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventVerdict{
		RequestId:  round.RequestId,
		Attempt:    round.Attempt,
		OutputRoot: winner.Outcome.OutputRoot,
		Failure:    winner.Outcome.Failure,
		Publisher:  winner.Publisher,
	})
}

func emitAttestationIgnored(ctx context.Context, ignored types.Ignored) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(&types.EventAttestationIgnored{
		Operator: ignored.Operator,
		Reason:   ignored.Reason,
		Count:    ignored.Count,
	})
}
