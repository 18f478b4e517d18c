package executor

import (
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
		{"not before the heartbeat", func(n *schedulingtypes.Node, _ *schedulingtypes.NodeStatus) { n.StatusHeight = 91 }, false},
		{"as a heartbeat", func(n *schedulingtypes.Node, _ *schedulingtypes.NodeStatus) { n.StatusHeight = 90 }, true},
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
	for range 9 {
		require.Nil(t, b.Pending().Status)
		b.block()
	}
	require.NotNil(t, b.Pending().Status, "ten blocks later")
}

func TestStatusNeedsARegisteredNode(t *testing.T) {
	b := newBench(t)
	b.chain.node = nil
	b.block()
	require.Nil(t, b.Pending().Status)
}
