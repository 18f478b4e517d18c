package keeper_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// machine drives the keeper as the inference module does and keeps a plain model of what must hold.
type machine struct {
	*fixture
	params types.Params
	next   uint64
	// open holds the tasks as they were accepted.
	open map[uint64]types.Task
	// running holds the attempts under way.
	running map[uint64]attempt
	// attempts counts the attempts begun per open task.
	attempts map[uint64]uint32
	// passedOver holds the operators that each open task passes over.
	passedOver map[uint64]map[string]bool
	// unfit is the first task that did not fit the last block; 0 for none.
	unfit uint64
	// nodes are those of the first four validators; the fifth operator has none.
	nodes [4]modelNode
	// proofs are those of all five.
	proofs map[proof]bool
	// price and utilisation are those of the market.
	price       math.Int
	utilisation uint32
}

// proof is that of an operator, for a model by its number, in an environment class.
type proof struct {
	model    byte
	operator int
	class    uint32
}

// attempt is one that is under way.
type attempt struct {
	leader  string
	members []string
	since   int64
}

// TestEveryTaskEndsByItsFinalDeadline is the promise of the module, whatever validators, governance and requesters do:
// no task is left after the block of its final deadline, which does not move, quotas and budgets hold, every node is in
// one state that all indexes agree with, and once nothing is open nothing is left behind.
func TestEveryTaskEndsByItsFinalDeadline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{
			params:     drawParams(t),
			open:       map[uint64]types.Task{},
			running:    map[uint64]attempt{},
			attempts:   map[uint64]uint32{},
			passedOver: map[uint64]map[string]bool{},
			proofs:     map[proof]bool{},
		}
		m.fixture = newFixture(t, m.params, 10, 20, 30, 40)
		m.price = m.params.MinBasePrice
		for i := range m.nodes {
			m.nodes[i] = modelNode{reliability: 10_000, reported: true, isReady: true, statusHeight: 10, models: map[byte]bool{0: true}, capacity: m.node(t, i).Capacity}
			m.proofs[proof{0, i, 1}] = true
		}
		// Requests and blocks come more often than what keeps nodes from work, so that attempts are under way.
		t.Repeat(map[string]func(*rapid.T){
			"submit":         m.submit,
			"submit more":    m.submit,
			"submit most":    m.submit,
			"cancel":         m.cancel,
			"verdict":        m.verdict,
			"impossible":     m.impossible,
			"report":         m.report,
			"staking":        m.stake,
			"govern":         m.govern,
			"conduct":        m.conduct,
			"operate":        m.operate,
			"deliver":        m.deliver,
			"prove":          m.prove,
			"all back":       m.allBack,
			"block":          m.block,
			"another block":  m.block,
			"one more block": m.block,
		})
		m.drain(t, rapid.Bool().Draw(t, "silence at the end"))
	})
}

// drawParams draws small parameters. Ranges would mostly give the least of each, with which hardly anything happens.
func drawParams(t *rapid.T) types.Params {
	one := func(label string, of ...uint32) uint32 { return rapid.SampledFrom(of).Draw(t, label) }
	params := types.Params{
		BlockComputeUnits:      rapid.Uint64Range(20, 100).Draw(t, "compute units"),
		BlockOutputBytes:       rapid.Uint64Range(200, 1000).Draw(t, "output bytes"),
		MaxAssignmentsPerBlock: one("assignments", 1, 2, 3),
		MaxQueueDepth:          one("depth", 1, 5, 12, 12),
		QueueBlocks:            one("queue blocks", 1, 4, 12),
		AttemptBlocks:          one("attempt blocks", 1, 2, 4, 6),
		MaxAttempts:            one("attempts", 1, 2, 3),
		DeadlineQuota:          one("quota", 1, 4, 4),
		HeartbeatWindow:        one("heartbeat window", 1, 3, 5, 10),
		MaxEnvironmentClasses:  rapid.Uint32Range(1, 4).Draw(t, "classes"),
		UnprovenCapacity:       rapid.Uint64Range(1, 200).Draw(t, "unproven capacity"),
		MinBasePrice:           math.NewInt(rapid.Int64Range(0, 5).Draw(t, "least price")),
		MaxBasePrice:           math.NewInt(rapid.Int64Range(5, 100).Draw(t, "largest price")),
		TargetUtilisation:      rapid.Uint32Range(1, 10_000).Draw(t, "target"),
		MaxPriceFall:           rapid.Uint32Range(1, 10_000).Draw(t, "fall"),
	}
	params.PriorityHeadStart = min(one("priority head start", 0, 2, 4, 12), params.QueueBlocks)
	params.StandardHeadStart = min(one("standard head start", 0, 1, 4), params.PriorityHeadStart)
	return params
}

// submit submits a few tasks.
func (m *machine) submit(t *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(t, "tasks") {
		m.submitOne(t)
	}
}

// submitOne predicts from the model whether a task is accepted. Nobody serves ranking.
func (m *machine) submitOne(t *rapid.T) {
	m.next++
	units := rapid.OneOf(rapid.Uint64Range(1, 10), rapid.Uint64Range(1, 10), rapid.Uint64Range(1, 110)).Draw(t, "units")
	given := sized(m.next, units, rapid.OneOf(rapid.Uint64Range(0, 100), rapid.Uint64Range(0, 100), rapid.Uint64Range(0, 1100)).Draw(t, "bytes"))
	given.TaskClass = rapid.SampledFrom([]types.TaskClass{
		types.TASK_CLASS_CLASSIFICATION, types.TASK_CLASS_REGRESSION, types.TASK_CLASS_CLASSIFICATION, types.TASK_CLASS_RANKING,
	}).Draw(t, "class")
	given.FeeClass = rapid.SampledFrom([]types.FeeClass{types.FEE_CLASS_ECONOMY, types.FEE_CLASS_STANDARD, types.FEE_CLASS_PRIORITY}).Draw(t, "fee class")
	given.Committee = rapid.Bool().Draw(t, "committee")
	given.MemoryBytes = rapid.SampledFrom([]uint64{0, 0, gibibyte, 2 * gibibyte}).Draw(t, "memory")
	given.Model = model(rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "model"))

	height := m.ctx.BlockHeight()
	deadline := height + int64(m.params.QueueBlocks) + int64(m.params.MaxAttempts)*int64(m.params.AttemptBlocks)
	var sharing uint32
	for _, other := range m.open {
		if other.FinalDeadline == deadline {
			sharing++
		}
	}
	accepted, err := m.Enqueue(m.ctx, given)
	switch {
	case given.ComputeUnits > m.params.BlockComputeUnits || given.OutputBytes > m.params.BlockOutputBytes:
		require.ErrorIs(t, err, types.ErrTaskTooLarge)
	case m.params.QueueRule().Admit(m.waiting(), given.Need(), given.FeeClass.Class()) != nil:
		require.ErrorIs(t, err, types.ErrQueueFull)
	case sharing >= m.params.DeadlineQuota:
		require.ErrorIs(t, err, types.ErrNoDeadlineSlot)
	default:
		require.NoError(t, err)
		require.Equal(t, deadline, accepted.FinalDeadline)
		require.Equal(t, given.Committee, accepted.Committee)
		require.Equal(t, height-int64(m.params.HeadStarts().Of(given.FeeClass.Class())), accepted.QueuePosition)
		m.open[given.RequestId] = accepted
	}
}

// waiting is what waits by the model.
func (m *machine) waiting() (load queue.Load) {
	for id, task := range m.open {
		if _, isRunning := m.running[id]; !isRunning {
			load = load.With(task.Need())
		}
	}
	return load
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
		m.endAttempt(t, id, named(rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "silent or at fault")...))
	}
}

// endAttempt ends the attempt under way. A leader that is to be passed over for it is worth less from then on.
func (m *machine) endAttempt(t check, id uint64, passOver []string) {
	again, err := m.Retry(m.ctx, id, passOver)
	require.NoError(t, err)
	require.Equal(t, m.canFollow(t, id), again)
	under := m.running[id]
	leader := under.leader
	if !again {
		require.NoError(t, m.Complete(m.ctx, id))
		m.forget(id)
		return
	}
	delete(m.running, id)
	if m.passedOver[id] == nil {
		m.passedOver[id] = map[string]bool{}
	}
	for _, name := range passOver {
		if name != operator(4).String() {
			m.passedOver[id][name] = true
		}
	}
	if slices.Contains(passOver, leader) {
		m.leadEnds(t, id, under)
	}
}

// leadEnds has a leader that said nothing pay for it, when it had half of the time of an attempt.
func (m *machine) leadEnds(t check, id uint64, under attempt) {
	params, err := m.ParamsAt(m.ctx, m.open[id].ParamsVersion)
	require.NoError(t, err)
	if 2*(m.ctx.BlockHeight()-under.since) >= int64(params.AttemptBlocks) {
		node := m.nodeOf(under.leader)
		node.observed = selection.Abandoned(min(node.counts(m.params), node.capacity), m.params.UnprovenCapacity)
	}
}

// canFollow tells whether another attempt of a task can follow, by the parameters it was accepted under.
func (m *machine) canFollow(t check, id uint64) bool {
	params, err := m.ParamsAt(m.ctx, m.open[id].ParamsVersion)
	require.NoError(t, err)
	return m.attempts[id] < params.MaxAttempts && m.ctx.BlockHeight() < m.open[id].FinalDeadline
}

func (m *machine) stake(t *rapid.T) {
	v := m.staking.validators[rapid.IntRange(0, 3).Draw(t, "validator")]
	v.power = rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(20, 30)).Draw(t, "power")
	v.jailed = rapid.IntRange(0, 5).Draw(t, "jailed") == 5
}

func (m *machine) govern(t *rapid.T) {
	m.params = drawParams(t)
	require.NoError(t, m.AddParams(m.ctx, m.params))
}
