package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func (f *fixture) hasInputs(id uint64) bool {
	f.Helper()
	has, err := f.k.Inputs.Has(f.ctx, id)
	require.NoError(f, err)
	return has
}

// endBlocks ends blocks in which nothing happens.
func (f *fixture) endBlocks(n int) {
	f.Helper()
	for range n {
		f.endBlock()
	}
}

// keepInputs sets for how many blocks inputs are kept.
func (f *fixture) keepInputs(blocks uint32) {
	f.Helper()
	f.setParams(func(p *types.Params) { p.InputBlocks = blocks })
}

// However a request ends, its inputs are kept for the blocks that the parameters say, and no longer.
func TestInputsAreDroppedAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(f *fixture, id uint64){
		"cancelled": func(f *fixture, id uint64) {
			_, err := f.msgs.CancelRequest(f.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: id})
			require.NoError(f, err)
			f.endBlock()
		},
		"final deadline": func(f *fixture, id uint64) {
			f.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Final: true}}
			f.endBlock()
		},
		"settled": func(f *fixture, id uint64) {
			f.assign(id)
			d := f.decision(id)
			f.decide(d)
			f.endBlocks(10)
			require.True(f, f.hasInputs(id), "nothing is dropped before the settlement")
			f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, agreed)}
			f.endBlock()
		},
		"settled by a refund": func(f *fixture, id uint64) {
			f.assign(id)
			d := f.decision(id)
			f.decide(d)
			f.verification.settlements = []verificationtypes.Settlement{f.settlement(d, agreed, agreed, missing)}
			f.endBlock()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.keepInputs(4)
			id := f.submit(submission(input(1)))[0]
			f.keepInputs(1) // for requests to come
			f.endBlocks(5)
			end(f, id)
			f.endBlocks(3)
			require.True(t, f.hasInputs(id))
			f.endBlock()
			require.False(t, f.hasInputs(id))
			_, err := f.queries.Inputs(f.ctx, &types.QueryInputsRequest{Id: id})
			require.ErrorIs(t, err, types.ErrInputsPruned)
			require.Equal(t, codes.NotFound, status.Code(err))
			require.NoError(t, f.request(id).Validate(), "the request stays")
			g := f.requireRoundTrip()
			require.False(t, g.hasInputs(id))
		})
	}
}

func TestInputsOfOpenRequestsStay(t *testing.T) {
	f := newFixture(t)
	f.keepInputs(1)
	ids := f.submit(submission(input(1), input(1), input(1)))
	f.assign(ids[1], ids[2])
	f.decide(f.impossible(ids[2]))
	f.endBlocks(20)
	for _, id := range ids {
		require.True(t, f.request(id).Status.Open())
		require.True(t, f.hasInputs(id))
	}
}

func TestInputsAreKeptForEver(t *testing.T) {
	f := newFixture(t)
	f.keepInputs(0)
	id := f.submit(submission(input(1)))[0]
	f.keepInputs(1)
	_, err := f.msgs.CancelRequest(f.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: id})
	require.NoError(t, err)
	f.endBlocks(10)
	require.True(t, f.requireRoundTrip().hasInputs(id))
}

// The blocks that remain are the same on a chain made from an export.
func TestInputsAreKeptAsLongAfterAnExport(t *testing.T) {
	f := newFixture(t)
	f.keepInputs(6)
	id := f.submit(submission(input(1)))[0]
	_, err := f.msgs.CancelRequest(f.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: id})
	require.NoError(t, err)
	f.endBlocks(3)
	g := f.requireRoundTrip()
	g.endBlocks(3)
	require.True(t, g.hasInputs(id))
	g.endBlock()
	require.False(t, g.hasInputs(id))
}

// One block drops a bounded number, the oldest first; the next ones go on.
func TestDroppingIsBounded(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.InputBlocks, p.MaxRequestsPerMessage = 1, 600 })
	msg := submission()
	for range 600 {
		msg.Requests = append(msg.Requests, input(1))
	}
	ids := f.submit(msg)
	for _, id := range ids {
		_, err := f.msgs.CancelRequest(f.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: id})
		require.NoError(t, err)
	}
	f.endBlock()
	for _, want := range []int{256, 512, 600, 600} {
		f.endBlock()
		gone := 0
		for i, id := range ids {
			if !f.hasInputs(id) {
				require.Equal(t, gone, i, "the oldest go first")
				gone++
			}
		}
		require.Equal(t, want, gone)
	}
	require.NoError(t, f.k.InputExpiries.Walk(f.ctx, nil, func(collections.Pair[int64, uint64]) (bool, error) {
		require.Fail(t, "the index is empty in the end")
		return true, nil
	}))
}
