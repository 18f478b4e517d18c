//go:build nettest

package byzantine

import (
	"testing"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// TestTwoOfFourWrong: no request is final, all of them end as failed and are refunded, and the chain goes on.
func TestTwoOfFourWrong(t *testing.T) {
	for _, tc := range []struct {
		name  string
		wrong map[int]int32
	}{
		{"each in its own way", map[int]int32{1: 1, 3: 2}},
		{"both in the same way", map[int]int32{1: 1, 3: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			culprits := make(map[int]byzantine.Plan)
			for node, amount := range tc.wrong {
				culprits[node] = byzantine.Plan{Worker: byzantine.WorkerWrong, Amount: amount}
			}
			f := newBed(t, localnet.Options{}, culprits, conductParams)
			before := f.Balance(t, f.Signer.Address)
			ids := f.submit(t, f.Fresh(batch), inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN)
			kept := sdkmath.ZeroInt()
			for _, id := range ids {
				r := f.Ended(t, id, inferencetypes.REQUEST_STATUS_FAILED)
				if r.FailureReason != inferencetypes.FAILURE_REASON_NO_AGREEMENT {
					t.Errorf("request %d: expected %s, got %s", id, inferencetypes.FAILURE_REASON_NO_AGREEMENT, r.FailureReason)
				}
				if !r.Escrow.IsZero() || r.FinalHeight > r.FinalDeadline {
					t.Errorf("request %d: expected an empty escrow by height %d, got %s at %d", id, r.FinalDeadline, r.Escrow, r.FinalHeight)
				}
				if _, err := f.Answer(nettest.Patience(t), id); err == nil {
					t.Errorf("request %d: expected no result", id)
				}
				kept = kept.Add(r.Fee.Bytes)
			}
			if e := f.Escrow(t); !e.IsZero() {
				t.Errorf("expected an empty escrow, got %s", e)
			}
			if got, want := f.Balance(t, f.Signer.Address), before.Sub(kept); !got.Equal(want) {
				t.Errorf("expected all but the byte fees back, a balance of %s, got %s", want, got)
			}
			ctx := nettest.Patience(t)
			height, err := f.Client.Height(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, node := range f.Net.Nodes {
				if err := node.Client().WaitHeight(ctx, height+3); err != nil {
					t.Errorf("expected the chain to go on: %s: %v", node.Name, err)
				}
			}
		})
	}
}
