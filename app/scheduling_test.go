package app_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// crowd is the number of requests of the tests below.
const crowd = 10_000

// crowded is a chain that begins so many requests in a block and has room for all of a crowd to wait. Edit changes the
// nodes, when set; the powers are equal unless given.
func crowded(t *testing.T, perBlock uint32, attester chaintest.Attester, edit func(i int, n *schedulingtypes.Node), powers ...int64) *chaintest.Chain {
	t.Helper()
	c := chaintest.New(t, chaintest.Options{
		Powers: powers,
		Edit: func(state map[string]json.RawMessage) {
			editGenesis(t, state, schedulingtypes.ModuleName, func(g *schedulingtypes.GenesisState) {
				p := &g.Params[0].Params
				p.MaxAssignmentsPerBlock, p.DeadlineQuota, p.MaxQueueDepth, p.QueueBlocks = perBlock, crowd, crowd, 2*crowd/perBlock
				for n := range g.Nodes {
					for i := range g.Nodes {
						if edit != nil && g.Nodes[n].Operator == chaintest.Operator(i).String() {
							edit(i, &g.Nodes[n])
						}
					}
				}
			})
			editGenesis(t, state, inferencetypes.ModuleName, func(g *inferencetypes.GenesisState) {
				g.Params[0].Params.MaxRequestsPerMessage = 1_000
			})
		},
		Consensus: func(p *cmtproto.ConsensusParams) { p.Block.MaxGas = 100_000_000_000 },
	})
	c.AttestWith(attester)
	c.Next()
	c.Next()
	register(t, c)
	return c
}

// happenings are what the typed events of blocks say.
type happenings struct {
	leaders map[uint64]string // of the first attempt
	begun   []uint64          // in order
	at      map[uint64]int64  // height of the first attempt
}

func newHappenings() *happenings {
	return &happenings{leaders: map[uint64]string{}, at: map[uint64]int64{}}
}

// note takes the assignments from the events of a block.
func (h *happenings) note(t *testing.T, height int64, resp *abci.ResponseFinalizeBlock) {
	t.Helper()
	for _, assigned := range typedEvents(t, resp, &schedulingtypes.EventAssigned{}) {
		require.Equal(t, uint32(1), assigned.Attempt, "request %d needs no second attempt", assigned.RequestId)
		h.leaders[assigned.RequestId] = assigned.Leader
		h.begun = append(h.begun, assigned.RequestId)
		h.at[assigned.RequestId] = height
	}
}

// Leaders of 10,000 requests on nodes with capacities of one to two to four to eight match the weights: the counts of a
// fixed chain, each within three standard deviations.
func TestLeadersOfUnequalNodes(t *testing.T) {
	c := crowded(t, calm, chaintest.Attester{Output: answer}, unequal)
	requireLeads(t, leads(t, c, crowd), crowd, []uint64{100, 200, 400, 800})
}

// A node that is paused, and one whose status is stale, lead nothing; the others share by weight.
func TestLeadersWithoutThosePausedAndStale(t *testing.T) {
	silent := false
	attester := chaintest.Attester{Output: answer, Edit: func(i int, _ int64, ext *abcitypes.VoteExtension) {
		if i == 0 && silent {
			ext.Status = nil
		}
	}}
	c := crowded(t, calm, attester, func(i int, n *schedulingtypes.Node) {
		unequal(i, n)
		if i == 3 {
			n.State = schedulingtypes.NODE_STATE_PAUSED
		}
	}, 20, 40, 40, 20)
	requireLeads(t, leads(t, c, 1_000), 1_000, []uint64{20 * 100, 40 * 200, 40 * 400, 0})
	silent = true
	for range schedulingtypes.DefaultParams().HeartbeatWindow + 1 {
		c.Next()
	}
	requireLeads(t, leads(t, c, 1_000), 1_000, []uint64{0, 200, 400, 0})
}

// calm is a number of requests in a block that no node is busy with.
const calm = 40

// unequal gives validator i a hundred units, twice as much as the one before it.
func unequal(i int, n *schedulingtypes.Node) { n.Capacity = 100 << i }

// leads submits requests, some in every block, and counts who led them.
func leads(t *testing.T, c *chaintest.Chain, requests int) []int {
	t.Helper()
	from := c.Accounts[0]
	h := newHappenings()
	for range requests / calm {
		resp := c.Next(c.Tx(from, 0, submission(from.Address, calm)))
		require.Zero(t, resp.TxResults[1].Code, resp.TxResults[1].Log)
		h.note(t, c.Height(), resp)
	}
	require.Len(t, h.begun, requests)
	counts := make([]int, len(c.Validators))
	for i := range counts {
		for _, leader := range h.leaders {
			if leader == chaintest.Operator(i).String() {
				counts[i]++
			}
		}
	}
	return counts
}

func requireLeads(t *testing.T, counts []int, requests int, weights []uint64) {
	t.Helper()
	var total uint64
	for _, weight := range weights {
		total += weight
	}
	for i, weight := range weights {
		p := float64(weight) / float64(total)
		mean, sigma := p*float64(requests), math.Sqrt(p*(1-p)*float64(requests))
		t.Logf("node %d with %d of %d: %d leads of %d, %.1f ± %.1f expected", i, weight, total, counts[i], requests, mean, sigma)
		require.InDelta(t, mean, counts[i], 3*sigma, "leads of node %d", i)
	}
}

// 10,000 requests of all fee classes submitted at once, against a capacity for 100 a block: all are final, in the order
// of class and age, none is lost, the price rises while they wait and falls back.
func TestCrowdEndsInOrder(t *testing.T) {
	const perBlock = 100
	c := crowded(t, perBlock, chaintest.Attester{Output: answer}, nil)
	from := c.Accounts[0]
	classes := []schedulingtypes.FeeClass{
		schedulingtypes.FEE_CLASS_ECONOMY, schedulingtypes.FEE_CLASS_STANDARD, schedulingtypes.FEE_CLASS_PRIORITY,
	}
	var txs [][]byte
	for i := range crowd / 1_000 {
		msg := submission(from.Address, 1_000)
		msg.FeeClass = classes[i%len(classes)]
		txs = append(txs, c.Tx(from, uint64(i), msg))
	}
	before := balance(c, from.Address)
	least := price(t, c)
	h := newHappenings()
	resp := c.Next(txs...)
	for i, r := range resp.TxResults {
		require.Zero(t, r.Code, "result %d: %s", i, r.Log)
	}
	submitted := c.Height()
	h.note(t, submitted, resp)
	highest, last := least, int64(0)
	for waiting := uint64(crowd); waiting > 0; {
		h.note(t, c.Height()+1, c.Next())
		load, err := c.App.SchedulingKeeper.Load(c.Ctx())
		require.NoError(t, err)
		require.Less(t, load.Tasks, waiting, "every block begins some")
		waiting = load.Tasks
		if p := price(t, c); p > highest {
			highest, last = p, c.Height()
		}
	}
	require.Equal(t, submitted+crowd/perBlock-1, c.Height(), "blocks are full until all have begun")
	for range 8 {
		h.note(t, c.Height()+1, c.Next())
	}

	require.Equal(t, slices.Concat(
		idsOf(2_001, 5_001, 8_001),     // 3,000 of class PRIORITY
		idsOf(1_001, 4_001, 7_001),     // 3,000 of class STANDARD
		idsOf(1, 3_001, 6_001, 9_001)), // 4,000 of class ECONOMY
		h.begun, "each begins once, by class and age")
	spent := int64(0)
	for _, id := range h.begun {
		r := request(t, c, id)
		require.Equal(t, inferencetypes.REQUEST_STATUS_FINALIZED, r.Status, "request %d", id)
		require.True(t, r.Escrow.IsZero(), "request %d is settled", id)
		require.LessOrEqual(t, h.at[id], r.FinalDeadline)
		spent += r.Fee.Total.Int64()
	}
	// The requester owns the model and all stakes: it has its own again but what validators and the community keep.
	require.Less(t, balance(c, from.Address), before)
	require.GreaterOrEqual(t, balance(c, from.Address), before-spent)
	require.NoError(t, c.App.InferenceKeeper.CheckEscrow(c.Ctx()))

	t.Logf("base price from %d up to %d at height %d, %d blocks after the submission", least, highest, last, last-submitted)
	require.Greater(t, highest, 2*least)
	blocks := 0
	for ; price(t, c) > least; blocks++ {
		require.Less(t, blocks, 30, "an idle chain becomes cheap again")
		c.Next()
	}
	t.Logf("and back %d blocks after the last had begun", blocks+8)
}

// idsOf are the ids of messages of 1,000 requests, by the first of each.
func idsOf(firsts ...uint64) (ids []uint64) {
	for _, first := range firsts {
		for id := first; id < first+1_000; id++ {
			ids = append(ids, id)
		}
	}
	return ids
}

// A leader whose node says that it is not ready is replaced in the block that carries its word, and the request ends with
// the same attempt, under the other leader.
func TestUnhealthyLeaderIsReplaced(t *testing.T) {
	quiet, failed := false, -1
	attester := chaintest.Attester{Output: answer, Edit: func(i int, _ int64, ext *abcitypes.VoteExtension) {
		if quiet || i == failed {
			ext.Attestations, ext.Outputs = nil, nil
		}
		if i == failed {
			ext.Status = &schedulingtypes.NodeStatus{Environment: chaintest.Environment(), WorkerVersion: "test"}
		}
	}}
	c := crowded(t, calm, attester, nil)
	from := c.Accounts[0]
	quiet = true
	assigned := typedEvents(t, c.Next(c.Tx(from, 0, submission(from.Address, 1))), &schedulingtypes.EventAssigned{})
	require.Len(t, assigned, 1)
	id, begun := assigned[0].RequestId, c.Height()
	for i := range c.Validators {
		if chaintest.Operator(i).String() == assigned[0].Leader {
			failed = i
		}
	}
	require.GreaterOrEqual(t, failed, 0)
	var replaced []*schedulingtypes.EventLeaderReplaced
	for range 4 {
		node, err := c.App.SchedulingKeeper.Nodes.Get(c.Ctx(), chaintest.Operator(failed))
		require.NoError(t, err)
		if !node.Status.Ready {
			require.Equal(t, c.Height(), node.StatusHeight)
			break
		}
		require.Empty(t, replaced, "nobody is replaced before")
		replaced = typedEvents(t, c.Next(), &schedulingtypes.EventLeaderReplaced{})
	}
	require.Len(t, replaced, 1, "in the block of the status")
	require.Equal(t, id, replaced[0].RequestId)
	require.Equal(t, uint32(1), replaced[0].Attempt)
	require.Equal(t, assigned[0].Leader, replaced[0].Replaced)
	require.NotEqual(t, assigned[0].Leader, replaced[0].Leader)

	quiet = false
	for request(t, c, id).Status == inferencetypes.REQUEST_STATUS_ASSIGNED {
		require.Less(t, c.Height(), begun+int64(schedulingtypes.DefaultParams().AttemptBlocks), "before the deadline of the attempt")
		c.Next()
	}
	r := request(t, c, id)
	require.Equal(t, inferencetypes.REQUEST_STATUS_FINALIZED, r.Status)
	require.Equal(t, uint32(1), r.Attempt)
	for range verificationtypes.DefaultSettleBlocks + 1 {
		c.Next()
	}
	receipt, err := c.App.InferenceKeeper.Receipts.Get(c.Ctx(), id)
	require.NoError(t, err)
	require.Equal(t, replaced[0].Leader, receipt.Leader)
	require.Equal(t, replaced[0].Leader, receipt.Publisher)
}

// A validator that unbonds leaves no attempt without a leader: it is replaced in the next block.
func TestUnbondingLeaderIsReplaced(t *testing.T) {
	quiet := false
	attester := chaintest.Attester{Output: answer, Edit: func(_ int, _ int64, ext *abcitypes.VoteExtension) {
		if quiet {
			ext.Attestations, ext.Outputs = nil, nil
		}
	}}
	c := crowded(t, calm, attester, nil, 10, 10, 10, 10)
	from := c.Accounts[0]
	quiet = true
	assigned := typedEvents(t, c.Next(c.Tx(from, 0, submission(from.Address, 1))), &schedulingtypes.EventAssigned{})
	require.Len(t, assigned, 1)
	gone := slices.IndexFunc(c.Validators, func(v chaintest.Validator) bool { return v.Operator.String() == assigned[0].Leader })
	require.GreaterOrEqual(t, gone, 0)
	resp := c.Next(c.Tx(from, 0, &stakingtypes.MsgUndelegate{
		DelegatorAddress: from.Address.String(), ValidatorAddress: assigned[0].Leader,
		Amount: sdk.NewCoin(app.BondDenom, sdk.TokensFromConsensusPower(10, sdk.DefaultPowerReduction)),
	}))
	require.Zero(t, resp.TxResults[1].Code, resp.TxResults[1].Log)
	require.Empty(t, typedEvents(t, resp, &schedulingtypes.EventLeaderReplaced{}), "its stake goes at the end of the block")
	replaced := typedEvents(t, c.Next(), &schedulingtypes.EventLeaderReplaced{})
	require.Len(t, replaced, 1)
	require.Equal(t, assigned[0].Leader, replaced[0].Replaced)
}

func price(t *testing.T, c *chaintest.Chain) int64 {
	t.Helper()
	p, err := c.App.SchedulingKeeper.BasePrice(c.Ctx())
	require.NoError(t, err)
	return p.Int64()
}
