package sim

import "math/big"

// Spec is a run: a network, a load, and when it is over.
type Spec struct {
	// Name is what the run is called in tables.
	Name string
	// Seed decides everything that is random.
	Seed   uint64
	Params Params
	// Nodes describes the network.
	Nodes NodeSpec
	// Load describes the requests.
	Load LoadSpec
	// Requests ends the arrivals after the block with which so many have been submitted, Blocks, when it is not 0, after that
	// block.
	Requests int
	Blocks   int64
	// WarmUp is the number of blocks that figures leave out.
	WarmUp int64
	// StartPrice is the base price of the first block.
	StartPrice int64
}

// NodeSpec describes a network.
type NodeSpec struct {
	Count int
	// Stake is that of the consensus powers, Capacity that of the compute units that a node truly does in a block.
	Stake    Pareto
	Capacity Lognormal
	// Liars is the part of the nodes, at least one, that advertise and report LiarCapacity while doing LiarSpeed × the median.
	Liars        float64
	LiarSpeed    float64
	LiarCapacity uint64
	// Environments are the parts of the nodes in each environment class.
	Environments []float64
	// Calm is the mean number of blocks between the troubles of a node, Trouble their mean length; Calm 0 is a network
	// without any.
	Calm, Trouble float64
	// Mix are the parts of the troubles in which a node is slow, paused, and failed; in the rest it is gone.
	Mix [3]float64
	// Slowness divides the speed of a node that is slow for a while.
	Slowness float64
}

// LoadSpec describes the requests that arrive.
type LoadSpec struct {
	// Offered is the load at the reference price: compute units that would be submitted per block, as a part of the limit.
	Offered float64
	// Reference is the base price around which the requesters' limits lie.
	Reference int64
	// Limit is the distribution of a requester's largest fee as a multiple of the fee at the reference price. A median of 0
	// stands for requesters that pay any price.
	Limit Lognormal
	// Units is in compute units, Output in bytes of output.
	Units, Output Pareto
	// Economy and Priority are the parts of the requests in these fee classes, Committee that in this tier.
	Economy, Priority, Committee float64
	// Swing is the part by which the load rises and falls over SwingBlocks.
	Swing       float64
	SwingBlocks float64
	// Burst requests of BurstUnits each come at once in block BurstBlock, of any price, class standard.
	Burst      int
	BurstBlock int64
	BurstUnits uint64
}

// DefaultSpec is the network and the load that the document describes, for a number of nodes.
func DefaultSpec(nodes, requests int, seed uint64) Spec {
	return Spec{
		Name: "steady", Seed: seed, Params: DefaultParams(), Requests: requests, WarmUp: 500, StartPrice: 100,
		Nodes: NodeSpec{
			Count: nodes, Stake: Pareto{Low: 1_000, High: 20_000, Shape: 1.2}, Capacity: Lognormal{Median: 40_000, Sigma: 0.5},
			Liars: 0.02, LiarSpeed: 0.25, LiarCapacity: 1_000_000_000,
			Environments: []float64{0.5, 0.3, 0.2}, Calm: 10_000, Trouble: 150, Slowness: 10, Mix: [3]float64{0.60, 0.20, 0.15},
		},
		Load: LoadSpec{
			Offered: 0.9, Reference: 1_000, Limit: Lognormal{Median: 1, Sigma: 0.5},
			Units: Pareto{Low: 120, High: 5_000, Shape: 1.1}, Output: Pareto{Low: 128, High: 8_192, Shape: 1.2},
			Economy: 0.15, Priority: 0.15, Committee: 0.5,
		},
	}
}

// Rate is the mean number of requesters that come in a block, whether they submit or not: half of them do at the reference
// price when their limits lie around it.
func (s Spec) Rate() float64 {
	submitting := 1.0
	if s.Load.Limit.Median > 0 {
		submitting = 0.5
	}
	return s.Load.Offered * float64(s.Params.Rule.Limits.Units) / s.Load.Units.Mean() / submitting
}

func (s Spec) price() *big.Int { return big.NewInt(s.StartPrice) }
