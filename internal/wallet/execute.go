package wallet

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/modelpush"
)

// ErrRefused is a transaction that the node or the chain refused. Nothing was changed.
var ErrRefused = errors.New("refused")

// Execute sends one message and returns once a block has executed it. own is the gas of the message itself, see Gas.
//
// A process that was killed may have left the same message with a node. done, which may be nil, tells from the state that a
// context reads whether what the message does has been done; then it is not sent.
func (w *Wallet) Execute(ctx context.Context, msg sdk.Msg, own uint64, o modelpush.Options, done func(context.Context) (bool, error)) error {
	o.Window = 1
	err := modelpush.Run(ctx, &single{wallet: w, msg: msg, gas: w.Gas(msg, own), done: done}, o)
	var refused *modelpush.RefusedError
	switch {
	case errors.As(err, &refused) && refused.InBlock:
		return fmt.Errorf("%w by the chain: %s", ErrRefused, refused.Detail)
	case errors.As(err, &refused):
		return fmt.Errorf("%w by the node, nothing was paid: %s", ErrRefused, refused.Detail)
	default:
		return err
	}
}

// single is the push of one message: it is missing until a block has it, or until it is done.
type single struct {
	wallet *Wallet
	msg    sdk.Msg
	gas    uint64
	done   func(context.Context) (bool, error)
}

var _ modelpush.Chain = (*single)(nil)

func (s *single) View(ctx context.Context) (modelpush.View, error) {
	height, err := s.wallet.Node.Height(ctx)
	if err != nil {
		return modelpush.View{}, err
	}
	at := AtHeight(ctx, height)
	sequence, err := s.wallet.Sequence(at)
	if err != nil {
		return modelpush.View{}, err
	}
	view := modelpush.View{Height: height, Sequence: sequence}
	if s.done != nil {
		done, err := s.done(at)
		if done || err != nil {
			return view, err
		}
	}
	view.Missing = []uint32{0}
	return view, nil
}

func (s *single) Send(ctx context.Context, _ uint32, sequence uint64, expires int64) (modelpush.Answer, error) {
	raw, err := s.wallet.Sign(ctx, s.msg, s.gas, sequence, expires)
	if err != nil {
		return modelpush.Answer{}, err
	}
	return s.wallet.Hand(ctx, raw)
}

func (s *single) Result(ctx context.Context, hash string, sent int64) (modelpush.Result, error) {
	return s.wallet.Result(ctx, hash, sent)
}

func (s *single) Wait(ctx context.Context, height int64) error { return s.wallet.Wait(ctx, height) }
