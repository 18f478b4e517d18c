package keeper_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// TestModelsByReference: every message and query takes every kind of reference, and what is stored is the SHA-256.
func TestModelsByReference(t *testing.T) {
	f := newFixture(t)
	first, err := f.models.Find(f.ctx, "pair")
	require.NoError(t, err)
	second := f.register("pair", pairModel(2), 5)
	for reference, want := range map[string]modelstypes.Model{
		"pair": second, "pair:latest": second, "pair:1": first, "pair:2": second, first.Sha256: first, second.Sha256: second,
	} {
		t.Run(reference, func(t *testing.T) {
			msg := submission(input(1))
			msg.Model = reference
			id := f.submit(msg)[0]
			require.Equal(t, want.Sha256, f.request(id).Model)
			require.Equal(t, want.Royalty, f.request(id).Fee.Royalty)
			task, err := f.scheduling.task(f.ctx, id)
			require.NoError(t, err)
			require.Equal(t, want.Sha256, fmt.Sprintf("%x", task.Model))

			plan := schedule(5, 1)
			plan.Model = reference
			require.Equal(t, want.Sha256, f.schedule(f.createSchedule(plan)).Model)

			quote, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: reference})
			require.NoError(t, err)
			require.Equal(t, want.Royalty, quote.Fee.Royalty)

			listed, err := f.queries.Requests(f.ctx, &types.QueryRequestsRequest{Model: reference})
			require.NoError(t, err)
			require.NotEmpty(t, listed.Requests)
			for _, r := range listed.Requests {
				require.Equal(t, want.Sha256, r.Model)
			}
		})
	}
	for _, reference := range []string{"none", "pair:3", "pair:beta", "Pair", "pair:"} {
		_, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: reference})
		require.Error(t, err, reference)
	}
}

// TestOnlyUsableModelsTakeRequests: all others say what they are.
func TestOnlyUsableModelsTakeRequests(t *testing.T) {
	for number, name := range modelstypes.ModelStatus_name {
		is := modelstypes.ModelStatus(number)
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.models.move(f.ctx, "pair", is)
			steps := map[string]func() error{
				"submission": func() error { _, err := f.msgs.SubmitRequests(f.ctx, submission(input(1))); return err },
				"schedule":   func() error { _, err := f.msgs.CreateSchedule(f.ctx, schedule(5, 1)); return err },
				"quote":      func() error { _, err := f.queries.Quote(f.ctx, &types.QueryQuoteRequest{Model: "pair"}); return err },
			}
			for what, step := range steps {
				if is.Usable() {
					require.NoError(t, step(), what)
					continue
				}
				f.requireUnchanged(func() {
					err := step()
					require.ErrorIs(t, err, types.ErrModelNotUsable, what)
					require.ErrorContains(t, err, "pair:1: expected MODEL_STATUS_ACTIVE or MODEL_STATUS_DEPRECATED, got "+name)
					require.Equal(t, codes.FailedPrecondition, status.Code(err))
				})
			}
		})
	}
}

// TestModelsWithoutASignature: one that waits for its inspection is refused for its status, not for what it lacks.
func TestModelsWithoutASignature(t *testing.T) {
	f := newFixture(t)
	f.models.add(f.ctx, modelstypes.Model{
		Sha256: fmt.Sprintf("%064x", 1), Name: "raw", TaskClass: 1, Status: modelstypes.MODEL_STATUS_INSPECTING,
	}, owner)
	msg := submission(input(1))
	msg.Model = "raw:1"
	_, err := f.msgs.SubmitRequests(f.ctx, msg)
	require.ErrorIs(t, err, types.ErrModelNotUsable)
}

// TestOpenRequestsOfADisabledModelEnd: what was accepted is computed and paid for; only what is new is refused.
func TestOpenRequestsOfADisabledModelEnd(t *testing.T) {
	f := newFixture(t)
	ids := f.submit(keyed("order-17", input(1), input(1), input(1)))
	plan := f.createSchedule(schedule(5, 3))
	f.models.move(f.ctx, "pair", modelstypes.MODEL_STATUS_DISABLED)

	again, err := f.msgs.SubmitRequests(f.ctx, keyed("order-17", input(1), input(1), input(1)))
	require.NoError(t, err, "a message that is sent again is answered as before")
	require.True(t, again.AnsweredBefore)
	require.Equal(t, ids, again.Ids)

	f.assign(ids[0], ids[1])
	require.Equal(t, types.MissedModel, f.runs(plan)[0].Missed)
	final, failed := f.decision(ids[0]), f.failure(ids[1], verificationtypes.FAILURE_EXECUTION)
	f.decide(final, failed)
	require.Equal(t, types.REQUEST_STATUS_FINALIZED, f.request(ids[0]).Status)
	f.verification.settlements = []verificationtypes.Settlement{
		f.settlement(final, agreed, agreed, agreed), f.settlement(failed, agreed, agreed, agreed),
	}
	f.models.transfer(f.ctx, "pair", bob)
	before := f.balance(bob.String())
	f.endBlock()
	require.Greater(t, f.balance(bob.String()), before, "the royalty is that of who owns the name now")
	require.Zero(t, f.balance(owner.String()))
	for _, id := range ids[:2] {
		require.True(t, f.request(id).Escrow.IsZero())
		_, err := f.queries.Receipt(f.ctx, &types.QueryReceiptRequest{Id: id})
		require.NoError(t, err)
	}
	_, err = f.msgs.CancelRequest(f.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: ids[2]})
	require.NoError(t, err)
	require.NoError(t, f.k.CheckEscrow(f.ctx))
	f.endBlock()
	f.requireRoundTrip()

	f.models.move(f.ctx, "pair", modelstypes.MODEL_STATUS_ACTIVE)
	f.endBlocks(5)
	require.Empty(t, f.runs(plan)[1].Missed, "a schedule goes on when its model is enabled again")
}

// TestGenesisNamesRegisteredModels: x/models is imported before, with every model that is named.
func TestGenesisNamesRegisteredModels(t *testing.T) {
	planned := newFixture(t)
	planned.createSchedule(schedule(5, 3))
	for message, f := range map[string]*fixture{"request 1: model": everyState(t), "schedule 1: model": planned} {
		// Nothing is registered on the other chain.
		state, err := f.k.ExportGenesis(f.ctx)
		require.NoError(t, err)
		require.NoError(t, state.Validate())
		g := newBareFixture(t)
		err = g.k.InitGenesis(g.ctx, *state)
		require.ErrorIs(t, err, types.ErrInvalidGenesis)
		require.ErrorContains(t, err, message)
	}
}

func TestGenesisNamesOutputsOfTheModel(t *testing.T) {
	f := newFixture(t)
	f.createSchedule(schedule(5, 3))
	state, err := f.k.ExportGenesis(f.ctx)
	require.NoError(t, err)
	state.Schedules[0].Schedule.Outputs = []string{"none"}
	g := newBareFixture(t)
	f.models.copyTo(f.ctx, g)
	require.ErrorContains(t, g.k.InitGenesis(g.ctx, *state), "schedule 1: model")
}
