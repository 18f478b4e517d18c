package keeper_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// answered is what the machine expects of a key.
type answered struct {
	content     string
	ids, reused []uint64
	expires     int64
}

// offered is what the machine expects of a reusable receipt.
type offered struct {
	id      uint64
	settled int64
	expires int64
	sealed  bool
}

// memoryMachine sends messages with few keys and few contents, and keeps its own books of what was answered and settled.
type memoryMachine struct {
	*fixture
	keys     map[string]answered // by requester and key
	receipts map[string]offered  // by what was asked for
	asked    map[uint64]string
	open     []uint64
	next     uint64
	params   types.Params
}

func (m *memoryMachine) Submit(t *rapid.T) {
	rows := rapid.SliceOfN(rapid.IntRange(1, 2), 1, 2).Draw(t, "rows")
	msg := submission()
	for _, n := range rows {
		msg.Requests = append(msg.Requests, input(n))
	}
	msg.Requester = rapid.SampledFrom([]sdk.AccAddress{alice, bob}).Draw(t, "requester").String()
	msg.IdempotencyKey = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key")
	msg.Sealing = types.Sealing(rapid.IntRange(1, 2).Draw(t, "sealing"))
	msg.ReuseBlocks = rapid.SampledFrom([]uint32{0, 2, 100}).Draw(t, "reuse")
	full := rapid.IntRange(0, 4).Draw(t, "queue full") == 0
	if full {
		m.scheduling.refuse, m.scheduling.refuseAt = schedulingtypes.ErrQueueFull, 0
	}
	own := m.balance(msg.Requester)
	res, err := m.msgs.SubmitRequests(m.ctx, msg)
	m.scheduling.refuse = nil

	place := msg.Requester + " " + msg.IdempotencyKey
	content := fmt.Sprint(rows, msg.Sealing, msg.ReuseBlocks)
	known, found := m.keys[place]
	if found = found && msg.IdempotencyKey != "" && known.expires >= m.ctx.BlockHeight(); found {
		require.Equal(t, known.content == content, err == nil, "%v", err)
		if err == nil {
			require.True(t, res.AnsweredBefore)
			require.Equal(t, [][]uint64{known.ids, known.reused}, [][]uint64{res.Ids, res.Reused})
		} else {
			require.ErrorIs(t, err, types.ErrIdempotencyContent)
		}
		require.Equal(t, own, m.balance(msg.Requester))
		return
	}
	m.expectNew(t, msg, rows, full, own, res, err)
	if err == nil && msg.IdempotencyKey != "" {
		m.keys[place] = answered{content, res.Ids, res.Reused, m.ctx.BlockHeight() + int64(m.params.IdempotencyBlocks)}
	}
}

// expectNew is the answer to a message that was not answered before.
func (m *memoryMachine) expectNew(t *rapid.T, msg *types.MsgSubmitRequests, rows []int, full bool, own int64, res *types.MsgSubmitRequestsResponse, err error) {
	sealed := msg.Sealing == types.SEALING_SEALED
	next, cost := m.next, int64(0)
	var ids, reused []uint64
	asked := make(map[uint64]string)
	for _, n := range rows {
		o, ok := m.receipts[fmt.Sprint(n)]
		window := int64(min(msg.ReuseBlocks, m.params.ReuseBlocks))
		if ok && window > 0 && m.ctx.BlockHeight() < o.expires+1 && m.ctx.BlockHeight()-o.settled <= window && (o.sealed || !sealed) {
			ids, reused = append(ids, o.id), append(reused, o.id)
			cost += 15
			continue
		}
		asked[next] = fmt.Sprint(n)
		ids = append(ids, next)
		next++
	}
	require.Equal(t, full && len(asked) > 0, err != nil, "%v", err)
	if err != nil {
		require.Equal(t, own, m.balance(msg.Requester))
		return
	}
	require.Equal(t, [][]uint64{ids, reused}, [][]uint64{res.Ids, res.Reused})
	require.False(t, res.AnsweredBefore)
	for id, what := range asked {
		r := m.request(id)
		require.Equal(t, sealed, r.Sealed)
		cost += r.Fee.Total.Int64()
		m.asked[id] = what
	}
	for ; m.next < next; m.next++ {
		m.open = append(m.open, m.next)
	}
	require.Equal(t, cost, own-m.balance(msg.Requester))
}

// Settle carries an open request to its receipt, or to a charged failure, in two blocks.
func (m *memoryMachine) Settle(t *rapid.T) {
	m.open = slices.DeleteFunc(m.open, func(id uint64) bool { return !m.request(id).Status.Open() })
	if len(m.open) == 0 {
		return
	}
	at := rapid.IntRange(0, len(m.open)-1).Draw(t, "request")
	id := m.open[at]
	m.open = slices.Delete(m.open, at, at+1)
	m.assign(id)
	d, failed := m.decision(id), rapid.IntRange(0, 3).Draw(t, "failed") == 0
	if failed {
		d = m.failure(id, verificationtypes.FAILURE_EXECUTION)
	}
	m.decide(d)
	m.verification.settlements = []verificationtypes.Settlement{m.settlement(d, agreed, agreed, agreed)}
	if !failed && m.params.ReuseBlocks > 0 {
		height := m.ctx.BlockHeight()
		fresh := offered{id, height, height + int64(m.params.ReuseBlocks), m.request(id).Sealed}
		if old, is := m.receipts[m.asked[id]]; !is || !old.sealed || fresh.sealed || old.expires <= height {
			m.receipts[m.asked[id]] = fresh
		}
	}
	m.endBlock()
}

func (m *memoryMachine) Blocks(t *rapid.T) {
	m.endBlocks(rapid.IntRange(1, 4).Draw(t, "blocks"))
}

func (m *memoryMachine) Params(t *rapid.T) {
	m.setParams(func(p *types.Params) {
		p.IdempotencyBlocks = rapid.Uint32Range(1, 8).Draw(t, "idempotency")
		p.ReuseBlocks = rapid.Uint32Range(0, 8).Draw(t, "reuse")
		m.params = *p
	})
}

func (m *memoryMachine) Export(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "skip") == 0 {
		m.expireOverdue()
		m.endBlock() // a state is exported between blocks
		m.requireRoundTrip()
	}
}

func (m *memoryMachine) Check(t *rapid.T) {
	require.NoError(t, m.k.CheckEscrow(m.ctx))
	for place, known := range m.keys {
		var requester, key string
		_, err := fmt.Sscan(place, &requester, &key)
		require.NoError(t, err)
		got, err := m.key(requester, key)
		require.Equal(t, known.expires >= m.ctx.BlockHeight(), err == nil)
		if err == nil {
			require.Equal(t, known.ids, got.Ids)
		}
	}
}

// Whatever is sent, in whatever order: a key that is remembered answers with the first ids and costs nothing, and a
// receipt stands for a request exactly as long as both windows say.
func TestMemoryKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &memoryMachine{
			fixture: newFixture(t), keys: map[string]answered{}, receipts: map[string]offered{}, asked: map[uint64]string{}, next: 1,
			params: types.DefaultParams(),
		}
		t.Repeat(map[string]func(*rapid.T){
			"submit": m.Submit, "submit again": m.Submit, "settle": m.Settle, "blocks": m.Blocks, "params": m.Params,
			"export": m.Export, "": m.Check,
		})
	})
}
