//go:build nettest

package byzantine

import (
	"slices"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	// blocks is how long a validator misbehaves in a test.
	blocks = 50
	// batch is the number of requests of one transaction. The next batch is sent before the last one is looked at, so that
	// there are as many in flight all the time.
	batch = 24
)

// submit submits rows in one transaction and returns their ids.
func (b *bed) submit(t *testing.T, rows []iris.Row, tier inferencetypes.Tier, sealing inferencetypes.Sealing) []uint64 {
	t.Helper()
	ctx := nettest.Patience(t)
	msg := b.Message(b.Signer.Address, rows...)
	msg.Sealing = sealing
	if tier != inferencetypes.TIER_UNSPECIFIED {
		msg.Tier = tier
	}
	resp, err := b.Client.Deliver(ctx, b.Signer, chainclient.Fees{Gas: irisclient.Gas(len(rows))}, msg)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := b.Client.RequestIDs(resp)
	if err != nil || len(ids) != len(rows) {
		t.Fatalf("expected %d ids, got %d and %v", len(rows), len(ids), err)
	}
	return ids
}

// load keeps requests in flight for a number of blocks and checks that each is final with the right output. It returns
// their receipts.
func (b *bed) load(t *testing.T, during int64, tier inferencetypes.Tier, sealing inferencetypes.Sealing) []*inferencetypes.QueryReceiptResponse {
	t.Helper()
	var (
		receipts []*inferencetypes.QueryReceiptResponse
		last     []uint64
		rows     []iris.Row
		from     = b.Height(t)
	)
	for last == nil || b.Height(t) < from+during {
		next := b.Fresh(batch)
		ids := b.submit(t, next, tier, sealing)
		for i, id := range last {
			receipts = append(receipts, b.Settled(t, id, rows[i]))
		}
		last, rows = ids, next
	}
	for i, id := range last {
		receipts = append(receipts, b.Settled(t, id, rows[i]))
	}
	return receipts
}

// window is what the blocks of a test say.
type window struct {
	from, to int64
	faults   []*verificationtypes.EventFault
	jailed   []*verificationtypes.EventConductJailed
	// ignored counts, by name of the validator or operator and reason, what had no effect.
	ignored map[[2]string]uint32
	dropped int
	// proposed has the heights of the blocks by the address of their proposer, and absent counts the commits without a
	// validator.
	proposed map[string][]int64
	absent   map[string]int
	rounds   int // blocks that took more than one round
}

// read reads the blocks after from, up to and with to.
func (b *bed) read(t *testing.T, from, to int64) window {
	t.Helper()
	w := window{from: from, to: to, ignored: make(map[[2]string]uint32), proposed: make(map[string][]int64), absent: make(map[string]int)}
	ctx := nettest.Patience(t)
	for height := from + 1; height <= to; height++ {
		results, err := b.Client.RPC.BlockResults(ctx, &height)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range results.FinalizeBlockEvents {
			w.take(event)
		}
		block, err := b.Client.RPC.Block(ctx, &height)
		if err != nil {
			t.Fatal(err)
		}
		proposer := block.Block.ProposerAddress.String()
		w.proposed[proposer] = append(w.proposed[proposer], height)
		if block.Block.LastCommit.Round > 0 {
			w.rounds++
		}
		present := make(map[string]bool)
		for _, s := range block.Block.LastCommit.Signatures {
			if s.BlockIDFlag == cmttypes.BlockIDFlagCommit {
				present[s.ValidatorAddress.String()] = true
			}
		}
		for _, address := range b.addresses {
			if !present[address] {
				w.absent[address]++
			}
		}
	}
	return w
}

func (w *window) take(event abci.Event) {
	// BaseApp adds an attribute that says in which phase of the block the event was.
	event.Attributes = slices.DeleteFunc(slices.Clone(event.Attributes), func(a abci.EventAttribute) bool { return a.Key == "mode" })
	typed, err := sdk.ParseTypedEvent(event)
	if err != nil {
		return // one of the SDK's plain events
	}
	switch e := typed.(type) {
	case *verificationtypes.EventFault:
		w.faults = append(w.faults, e)
	case *verificationtypes.EventConductJailed:
		w.jailed = append(w.jailed, e)
	case *verificationtypes.EventAttestationIgnored:
		w.ignored[[2]string{e.Operator, e.Reason}] += e.Count
	case *abcitypes.EventExtensionIgnored:
		w.ignored[[2]string{e.Validator, e.Reason}]++
	case *abcitypes.EventInjectionDropped:
		w.dropped++
	}
}
