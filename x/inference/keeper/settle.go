package keeper

import (
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	distributiontypes "github.com/cosmos/cosmos-sdk/x/distribution/types"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Words for the shares of a payout.
const (
	SharePublisher = "publisher"
	ShareMember    = "member"
	ShareOwner     = "owner"
	ShareCommunity = "community"
	ShareRefund    = "refund"
)

// settle pays the requests whose round is over and seals their receipts.
func (k Keeper) settle(ctx sdk.Context) error {
	due, err := k.verification.Settle(ctx)
	if err != nil {
		return fmt.Errorf("settle rounds: %w", err)
	}
	earned := make(income)
	for _, s := range due {
		one := make(income)
		err := atomically(ctx, func(ctx sdk.Context) error { return k.settleOne(ctx, s, one) })
		if err == nil {
			earned.merge(one)
			continue
		}
		if err := k.settleByRefund(ctx, s, err); err != nil {
			return fmt.Errorf("settlement of request %d: %w", s.Round.RequestId, err)
		}
	}
	return k.payIncome(ctx, earned)
}

// settleOne divides the escrow of one request, pays everyone but the validators, whose parts it adds to earned, and
// seals the receipt.
func (k Keeper) settleOne(ctx sdk.Context, s verificationtypes.Settlement, earned income) error {
	r, model, params, err := k.settling(ctx, s)
	if err != nil {
		return err
	}
	division, publisher, err := divide(r, params.FeeShares, s)
	if err != nil {
		return err
	}
	p := payment{keeper: k, earned: earned, community: math.NewIntFromBigInt(division.Community)}
	if publisher != pricing.NoPublisher {
		p.validator(ctx, s.Snapshot.Members[publisher].Operator, SharePublisher, division.Publisher)
	}
	for i, part := range division.Members {
		p.validator(ctx, s.Snapshot.Members[i].Operator, ShareMember, part)
	}
	if _, err := p.account(ctx, model.Owner, ShareOwner, division.Owner); err != nil {
		return err
	}
	refunded, err := p.account(ctx, r.Requester, ShareRefund, division.Refund)
	if err != nil {
		return err
	}
	if err := k.payCommunity(ctx, p.community); err != nil {
		return fmt.Errorf("community: %w", err)
	}
	p.note(k.communityAddress(), ShareCommunity, p.community)
	return k.seal(ctx, r, s, refunded, p.payouts)
}

// settling loads what a settlement needs and checks that the request waits for it.
func (k Keeper) settling(ctx sdk.Context, s verificationtypes.Settlement) (r types.Request, m types.Model, p types.Params, err error) {
	if r, err = k.Request(ctx, s.Round.RequestId); err != nil {
		return r, m, p, err
	}
	if !r.Settles() || !r.Escrow.Equal(r.Fee.Escrow()) {
		return r, m, p, types.ErrUnexpectedStatus.Wrapf("settlement: expected a verdict and escrow %s, got %s and %s", r.Fee.Escrow(), r.Status, r.Escrow)
	}
	if m, err = k.FindModel(ctx, r.Model); err != nil {
		return r, m, p, err
	}
	p, err = k.ParamsAt(ctx, r.ParamsVersion)
	return r, m, p, err
}

// divide splits the escrow over the members of the settled round. The publisher is a position in the snapshot.
func divide(r types.Request, shares types.FeeShares, s verificationtypes.Settlement) (pricing.Division, int, error) {
	if len(s.Outcomes) != len(s.Snapshot.Members) {
		return pricing.Division{}, 0, fmt.Errorf("expected the conduct of %d members, got %d", len(s.Snapshot.Members), len(s.Outcomes))
	}
	members := make([]pricing.Member, len(s.Outcomes))
	for i, m := range s.Snapshot.Members {
		members[i] = pricing.Member{Power: m.Power, Agreed: s.Outcomes[i] == verificationtypes.MEMBER_OUTCOME_AGREED}
	}
	publisher := pricing.NoPublisher
	if winner := s.Round.Winner(); !winner.Outcome.Failed() {
		if publisher = s.Snapshot.Position(winner.Publisher); publisher < 0 {
			return pricing.Division{}, 0, fmt.Errorf("expected the publisher among the members, got %q", winner.Publisher)
		}
	}
	division, err := shares.Split(r.Fee, members, publisher)
	return division, publisher, err
}

// seal writes the receipt and empties the escrow.
func (k Keeper) seal(ctx sdk.Context, r types.Request, s verificationtypes.Settlement, refunded math.Int, payouts []types.Payout) error {
	winner := s.Round.Winner()
	receipt := types.Receipt{
		RequestId: r.Id, Digest: r.Digest, Model: r.Model, InputRoot: r.InputRoot, Tier: r.Tier,
		Outcome: winner.Outcome, Attempt: s.Round.Attempt, Leader: s.Round.Leader, Publisher: winner.Publisher,
		SnapshotId: s.Round.SnapshotId, MemberOutcomes: s.Bitmap, SubmittedHeight: r.SubmittedHeight,
		AssignedHeight: r.AssignedHeight, FinalHeight: r.FinalHeight, SettledHeight: ctx.BlockHeight(),
		Fee: r.Fee, Refunded: refunded, EvidenceRoot: slices.Clone(s.EvidenceRoot[:]),
	}
	if err := k.Receipts.Set(ctx, r.Id, receipt); err != nil {
		return err
	}
	r.Escrow = math.ZeroInt()
	if err := k.updateRequest(ctx, r); err != nil {
		return err
	}
	return k.emitSettled(ctx, r.Id, payouts)
}

// settleByRefund is what happens when a settlement failed: the whole escrow goes back to the requester, and the receipt
// says so. A round that no request waits for needs nothing. The error returned is one that no request is to blame for:
// the module account could not pay.
func (k Keeper) settleByRefund(ctx sdk.Context, s verificationtypes.Settlement, cause error) error {
	k.logger(ctx).Error("settlement failed", "id", s.Round.RequestId, "cause", cause)
	r, err := k.Request(ctx, s.Round.RequestId)
	if errors.Is(err, types.ErrRequestNotFound) || err == nil && (!r.Settles() || r.Escrow.IsZero()) {
		return nil
	}
	if err != nil {
		return err
	}
	return atomically(ctx, func(ctx sdk.Context) error {
		held := r.Escrow
		refunded, err := k.refund(ctx, &r)
		if err != nil {
			return err
		}
		payout := types.Payout{Recipient: r.Requester, Share: ShareRefund, Amount: held}
		if refunded.IsZero() {
			payout.Recipient, payout.Share = k.communityAddress(), ShareCommunity
		}
		return k.seal(ctx, r, s, refunded, []types.Payout{payout})
	})
}

func (k Keeper) communityAddress() string {
	return k.accounts.GetModuleAddress(distributiontypes.ModuleName).String()
}
