package executor

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func TestStatusIsDue(t *testing.T) {
	cases := []struct {
		reason string
		change func(node *schedulingtypes.Node, now *schedulingtypes.NodeStatus)
		want   bool
	}{
		{"not while nothing changed", func(*schedulingtypes.Node, *schedulingtypes.NodeStatus) {}, false},
		{"not before the heartbeat", func(n *schedulingtypes.Node, _ *schedulingtypes.NodeStatus) { n.StatusHeight = 97 }, false},
		{"as a heartbeat", func(n *schedulingtypes.Node, _ *schedulingtypes.NodeStatus) { n.StatusHeight = 96 }, true},
		{"first of all", func(n *schedulingtypes.Node, _ *schedulingtypes.NodeStatus) { n.Status = nil }, true},
		{"not before the node was ever ready", func(n *schedulingtypes.Node, s *schedulingtypes.NodeStatus) {
			n.Status, s.Ready = nil, false
		}, false},
		{"when readiness is lost", func(_ *schedulingtypes.Node, s *schedulingtypes.NodeStatus) { s.Ready = false }, true},
		{"when the environment changes", func(_ *schedulingtypes.Node, s *schedulingtypes.NodeStatus) {
			other := environment()
			other.Profile = 2
			s.Environment = &other
		}, true},
		{"when a model is loaded", func(_ *schedulingtypes.Node, s *schedulingtypes.NodeStatus) {
			s.ModelsReady = [][]byte{make([]byte, 32)}
		}, true},
		{"when a model is dropped", func(_ *schedulingtypes.Node, s *schedulingtypes.NodeStatus) {
			s.ModelsDropped = [][]byte{make([]byte, 32)}
		}, true},
		{"when the worker changes", func(_ *schedulingtypes.Node, s *schedulingtypes.NodeStatus) { s.WorkerVersion = "v2" }, true},
		{"not for the queue alone", func(_ *schedulingtypes.Node, s *schedulingtypes.NodeStatus) { s.QueueDepth = 50 }, false},
		{"not for less than a quarter of the capacity", func(_ *schedulingtypes.Node, s *schedulingtypes.NodeStatus) { s.FreeCapacity = 751 }, false},
		{"for a quarter of the capacity", func(_ *schedulingtypes.Node, s *schedulingtypes.NodeStatus) { s.FreeCapacity = 750 }, true},
		{"for a quarter of the capacity more", func(n *schedulingtypes.Node, s *schedulingtypes.NodeStatus) {
			n.Status.FreeCapacity, s.FreeCapacity = 100, 350
		}, true},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			node := *newChain().node
			now := *node.Status
			c.change(&node, &now)
			require.Equal(t, c.want, statusDue(node, now, 100))
		})
	}
}

func sums(values ...byte) (list [][]byte) {
	for _, v := range values {
		list = append(list, bytes.Repeat([]byte{v}, 32))
	}
	return list
}

func names(models ...[]byte) (list []string) {
	for _, m := range models {
		list = append(list, hex.EncodeToString(m))
	}
	return list
}

func span(from, to int) (list [][]byte) {
	for i := from; i < to; i++ {
		list = append(list, append(make([]byte, 30), byte(i>>8), byte(i)))
	}
	return list
}

func TestModelChanges(t *testing.T) {
	cases := []struct {
		reason         string
		committed      [][]byte
		loaded         []string
		ready, dropped [][]byte
	}{
		{"nothing", nil, nil, nil, nil},
		{"all is known", sums(1, 2), names(sums(2, 1)...), nil, nil},
		{"a first model", nil, names(sums(7)...), sums(7), nil},
		{"some come, some go", sums(1, 3, 5), names(sums(4, 3, 2)...), sums(2, 4), sums(1, 5)},
		{"a restarted worker has none", sums(1, 3), nil, nil, sums(1, 3)},
		{"named twice", nil, names(sums(7, 7)...), sums(7), nil},
		{"models of other names are no models of the chain", nil, []string{"resnet", "ab"}, nil, nil},
		{"no more than a status holds", nil, names(span(0, 40)...), span(0, schedulingtypes.MaxModelDeltas), nil},
		{"no more than a node may report", span(0, schedulingtypes.MaxNodeModels), names(span(1, schedulingtypes.MaxNodeModels+9)...),
			span(schedulingtypes.MaxNodeModels, schedulingtypes.MaxNodeModels+1), span(0, 1)},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			ready, dropped := modelChanges(c.committed, c.loaded)
			require.Equal(t, c.ready, ready)
			require.Equal(t, c.dropped, dropped)
			require.NoError(t, schedulingtypes.NodeStatus{ModelsReady: ready, ModelsDropped: dropped}.Validate())
		})
	}
}

func TestCurrentStatus(t *testing.T) {
	node := *newChain().node
	e := newEngine().status
	e.WorkerVersion = "v1 β\n" + strings.Repeat("x", 100)
	s := currentStatus(e, node, 3, 400)
	require.NoError(t, s.Validate())
	require.True(t, s.Ready)
	require.Equal(t, uint64(600), s.FreeCapacity)
	require.Equal(t, uint32(3), s.QueueDepth)

	require.Zero(t, currentStatus(e, node, 3, 5000).FreeCapacity)

	off := e
	off.Ready = false
	s = currentStatus(off, node, 0, 0)
	require.NoError(t, s.Validate())
	require.False(t, s.Ready)
	require.Zero(t, s.FreeCapacity)

	unknown := e
	unknown.Environment = nil
	require.False(t, currentStatus(unknown, node, 0, 0).Ready)

	class := environment()
	class.Isa = "abacus"
	unnameable := e
	unnameable.Environment = &class
	s = currentStatus(unnameable, node, 0, 0)
	require.NoError(t, s.Validate())
	require.False(t, s.Ready)
}

func TestStatusIsOfferedUntilCommittedStateHasIt(t *testing.T) {
	b := newBench(t)
	b.block()
	require.Nil(t, b.Pending().Status)
	b.engine.set(func(e *engine) { e.status.Ready = false })
	for range 3 {
		b.block()
		require.NotNil(t, b.Pending().Status)
		require.False(t, b.Pending().Status.Ready)
	}
	b.chain.set(func(c *chain) {
		node := *c.node
		status := *b.Pending().Status
		node.Status, node.StatusHeight = &status, c.height
		c.node = &node
	})
	b.block()
	require.Nil(t, b.Pending().Status)
	for range heartbeatBlocks - 1 {
		require.Nil(t, b.Pending().Status)
		b.block()
	}
	require.NotNil(t, b.Pending().Status, "as a heartbeat")
}

func TestLoadedModelsAreOffered(t *testing.T) {
	b := newBench(t)
	b.engine.set(func(e *engine) { e.status.Models = names(sums(1, 2)...) })
	b.chain.set(func(c *chain) { c.models = sums(2, 3) })
	b.block()
	require.Equal(t, sums(1), b.Pending().Status.ModelsReady)
	require.Equal(t, sums(3), b.Pending().Status.ModelsDropped)
	b.chain.set(func(c *chain) { c.models = sums(1, 2) })
	b.block()
	require.Nil(t, b.Pending().Status, "the chain knows")
}

func TestANodeThatHasLeftSaysNothingOfItself(t *testing.T) {
	b := newBench(t)
	b.engine.set(func(e *engine) { e.status.Models = names(sums(1)...) })
	b.chain.set(func(c *chain) {
		node := *c.node
		node = node.Left()
		c.node = &node
	})
	b.block()
	require.Nil(t, b.Pending().Status)
}

func TestStatusNeedsARegisteredNode(t *testing.T) {
	b := newBench(t)
	b.chain.node = nil
	b.block()
	require.Nil(t, b.Pending().Status)
}
