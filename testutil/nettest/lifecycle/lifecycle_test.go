//go:build nettest

// Package lifecycle tests what happens to a whole chain: it is exported and goes on from the exported genesis with its
// open requests, and its nodes keep state-sync snapshots.
package lifecycle

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// TestExportGoesOnWithOpenRequests stops a chain while most of a full queue is open, exports it, and starts a new chain
// from the exported genesis with the same validators.
func TestExportGoesOnWithOpenRequests(t *testing.T) {
	f := nettest.Start(t, localnet.Options{})
	f.Settled(t, f.MustSubmit(t, f.Rows[0])[0], f.Rows[0])

	ids, rows := fillQueue(t, f)
	f.Net.Stop()
	genesis, err := f.Net.Nodes[0].Export()
	if err != nil {
		t.Fatal(err)
	}
	open := openRequests(t, f, genesis)
	if len(open) == 0 || len(open) == len(ids) {
		t.Fatalf("expected some open requests and some ended ones in the exported genesis, got %d open of %d", len(open), len(ids))
	}
	t.Logf("%d of %d requests are open in the export", len(open), len(ids))

	for _, node := range f.Net.Nodes {
		if err := node.Reset(genesis); err != nil {
			t.Fatal(err)
		}
	}
	ctx := nettest.Patience(t)
	if err := f.Net.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		f.Settled(t, id, rows[i])
	}
	for id := range open {
		r, err := f.Client.Inference.Request(ctx, &inferencetypes.QueryRequestRequest{Id: id})
		if err != nil {
			t.Fatal(err)
		}
		if r.Request.FinalHeight > r.Request.FinalDeadline {
			t.Errorf("request %d: expected the end by height %d, got %d", id, r.Request.FinalDeadline, r.Request.FinalHeight)
		}
	}
	if e := f.Escrow(t); !e.IsZero() {
		t.Errorf("expected an empty escrow, got %s", e)
	}
	// The new chain takes new requests and gives ids that follow the old ones.
	fresh := f.MustSubmit(t, f.Rows[1])[0]
	if want := ids[len(ids)-1] + 1; fresh != want {
		t.Errorf("expected id %d, got %d", want, fresh)
	}
	f.Settled(t, fresh, f.Rows[1])
}

// fillQueue submits more requests in one transaction than one block can begin.
func fillQueue(t *testing.T, f *nettest.Fixture) (ids []uint64, rows []iris.Row) {
	t.Helper()
	const count = 256
	for i := range count {
		rows = append(rows, f.Rows[i%len(f.Rows)])
	}
	ids = f.MustSubmit(t, rows...)
	first, err := f.Client.Inference.Request(nettest.Patience(t), &inferencetypes.QueryRequestRequest{Id: ids[0]})
	if err != nil {
		t.Fatal(err)
	}
	// By then the first requests are final, but not settled, and the others assigned or waiting.
	if err := f.Client.WaitHeight(nettest.Patience(t), first.Request.SubmittedHeight+3); err != nil {
		t.Fatal(err)
	}
	return ids, rows
}

// openRequests reads from an exported genesis which requests have not ended.
func openRequests(t *testing.T, f *nettest.Fixture, genesis []byte) map[uint64]bool {
	t.Helper()
	raw, err := localnet.AppState(genesis, inferencetypes.ModuleName)
	if err != nil {
		t.Fatal(err)
	}
	var state inferencetypes.GenesisState
	if err := f.Net.Codecs.Codec.UnmarshalJSON(raw, &state); err != nil {
		t.Fatal(err)
	}
	open := make(map[uint64]bool)
	for _, r := range state.Requests {
		if !chainclient.Ended(r.Request.Status) {
			open[r.Request.Id] = true
		}
	}
	return open
}

// TestSnapshotBringsUpANode takes a snapshot on the validators and brings a node without history up from it.
func TestSnapshotBringsUpANode(t *testing.T) {
	const interval = 5
	f := nettest.Start(t, localnet.Options{SnapshotInterval: interval})
	id := f.MustSubmit(t, f.Rows[0])[0]
	f.Settled(t, id, f.Rows[0])
	ctx := nettest.Patience(t)
	settled, err := f.Client.Height(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// A snapshot is taken every few blocks; the light client needs headers after it.
	if err := f.Client.WaitHeight(ctx, settled+2*interval); err != nil {
		t.Fatal(err)
	}
	for _, node := range f.Net.Nodes {
		entries, err := os.ReadDir(filepath.Join(node.Home, "data", "snapshots"))
		if err != nil || len(entries) == 0 {
			t.Fatalf("%s: expected snapshots, got %v and %v", node.Name, entries, err)
		}
	}
	node := f.Net.Nodes[3]
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := node.StateSync(ctx, f.Client, settled, f.Net.Nodes[0].RPC, f.Net.Nodes[1].RPC); err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	height, err := f.Client.Height(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Client().WaitHeight(ctx, height+3); err != nil {
		t.Fatal(err)
	}
	s, err := node.Client().RPC.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s.SyncInfo.EarliestBlockHeight <= 1 {
		t.Errorf("expected a node without the first blocks, got its earliest block at %d", s.SyncInfo.EarliestBlockHeight)
	}
	for _, c := range []*chainclient.Client{f.Client, node.Client()} {
		r, err := c.Inference.Receipt(ctx, &inferencetypes.QueryReceiptRequest{Id: id})
		if err != nil || r.Receipt.RequestId != id {
			t.Errorf("expected the receipt of request %d, got %v and %v", id, r, err)
		}
	}
	nettest.AwaitEligible(t, f.Client, nettest.Operator(t, f.Net, node), true)
}
