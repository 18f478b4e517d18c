package keeper

import (
	"fmt"
	"math/big"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// payment gathers what the settlement of one request pays.
type payment struct {
	keeper    Keeper
	payable   validators
	payouts   []types.Payout
	community math.Int // what the community pool gets, with all that nobody else can be paid
	earned    income   // of validators, paid at the end of the block
}

func (p *payment) note(recipient, share string, amount math.Int) {
	if amount.IsPositive() {
		p.payouts = append(p.payouts, types.Payout{Recipient: recipient, Share: share, Amount: amount})
	}
}

// validator adds to what a validator earned. The part of one that no longer exists goes to the community.
func (p *payment) validator(ctx sdk.Context, operator, share string, part *big.Int) {
	switch amount := math.NewIntFromBigInt(part); {
	case !amount.IsPositive():
	case p.payable.has(ctx, operator):
		p.note(operator, share, amount)
		p.earned.add(operator, amount)
	default:
		p.community = p.community.Add(amount)
	}
}

// account pays an account and returns what it got: nothing when it cannot be paid and the community gets its part.
func (p *payment) account(ctx sdk.Context, recipient, share string, part *big.Int) (math.Int, error) {
	to, err := sdk.AccAddressFromBech32(recipient)
	if err != nil {
		return math.Int{}, fmt.Errorf("%s: %w", share, err)
	}
	amount := math.NewIntFromBigInt(part)
	if !p.keeper.sendTo(ctx, to, amount) {
		p.community = p.community.Add(amount)
		return math.ZeroInt(), nil
	}
	p.note(recipient, share, amount)
	return amount, nil
}
