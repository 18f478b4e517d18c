package keeper_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// keyed is a submission with an idempotency key.
func keyed(key string, inputs ...types.InferenceInput) *types.MsgSubmitRequests {
	msg := submission(inputs...)
	msg.IdempotencyKey = key
	return msg
}

func (f *fixture) key(requester, key string) (types.IdempotencyKey, error) {
	f.Helper()
	res, err := f.queries.IdempotencyKey(f.ctx, &types.QueryIdempotencyKeyRequest{Requester: requester, Key: key})
	if err != nil {
		return types.IdempotencyKey{}, err
	}
	return res.Key, nil
}

// A message that is sent again is answered as it was, whatever has become of its requests and of the terms since then.
func TestSentAgain(t *testing.T) {
	for name, since := range map[string]func(f *fixture, m *types.MsgSubmitRequests){
		"in the same block":    func(*fixture, *types.MsgSubmitRequests) {},
		"in a later block":     func(f *fixture, _ *types.MsgSubmitRequests) { f.endBlocks(3) },
		"in the last block":    func(f *fixture, _ *types.MsgSubmitRequests) { f.endBlocks(20) },
		"with less to pay":     func(_ *fixture, m *types.MsgSubmitRequests) { m.MaxFee = math.ZeroInt() },
		"at another price":     func(f *fixture, _ *types.MsgSubmitRequests) { f.scheduling.basePrice = math.NewInt(1_000_000) },
		"without power":        func(f *fixture, _ *types.MsgSubmitRequests) { f.scheduling.eligible = 0 },
		"with a full queue":    func(f *fixture, _ *types.MsgSubmitRequests) { f.scheduling.refuse = schedulingtypes.ErrQueueFull },
		"by who is poor":       func(f *fixture, _ *types.MsgSubmitRequests) { f.bank.set(f.ctx, alice.String(), math.ZeroInt()) },
		"with the model's id":  func(f *fixture, m *types.MsgSubmitRequests) { m.Model = f.request(1).Model },
		"with outputs spelled": func(_ *fixture, m *types.MsgSubmitRequests) { m.Outputs = []string{"sum", "twice"} },
		"with inputs in another order": func(_ *fixture, m *types.MsgSubmitRequests) {
			in := m.Requests[0].Inputs
			in[0], in[1] = in[1], in[0]
		},
		"with smaller limits": func(f *fixture, _ *types.MsgSubmitRequests) {
			f.setParams(func(p *types.Params) {
				p.MaxInputBytes, p.MaxOutputBytes, p.MaxComputeUnits, p.MaxRequestsPerMessage, p.IdempotencyBlocks = 1, 1, 1, 1, 1
			})
		},
		"after they ended": func(f *fixture, _ *types.MsgSubmitRequests) {
			f.scheduling.due = []schedulingtypes.Expiry{{RequestID: 1, Final: true}, {RequestID: 2, Final: true}}
			f.endBlock()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.setParams(func(p *types.Params) { p.IdempotencyBlocks = 20 })
			first := f.submit(keyed("order-17", input(1), input(2)))
			again := keyed("order-17", input(1), input(2))
			since(f, again)
			f.requireUnchanged(func() {
				res, err := f.msgs.SubmitRequests(f.ctx, again)
				require.NoError(t, err)
				require.Equal(t, &types.MsgSubmitRequestsResponse{Ids: first, AnsweredBefore: true}, res)
			})
		})
	}
}

func TestKeyWithOtherContentIsRefused(t *testing.T) {
	for name, change := range map[string]func(f *fixture, m *types.MsgSubmitRequests){
		"other inputs": func(_ *fixture, m *types.MsgSubmitRequests) { m.Requests[1] = input(3) },
		"order of inputs": func(_ *fixture, m *types.MsgSubmitRequests) {
			m.Requests[0], m.Requests[1] = m.Requests[1], m.Requests[0]
		},
		"fewer requests":                 func(_ *fixture, m *types.MsgSubmitRequests) { m.Requests = m.Requests[:1] },
		"more requests":                  func(_ *fixture, m *types.MsgSubmitRequests) { m.Requests = append(m.Requests, input(1)) },
		"tier":                           func(_ *fixture, m *types.MsgSubmitRequests) { m.Tier = types.TIER_COMMITTEE },
		"sealing":                        func(_ *fixture, m *types.MsgSubmitRequests) { m.Sealing = types.SEALING_SEALED },
		"fee class":                      func(_ *fixture, m *types.MsgSubmitRequests) { m.FeeClass = schedulingtypes.FEE_CLASS_PRIORITY },
		"reuse":                          func(_ *fixture, m *types.MsgSubmitRequests) { m.ReuseBlocks = 1 },
		"fewer outputs":                  func(_ *fixture, m *types.MsgSubmitRequests) { m.Outputs = []string{"sum"} },
		"order of outputs":               func(_ *fixture, m *types.MsgSubmitRequests) { m.Outputs = []string{"twice", "sum"} },
		"another version behind the tag": func(f *fixture, _ *types.MsgSubmitRequests) { f.register("pair", pairModel(3), 5) },
		"other model": func(f *fixture, m *types.MsgSubmitRequests) {
			f.register("other", pairModel(3), 0)
			m.Model = "other"
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.submit(keyed("order-17", input(1), input(2)))
			msg := keyed("order-17", input(1), input(2))
			change(f, msg)
			f.requireUnchanged(func() {
				_, err := f.msgs.SubmitRequests(f.ctx, msg)
				require.ErrorIs(t, err, types.ErrIdempotencyContent)
			})
		})
	}
}

func TestKeysBelongToTheirRequester(t *testing.T) {
	f := newFixture(t)
	f.submit(keyed("order-17", input(1)))
	msg := keyed("order-17", input(2))
	msg.Requester = bob.String()
	require.Equal(t, []uint64{2}, f.submit(msg))
	mine, err := f.key(alice.String(), "order-17")
	require.NoError(t, err)
	require.Equal(t, []uint64{1}, mine.Ids)
	require.Equal(t, f.ctx.BlockHeight()+50_000, mine.Expires)
	require.Equal(t, []uint64{3}, f.submit(keyed("order-18", input(2))), "another key asks anew")
	require.Equal(t, []uint64{4}, f.submit(submission(input(2))), "and so does none")
}

func TestFailedSubmissionsLeaveTheirKeyFree(t *testing.T) {
	for name, spoil := range map[string]func(f *fixture, m *types.MsgSubmitRequests){
		"maximum fee": func(_ *fixture, m *types.MsgSubmitRequests) { m.MaxFee = math.OneInt() },
		"bad input":   func(_ *fixture, m *types.MsgSubmitRequests) { m.Requests[0].Inputs = nil },
		"queue full for the second": func(f *fixture, _ *types.MsgSubmitRequests) {
			f.scheduling.refuse, f.scheduling.refuseAt = schedulingtypes.ErrQueueFull, 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			msg := keyed("order-17", input(1), input(2))
			spoil(f, msg)
			f.requireUnchanged(func() {
				_, err := f.msgs.SubmitRequests(f.ctx, msg)
				require.Error(t, err)
			})
			f.scheduling.refuse = nil
			_, err := f.key(alice.String(), "order-17")
			require.ErrorIs(t, err, types.ErrIdempotencyKeyNotFound)
			require.Equal(t, codes.NotFound, status.Code(err))
			res, err := f.msgs.SubmitRequests(f.ctx, keyed("order-17", input(3)))
			require.NoError(t, err)
			require.False(t, res.AnsweredBefore)
		})
	}
}

func TestMalformedKeysAreRefused(t *testing.T) {
	f := newFixture(t)
	f.requireUnchanged(func() {
		_, err := f.msgs.SubmitRequests(f.ctx, keyed("a\n", input(1)))
		require.ErrorIs(t, err, types.ErrIdempotencyKey)
	})
	_, err := f.queries.IdempotencyKey(f.ctx, &types.QueryIdempotencyKeyRequest{Requester: "x", Key: "a"})
	require.Equal(t, codes.InvalidArgument, status.Code(err))
}

func TestKeysAreForgotten(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.IdempotencyBlocks = 5 })
	f.submit(keyed("order-17", input(1))) // in block 10
	f.endBlocks(5)
	_, err := f.key(alice.String(), "order-17")
	require.NoError(t, err, "known in block 15")
	f.endBlock()
	_, err = f.key(alice.String(), "order-17")
	require.ErrorIs(t, err, types.ErrIdempotencyKeyNotFound)
	require.Equal(t, []uint64{2}, f.submit(keyed("order-17", input(2))), "free for other content")
}

// A key whose time is over is free even while it waits to be dropped, and what is stored in its place stays.
func TestForgettingIsBounded(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.IdempotencyBlocks = 1 })
	for i := range 300 {
		f.submit(keyed(fmt.Sprintf("key-%03d", i), input(1)))
	}
	f.endBlock()
	kept := func() (n int) {
		require.NoError(t, f.k.IdempotencyKeys.Walk(f.ctx, nil, func(collections.Pair[[]byte, string], types.IdempotencyKey) (bool, error) {
			n++
			return false, nil
		}))
		return n
	}
	require.Equal(t, 300, kept())
	f.endBlock()
	require.Equal(t, 44, kept())
	_, err := f.key(alice.String(), "key-299")
	require.ErrorIs(t, err, types.ErrIdempotencyKeyNotFound)
	res, err := f.msgs.SubmitRequests(f.ctx, keyed("key-299", input(2)))
	require.NoError(t, err)
	require.False(t, res.AnsweredBefore)
	f.endBlock()
	require.Equal(t, 1, kept())
	known, err := f.key(alice.String(), "key-299")
	require.NoError(t, err)
	require.Equal(t, res.Ids, known.Ids)
}
