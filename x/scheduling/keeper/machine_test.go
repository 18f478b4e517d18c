package keeper_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// machine drives the keeper as the inference module does and keeps a plain model of what must hold.
type machine struct {
	*fixture
	params types.Params
	next   uint64
	// open holds the tasks as they were accepted.
	open map[uint64]types.Task
	// running holds the compute units of the attempts under way.
	running map[uint64]uint64
	// attempts counts the attempts begun per open task.
	attempts map[uint64]uint32
	// passedOver holds the operators that each open task passes over.
	passedOver map[uint64]map[string]bool
	// jails holds the height of each jailed node, and reliabilities what conduct made of each node.
	jails         map[int]int64
	reliabilities [4]uint32
}

// TestEveryTaskEndsByItsFinalDeadline is the promise of the module, whatever validators, governance and requesters do:
// no task is left after the block of its final deadline, which does not move, quotas and budgets hold, and once nothing
// is open nothing is left behind.
func TestEveryTaskEndsByItsFinalDeadline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{
			params:   drawParams(t),
			open:     map[uint64]types.Task{},
			running:  map[uint64]uint64{},
			attempts: map[uint64]uint32{},

			passedOver:    map[uint64]map[string]bool{},
			jails:         map[int]int64{},
			reliabilities: [4]uint32{10_000, 10_000, 10_000, 10_000},
		}
		m.fixture = newFixture(t, m.params, 10, 20, 30, 40)
		t.Repeat(map[string]func(*rapid.T){
			"submit":     m.submit,
			"cancel":     m.cancel,
			"verdict":    m.verdict,
			"impossible": m.impossible,
			"report":     m.report,
			"staking":    m.stake,
			"govern":     m.govern,
			"jail":       m.jail,
			"unjail":     m.unjail,
			"conduct":    m.conduct,
			"block":      m.block,
		})
		m.drain(t)
	})
}

func drawParams(t *rapid.T) types.Params {
	return types.Params{
		BlockComputeUnits:      rapid.Uint64Range(20, 100).Draw(t, "compute units"),
		BlockOutputBytes:       rapid.Uint64Range(200, 1000).Draw(t, "output bytes"),
		MaxAssignmentsPerBlock: rapid.Uint32Range(1, 3).Draw(t, "assignments"),
		MaxQueueDepth:          rapid.Uint32Range(1, 8).Draw(t, "depth"),
		QueueBlocks:            rapid.Uint32Range(1, 4).Draw(t, "queue blocks"),
		AttemptBlocks:          rapid.Uint32Range(1, 4).Draw(t, "attempt blocks"),
		MaxAttempts:            rapid.Uint32Range(1, 3).Draw(t, "attempts"),
		DeadlineQuota:          rapid.Uint32Range(1, 4).Draw(t, "quota"),
		HeartbeatWindow:        rapid.Uint32Range(1, 10).Draw(t, "heartbeat window"),
		MaxEnvironmentClasses:  rapid.Uint32Range(1, 4).Draw(t, "classes"),
	}
}

// submit predicts from the model whether the task is accepted.
func (m *machine) submit(t *rapid.T) {
	m.next++
	given := sized(m.next, rapid.Uint64Range(1, 110).Draw(t, "units"), rapid.Uint64Range(0, 1100).Draw(t, "bytes"))
	given.TaskClass = rapid.SampledFrom([]types.TaskClass{types.TASK_CLASS_CLASSIFICATION, types.TASK_CLASS_REGRESSION, types.TASK_CLASS_RANKING}).Draw(t, "class")
	given.Committee = rapid.Bool().Draw(t, "committee")
	given.MemoryBytes = rapid.SampledFrom([]uint64{0, gibibyte, 2 * gibibyte}).Draw(t, "memory")

	deadline := m.ctx.BlockHeight() + int64(m.params.QueueBlocks) + int64(m.params.MaxAttempts)*int64(m.params.AttemptBlocks)
	var sharing, waiting uint32
	for id, other := range m.open {
		if other.FinalDeadline == deadline {
			sharing++
		}
		if _, isRunning := m.running[id]; !isRunning {
			waiting++
		}
	}
	accepted, err := m.Enqueue(m.ctx, given)
	switch {
	case given.ComputeUnits > m.params.BlockComputeUnits || given.OutputBytes > m.params.BlockOutputBytes:
		require.ErrorIs(t, err, types.ErrTaskTooLarge)
	case waiting >= m.params.MaxQueueDepth:
		require.ErrorIs(t, err, types.ErrQueueFull)
	case sharing >= m.params.DeadlineQuota:
		require.ErrorIs(t, err, types.ErrNoDeadlineSlot)
	default:
		require.NoError(t, err)
		require.Equal(t, deadline, accepted.FinalDeadline)
		require.Equal(t, given.Committee, accepted.Committee)
		m.open[given.RequestId] = accepted
	}
}

// pick draws an open task, running or not; 0 when there is none.
func (m *machine) pick(t *rapid.T, isRunning bool) uint64 {
	var ids []uint64
	for id := range m.open {
		if _, is := m.running[id]; is == isRunning {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return 0
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(t, "task")
}

func (m *machine) forget(id uint64) {
	delete(m.open, id)
	delete(m.running, id)
	delete(m.attempts, id)
	delete(m.passedOver, id)
}

func (m *machine) cancel(t *rapid.T) {
	id := m.pick(t, false)
	if id == 0 {
		require.ErrorIs(t, m.Cancel(m.ctx, m.next+1), types.ErrTaskNotFound)
		return
	}
	if m.attempts[id] > 0 {
		require.ErrorIs(t, m.Cancel(m.ctx, id), types.ErrNotQueued)
		return
	}
	require.NoError(t, m.Cancel(m.ctx, id))
	m.forget(id)
}

func (m *machine) verdict(t *rapid.T) {
	if id := m.pick(t, true); id != 0 {
		require.NoError(t, m.Complete(m.ctx, id))
		m.forget(id)
	}
}

func (m *machine) impossible(t *rapid.T) {
	if id := m.pick(t, true); id != 0 {
		// Position 4 has no node.
		at := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "silent or at fault")
		var passOver []string
		for _, i := range at {
			passOver = append(passOver, operator(i).String())
		}
		m.endAttempt(t, id, passOver)
	}
}

// endAttempt ends the attempt under way, with the first node passed over when its deadline has come.
func (m *machine) endAttempt(t check, id uint64, passOver []string) {
	again, err := m.Retry(m.ctx, id, passOver)
	require.NoError(t, err)
	params, err := m.ParamsAt(m.ctx, m.open[id].ParamsVersion)
	require.NoError(t, err)
	require.Equal(t, m.attempts[id] < params.MaxAttempts && m.ctx.BlockHeight() < m.open[id].FinalDeadline, again)
	delete(m.running, id)
	if again && m.passedOver[id] == nil {
		m.passedOver[id] = map[string]bool{}
	}
	for _, name := range passOver {
		if again && name != operator(4).String() {
			m.passedOver[id][name] = true
		}
	}
	if !again {
		require.NoError(t, m.Complete(m.ctx, id))
		m.forget(id)
	}
}

func (m *machine) report(t *rapid.T) {
	status := ready()
	if runtime := rapid.IntRange(0, 5).Draw(t, "runtime"); runtime > 0 {
		status = withRuntime(runtime)
	}
	status.Ready = rapid.IntRange(0, 4).Draw(t, "not ready") > 0
	status.FreeCapacity = rapid.Uint64Range(0, 2000).Draw(t, "free capacity")
	if err := m.SetStatus(m.ctx, operator(rapid.IntRange(0, 3).Draw(t, "node")), status); err != nil {
		require.ErrorIs(t, err, types.ErrTooManyEnvironmentClasses)
	}
}

func (m *machine) stake(t *rapid.T) {
	v := m.staking.validators[rapid.IntRange(0, 3).Draw(t, "validator")]
	v.power = rapid.Int64Range(0, 50).Draw(t, "power")
	v.jailed = rapid.IntRange(0, 3).Draw(t, "jailed") == 0
}

// jail is what the conduct of a node, or a proven fault, brings it.
func (m *machine) jail(t *rapid.T) {
	i := rapid.IntRange(0, 4).Draw(t, "node")
	until := m.ctx.BlockHeight() + rapid.Int64Range(-2, 4).Draw(t, "blocks")
	reason := rapid.SampledFrom([]string{types.JailReasonFault, types.JailReasonMissed, types.JailReasonContradicted}).Draw(t, "reason")
	require.NoError(t, m.JailNode(m.ctx, operator(i).String(), until, reason))
	if before, jailed := m.jails[i]; i < 4 && (!jailed || until > before) {
		m.jails[i] = until
	}
}

func (m *machine) unjail(t *rapid.T) {
	i := rapid.IntRange(0, 4).Draw(t, "node")
	err := m.UnjailNode(m.ctx, operator(i).String())
	until, jailed := m.jails[i]
	switch {
	case i == 4:
		require.ErrorIs(t, err, types.ErrNodeNotFound)
	case !jailed:
		require.ErrorIs(t, err, types.ErrNotJailed)
	case m.ctx.BlockHeight() < until:
		require.ErrorIs(t, err, types.ErrJailTime)
	default:
		require.NoError(t, err)
		delete(m.jails, i)
	}
}

func (m *machine) conduct(t *rapid.T) {
	i := rapid.IntRange(0, 4).Draw(t, "node")
	reliability := rapid.SampledFrom([]uint32{0, 1, 5_000, 10_000}).Draw(t, "reliability")
	require.NoError(t, m.SetReliability(m.ctx, operator(i).String(), reliability))
	if i < 4 {
		m.reliabilities[i] = reliability
	}
}

func (m *machine) govern(t *rapid.T) {
	m.params = drawParams(t)
	require.NoError(t, m.AddParams(m.ctx, m.params))
}

// block lets a few blocks pass, mostly with a heartbeat of every node: otherwise few tasks would be assigned, and few
// come near their deadlines.
func (m *machine) block(t *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(t, "blocks") {
		if rapid.IntRange(0, 3).Draw(t, "silence") > 0 {
			m.heartbeat(t)
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
	m.checkPlacements(t, m.assign(t))
	m.checkState(t)
	m.at(height + 1)
}

func (m *machine) checkPlacements(t check, placements []types.Placement) {
	require.LessOrEqual(t, len(placements), int(m.params.MaxAssignmentsPerBlock))
	var units, outputBytes uint64
	for _, placement := range placements {
		id := placement.Task.RequestId
		units += placement.Task.ComputeUnits
		outputBytes += placement.Task.OutputBytes
		m.attempts[id]++
		m.running[id] = placement.Task.ComputeUnits
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
		require.Greater(t, 2*power, placement.TotalPower)
		require.Contains(t, operators, placement.Task.Assignment.Leader)
		if len(fresh) > 0 {
			require.Contains(t, fresh, placement.Task.Assignment.Leader)
		}
		for i := range m.jails {
			require.NotContains(t, operators, operator(i).String(), "a jailed node is a member")
		}
		checkSeats(t, placement)
	}
	if len(placements) > 1 {
		require.LessOrEqual(t, units, m.params.BlockComputeUnits)
		require.LessOrEqual(t, outputBytes, m.params.BlockOutputBytes)
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

// checkState compares the state with the model. The export validates the rest: slots, units led, timing.
func (m *machine) checkState(t check) {
	state, err := m.ExportGenesis(m.ctx)
	require.NoError(t, err)
	require.Len(t, state.Tasks, len(m.open))
	for _, exported := range state.Tasks {
		accepted, isOpen := m.open[exported.RequestId]
		require.True(t, isOpen, "task %d should have ended", exported.RequestId)
		require.Greater(t, accepted.FinalDeadline, m.ctx.BlockHeight(), "task %d has outlived its final deadline", exported.RequestId)
		require.Equal(t, accepted.FinalDeadline-m.ctx.BlockHeight(), exported.FinalDeadline)
		require.Equal(t, accepted.ParamsVersion, exported.ParamsVersion)
		_, isRunning := m.running[exported.RequestId]
		require.Equal(t, isRunning, exported.Assignment != nil)
		require.ElementsMatch(t, slices.Collect(maps.Keys(m.passedOver[exported.RequestId])), exported.PassedOver)
	}
	for i, reliability := range m.reliabilities {
		node := m.node(t, i)
		until, jailed := m.jails[i]
		require.Equal(t, jailed, node.JailReason != "")
		require.Equal(t, until, node.JailedUntil)
		require.Equal(t, reliability, node.Reliability)
	}
	requireRoundTrip(t, m.fixture)
}

// drain lets blocks pass without another event until every final deadline has come.
func (m *machine) drain(t check) {
	var last int64
	for _, accepted := range m.open {
		last = max(last, accepted.FinalDeadline)
	}
	for m.ctx.BlockHeight() <= last {
		m.endBlock(t)
	}
	require.Empty(t, m.open)
	for i := range m.staking.validators {
		require.Zero(t, m.node(t, i).LeadingUnits)
	}
	depth, err := m.QueueDepth.Get(m.ctx)
	require.NoError(t, err)
	require.Zero(t, depth)
	for _, prefix := range []collections.Prefix{
		types.TasksKey, types.QueueKey, types.FinalDeadlinesKey, types.DeadlineCountsKey, types.AttemptDeadlinesKey,
		types.QueueCursorKey,
	} {
		for key := range m.dump() {
			require.False(t, strings.HasPrefix(key, string(prefix.Bytes())), "entry %x is left", key)
		}
	}
}
