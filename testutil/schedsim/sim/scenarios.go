package sim

import "github.com/opengradient/opengradient/internal/queue"

// scenarioNodes is the size of the network in the scenarios beside the steady load.
const scenarioNodes = 100

// Overload offers half as much again as the budget at the reference price, to requesters that have a limit.
func Overload(requests int, seed uint64) Spec {
	s := DefaultSpec(scenarioNodes, requests, seed)
	s.Name = "overload"
	s.Load.Offered = 1.5
	return s
}

// Flood offers half as much again as the budget, whatever it costs: only the queue refuses.
func Flood(requests int, seed uint64) Spec {
	s := Overload(requests, seed)
	s.Name = "flood"
	s.Load.Limit = Lognormal{}
	return s
}

// The burst: so many requests at once, where a block begins burstTasks.
const (
	burstRequests = 10_000
	burstTasks    = 100
	burstBlock    = 500
	// BurstBlocks is the length of the run.
	BurstBlocks = 1_500
)

// Burst lets a burst come over the steady load. Its chain begins burstTasks attempts in a block, and has room for the burst
// in its queue and at one final deadline.
func Burst(seed uint64) Spec {
	s := DefaultSpec(scenarioNodes, 0, seed)
	s.Name = "burst"
	s.Blocks, s.WarmUp = BurstBlocks, 100
	s.StartPrice = s.Load.Reference
	s.Params.Rule = queue.Rule{
		Limits:   queue.Limits{Tasks: burstTasks, Units: s.Params.Rule.Limits.Units, Bytes: s.Params.Rule.Limits.Bytes},
		MaxTasks: 2 * burstRequests, MaxBlocks: 400, HeadStarts: s.Params.Rule.HeadStarts,
	}
	s.Params.DeadlineQuota = burstRequests
	s.Load.Burst, s.Load.BurstBlock, s.Load.BurstUnits = burstRequests, burstBlock, 100
	return s
}
