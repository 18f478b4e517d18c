package keeper

import (
	"fmt"

	errorsmod "cosmossdk.io/errors"
	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

// submission is what the requests of one message share.
type submission struct {
	order
	requester sdk.AccAddress
	maxFee    sdkmath.Int
	// reuse is the largest age of a receipt that may stand for a request, in blocks; 0 when none may.
	reuse uint32
}

// prepared is the answer to one request of a message: a new request that passed every check but those of its scheduling,
// or a receipt that was there before.
type prepared struct {
	request types.Request
	inputs  []byte // canonical encoding, in the order of the signature
	memory  uint64
	reused  *reuse // nil for a new request
}

// SubmitRequests answers all requests of a message or none of them. A message whose idempotency key was answered before
// is answered the same way again, whatever the limits are by now, and nothing else happens. Otherwise it checks and prices
// each request, takes the fees, and puts it in the queue, unless a receipt stands for it. Gas for the inputs is charged
// before they are looked at.
func (k Keeper) SubmitRequests(ctx sdk.Context, msg *types.MsgSubmitRequests) (*types.MsgSubmitRequestsResponse, error) {
	s, err := k.newSubmission(ctx, msg)
	if err != nil {
		return nil, err
	}
	ctx.GasMeter().ConsumeGas(inputGas(s.params, msg.Requests...), "inference inputs")
	readings := make([]reading, len(msg.Requests))
	for i, input := range msg.Requests {
		if readings[i], err = s.read(input.Inputs); err != nil {
			return nil, errorsmod.Wrapf(err, "request %d of %d", i+1, len(msg.Requests))
		}
	}
	key, err := s.newKey(msg, readings)
	if err != nil {
		return nil, err
	}
	if known, found, err := k.answeredBefore(ctx, key); err != nil {
		return nil, err
	} else if found {
		return &types.MsgSubmitRequestsResponse{Ids: known.Ids, Reused: known.Reused, AnsweredBefore: true}, nil
	}
	if err := s.checkUsable(); err != nil {
		return nil, err
	}
	if n := len(readings); n == 0 || n > int(s.params.MaxRequestsPerMessage) {
		return nil, types.ErrTooManyRequests.Wrapf("expected 1 to %d, got %d", s.params.MaxRequestsPerMessage, n)
	}
	list, err := k.prepareAll(ctx, s, readings)
	if err != nil {
		return nil, err
	}
	answer := &types.MsgSubmitRequestsResponse{}
	err = atomically(ctx, func(ctx sdk.Context) error {
		if err := k.takeFees(ctx, s.requester, list); err != nil {
			return err
		}
		for i := range list {
			id, err := k.answer(ctx, s, list[i])
			if err != nil {
				return errorsmod.Wrapf(err, "request %d of %d", i+1, len(list))
			}
			answer.Ids = append(answer.Ids, id)
			if list[i].reused != nil {
				answer.Reused = append(answer.Reused, id)
			}
		}
		return k.remember(ctx, s.params, key, answer)
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func (k Keeper) newSubmission(ctx sdk.Context, msg *types.MsgSubmitRequests) (submission, error) {
	s := submission{maxFee: orZero(msg.MaxFee), reuse: msg.ReuseBlocks}
	var err error
	if s.requester, err = sdk.AccAddressFromBech32(msg.Requester); err != nil {
		return s, fmt.Errorf("requester: %w", err)
	}
	s.order, err = k.newOrder(ctx, wish{
		model: msg.Model, outputs: msg.Outputs, sealing: msg.Sealing,
		service: types.Service{Tier: msg.Tier, Class: msg.FeeClass},
	})
	if err != nil {
		return s, err
	}
	s.reuse = min(s.reuse, s.params.ReuseBlocks)
	return s, nil
}

// orZero is the amount, or zero when none is set.
func orZero(amount sdkmath.Int) sdkmath.Int {
	if amount.IsNil() {
		return sdkmath.ZeroInt()
	}
	return amount
}

// prepareAll prices every request, and asks for the power that the largest of the new ones needs.
func (k Keeper) prepareAll(ctx sdk.Context, s submission, readings []reading) ([]prepared, error) {
	list := make([]prepared, len(readings))
	memory, fresh := uint64(0), false
	for i, r := range readings {
		var err error
		if list[i], err = k.prepare(ctx, s, r); err != nil {
			return nil, errorsmod.Wrapf(err, "request %d of %d", i+1, len(readings))
		}
		if list[i].reused == nil {
			memory, fresh = max(memory, list[i].memory), true
		}
	}
	if !fresh {
		return list, nil
	}
	return list, k.checkPower(ctx, &shares{}, s.order, memory)
}

// prepare measures and prices one request.
func (k Keeper) prepare(ctx sdk.Context, s submission, r reading) (prepared, error) {
	work, memory, err := s.measure(r.bindings, uint64(len(r.encoded)))
	if err != nil {
		return prepared{}, err
	}
	fee, err := s.quote(work)
	if err != nil {
		return prepared{}, err
	}
	p := prepared{request: s.request(s.requester.String(), r.root, work, fee), inputs: r.encoded, memory: memory}
	cost := fee.Total
	found, ok, err := k.findReusable(ctx, s, p.request)
	if err != nil {
		return prepared{}, err
	}
	if ok {
		p.reused, cost = &found, found.total
	}
	return p, types.CheckMaxFee(cost, s.maxFee)
}

// takeFees moves the escrows of the new requests to the module account and their byte fees to the community pool.
func (k Keeper) takeFees(ctx sdk.Context, from sdk.AccAddress, list []prepared) error {
	escrow, bytes := sdkmath.ZeroInt(), sdkmath.ZeroInt()
	for _, p := range list {
		if p.reused == nil {
			escrow, bytes = escrow.Add(p.request.Escrow), bytes.Add(p.request.Fee.Bytes)
		}
	}
	if err := k.takeIn(ctx, from, escrow); err != nil {
		return errorsmod.Wrap(err, "escrow")
	}
	if err := k.fundCommunity(ctx, from, bytes); err != nil {
		return errorsmod.Wrap(err, "byte fee")
	}
	return nil
}

// answer makes a new request of a prepared one, or pays for the receipt that stands for it, and returns its id.
func (k Keeper) answer(ctx sdk.Context, s submission, p prepared) (uint64, error) {
	if p.reused != nil {
		return p.reused.id, k.payReuse(ctx, s, *p.reused)
	}
	return k.accept(ctx, s.order, p, func() ([]byte, error) { return p.inputs, nil })
}
