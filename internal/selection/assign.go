package selection

import (
	"errors"
	"fmt"
)

// ErrNoMajority is returned when the members hold no more than half of all power: no verdict would be possible.
var ErrNoMajority = errors.New("members hold no more than half of all power")

// Node is what an assignment knows of one node that takes work now.
type Node struct {
	// Power is the validator's consensus power, above 0.
	Power int64
	// Reliability is an integer from 0 to 10,000.
	Reliability uint32
	// Capacity is what the node advertises, Reported what it says is free, Observed what it has delivered, each in
	// compute units per block. Leading is the units of the attempts that it leads.
	Capacity, Reported, Observed, Leading uint64
	// Memory is what the node gives to models, in bytes.
	Memory uint64
	// Classes has one bit for each task class that the node serves, bit c for class c.
	Classes uint64
	// Environment is the index of the node's environment class.
	Environment uint32
}

// Task is what an attempt needs.
type Task struct {
	// Class is the task class, 1 to 63.
	Class uint8
	// Memory is in bytes.
	Memory uint64
	// Committee is true when drawn seats make the attempt and not all members.
	Committee bool
	// Able tells, when set, which nodes can run the task's model, by position.
	Able func(node int) bool
	// Passed tells, when set, which nodes were silent or at fault in earlier attempts, by position.
	Passed func(node int) bool
}

// Attempt is who makes an attempt.
type Attempt struct {
	// Members are the positions of the eligible nodes, ascending.
	Members []int
	// Power is what the members hold together.
	Power int64
	// Leader is a position in Members.
	Leader int
	// Seats are the positions in Members, ascending, that make the attempt; nil when all members do.
	Seats []int
}

// Eligible tells whether a node that takes work can be a member of the attempts of a task: it serves the class and has the
// memory. What it says of its capacity has no part in it, and of the model Task.Able tells.
func (n Node) Eligible(t Task) bool {
	return n.Memory >= t.Memory && t.Class > 0 && t.Class < 64 && n.Classes>>t.Class&1 == 1
}

// FreeCapacity is what the node could take on now, in compute units: what it advertises and reports as free, as far as
// it has delivered, less what it leads.
func (n Node) FreeCapacity() uint64 {
	return FreeCapacity(min(n.Capacity, n.Observed), n.Reported, n.Leading)
}

// Candidate is the node in a draw of a leader; passed tells whether it was silent or at fault in an earlier attempt.
func (n Node) Candidate(passed bool) Candidate {
	return Candidate{Power: n.Power, Reliability: n.Reliability, Free: n.FreeCapacity(), Passed: passed}
}

// Members returns the positions of the nodes that are eligible for a task, ascending, and the power they hold together.
func Members(nodes []Node, t Task) (members []int, power int64) {
	for i, n := range nodes {
		if n.Eligible(t) && (t.Able == nil || t.Able(i)) {
			members = append(members, i)
			power += n.Power
		}
	}
	return members, power
}

// Assign decides who makes an attempt: every eligible node is a member, the leader is drawn by Leader, and the seats of
// a committee by Committee. TotalPower is the power of all validators, and at least that of all nodes together. It fails
// with ErrNoMajority when no verdict would be possible.
func Assign(seed [32]byte, nodes []Node, t Task, totalPower int64) (Attempt, error) {
	a := Attempt{}
	a.Members, a.Power = Members(nodes, t)
	if a.Power <= totalPower-a.Power {
		return Attempt{}, fmt.Errorf("%w: expected more than half of %d, got %d", ErrNoMajority, totalPower, a.Power)
	}
	candidates := make([]Candidate, len(a.Members))
	for i, at := range a.Members {
		candidates[i] = nodes[at].Candidate(t.Passed != nil && t.Passed(at))
	}
	var err error
	if a.Leader, err = Leader(seed, candidates); err != nil {
		return Attempt{}, err
	}
	if !t.Committee {
		return a, nil
	}
	seats := make([]Seat, len(a.Members))
	for i, at := range a.Members {
		seats[i] = Seat{Power: nodes[at].Power, Environment: nodes[at].Environment}
	}
	a.Seats, err = Committee(seed, seats, a.Leader, totalPower)
	return a, err
}
