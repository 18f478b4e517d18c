package executor

import (
	"strings"

	"github.com/opengradient/opengradient/app/voteext"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// heartbeatBlocks is the age at which a status in committed state is repeated.
const heartbeatBlocks = 10

// currentStatus is what the node would say of itself now, given the work it has
// before it: the number of duties and their compute units.
func currentStatus(engine EngineStatus, node schedulingtypes.Node, queued int, units uint64) schedulingtypes.NodeStatus {
	status := schedulingtypes.NodeStatus{
		Ready:         engine.Ready && engine.Environment != nil,
		QueueDepth:    uint32(queued),
		Environment:   engine.Environment,
		WorkerVersion: printable(engine.WorkerVersion),
	}
	if status.Environment != nil && status.Environment.Validate() != nil {
		// An environment that cannot be named on chain cannot be attested from.
		status.Environment, status.Ready = nil, false
	}
	if status.Ready && units < node.Capacity {
		status.FreeCapacity = node.Capacity - units
	}
	return status
}

// statusDue tells whether a status is to be sent after the block of a height: on a
// change of the node's condition, when its free capacity moved by a quarter of its
// capacity, and as a heartbeat.
func statusDue(node schedulingtypes.Node, now schedulingtypes.NodeStatus, height int64) bool {
	if node.Status == nil {
		// A node that never was ready has nothing to take back.
		return now.Ready
	}
	if !voteext.SameCondition(node.Status, &now) || height-node.StatusHeight >= heartbeatBlocks {
		return true
	}
	before, after := node.Status.FreeCapacity, now.FreeCapacity
	change := max(before, after) - min(before, after)
	// The capacity is at most schedulingtypes.MaxCapacity: no overflow.
	return change > 0 && change >= (node.Capacity+3)/4
}

// printable makes a string fit for a status: printable ASCII of a bounded length.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '-'
		}
		return r
	}, s)
	return s[:min(len(s), schedulingtypes.MaxWorkerVersionLength)]
}
