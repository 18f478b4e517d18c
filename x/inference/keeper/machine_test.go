package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// machine drives a keeper through random histories and keeps its own books beside it.
type machine struct {
	*fixture
	supply  int64                                 // coins in existence
	next    uint64                                // id of the next request
	open    map[uint64]types.RequestStatus        // requests without a verdict
	decided map[uint64]verificationtypes.Decision // requests with a verdict, not settled
	ended   map[uint64]types.RequestStatus        // what a request ended as
	endedAt map[uint64]int64                      // and at which height
	keep    map[uint64]int64                      // blocks for which its inputs are kept then; 0 for ever
	terms   map[uint64]types.Request              // a request as it was accepted
}

func newMachine(t *rapid.T) *machine {
	return &machine{
		fixture: newFixture(t), supply: 2 * startBalance, next: 1, open: map[uint64]types.RequestStatus{},
		decided: map[uint64]verificationtypes.Decision{}, ended: map[uint64]types.RequestStatus{},
		endedAt: map[uint64]int64{}, keep: map[uint64]int64{}, terms: map[uint64]types.Request{},
	}
}

// pick draws a request in one of these states; ok is false when there is none.
func (m *machine) pick(t *rapid.T, statuses ...types.RequestStatus) (id uint64, ok bool) {
	var ids []uint64
	for id := uint64(1); id < m.next; id++ {
		for _, s := range statuses {
			if m.open[id] == s {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(ids).Draw(t, "id"), true
}

// end notes that a request ended in the block of a height.
func (m *machine) end(id uint64, status types.RequestStatus, height int64) {
	delete(m.open, id)
	delete(m.decided, id)
	m.ended[id], m.endedAt[id] = status, height
}

func (m *machine) Submit(t *rapid.T) {
	who := rapid.SampledFrom([]sdk.AccAddress{alice, bob}).Draw(t, "requester")
	msg := submission()
	msg.Requester = who.String()
	for range rapid.IntRange(1, 4).Draw(t, "requests") {
		msg.Requests = append(msg.Requests, input(rapid.IntRange(1, 20).Draw(t, "rows")))
	}
	msg.MaxFee = math.NewInt(rapid.Int64Range(200, 2000).Draw(t, "max fee"))
	msg.Tier = rapid.SampledFrom([]types.Tier{types.TIER_QUORUM, types.TIER_COMMITTEE}).Draw(t, "tier")
	msg.Sealing = types.Sealing(rapid.IntRange(0, 2).Draw(t, "sealing"))
	if rapid.IntRange(0, 4).Draw(t, "queue full") == 0 {
		m.scheduling.refuse, m.scheduling.refuseAt = schedulingtypes.ErrQueueFull, rapid.IntRange(0, 3).Draw(t, "after")
	}
	res, err := m.msgs.SubmitRequests(m.ctx, msg)
	m.scheduling.refuse = nil
	if err != nil {
		return
	}
	for i, id := range res.Ids {
		require.Equal(t, m.next, id, "ids have no gaps; request %d", i)
		m.open[id] = types.REQUEST_STATUS_SUBMITTED
		m.terms[id] = m.request(id)
		params, _, err := m.k.CurrentParams(m.ctx)
		require.NoError(t, err)
		m.keep[id] = int64(params.InputBlocks)
		m.next++
	}
}

func (m *machine) Cancel(t *rapid.T) {
	id := rapid.Uint64Range(0, m.next).Draw(t, "id")
	_, err := m.msgs.CancelRequest(m.ctx, &types.MsgCancelRequest{Requester: alice.String(), Id: id})
	own := err == nil || m.open[id] == types.REQUEST_STATUS_SUBMITTED && m.request(id).Requester == alice.String()
	require.Equal(t, own, err == nil, "a queued request of one's own can be cancelled, and nothing else: %v", err)
	if err == nil {
		m.end(id, types.REQUEST_STATUS_CANCELLED, m.ctx.BlockHeight())
	}
}

func (m *machine) Assign(t *rapid.T) {
	id, ok := m.pick(t, types.REQUEST_STATUS_SUBMITTED, types.REQUEST_STATUS_RETRYING)
	if !ok {
		return
	}
	if rapid.IntRange(0, 9).Draw(t, "round refused") == 0 {
		m.verification.refuse = errBroken
		m.end(id, types.REQUEST_STATUS_FAILED, m.ctx.BlockHeight())
	} else {
		m.open[id] = types.REQUEST_STATUS_ASSIGNED
	}
	m.assign(id)
	m.verification.refuse = nil
}

func (m *machine) Verdict(t *rapid.T) {
	id, ok := m.pick(t, types.REQUEST_STATUS_ASSIGNED)
	if !ok {
		return
	}
	d := m.decision(id)
	if rapid.Bool().Draw(t, "failure") {
		d = m.failure(id, rapid.SampledFrom([]verificationtypes.Failure{
			verificationtypes.FAILURE_EXECUTION, verificationtypes.FAILURE_OUTPUT_LIMIT, 9,
		}).Draw(t, "kind"))
	}
	height := m.ctx.BlockHeight()
	switch rapid.SampledFrom([]string{"votes", "timer", "deadline", "final deadline"}).Draw(t, "by") {
	case "votes":
		m.decide(d)
	case "timer":
		m.verification.advanced = []verificationtypes.Decision{d}
		m.endBlock()
	case "deadline":
		m.verification.concluded[id] = d
		m.scheduling.due = []schedulingtypes.Expiry{{RequestID: id}}
		m.endBlock()
	case "final deadline":
		m.verification.concluded[id] = d
		m.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Final: true}}
		m.endBlock()
	}
	delete(m.verification.concluded, id)
	if d.Outcome.Failure == 9 {
		m.end(id, types.REQUEST_STATUS_FAILED, height)
		return
	}
	delete(m.open, id)
	m.decided[id] = d
}

func (m *machine) NoAgreement(t *rapid.T) {
	id, ok := m.pick(t, types.REQUEST_STATUS_ASSIGNED)
	if !ok {
		return
	}
	m.scheduling.again = rapid.Bool().Draw(t, "again")
	m.verification.passOver = rapid.SampledFrom([][]string{nil, {operator(1)}}).Draw(t, "pass over")
	height := m.ctx.BlockHeight()
	switch rapid.SampledFrom([]string{"votes", "timer", "deadline"}).Draw(t, "by") {
	case "votes":
		m.decide(m.impossible(id))
	case "timer":
		m.verification.advanced = []verificationtypes.Decision{m.impossible(id)}
		m.endBlock()
	case "deadline":
		m.scheduling.due = []schedulingtypes.Expiry{{RequestID: id}}
		m.endBlock()
	}
	if m.open[id] = types.REQUEST_STATUS_RETRYING; !m.scheduling.again {
		m.end(id, types.REQUEST_STATUS_FAILED, height)
	}
}

func (m *machine) FinalDeadline(t *rapid.T) {
	id, ok := m.pick(t, types.REQUEST_STATUS_SUBMITTED, types.REQUEST_STATUS_ASSIGNED, types.REQUEST_STATUS_RETRYING)
	if !ok {
		return
	}
	m.scheduling.due = []schedulingtypes.Expiry{{RequestID: id, Final: true}}
	height := m.ctx.BlockHeight()
	m.endBlock()
	m.end(id, types.REQUEST_STATUS_FAILED, height)
}

func (m *machine) Settle(t *rapid.T) {
	for id := uint64(1); id < m.next; id++ {
		d, ok := m.decided[id]
		if !ok || rapid.Bool().Draw(t, "later") {
			continue
		}
		conduct := []verificationtypes.MemberOutcome{agreed, agreed, agreed}
		for i := range conduct {
			conduct[i] = verificationtypes.MemberOutcome(rapid.IntRange(0, 3).Draw(t, "conduct"))
		}
		if rapid.IntRange(0, 9).Draw(t, "publisher agreed") > 0 {
			conduct[2] = agreed // otherwise the settlement fails and refunds
		}
		s := m.settlement(d, conduct...)
		for i, outcome := range s.Outcomes {
			if outcome == agreed && rapid.Bool().Draw(t, "tolerated") {
				s.Tolerated = []byte{1 << i}
			}
		}
		m.verification.settlements = append(m.verification.settlements, s)
		m.end(id, m.request(id).Status, m.ctx.BlockHeight())
	}
	m.endBlock()
}

// Hurdle changes who can be paid.
func (m *machine) Hurdle(t *rapid.T) {
	m.staking.gone[operator(rapid.IntRange(0, 2).Draw(t, "gone"))] = rapid.Bool().Draw(t, "is gone")
	m.bank.unpayable[operator(rapid.IntRange(0, 2).Draw(t, "unpayable"))] = rapid.Bool().Draw(t, "is unpayable")
	m.bank.blocked[rapid.SampledFrom([]string{alice.String(), bob.String(), owner.String()}).Draw(t, "blocked")] = rapid.Bool().Draw(t, "is blocked")
}

// Blocks pass in which nothing happens.
func (m *machine) Blocks(t *rapid.T) {
	for range rapid.IntRange(1, 5).Draw(t, "blocks") {
		m.endBlock()
	}
}

// Params changes the terms of requests to come.
func (m *machine) Params(t *rapid.T) {
	m.scheduling.basePrice = math.NewInt(rapid.Int64Range(0, 300).Draw(t, "base"))
	m.setParams(func(p *types.Params) {
		a := rapid.Uint32Range(0, 10_000).Draw(t, "publisher")
		p.FeeShares = types.FeeShares{Publisher: a, Members: 10_000 - a}
		p.CommitteeMultiplier = rapid.Uint32Range(1, 20_000).Draw(t, "committee")
		p.SealFee = math.NewInt(rapid.Int64Range(0, 1000).Draw(t, "seal fee"))
		p.InputBlocks = rapid.Uint32Range(0, 4).Draw(t, "input blocks")
	})
}

// Export imports the exported state into a new chain and compares.
func (m *machine) Export(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "skip") > 0 {
		return
	}
	m.endBlock() // a state is exported between blocks
	m.requireRoundTrip()
}

// Check holds after every step.
func (m *machine) Check(t *rapid.T) {
	require.NoError(t, m.k.CheckEscrow(m.ctx))
	total := int64(0)
	for _, who := range []string{
		alice.String(), bob.String(), owner.String(), communityPool, moduleAddress(types.ModuleName).String(),
		operator(0), operator(1), operator(2),
	} {
		total += m.balance(who)
	}
	require.Equal(t, m.supply, total, "no coin appears or disappears")
	for id := uint64(1); id < m.next; id++ {
		r := m.request(id)
		require.NoError(t, r.Validate())
		if status, open := m.open[id]; open {
			require.Equal(t, status, r.Status, "request %d", id)
			require.Equal(t, r.Fee.Escrow(), r.Escrow)
		} else if _, waits := m.decided[id]; waits {
			require.True(t, r.Settles())
			require.Equal(t, r.Fee.Escrow(), r.Escrow)
		} else {
			require.Equal(t, m.ended[id], r.Status, "request %d", id)
			require.True(t, r.Escrow.IsZero(), "an ended request holds nothing")
		}
		m.checkTerms(t, r)
		_, err := m.scheduling.task(m.ctx, id)
		require.Equal(t, r.Status.Open(), err == nil, "an open request has a task, an ended one has none")
	}
}

// checkTerms: what a request was accepted under stays as it was, and its inputs are there until the time for which they
// are kept after its end is over.
func (m *machine) checkTerms(t *rapid.T, r types.Request) {
	was := m.terms[r.Id]
	require.Equal(t, was.Digest, r.Digest)
	require.Equal(t, was.Fee, r.Fee)
	require.Equal(t, was.Sealed, r.Sealed)
	require.Equal(t, was.Tier, r.Tier)
	over := false
	if _, ended := m.ended[r.Id]; ended && m.keep[r.Id] > 0 {
		over = m.endedAt[r.Id]+m.keep[r.Id] < m.ctx.BlockHeight()
	}
	_, err := m.queries.Inputs(m.ctx, &types.QueryInputsRequest{Id: r.Id})
	if over {
		require.ErrorIs(t, err, types.ErrInputsPruned)
	} else {
		require.NoError(t, err)
	}
}

// Whatever happens, in whatever order, the module account holds exactly the escrows, coins are conserved, and a
// request that has ended holds nothing.
func TestEscrowIsConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		t.Repeat(map[string]func(*rapid.T){
			"submit": m.Submit, "cancel": m.Cancel, "assign": m.Assign, "verdict": m.Verdict, "no agreement": m.NoAgreement,
			"final deadline": m.FinalDeadline, "settle": m.Settle, "hurdle": m.Hurdle, "params": m.Params, "export": m.Export, "blocks": m.Blocks,
			"": m.Check,
		})
	})
}
