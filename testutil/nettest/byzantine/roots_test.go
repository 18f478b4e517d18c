//go:build nettest

package byzantine

import (
	"testing"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// TestManyRoots: four small validators with 2/7 of the power together attest a root each before anybody can have run
// anything, and take up all the room for outcomes. The honest outcome takes its place.
func TestManyRoots(t *testing.T) {
	const big, small = 3, 4
	culprits := make(map[int]byzantine.Plan)
	for i := range small {
		culprits[big+i] = byzantine.Plan{}
	}
	params := map[string]any{"max_candidates": small}
	for name, value := range conductParams {
		params[name] = value
	}
	b := newBed(t, localnet.Options{Validators: big + small}, culprits, params)
	for _, operator := range b.operators[:big] {
		// 1 and 7/3 more: 10 of 42 against 3 of 42.
		amount := sdk.NewCoin(inferencetypes.Denom, sdkmath.NewInt(2_333_333_000_000))
		_, err := b.Client.Deliver(nettest.Patience(t), b.Signer, chainclient.Fees{},
			stakingtypes.NewMsgDelegate(b.Signer.Address.String(), operator, amount))
		if err != nil {
			t.Fatal(err)
		}
	}
	b.restore(t)
	before, from := b.standing(t), b.Height(t)
	for i := range culprits {
		b.tell(t, i, byzantine.Plan{Vote: byzantine.VoteInvent})
	}
	receipts := b.load(t, blocks, inferencetypes.TIER_QUORUM, inferencetypes.SEALING_OPEN)
	w := b.read(t, from, b.Height(t))
	b.checkHonest(t, w, before, b.standing(t))
	for i := range culprits {
		if done, err := b.plans[i].Deeds(string(byzantine.VoteInvent)); err != nil || done == 0 {
			t.Errorf("%s: expected invented roots, got %d and %v", b.Net.Nodes[i].Name, done, err)
		}
	}
	for _, r := range receipts {
		for _, operator := range nettest.With(r, agreed) {
			if !b.honest(b.node(operator)) {
				t.Errorf("request %d: expected no invented root to agree, got one of %s", r.Receipt.RequestId, operator)
			}
		}
		if n := len(nettest.With(r, agreed)); n < big-1 {
			t.Errorf("request %d: expected the big validators to agree, got %d of them", r.Receipt.RequestId, n)
		}
	}
	t.Logf("%d requests final in %d blocks; ignored: %v", len(receipts), w.to-w.from, w.ignored)
}
