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
	if len(due) == 0 {
		return nil
	}
	current, _, err := k.CurrentParams(ctx)
	if err != nil {
		return err
	}
	earned := make(income)
	delivered := newDeliveries()
	payable := validators{keeper: k, known: make(map[string]bool)}
	for _, s := range due {
		one := make(income)
		var r types.Request
		err := atomically(ctx, func(ctx sdk.Context) (err error) {
			if r, err = k.settleOne(ctx, s, payable, one); err != nil {
				return err
			}
			return k.offerForReuse(ctx, current, r)
		})
		if err == nil {
			earned.merge(one)
			delivered.count(s, r.ComputeUnits)
			continue
		}
		if err := k.settleByRefund(ctx, s, err); err != nil {
			return fmt.Errorf("settlement of request %d: %w", s.Round.RequestId, err)
		}
	}
	if err := k.scheduling.RecordDeliveries(ctx, delivered.list()); err != nil {
		return fmt.Errorf("deliveries: %w", err)
	}
	return k.payIncome(ctx, earned)
}

// settleOne divides the escrow of one request, pays everyone but the validators, whose parts it adds to earned, and
// seals the receipt.
func (k Keeper) settleOne(ctx sdk.Context, s verificationtypes.Settlement, payable validators, earned income) (types.Request, error) {
	r, owner, params, err := k.settling(ctx, s)
	if err != nil {
		return r, err
	}
	division, seats, err := divide(r, params.FeeShares, s)
	if err != nil {
		return r, err
	}
	p := payment{keeper: k, payable: payable, earned: earned, community: math.NewIntFromBigInt(division.Community)}
	p.validator(ctx, s.Round.Winner().Publisher, SharePublisher, division.Publisher)
	for i, part := range division.Members {
		p.validator(ctx, s.Snapshot.Members[seats[i]].Operator, ShareMember, part)
	}
	if _, err := p.account(ctx, owner.String(), ShareOwner, division.Owner); err != nil {
		return r, err
	}
	refunded, err := p.account(ctx, r.Requester, ShareRefund, division.Refund)
	if err != nil {
		return r, err
	}
	if err := k.payCommunity(ctx, p.community); err != nil {
		return r, fmt.Errorf("community: %w", err)
	}
	p.note(k.communityAddress(), ShareCommunity, p.community)
	return r, k.seal(ctx, r, s, refunded, p.payouts)
}

// settling loads what a settlement needs, with who owns the model now, and checks that the request waits for it.
func (k Keeper) settling(ctx sdk.Context, s verificationtypes.Settlement) (r types.Request, owner sdk.AccAddress, p types.Params, err error) {
	if r, err = k.Request(ctx, s.Round.RequestId); err != nil {
		return r, nil, p, err
	}
	settled, err := k.Receipts.Has(ctx, r.Id)
	if err != nil {
		return r, nil, p, err
	}
	if settled || !r.Settles() || !r.Escrow.Equal(r.Fee.Escrow()) {
		return r, nil, p, types.ErrUnexpectedStatus.Wrapf("settlement: expected a verdict, no receipt and escrow %s, got %s and %s, settled: %t",
			r.Fee.Escrow(), r.Status, r.Escrow, settled)
	}
	m, err := k.models.Find(ctx, r.Model)
	if err != nil {
		return r, nil, p, err
	}
	if owner, err = k.models.Owner(ctx, m); err != nil {
		return r, nil, p, err
	}
	p, err = k.ParamsAt(ctx, r.ParamsVersion)
	return r, owner, p, err
}

// divide splits the escrow over the seats of the settled round, which are positions in the snapshot, ascending. Members
// without a seat have no part in it.
func divide(r types.Request, shares types.FeeShares, s verificationtypes.Settlement) (d pricing.Division, seats []int, err error) {
	if n := len(s.Snapshot.Members); len(s.Outcomes) != n || len(s.Timeliness) != n || len(s.Round.Votes) != n {
		return d, nil, fmt.Errorf("expected conduct, timeliness and votes of %d members, got %d, %d and %d",
			n, len(s.Outcomes), len(s.Timeliness), len(s.Round.Votes))
	}
	winner := s.Round.Winner()
	publisher := pricing.NoPublisher
	var members []pricing.Member
	for i, m := range s.Snapshot.Members {
		if !s.Round.HasSeat(i) {
			continue
		}
		if m.Operator == winner.Publisher {
			publisher = len(members)
		}
		seats = append(seats, i)
		members = append(members, pricing.Member{Power: m.Power, Agreed: s.Outcomes[i] == verificationtypes.MEMBER_OUTCOME_AGREED})
	}
	if winner.Outcome.Failed() != (publisher == pricing.NoPublisher) {
		return d, nil, fmt.Errorf("expected a publisher among the %d seats, and none for a failure, got %q", len(seats), winner.Publisher)
	}
	d, err = shares.Split(r.Fee, members, publisher)
	return d, seats, err
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
		Committee: s.Round.Seats, Tolerated: s.Tolerated, Arbitrated: s.Round.Arbitrated, Sealed: s.Round.Sealed,
	}
	if err := k.Receipts.Set(ctx, r.Id, receipt); err != nil {
		return err
	}
	r.Escrow = math.ZeroInt()
	if err := k.updateRequest(ctx, r); err != nil {
		return err
	}
	if err := k.expireInputs(ctx, r); err != nil {
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
	if errors.Is(err, types.ErrRequestNotFound) || err == nil && !r.Settles() {
		return nil
	}
	if err != nil {
		return err
	}
	if settled, err := k.Receipts.Has(ctx, r.Id); err != nil || settled {
		return err
	}
	return atomically(ctx, func(ctx sdk.Context) error {
		held := r.Escrow
		refunded, err := k.refund(ctx, &r)
		if err != nil {
			return err
		}
		var payouts []types.Payout
		switch {
		case refunded.IsPositive():
			payouts = []types.Payout{{Recipient: r.Requester, Share: ShareRefund, Amount: held}}
		case held.IsPositive():
			payouts = []types.Payout{{Recipient: k.communityAddress(), Share: ShareCommunity, Amount: held}}
		}
		return k.seal(ctx, r, s, refunded, payouts)
	})
}

func (k Keeper) communityAddress() string {
	return k.accounts.GetModuleAddress(distributiontypes.ModuleName).String()
}
