//go:build nettest

package models

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"google.golang.org/grpc/metadata"

	grpctypes "github.com/cosmos/cosmos-sdk/types/grpc"

	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// replacedRuntime replaces the runtime's library on all nodes at once. Each has proved all models with the next library
// before. At no height is too little power eligible.
func replacedRuntime(t *testing.T, b *bed) {
	next := b.nextLibrary(t)
	b.restartAll(t, "next-library", next)
	before := b.class(t, b.operators[0])
	after := b.awaitAnotherClass(t, before)
	for _, model := range []string{irisclient.ModelName, uploadName} {
		b.awaitProofs(t, model, after, b.operators...)
	}
	b.awaitProofs(t, referenceName, after, b.operators[:4]...)

	from := b.Height(t)
	b.restartAll(t, "library", next)
	for i, operator := range b.operators {
		nettest.Until(t, fmt.Sprintf("node %d in the next class", i), func() bool { return b.class(t, operator) == after })
	}
	row := b.Fresh(1)[0]
	receipt := b.Settled(t, b.MustSubmit(t, row)[0], row)
	if agreed := nettest.With(receipt, verificationtypes.MEMBER_OUTCOME_AGREED); len(agreed) < 4 {
		t.Errorf("expected at least four nodes that agree in the next class, got %v", agreed)
	}
	least, to := uint32(10_000), b.Height(t)
	for height := from; height <= to; height++ {
		least = min(least, b.eligibleAt(t, height))
	}
	t.Logf("every node moved from class %d to %d; from height %d to %d at least %d of 10,000 of the power was eligible", before, after, from, to, least)
	if least < minEligible {
		t.Errorf("expected at least %d of 10,000 of the power to be eligible at every height, got %d", minEligible, least)
	}
}

// minEligible is the eligible power without which the chain takes no requests, in basis points.
const minEligible = 6_000

// eligibleAt is the part of the power that was eligible for the Iris model after the block of a height, in basis points.
func (b *bed) eligibleAt(t *testing.T, height int64) uint32 {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(nettest.Patience(t), grpctypes.GRPCBlockHeightHeader, strconv.FormatInt(height, 10))
	quote, err := b.Client.Inference.Quote(ctx, &inferencetypes.QueryQuoteRequest{
		Model: b.Model, Tier: inferencetypes.TIER_QUORUM, Symbols: []string{iris.BatchSymbol + "=1"},
	})
	if err != nil {
		t.Fatalf("quote at height %d: %v", height, err)
	}
	return quote.EligiblePower
}

// nextLibrary is a copy of the runtime's library that differs in nothing but its hash.
func (b *bed) nextLibrary(t *testing.T) string {
	t.Helper()
	daemon, err := localnet.Binary("opengradientd")
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(daemon), "lib", "libonnxruntime.so*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("expected the runtime's library, got %v, %v", found, err)
	}
	content, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	// What follows the sections of a library is not loaded.
	return b.write(t, "libonnxruntime-next.so", append(content, 0))
}

// restartAll restarts all nodes with another setting of their section inference.
func (b *bed) restartAll(t *testing.T, key, value string) {
	t.Helper()
	for _, node := range b.Net.Nodes {
		if err := node.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := node.SetAppConfig("inference", key, strconv.Quote(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Net.Start(nettest.Patience(t)); err != nil {
		t.Fatal(err)
	}
}

// awaitAnotherClass waits until the chain knows a class beside the one that all nodes are in.
func (b *bed) awaitAnotherClass(t *testing.T, known uint32) (other uint32) {
	t.Helper()
	ctx := nettest.Patience(t)
	nettest.Until(t, "another environment class", func() bool {
		resp, err := b.Client.Scheduling.EnvironmentClasses(ctx, &schedulingtypes.QueryEnvironmentClassesRequest{})
		if err != nil {
			return false
		}
		for _, class := range resp.EnvironmentClasses {
			if class.Index != known {
				other = class.Index
			}
		}
		return other != 0
	})
	return other
}
