package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// load is what the generator sends: transactions with a number of units of work each.
type load struct {
	name string
	// units is the number of sends or inferences in one transaction.
	units int
	// window is the number of transactions that are under way at a time, each of another account.
	window int
	gas    uint64
	// message makes the nth transaction of the generator. An inference's rows are those of rowsOf.
	message func(from sdk.AccAddress, n int) sdk.Msg
	// inference says that a unit is done when its result is final; otherwise when its transaction is in a block.
	inference bool
}

// accounts is the number of accounts, the largest window of any load. An account never has two transactions under way:
// nodes could hear of them in another order than that of their sequence numbers.
const accounts = 800

// sends is the load of bank sends, one in a transaction.
func sends(to sdk.AccAddress) load {
	amount := sdk.NewCoins(sdk.NewCoin(inferencetypes.Denom, sdkmath.OneInt()))
	return load{name: "bank sends", units: 1, window: accounts, gas: 200_000, message: func(from sdk.AccAddress, _ int) sdk.Msg {
		return banktypes.NewMsgSend(from, to, amount)
	}}
}

// inferences is the load of inferences, with a number of requests in a transaction and of transactions under way.
func (b *bench) inferences(units, window int) load {
	name := fmt.Sprintf("inferences, %d in a transaction", units)
	return load{name: name, units: units, window: window, gas: irisclient.Gas(units), inference: true, message: func(from sdk.AccAddress, n int) sdk.Msg {
		return b.Message(from, b.rowsOf(n, units)...)
	}}
}

// rowsOf are the flowers of the nth transaction.
func (b *bench) rowsOf(n, units int) []iris.Row {
	rows := make([]iris.Row, units)
	for i := range rows {
		rows[i] = b.rows[(n*units+i)%len(b.rows)]
	}
	return rows
}

// fund makes accounts with coins.
func (b *bench) fund(ctx context.Context) ([]*chainclient.Signer, error) {
	signers := make([]*chainclient.Signer, accounts)
	msgs := make([]sdk.Msg, accounts)
	amount := sdk.NewCoins(sdk.NewInt64Coin(inferencetypes.Denom, 10_000_000_000))
	for i := range signers {
		s, err := chainclient.GenerateSigner(localnet.ChainID, b.net.Codecs)
		if err != nil {
			return nil, err
		}
		signers[i] = s
		msgs[i] = banktypes.NewMsgSend(b.Signer.Address, s.Address, amount)
	}
	resp, err := b.Client.Deliver(ctx, b.Signer, chainclient.Fees{Gas: 150_000_000}, msgs...)
	if err != nil {
		return nil, fmt.Errorf("fund the accounts: %w", err)
	}
	// A node knows of a block before its application has committed it: only the next block says that it has.
	for _, node := range b.net.Nodes {
		if err := node.WaitHeight(ctx, resp.Height+1); err != nil {
			return nil, err
		}
	}
	return signers, nil
}

// generate sends the load until ctx is done. An account sends its next transaction when the watcher has called done for
// the one before.
func generate(ctx context.Context, b *bench, signers []*chainclient.Signer, l load, w *watcher) error {
	var group sync.WaitGroup
	errs := make([]error, l.window)
	for i, s := range signers[:l.window] {
		node := b.net.Nodes[i%len(b.net.Nodes)].Client()
		group.Go(func() { errs[i] = sendFrom(ctx, node, s, l, w, i) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// sendFrom is one account's part.
func sendFrom(ctx context.Context, node *chainclient.Client, s *chainclient.Signer, l load, w *watcher, account int) error {
	for n := account; ctx.Err() == nil; n += l.window {
		hash, err := sendOne(ctx, node, s, l, n)
		if ctx.Err() != nil && hash == "" {
			return nil
		}
		if err != nil {
			return err
		}
		done := make(chan struct{})
		w.sent(hash, transaction{number: n, done: func() { close(done) }})
		select {
		case <-ctx.Done():
		case <-done:
		}
	}
	return nil
}

// sendOne sends one transaction, and tries again while the node is busy. A transaction that is on its way when the time
// is over is sent to its end.
func sendOne(ctx context.Context, node *chainclient.Client, s *chainclient.Signer, l load, n int) (hash string, err error) {
	waited := chainclient.Until(ctx, "room for a transaction", func() (bool, error) {
		hash, err = node.Send(context.WithoutCancel(ctx), s, chainclient.Fees{Gas: l.gas}, l.message(s.Address, n))
		return !busy(err), nil
	})
	return hash, errors.Join(err, waited)
}

// busy tells whether an error comes from the load alone: a node that is a block behind, or that has no room.
func busy(err error) bool {
	var refused *chainclient.TxError
	if errors.As(err, &refused) {
		return refused.Is(sdkerrors.ErrWrongSequence) || refused.Is(sdkerrors.ErrMempoolIsFull)
	}
	return err != nil && strings.Contains(err.Error(), "mempool is full")
}
