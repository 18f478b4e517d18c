//go:build nettest

// Package pipeline tests the way of a request through a network of four validators: submitted, scheduled, executed,
// verified, recorded, paid and read.
package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// TestPipeline runs its parts in order on one network.
func TestPipeline(t *testing.T) {
	f := nettest.Start(t, localnet.Options{})
	for _, part := range []struct {
		name string
		run  func(*testing.T, *nettest.Fixture)
	}{
		{"requests are final two blocks after their own", finality},
		{"what REST says is what gRPC says", rest},
		{"a killed worker costs one attestation and comes back", killedWorker},
		{"bad input is refused and costs nothing", badInput},
		{"a queued request can be cancelled", cancel},
		{"too little eligible power refuses requests", eligiblePower},
		{"a stopped validator catches up by blocksync", restart},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, f) }) {
			return
		}
	}
}

const (
	agreed = verificationtypes.MEMBER_OUTCOME_AGREED
	final  = inferencetypes.REQUEST_STATUS_FINALIZED
)

// finality submits more than 100 requests, some in every block, and looks at the heights in their receipts.
func finality(t *testing.T, f *nettest.Fixture) {
	// The first request makes every worker load the model.
	f.Settled(t, f.MustSubmit(t, f.Rows[0])[0], f.Rows[0])

	const transactions, perTransaction, wantedBlocks = 13, 8, 2
	type submitted struct {
		id  uint64
		row iris.Row
	}
	var all []submitted
	for i := range transactions {
		rows := f.Rows[i*perTransaction : (i+1)*perTransaction]
		for j, id := range f.MustSubmit(t, rows...) {
			all = append(all, submitted{id, rows[j]})
		}
	}
	var blocks []int64
	four := 0
	for _, s := range all {
		r := f.Settled(t, s.id, s.row)
		blocks = append(blocks, r.Receipt.FinalHeight-r.Receipt.SubmittedHeight)
		switch n := len(nettest.With(r, agreed)); {
		case n == 4:
			four++
		case n < 3:
			t.Errorf("request %d: expected at least 3 agreeing operators, got %v", s.id, r.Members)
		}
	}
	slices.Sort(blocks)
	if got := blocks[len(blocks)/2]; got != wantedBlocks {
		t.Errorf("expected a median of %d blocks from submission to the final result, got %d: %v", wantedBlocks, got, blocks)
	}
	if 10*four < 9*len(all) {
		t.Errorf("expected four agreeing operators in at least 90 %% of the receipts, got %d of %d", four, len(all))
	}
	t.Logf("%d requests, %d with four agreeing operators, final after %d to %d blocks", len(all), four, blocks[0], blocks[len(blocks)-1])
	if escrow := f.Escrow(t); !escrow.IsZero() {
		t.Errorf("expected an empty escrow after all is settled, got %s", escrow)
	}
}

// rest reads a receipt over REST and compares it with the one over gRPC.
func rest(t *testing.T, f *nettest.Fixture) {
	ctx := nettest.Patience(t)
	want, err := f.Client.Inference.Receipt(ctx, &inferencetypes.QueryReceiptRequest{Id: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range f.Net.Nodes {
		url := node.REST + "/opengradient/inference/v1/requests/1/receipt"
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: expected 200, got %s, %v: %s", url, resp.Status, err, body)
		}
		var got inferencetypes.QueryReceiptResponse
		if err := f.Net.Codecs.Codec.UnmarshalJSON(body, &got); err != nil {
			t.Fatal(err)
		}
		if w, g := marshal(t, want), marshal(t, &got); !bytes.Equal(w, g) {
			t.Errorf("%s: expected %v, got %v", node.Name, want, got)
		}
	}
}

func marshal(t *testing.T, r *inferencetypes.QueryReceiptResponse) []byte {
	t.Helper()
	b, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// killedWorker kills the worker of the last node while requests are on the way.
func killedWorker(t *testing.T, f *nettest.Fixture) {
	node := f.Net.Nodes[3]
	operator := nettest.Operator(t, f.Net, node)
	old, err := node.WorkerPID()
	if err != nil {
		t.Fatal(err)
	}
	// The worker is dead for as long as its successors are killed: long enough for whole rounds without it.
	row := f.Rows[110]
	for range 3 {
		if err := node.SignalWorker(syscall.SIGKILL); err != nil && !errors.Is(err, localnet.ErrNoWorker) {
			t.Fatal(err)
		}
		id := f.MustSubmit(t, row)[0]
		if r := f.Settled(t, id, row); len(nettest.With(r, agreed)) < 3 {
			t.Errorf("request %d: expected at least 3 agreeing operators, got %v", id, r.Members)
		}
	}
	ctx := nettest.Patience(t)
	begin := time.Now()
	err = chainclient.Until(ctx, "a new worker", func() (bool, error) {
		pid, err := node.WorkerPID()
		if errors.Is(err, localnet.ErrNoWorker) {
			return false, nil
		}
		return pid != old, err
	})
	if err != nil {
		t.Fatal(err)
	}
	nettest.AwaitEligible(t, f.Client, operator, true)
	err = chainclient.Until(ctx, "an attestation of the node with the new worker", func() (bool, error) {
		id := f.MustSubmit(t, f.Rows[111])[0]
		return slices.Contains(nettest.With(f.Settled(t, id, f.Rows[111]), agreed), operator), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("back and attesting after %.1f s", time.Since(begin).Seconds())
}

// restart stops the last node for some blocks, with requests in them, and compares what it computed with the others.
func restart(t *testing.T, f *nettest.Fixture) {
	node := f.Net.Nodes[3]
	ctx := nettest.Patience(t)
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	stopped, err := f.Client.Height(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rows := f.Rows[120:124]
	for i, id := range f.MustSubmit(t, rows...) {
		f.Settled(t, id, rows[i])
	}
	missed, err := f.Client.Height(ctx)
	if err != nil {
		t.Fatal(err)
	}
	logged := node.LogSize(t)
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	last := missed + 5
	for _, n := range f.Net.Nodes {
		if err := n.Client().WaitHeight(ctx, last); err != nil {
			t.Fatalf("%s: %v", n.Name, err)
		}
	}
	for height := stopped; height <= last; height++ {
		var want string
		for _, n := range f.Net.Nodes {
			block, err := n.Client().RPC.Block(ctx, &height)
			if err != nil {
				t.Fatalf("%s: block %d: %v", n.Name, height, err)
			}
			if got := fmt.Sprintf("app hash %s in block %s", block.Block.AppHash, block.BlockID.Hash); want == "" {
				want = got
			} else if got != want {
				t.Fatalf("height %d: expected %s, got %s on %s", height, want, got, n.Name)
			}
		}
	}
	// The header of a block holds the app hash after the block before it, as this node computed it while catching up.
	info, err := node.Client().RPC.ABCIInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	after := info.Response.LastBlockHeight + 1
	if err := f.Client.WaitHeight(ctx, after); err != nil {
		t.Fatal(err)
	}
	block, err := f.Client.RPC.Block(ctx, &after)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(block.Block.AppHash, info.Response.LastBlockAppHash) {
		t.Errorf("height %d: expected app hash %s, computed %X", info.Response.LastBlockHeight, block.Block.AppHash, info.Response.LastBlockAppHash)
	}
	if log := node.LogFrom(t, logged); !bytes.Contains(log, []byte("switch to consensus")) {
		t.Errorf("expected the node to catch up by blocksync before it switched to consensus; its log does not say so")
	}
	nettest.AwaitEligible(t, f.Client, nettest.Operator(t, f.Net, node), true)
	t.Logf("%d blocks missed", missed-stopped)
}
