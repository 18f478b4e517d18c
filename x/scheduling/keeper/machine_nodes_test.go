package keeper_test

import (
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/selection"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

// modelNode is what the model knows of a node.
type modelNode struct {
	state   types.NodeState
	drained int64
	// jailedUntil counts while the node is jailed.
	jailed      bool
	jailedUntil int64
	reliability uint32
	// reported is whether the node has a status; noticed, whether it was found stale.
	reported, isReady, noticed bool
	statusHeight               int64
	// models are the numbers of those that it has loaded.
	models   map[byte]bool
	capacity uint64
	observed uint64
	latency  uint32
}

// counts is what the node is observed to deliver.
func (n *modelNode) counts(params types.Params) uint64 {
	if n.observed == 0 {
		return params.UnprovenCapacity
	}
	return n.observed
}

// takesWork tells whether the node, of a validator that is fit, is drawn.
func (n *modelNode) takesWork(height int64, window uint32) bool {
	return n.state == types.NODE_STATE_ACTIVE && !n.jailed && n.isHealthy(height, window)
}

// canRun tells whether a node has proved a model in the class it runs in, and has it loaded if that is asked for.
func (m *machine) canRun(t check, i int, model []byte, loaded bool) bool {
	number := model[1]
	return m.proofs[proof{number, i, m.node(t, i).EnvironmentClass}] && (!loaded || m.nodes[i].models[number])
}

// power is what the nodes hold that take work and could be members of the attempts of a task.
func (m *machine) power(t check, task types.Task, loaded bool) (power, total int64) {
	for i := range m.nodes {
		v, node := m.staking.validators[i], m.node(t, i)
		total += v.power
		if v.power > 0 && !v.jailed && m.nodes[i].takesWork(m.ctx.BlockHeight(), m.params.HeartbeatWindow) &&
			slices.Contains(node.TaskClasses, task.TaskClass) && node.MemoryBytes >= task.MemoryBytes && m.canRun(t, i, task.Model, loaded) {
			power += v.power
		}
	}
	return power, total
}

// prove has an operator, with a node or not, prove a model in a class, registered or not.
func (m *machine) prove(t *rapid.T) {
	given := proof{rapid.ByteRange(0, 2).Draw(t, "model"), rapid.IntRange(0, 4).Draw(t, "operator"), rapid.Uint32Range(0, 3).Draw(t, "class")}
	err := m.Prove(m.ctx, model(int(given.model)), operator(given.operator).String(), given.class)
	last := uint32(0)
	require.NoError(t, m.Environments.Walk(m.ctx, nil, func(index uint32, _ types.RegisteredEnvironment) (bool, error) {
		last = index
		return false, nil
	}))
	if given.class == 0 || given.class > last {
		require.ErrorIs(t, err, types.ErrInvalidProof)
		return
	}
	require.NoError(t, err)
	m.proofs[given] = true
}

// isHealthy tells whether it can be expected to end what it has begun.
func (n *modelNode) isHealthy(height int64, window uint32) bool {
	return n.state != types.NODE_STATE_LEFT && n.reported && n.isReady && height < n.statusHeight+int64(window)
}

func (m *machine) nodeOf(operatorName string) *modelNode {
	for i := range m.nodes {
		if operator(i).String() == operatorName {
			return &m.nodes[i]
		}
	}
	panic("no node of " + operatorName)
}

// atomically does something as its caller does: what fails leaves no trace.
func (m *machine) atomically(do func(ctx sdk.Context) error) error {
	ctx, write := m.ctx.CacheContext()
	err := do(ctx)
	if err == nil {
		write()
	}
	return err
}

// operate does one of the things that operators, or the conduct of their nodes, bring about.
func (m *machine) operate(t *rapid.T) {
	rapid.SampledFrom([]func(*rapid.T){m.jail, m.unjail, m.advertise, m.pause, m.resume, m.leave, m.leave}).Draw(t, "wish")(t)
}

// allBack brings every node back to work, as far as it can be.
func (m *machine) allBack(t *rapid.T) {
	for i := range m.nodes {
		m.staking.validators[i].power, m.staking.validators[i].jailed = 10*int64(i+1), false
		node := &m.nodes[i]
		switch node.state {
		case types.NODE_STATE_LEFT:
			msg := m.registration(i)
			require.NoError(t, m.RegisterNode(m.ctx, msg))
			node.capacity = msg.Capacity
		case types.NODE_STATE_PAUSED, types.NODE_STATE_LEAVING:
			require.NoError(t, m.ResumeNode(m.ctx, operator(i).String()))
		}
		node.state, node.drained = types.NODE_STATE_ACTIVE, 0
		if node.jailed && node.jailedUntil <= m.ctx.BlockHeight() {
			require.NoError(t, m.UnjailNode(m.ctx, operator(i).String()))
			node.jailed, node.jailedUntil = false, 0
		}
	}
	m.heartbeat(t)
}

// registration is that of a node as the fixture registers it.
func (m *machine) registration(i int) *types.MsgRegisterNode {
	msg := registration(i)
	msg.TaskClasses = []types.TaskClass{types.TASK_CLASS_CLASSIFICATION, types.TASK_CLASS_REGRESSION}
	return msg
}

// report has a node place a status, with models and any environment.
func (m *machine) report(t *rapid.T) {
	status := ready()
	if runtime := rapid.IntRange(0, 5).Draw(t, "runtime"); runtime > 0 {
		status = withRuntime(runtime)
	}
	status.Ready = rapid.IntRange(0, 4).Draw(t, "not ready") > 0
	status.FreeCapacity = rapid.Uint64Range(0, 2000).Draw(t, "free capacity")
	numbers := rapid.SliceOfNDistinct(rapid.ByteRange(0, 5), 0, 4, rapid.ID).Draw(t, "models")
	gone := numbers[rapid.IntRange(0, len(numbers)).Draw(t, "loaded"):]
	loaded := numbers[:len(numbers)-len(gone)]
	status.ModelsReady, status.ModelsDropped = sums(loaded), sums(gone)
	i := rapid.IntRange(0, 3).Draw(t, "node")
	node := &m.nodes[i]
	err := m.atomically(func(ctx sdk.Context) error { return m.SetStatus(ctx, operator(i), status) })
	switch {
	case node.state == types.NODE_STATE_LEFT:
		require.ErrorIs(t, err, types.ErrNodeNotFound)
	case err != nil:
		require.ErrorIs(t, err, types.ErrTooManyEnvironmentClasses)
	default:
		m.reported(i, status.Ready)
		for _, n := range loaded {
			node.models[n] = true
		}
		for _, n := range gone {
			delete(node.models, n)
		}
	}
}

func sums(numbers []byte) (models [][]byte) {
	for _, n := range slices.Sorted(slices.Values(numbers)) {
		models = append(models, model(int(n)))
	}
	return models
}

func (m *machine) reported(i int, isReady bool) {
	node := &m.nodes[i]
	node.reported, node.isReady, node.noticed, node.statusHeight = true, isReady, false, m.ctx.BlockHeight()
}

// heartbeat has every node that has a duty report that it is ready, with a model that most tasks need.
func (m *machine) heartbeat(t check) {
	for i := range m.nodes {
		status := ready()
		status.ModelsReady = sums([]byte{0})
		err := m.SetStatus(m.ctx, operator(i), status)
		if m.nodes[i].state == types.NODE_STATE_LEFT {
			require.ErrorIs(t, err, types.ErrNodeNotFound)
			continue
		}
		require.NoError(t, err)
		m.reported(i, true)
		m.nodes[i].models[0] = true
	}
}

// jail is what the conduct of a node, or a proven fault, brings it.
func (m *machine) jail(t *rapid.T) {
	i := rapid.IntRange(0, 4).Draw(t, "node")
	until := m.ctx.BlockHeight() + rapid.Int64Range(-2, 4).Draw(t, "blocks")
	reason := rapid.SampledFrom([]string{types.JailReasonFault, types.JailReasonMissed, types.JailReasonContradicted}).Draw(t, "reason")
	require.NoError(t, m.JailNode(m.ctx, operator(i).String(), until, reason))
	if i < 4 && (!m.nodes[i].jailed || until > m.nodes[i].jailedUntil) {
		m.nodes[i].jailed, m.nodes[i].jailedUntil = true, until
	}
}

func (m *machine) unjail(t *rapid.T) {
	i := rapid.IntRange(0, 4).Draw(t, "node")
	err := m.UnjailNode(m.ctx, operator(i).String())
	switch {
	case i == 4:
		require.ErrorIs(t, err, types.ErrNodeNotFound)
	case !m.nodes[i].jailed:
		require.ErrorIs(t, err, types.ErrNotJailed)
	case m.ctx.BlockHeight() < m.nodes[i].jailedUntil:
		require.ErrorIs(t, err, types.ErrJailTime)
	default:
		require.NoError(t, err)
		m.nodes[i].jailed, m.nodes[i].jailedUntil = false, 0
	}
}

func (m *machine) conduct(t *rapid.T) {
	i := rapid.IntRange(0, 4).Draw(t, "node")
	reliability := rapid.SampledFrom([]uint32{0, 1, 5_000, 10_000}).Draw(t, "reliability")
	require.NoError(t, m.SetReliability(m.ctx, operator(i).String(), reliability))
	if i < 4 {
		m.nodes[i].reliability = reliability
	}
}

// deliver settles rounds of some nodes.
func (m *machine) deliver(t *rapid.T) {
	var deliveries []types.Delivery
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, 4), 0, 5, rapid.ID).Draw(t, "nodes") {
		asked := rapid.Uint64Range(0, 400).Draw(t, "asked")
		inTime := rapid.Uint64Range(0, asked).Draw(t, "in time")
		d := delivery(i, asked, inTime, rapid.Uint64Range(0, inTime).Draw(t, "at once"), rapid.SliceOfN(rapid.Int64Range(0, 9), 0, 2).Draw(t, "latencies")...)
		deliveries = append(deliveries, d)
		if i == 4 {
			continue
		}
		node := &m.nodes[i]
		base := node.counts(m.params)
		if inTime < asked {
			base = min(base, node.capacity)
		}
		node.observed = selection.Observe(base, m.params.UnprovenCapacity, d.Delivery)
		for _, blocks := range d.Latencies {
			node.latency = selection.Latency(node.latency, blocks)
		}
	}
	require.NoError(t, m.RecordDeliveries(m.ctx, deliveries))
}

// advertise registers a node again: one that has left is back.
func (m *machine) advertise(t *rapid.T) {
	i := rapid.IntRange(0, 4).Draw(t, "node")
	msg := m.registration(i)
	msg.Capacity = rapid.SampledFrom([]uint64{1, 1000, types.MaxCapacity}).Draw(t, "capacity")
	msg.MemoryBytes = rapid.SampledFrom([]uint64{gibibyte, 2 * gibibyte}).Draw(t, "memory")
	if i == 4 {
		require.ErrorIs(t, m.RegisterNode(m.ctx, msg), types.ErrNotValidator)
		return
	}
	require.NoError(t, m.RegisterNode(m.ctx, msg))
	m.nodes[i].capacity = msg.Capacity
	if m.nodes[i].state == types.NODE_STATE_LEFT {
		m.nodes[i].state = types.NODE_STATE_ACTIVE
	}
}

// changes predicts what becomes of the wish of an operator: an error when the node is in none of the states.
func (m *machine) changes(t *rapid.T, change func(i int) error, to types.NodeState, from ...types.NodeState) {
	i := rapid.IntRange(0, 4).Draw(t, "node")
	err := change(i)
	switch {
	case i == 4:
		require.ErrorIs(t, err, types.ErrNodeNotFound)
	case !slices.Contains(from, m.nodes[i].state):
		require.ErrorIs(t, err, types.ErrNodeState)
	default:
		require.NoError(t, err)
		m.nodes[i].state = to
		if to != types.NODE_STATE_LEAVING {
			m.nodes[i].drained = 0
		}
	}
}

func (m *machine) pause(t *rapid.T) {
	m.changes(t, func(i int) error { return m.PauseNode(m.ctx, operator(i).String()) },
		types.NODE_STATE_PAUSED, types.NODE_STATE_ACTIVE)
}

func (m *machine) resume(t *rapid.T) {
	m.changes(t, func(i int) error { return m.ResumeNode(m.ctx, operator(i).String()) },
		types.NODE_STATE_ACTIVE, types.NODE_STATE_PAUSED, types.NODE_STATE_LEAVING)
}

// leave predicts when the node has left: with the last of the attempts that are under way, overdue or not.
func (m *machine) leave(t *rapid.T) {
	m.changes(t, func(i int) error {
		drained, err := m.LeaveNode(m.ctx, operator(i).String())
		if err == nil {
			want := m.ctx.BlockHeight()
			for id := range m.running {
				stored, err := m.Tasks.Get(m.ctx, id)
				require.NoError(t, err)
				want = max(want, stored.Assignment.Deadline)
			}
			require.Equal(t, want, drained)
			m.nodes[i].drained = drained
		}
		return err
	}, types.NODE_STATE_LEAVING, types.NODE_STATE_ACTIVE, types.NODE_STATE_PAUSED)
}
