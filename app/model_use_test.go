package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

func setStatus(c *chaintest.Chain, to modelstypes.ModelStatus) *modelstypes.MsgSetStatus {
	return &modelstypes.MsgSetStatus{Owner: c.Accounts[0].Address.String(), Model: "linear", Status: to}
}

// TestOpenRequestsOfADisabledModelEnd: those that wait, run and settle while the owner disables the model.
func TestOpenRequestsOfADisabledModelEnd(t *testing.T) {
	c := start(t, chaintest.Options{})
	register(t, c)
	from := c.Accounts[0]
	first := ask(t, c, 2) // under way
	plan := &inferencetypes.MsgCreateSchedule{}
	*plan = *scheduleOf(occasion{signer: from.Address})
	plan.Every = 2
	deliver(t, c, c.Tx(from, 0, plan, setStatus(c, modelstypes.MODEL_STATUS_DISABLED), setStatus(c, modelstypes.MODEL_STATUS_ACTIVE),
		submission(from.Address, 2), setStatus(c, modelstypes.MODEL_STATUS_DISABLED)))
	last := nextRequestID(t, c) - 1
	require.Equal(t, first+3, last, "the run of the schedule comes at the end of the block and is missed")

	resp := c.Next(c.Tx(from, 0, submission(from.Address, 1)))
	require.Equal(t, inferencetypes.ErrModelNotUsable.ABCICode(), resp.TxResults[1].Code, resp.TxResults[1].Log)
	require.Contains(t, resp.TxResults[1].Log, "expected MODEL_STATUS_ACTIVE or MODEL_STATUS_DEPRECATED, got MODEL_STATUS_DISABLED")
	blocks(c, 8)
	for id := first; id <= last; id++ {
		requireFinal(t, c, id)
		settled, err := c.App.InferenceKeeper.Receipts.Has(c.Ctx(), id)
		require.NoError(t, err)
		require.True(t, settled, "request %d", id)
		require.True(t, request(t, c, id).Escrow.IsZero())
	}
	require.NoError(t, c.App.InferenceKeeper.CheckEscrow(c.Ctx()))
	s, err := c.App.InferenceKeeper.Schedule(c.Ctx(), 1)
	require.NoError(t, err)
	require.Positive(t, s.Runs())
	require.Zero(t, s.Placed, "every run was missed")

	deliver(t, c, c.Tx(from, 0, setStatus(c, modelstypes.MODEL_STATUS_DEPRECATED)))
	id := ask(t, c, 1)
	blocks(c, 3)
	requireFinal(t, c, id)
}

// TestRequestsWaitForTheirModel: nodes that have dropped a model are no members; a request is taken all the same, waits in
// its place, and is final once enough of them have loaded the model again.
func TestRequestsWaitForTheirModel(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	without := map[int]bool{}
	c.AttestWith(chaintest.Attester{Output: answer, Unloaded: func(i int, _ modelstypes.Model) bool { return without[i] }})
	blocks(c, 2)
	m := register(t, c)
	under := ask(t, c, 1)
	for i := range 4 {
		without[i] = true
	}
	blocks(c, 2)
	require.Zero(t, ready(t, c, "linear"))
	requireFinal(t, c, under)
	require.EqualValues(t, 40, eligible(t, c, m), "proofs stay")

	waiting := ask(t, c, 1)
	blocks(c, 3)
	require.Equal(t, inferencetypes.REQUEST_STATUS_SUBMITTED, request(t, c, waiting).Status)
	without[0], without[1] = false, false
	blocks(c, 3)
	require.EqualValues(t, 2, ready(t, c, "linear"))
	require.Equal(t, inferencetypes.REQUEST_STATUS_SUBMITTED, request(t, c, waiting).Status, "half of all power makes no verdict")
	without[2] = false
	blocks(c, 2)
	require.Equal(t, inferencetypes.REQUEST_STATUS_ASSIGNED, request(t, c, waiting).Status)
	require.NotContains(t, members(t, c, waiting), chaintest.Operator(3).String())
	blocks(c, 3)
	requireFinal(t, c, waiting)
}
