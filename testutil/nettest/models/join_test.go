//go:build nettest

package models

import (
	"slices"
	"testing"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// joiningNode brings up a fifth node from a snapshot. It has nothing but the state of the chain, proves the model that is in
// it, and then runs it as a validator.
func joiningNode(t *testing.T, b *bed) {
	node, err := b.Net.Join(timeoutCommit)
	if err != nil {
		t.Fatal(err)
	}
	ctx := nettest.Patience(t)
	trusted := b.Height(t)
	if err := b.Client.WaitHeight(ctx, trusted+2*snapshotInterval); err != nil {
		t.Fatal(err)
	}
	if err := node.StateSync(ctx, b.Client, trusted, b.Net.Nodes[0].RPC, b.Net.Nodes[1].RPC); err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	if err := node.Client().WaitHeight(ctx, b.Height(t)); err != nil {
		t.Fatal(err)
	}
	status, err := node.Client().RPC.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if status.SyncInfo.EarliestBlockHeight <= 1 {
		t.Errorf("expected a node without the first blocks, got its earliest block at %d", status.SyncInfo.EarliestBlockHeight)
	}

	operator := b.bond(t, node.Home)
	b.operators = append(b.operators, operator)
	nettest.AwaitEligible(t, b.Client, operator, true)
	b.awaitProofs(t, uploadName, b.class(t, operator), operator)
	nettest.Until(t, "five nodes that have the model loaded", func() bool { return b.model(t, uploadName).NodesReady == 5 })
	shift := float32(1)
	nettest.Until(t, "a run in which the new node agrees", func() bool {
		shift++
		return slices.Contains(b.ask(t, uploadName, shift), operator)
	})
	// Only the state of the chain has the model for it: no peers, no files, no sources of the chain.
	if got := metric(t, node, received); got != 0 {
		t.Errorf("expected a node that fetched nothing, got %.0f bytes", got)
	}
}

// bond makes the node with a home folder a validator with as much power as the others, and registers it.
func (b *bed) bond(t *testing.T, home string) (operator string) {
	t.Helper()
	ctx := nettest.Patience(t)
	signer, err := chainclient.NewSigner(home, "validator", b.chainID(t), b.Net.Codecs)
	if err != nil {
		t.Fatal(err)
	}
	bond := sdkmath.NewInt(1_000_000_000_000)
	_, err = b.Client.Deliver(ctx, b.Signer, chainclient.Fees{}, &banktypes.MsgSend{
		FromAddress: b.Signer.Address.String(), ToAddress: signer.Address.String(),
		Amount: sdk.NewCoins(sdk.NewCoin(inferencetypes.Denom, bond.MulRaw(2))),
	})
	if err != nil {
		t.Fatal(err)
	}
	key, err := chainclient.ConsensusKey(home)
	if err != nil {
		t.Fatal(err)
	}
	operator = sdk.ValAddress(signer.Address).String()
	create, err := stakingtypes.NewMsgCreateValidator(operator, key, sdk.NewCoin(inferencetypes.Denom, bond),
		stakingtypes.NewDescription("joined", "", "", "", ""),
		stakingtypes.NewCommissionRates(sdkmath.LegacyNewDecWithPrec(1, 1), sdkmath.LegacyNewDecWithPrec(2, 1), sdkmath.LegacyNewDecWithPrec(1, 2)),
		sdkmath.OneInt())
	if err != nil {
		t.Fatal(err)
	}
	register := &schedulingtypes.MsgRegisterNode{
		Operator: operator, Capacity: 100_000, MemoryBytes: 1 << 30, TaskClasses: schedulingtypes.AllTaskClasses(),
	}
	if _, err := b.Client.Deliver(ctx, signer, chainclient.Fees{Gas: 2_000_000}, create, register); err != nil {
		t.Fatal(err)
	}
	return operator
}

func (b *bed) chainID(t *testing.T) string {
	t.Helper()
	id, err := b.Client.ChainID(nettest.Patience(t))
	if err != nil {
		t.Fatal(err)
	}
	return id
}
