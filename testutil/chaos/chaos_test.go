//go:build nettest

// Package chaos kills the nodes of a network again and again, at any moment of a block. It has a make target of its own: how
// long it takes, and how much it finds, is for who runs it to say.
package chaos

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
)

var (
	kills = flag.Int("kills", 30, "how often a node is killed")
	seed  = flag.Uint64("seed", 1, "seed of which node is killed, when and for how long")
)

const (
	// requests is the number of them in one transaction, while a node is killed: enough for a block that takes a while to store.
	requests = 192
	// latest is the longest time from the block of the requests to the kill.
	latest = time.Second
	// longest is the longest time that a node is away.
	longest = 3 * time.Second
)

// TestKilledNodesComeBack kills one node after another with its worker while requests run. The others end them, and the node
// comes back by itself: it makes blocks and is eligible again.
func TestKilledNodesComeBack(t *testing.T) {
	f := nettest.Start(t, localnet.Options{TimeoutCommit: 200 * time.Millisecond, TimeoutRound: time.Second})
	random := rand.New(rand.NewPCG(*seed, 0))
	for i := range *kills {
		node := f.Net.Nodes[1+random.IntN(len(f.Net.Nodes)-1)] // the first one is asked
		rows := f.Fresh(requests)
		ids := f.MustSubmit(t, rows...)
		killed, away := time.Duration(random.Int64N(int64(latest))), time.Duration(random.Int64N(int64(longest)))
		<-time.After(killed)
		node.Kill()
		<-time.After(away)
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		height := f.Height(t)
		if err := node.WaitHeight(nettest.Patience(t), height+3); err != nil {
			t.Fatalf("kill %d, of %s %s after a block, for %s: %v", i, node.Name, killed, away, err)
		}
		for j, id := range ids {
			f.Settled(t, id, rows[j])
		}
		nettest.AwaitEligible(t, f.Client, nettest.Operator(t, f.Net, node), true)
		t.Logf("kill %d, of %s %s after a block, for %s: back at height %d", i, node.Name, killed, away, height)
	}
}
