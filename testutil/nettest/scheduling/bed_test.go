//go:build nettest

package scheduling

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// capacities are those of the nodes, one to two to four to eight. All are below what an unproven node counts for, so that
// each counts for what it says.
var capacities = []uint64{100, 200, 400, 800}

const (
	// perBlock is the number of attempts that begin in one block: few for every node.
	perBlock = 20
	// perMessage is the number of requests of one message.
	perMessage = 500
)

// bed is a network of unequal nodes. The worker of the smallest one follows a plan.
type bed struct {
	*nettest.Fixture
	operators []string
	plan      byzantine.File
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{plan: byzantine.OpenFile(filepath.Join(t.TempDir(), "plan.json"))}
	if err := b.plan.Write(byzantine.Plan{}); err != nil {
		t.Fatal(err)
	}
	b.Fixture = nettest.Start(t, localnet.Options{
		TimeoutCommit: 400 * time.Millisecond, TimeoutRound: time.Second,
		Workers: map[int]string{0: programs.Worker(t, b.plan)}, EditGenesis: editGenesis,
	})
	for _, node := range b.Net.Nodes {
		b.operators = append(b.operators, nettest.Operator(t, b.Net, node))
	}
	ctx := nettest.Patience(t)
	for i, operator := range b.operators {
		signer := nettest.Validator(t, b.Net, b.Net.Nodes[i])
		_, err := b.Client.Deliver(ctx, signer, chainclient.Fees{}, &schedulingtypes.MsgRegisterNode{
			Operator: operator, Capacity: capacities[i], MemoryBytes: 1 << 30, TaskClasses: schedulingtypes.AllTaskClasses(),
			Hardware: fmt.Sprintf("%d units", capacities[i]),
		})
		if err != nil {
			t.Fatalf("register %s: %v", b.Net.Nodes[i].Name, err)
		}
	}
	// The first request makes every worker load the model.
	b.Settled(t, b.MustSubmit(t, b.Rows[0])[0], b.Rows[0])
	return b
}

// editGenesis makes room for long queues, and keeps x/slashing from jailing a validator that is stopped for a while.
func editGenesis(genesis map[string]any) error {
	state := genesis["app_state"].(map[string]any)
	state["slashing"].(map[string]any)["params"].(map[string]any)["signed_blocks_window"] = "100000"
	genesis["consensus"].(map[string]any)["params"].(map[string]any)["block"].(map[string]any)["max_gas"] = "20000000000"
	for module, params := range map[string]map[string]any{
		schedulingtypes.ModuleName: {
			"max_assignments_per_block": perBlock, "deadline_quota": 10_000, "max_queue_depth": 50_000, "queue_blocks": 2_000,
		},
		inferencetypes.ModuleName: {"max_requests_per_message": 1_000},
		// A node that cannot keep up is to be seen at work, and not jailed for what it misses.
		verificationtypes.ModuleName: {"max_missed": verificationtypes.DefaultConductWindow - 1},
	} {
		current := state[module].(map[string]any)["params"].([]any)[0].(map[string]any)["params"].(map[string]any)
		for name, value := range params {
			if _, known := current[name]; !known {
				return fmt.Errorf("genesis: expected a parameter %q of %s", name, module)
			}
			current[name] = value
		}
	}
	return nil
}

// submit submits so many requests, one message a transaction, and waits for their blocks.
func (b *bed) submit(t *testing.T, count int) (ids []uint64) {
	t.Helper()
	ctx := nettest.Patience(t)
	var hashes []string
	for sent := 0; sent < count; sent += perMessage {
		rows := b.Fresh(min(perMessage, count-sent))
		msg := b.Message(b.Signer.Address, rows...)
		msg.MaxFee = sdkmath.NewInt(1_000_000_000)
		hash, err := b.Client.Send(ctx, b.Signer, chainclient.Fees{Gas: irisclient.Gas(len(rows))}, msg)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, hash)
	}
	for _, hash := range hashes {
		resp, err := b.Client.WaitTx(ctx, hash)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Client.RequestIDs(resp)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, got...)
	}
	if len(ids) != count {
		t.Fatalf("expected %d ids, got %d", count, len(ids))
	}
	return ids
}

// finals waits until all requests are final and settled, and gives their receipts. The wait grows with their number.
func (b *bed) finals(t *testing.T, ids []uint64) []inferencetypes.Receipt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(len(ids))*100*time.Millisecond)
	defer cancel()
	receipts := make([]inferencetypes.Receipt, len(ids))
	for i, id := range ids {
		r, err := b.Client.WaitEnded(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != inferencetypes.REQUEST_STATUS_FINALIZED {
			t.Fatalf("request %d: expected %s, got %s (%s)", id, inferencetypes.REQUEST_STATUS_FINALIZED, r.Status, r.FailureReason)
		}
		receipt, err := b.Client.WaitReceipt(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		receipts[i] = receipt.Receipt
	}
	return receipts
}

// operate has the operator of a node send a message, and returns the height of its block.
func (b *bed) operate(t *testing.T, node int, msg sdk.Msg) int64 {
	t.Helper()
	resp, err := b.Client.Deliver(nettest.Patience(t), nettest.Validator(t, b.Net, b.Net.Nodes[node]), chainclient.Fees{}, msg)
	if err != nil {
		t.Fatalf("%s of %s: %v", sdk.MsgTypeURL(msg), b.Net.Nodes[node].Name, err)
	}
	return resp.Height
}

// node is how the chain sees a node.
func (b *bed) node(t *testing.T, node int) schedulingtypes.NodeView {
	t.Helper()
	resp, err := b.Client.Scheduling.Node(nettest.Patience(t), &schedulingtypes.QueryNodeRequest{Operator: b.operators[node]})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Node
}

// market is the price and what waits.
func (b *bed) market(t *testing.T) *schedulingtypes.QueryMarketResponse {
	t.Helper()
	resp, err := b.Client.Scheduling.Market(nettest.Patience(t), &schedulingtypes.QueryMarketRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// led counts by node who led the attempts that were decided, from a height of assignment on.
func (b *bed) led(receipts []inferencetypes.Receipt, from int64) []int {
	counts := make([]int, len(b.operators))
	for _, r := range receipts {
		for i, operator := range b.operators {
			if r.Leader == operator && r.AssignedHeight >= from {
				counts[i]++
			}
		}
	}
	return counts
}
