package executor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/opengradient/opengradient/app/voteext"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// heartbeatBlocks is the age at which a status in committed state is repeated.
const heartbeatBlocks = 4

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
// change of the node's condition or of its loaded models, when its free capacity
// moved by a quarter of its capacity, and as a heartbeat.
func statusDue(node schedulingtypes.Node, now schedulingtypes.NodeStatus, height int64) bool {
	if node.Status == nil {
		// A node that never was ready has nothing to take back.
		return now.Ready
	}
	if len(now.ModelsReady)+len(now.ModelsDropped) > 0 {
		return true
	}
	if !voteext.SameCondition(node.Status, &now) || height-node.StatusHeight >= heartbeatBlocks {
		return true
	}
	before, after := node.Status.FreeCapacity, now.FreeCapacity
	change := max(before, after) - min(before, after)
	// The capacity is at most schedulingtypes.MaxCapacity: no overflow.
	return change > 0 && change >= (node.Capacity+3)/4
}

// modelChanges lists what is loaded and is not by the state of the chain, and the
// other way round, as far as a status holds: what is over goes with the next one. It
// is relative to committed state, so that a lost status is made up for.
func modelChanges(committed [][]byte, loaded []string) (ready, dropped [][]byte) {
	now := make([][]byte, 0, len(loaded))
	for _, name := range loaded {
		// A server that is not ours may have models of other names.
		if sum, err := hex.DecodeString(name); err == nil && len(sum) == sha256.Size {
			now = append(now, sum)
		}
	}
	slices.SortFunc(now, bytes.Compare)
	now = slices.CompactFunc(now, bytes.Equal)
	for _, sum := range committed {
		if _, ok := slices.BinarySearchFunc(now, sum, bytes.Compare); !ok && len(dropped) < schedulingtypes.MaxModelDeltas {
			dropped = append(dropped, sum)
		}
	}
	room := schedulingtypes.MaxNodeModels - len(committed) + len(dropped)
	for _, sum := range now {
		if len(ready) == min(room, schedulingtypes.MaxModelDeltas) {
			break
		}
		if _, ok := slices.BinarySearchFunc(committed, sum, bytes.Compare); !ok {
			ready = append(ready, sum)
		}
	}
	return ready, dropped
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
