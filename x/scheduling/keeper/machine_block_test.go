package keeper_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// block lets a few blocks pass, mostly with a heartbeat of every node: otherwise few tasks would be assigned, and few
// come near their deadlines. Now and then something happens to a node while attempts are under way.
func (m *machine) block(t *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(t, "blocks") {
		switch happens := rapid.SampledFrom([]string{"", "", "", "silence", "wish", "report"}).Draw(t, "happens"); happens {
		case "silence":
		case "wish":
			m.operate(t)
		default:
			if m.heartbeat(t); happens == "report" {
				m.report(t)
			}
		}
		m.endBlock(t)
	}
}

// endBlock does what the end of a block does and checks what must hold between blocks.
func (m *machine) endBlock(t check) {
	height := m.ctx.BlockHeight()
	attempts := uint32(0)
	for _, expiry := range m.expired(t) {
		require.Equal(t, m.attempts[expiry.RequestID], expiry.Attempts)
		require.Equal(t, m.open[expiry.RequestID].FinalDeadline <= height, expiry.Final)
		if expiry.Final {
			require.NoError(t, m.Complete(m.ctx, expiry.RequestID))
			m.forget(expiry.RequestID)
			continue
		}
		attempts++
		m.endAttempt(t, expiry.RequestID, []string{operator(0).String()})
	}
	require.LessOrEqual(t, attempts, 2*m.params.MaxAssignmentsPerBlock)
	m.checkReview(t)
	head, more := m.head(t)
	placements := m.assign(t)
	m.checkPlacements(t, placements)
	m.checkOrder(t, head, more, placements)
	m.checkMarket(t, placements)
	m.checkState(t)
	m.checkNodes(t)
	m.at(height + 1)
}

// checkReview looks at the attempts as the inference module does: without a majority an attempt ends, without a
// healthy leader it goes on under another.
func (m *machine) checkReview(t check) {
	height, window := m.ctx.BlockHeight(), m.params.HeartbeatWindow
	review := m.review(t)
	m.leaveAndNotice(t)
	require.LessOrEqual(t, len(review.Attempts), 2*int(m.params.MaxAssignmentsPerBlock))
	var power, total int64 // of those that take work, and of all
	if len(review.Attempts) > 0 {
		for i := range m.nodes {
			v := m.staking.validators[i]
			want := v.power > 0 && m.nodes[i].isHealthy(height, window)
			require.Equal(t, want, review.Healthy[operator(i).String()])
			if total += v.power; !v.jailed && m.nodes[i].takesWork(height, window) {
				power += v.power
			}
		}
	}
	for _, reviewed := range review.Attempts {
		id := reviewed.RequestID
		under, isRunning := m.running[id]
		require.True(t, isRunning)
		require.Equal(t, m.canFollow(t, id) && 2*power > total, reviewed.Again)
		candidates := slices.DeleteFunc(slices.Clone(under.members), func(name string) bool { return !review.Healthy[name] })
		switch {
		case 2*len(candidates) < len(under.members) && reviewed.Again:
			m.endAttempt(t, id, nil)
		case !review.Healthy[under.leader]:
			m.replaceLeader(t, review.Workers, id, candidates)
		}
	}
}

// replaceLeader predicts who can lead: a candidate that takes work and was not passed over, while there is one.
func (m *machine) replaceLeader(t check, workers types.Workers, id uint64, candidates []string) {
	able := slices.DeleteFunc(slices.Clone(candidates), func(name string) bool {
		v := m.staking.validators[m.position(name)]
		return v.power == 0 || v.jailed || !m.nodeOf(name).takesWork(m.ctx.BlockHeight(), m.params.HeartbeatWindow) ||
			!m.canRun(t, m.position(name), m.open[id].Model, true)
	})
	fresh := slices.DeleteFunc(slices.Clone(able), func(name string) bool { return m.passedOver[id][name] })
	leader, err := m.ReplaceLeader(m.ctx, workers, id, candidates, true)
	require.NoError(t, err)
	switch {
	case len(able) == 0:
		require.Empty(t, leader)
		return
	case len(fresh) > 0:
		require.Contains(t, fresh, leader)
	default:
		require.Contains(t, able, leader)
	}
	under := m.running[id]
	m.leadEnds(t, id, under)
	under.leader, under.since = leader, m.ctx.BlockHeight()
	m.running[id] = under
}

func (m *machine) position(name string) int {
	return slices.IndexFunc(m.staking.validators, func(v *validator) bool { return v.operator.String() == name })
}

// leaveAndNotice follows, in the model, which nodes have left and which statuses were found stale. A node leaves when
// nothing that it takes part in, and nothing that is overdue, is under way.
func (m *machine) leaveAndNotice(t check) {
	height := m.ctx.BlockHeight()
	overdue := false
	for id := range m.running {
		stored, err := m.Tasks.Get(m.ctx, id)
		require.NoError(t, err)
		overdue = overdue || stored.Assignment.Deadline <= height
	}
	for i := range m.nodes {
		node := &m.nodes[i]
		if node.state == types.NODE_STATE_LEAVING && node.drained <= height {
			leads := slices.ContainsFunc(slices.Collect(maps.Values(m.running)), func(a attempt) bool { return a.leader == operator(i).String() })
			if node.drained = height + 1; !overdue && !leads {
				node.state, node.drained = types.NODE_STATE_LEFT, 0
				node.reported, node.isReady, node.noticed, node.statusHeight = false, false, false, 0
				clear(node.models)
				for id, under := range m.running {
					require.NotContains(t, under.members, operator(i).String(), "node %d has left and takes part in %d", i, id)
				}
			}
		}
		node.noticed = node.noticed || node.reported && node.statusHeight+int64(m.params.HeartbeatWindow) <= height
	}
}

// head predicts what begins from the head of the queue, and whether the search goes on behind it.
func (m *machine) head(t check) (ids []uint64, more bool) {
	var waiting []types.Task
	for id := range m.open {
		if _, isRunning := m.running[id]; !isRunning {
			stored, err := m.Tasks.Get(m.ctx, id)
			require.NoError(t, err)
			waiting = append(waiting, stored)
		}
	}
	slices.SortFunc(waiting, func(a, b types.Task) int {
		if (a.Attempts > 0) != (b.Attempts > 0) {
			return cmp.Compare(b.Attempts, a.Attempts)
		}
		if a.Attempts > 0 {
			return cmp.Or(cmp.Compare(a.FinalDeadline, b.FinalDeadline), cmp.Compare(a.RequestId, b.RequestId))
		}
		return cmp.Or(cmp.Compare(a.QueuePosition, b.QueuePosition), cmp.Compare(a.RequestId, b.RequestId))
	})
	if at := slices.IndexFunc(waiting, func(task types.Task) bool { return task.RequestId == m.unfit }); at >= 0 {
		claimed := waiting[at]
		waiting = slices.Insert(slices.Delete(waiting, at, at+1), 0, claimed)
	}
	m.unfit = 0
	limit := 2 * int(m.params.MaxAssignmentsPerBlock)
	budget := queue.NewBudget(m.params.Limits())
	for _, task := range waiting[:min(limit, len(waiting))] {
		if budget.IsSpent() {
			break
		}
		if !budget.Fits(task.Need()) {
			if m.unfit == 0 {
				m.unfit = task.RequestId
			}
			continue
		}
		m.checkPower(t, task)
		if eligible, total := m.power(t, task, true); 2*eligible <= total {
			more = len(waiting) >= limit
			continue
		}
		budget.Take(task.Need())
		ids = append(ids, task.RequestId)
	}
	return ids, more
}

// checkPower compares what submissions and admissions ask for with the model.
func (m *machine) checkPower(t check, task types.Task) {
	proved, all := m.power(t, task, false)
	eligible, total, err := m.EligiblePower(m.ctx, task.Model, task.TaskClass, task.MemoryBytes)
	require.NoError(t, err)
	require.Equal(t, []int64{proved, all}, []int64{eligible, total})
	voters, total, err := m.Voters(m.ctx)
	require.NoError(t, err)
	require.Equal(t, all, total)
	proved = 0
	for _, voter := range voters {
		i := m.position(voter.Operator)
		require.Equal(t, m.node(t, i).EnvironmentClass, voter.EnvironmentClass)
		if voter.Fits(task.TaskClass, task.MemoryBytes) && m.canRun(t, i, task.Model, false) {
			proved += voter.Power
		}
	}
	require.Equal(t, proved, eligible, "those who can run it are among the voters")
}

func (m *machine) checkOrder(t check, head []uint64, more bool, placements []types.Placement) {
	var ids []uint64
	for _, placement := range placements {
		ids = append(ids, placement.Task.RequestId)
	}
	require.GreaterOrEqual(t, len(ids), len(head))
	require.True(t, slices.Equal(head, ids[:len(head)]), "expected %v from the head of the queue, got %v", head, ids)
	if !more {
		require.Len(t, ids, len(head), "only behind tasks without power the search goes on")
	}
}

// checkMarket: the price follows what the block has begun.
func (m *machine) checkMarket(t check, placements []types.Placement) {
	budget := queue.NewBudget(m.params.Limits())
	for _, placement := range placements {
		require.True(t, budget.Fits(placement.Task.Need()))
		budget.Take(placement.Task.Need())
	}
	price, err := pricing.NextBase(m.price.BigInt(), budget.Utilisation(), m.params.Market())
	require.NoError(t, err)
	m.price, m.utilisation = math.NewIntFromBigInt(price), budget.Utilisation()
	market, err := m.Market.Get(m.ctx)
	require.NoError(t, err)
	require.Equal(t, m.price.String(), market.BasePrice.String())
	require.Equal(t, m.utilisation, market.Utilisation)
}

func (m *machine) checkPlacements(t check, placements []types.Placement) {
	require.LessOrEqual(t, len(placements), int(m.params.MaxAssignmentsPerBlock))
	for _, placement := range placements {
		id := placement.Task.RequestId
		m.attempts[id]++
		require.Equal(t, m.attempts[id], placement.Task.Assignment.Attempt)
		require.LessOrEqual(t, placement.Task.Assignment.Deadline, m.open[id].FinalDeadline)
		require.Greater(t, placement.Task.Assignment.Deadline, m.ctx.BlockHeight())

		var power int64
		var operators, fresh []string
		for _, member := range placement.Members {
			power += member.Power
			operators = append(operators, member.Operator)
			if !m.passedOver[id][member.Operator] {
				fresh = append(fresh, member.Operator)
			}
		}
		want, _ := m.power(t, placement.Task, true)
		require.Equal(t, want, power, "all who take work and can run the model are members, and nobody else")
		require.Greater(t, 2*power, placement.TotalPower)
		require.Contains(t, operators, placement.Task.Assignment.Leader)
		if len(fresh) > 0 {
			require.Contains(t, fresh, placement.Task.Assignment.Leader)
		}
		m.running[id] = attempt{leader: placement.Task.Assignment.Leader, members: operators, since: m.ctx.BlockHeight()}
		checkSeats(t, placement)
	}
}

// checkSeats: a committee makes the first attempt of a task that asks for one, and no other.
func checkSeats(t check, placement types.Placement) {
	if !placement.Task.Committee || placement.Task.Attempts > 1 {
		require.Nil(t, placement.Seats)
		return
	}
	require.True(t, slices.IsSorted(placement.Seats))
	require.Len(t, slices.Compact(slices.Clone(placement.Seats)), len(placement.Seats))
	require.GreaterOrEqual(t, len(placement.Seats), min(2, len(placement.Members)))
	var power int64
	var operators []string
	for _, seat := range placement.Seats {
		power += placement.Members[seat].Power
		operators = append(operators, placement.Members[seat].Operator)
	}
	require.Contains(t, operators, placement.Task.Assignment.Leader)
	require.Greater(t, 3*power, placement.TotalPower)
}

// checkState compares the tasks with the model. The export validates the rest: slots, units led, timing.
func (m *machine) checkState(t check) {
	state, err := m.ExportGenesis(m.ctx)
	require.NoError(t, err)
	require.Len(t, state.Tasks, len(m.open))
	for _, exported := range state.Tasks {
		accepted, isOpen := m.open[exported.RequestId]
		require.True(t, isOpen, "task %d should have ended", exported.RequestId)
		require.Greater(t, accepted.FinalDeadline, m.ctx.BlockHeight(), "task %d has outlived its final deadline", exported.RequestId)
		require.Equal(t, accepted.FinalDeadline-m.ctx.BlockHeight(), exported.FinalDeadline)
		require.Equal(t, accepted.QueuePosition-m.ctx.BlockHeight(), exported.QueuePosition)
		require.Equal(t, accepted.ParamsVersion, exported.ParamsVersion)
		under, isRunning := m.running[exported.RequestId]
		require.Equal(t, isRunning, exported.Assignment != nil)
		if isRunning {
			require.Equal(t, under.leader, exported.Assignment.Leader)
		}
		require.ElementsMatch(t, slices.Collect(maps.Keys(m.passedOver[exported.RequestId])), exported.PassedOver)
	}
	require.Equal(t, m.waiting(), m.load(t))
	requireRoundTrip(t, m.fixture)
}

// checkNodes compares the nodes, and the indexes over them, with the model.
func (m *machine) checkNodes(t check) {
	var drains, statuses []string
	for i := range m.nodes {
		want, node := &m.nodes[i], m.node(t, i)
		require.Equal(t, want.state, node.State)
		require.Equal(t, want.drained, node.DrainedHeight)
		require.Equal(t, want.jailed, node.JailReason != "")
		require.Equal(t, want.jailedUntil, node.JailedUntil)
		require.Equal(t, want.reliability, node.Reliability)
		require.Equal(t, want.reported, node.Status != nil)
		require.Equal(t, want.statusHeight, node.StatusHeight)
		require.Equal(t, want.observed, node.ObservedCapacity)
		require.Equal(t, want.latency, node.ObservedLatency)
		require.Equal(t, sums(slices.Collect(maps.Keys(want.models))), m.models(t, i))
		var led uint64
		for id, under := range m.running {
			if under.leader == operator(i).String() {
				led += m.open[id].ComputeUnits
			}
		}
		require.Equal(t, led, node.LeadingUnits)
		if want.state == types.NODE_STATE_LEAVING {
			require.Greater(t, want.drained, m.ctx.BlockHeight(), "node %d should have left", i)
			drains = append(drains, place(want.drained, i))
		}
		if want.reported && !want.noticed {
			statuses = append(statuses, place(want.statusHeight, i))
		}
	}
	require.ElementsMatch(t, drains, m.places(t, m.Drains))
	require.ElementsMatch(t, statuses, m.places(t, m.StatusHeights))
}

// drain lets blocks pass, in silence or not, until every final deadline has come, and every node that leaves has left.
func (m *machine) drain(t check, inSilence bool) {
	var last int64
	for _, accepted := range m.open {
		last = max(last, accepted.FinalDeadline)
	}
	for i := range m.nodes {
		last = max(last, m.nodes[i].drained)
	}
	for m.ctx.BlockHeight() <= last {
		if !inSilence {
			m.heartbeat(t)
		}
		m.endBlock(t)
	}
	require.Empty(t, m.open)
	m.endBlock(t) // of an empty queue, with nothing to wait for or to review
	for i := range m.nodes {
		require.Zero(t, m.node(t, i).LeadingUnits)
		require.NotEqual(t, types.NODE_STATE_LEAVING, m.node(t, i).State, "nothing is left that it could wait for")
	}
	require.Zero(t, m.load(t))
	for _, prefix := range []collections.Prefix{
		types.TasksKey, types.QueueKey, types.FinalDeadlinesKey, types.DeadlineCountsKey, types.AttemptDeadlinesKey,
		types.QueueCursorKey, types.QueueClaimKey, types.DrainsKey, types.ReviewKey, types.ReviewAgainKey,
	} {
		for key := range m.dump() {
			require.False(t, strings.HasPrefix(key, string(prefix.Bytes())), "entry %x is left", key)
		}
	}
}
