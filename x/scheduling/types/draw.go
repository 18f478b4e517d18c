package types

import "github.com/opengradient/opengradient/internal/selection"

// Draw is the node as the draws see it, with a power. What has not been observed yet counts for unproven_capacity.
func (n Node) Draw(power int64, params Params) selection.Node {
	var classes uint64
	for _, class := range n.TaskClasses {
		classes |= 1 << uint64(class)
	}
	drawn := selection.Node{
		Power: power, Reliability: n.Reliability, Capacity: n.Capacity, Observed: n.Observed(params), Leading: n.LeadingUnits,
		Memory: n.MemoryBytes, Classes: classes, Environment: n.EnvironmentClass,
	}
	if n.Status != nil {
		drawn.Reported = n.Status.FreeCapacity
	}
	return drawn
}

// Counted is what counts of the node's capacity, in compute units per block: what it advertises, as far as it has delivered.
func (n Node) Counted(params Params) uint64 { return min(n.Capacity, n.Observed(params)) }

// Observed is what the node has delivered, in compute units per block; of a new one unproven_capacity.
func (n Node) Observed(params Params) uint64 {
	if n.ObservedCapacity == 0 {
		return params.UnprovenCapacity
	}
	return n.ObservedCapacity
}
