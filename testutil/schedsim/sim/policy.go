package sim

import (
	"math/rand/v2"
	"slices"

	"github.com/opengradient/opengradient/internal/selection"
)

// Draw is what a policy knows when an attempt begins.
type Draw struct {
	Seed [32]byte
	// Nodes take work now; IDs are who they are, ascending.
	Nodes []selection.Node
	IDs   []int
	Task  selection.Task
	// Total is the power of all validators.
	Total int64
}

// Policy decides who makes an attempt.
type Policy interface {
	Name() string
	// Assign fails with selection.ErrNoMajority when no verdict would be possible.
	Assign(d Draw) (selection.Attempt, error)
}

// Chain is the policy of the chain.
type Chain struct{}

// Name is the word for the policy.
func (Chain) Name() string { return "chain" }

// Assign is selection.Assign.
func (Chain) Assign(d Draw) (selection.Attempt, error) {
	return selection.Assign(d.Seed, d.Nodes, d.Task, d.Total)
}

// Uniform draws the leader and the seats of a committee among all members alike.
type Uniform struct{ random *rand.Rand }

// NewUniform returns the policy with a generator of its own.
func NewUniform(seed uint64) *Uniform { return &Uniform{random: stream(seed, 3)} }

// Name is the word for the policy.
func (*Uniform) Name() string { return "random" }

// Assign draws among all members alike.
func (u *Uniform) Assign(d Draw) (selection.Attempt, error) {
	a, candidates, err := members(d)
	if err != nil {
		return a, err
	}
	a.Leader = candidates[u.random.IntN(len(candidates))]
	if d.Task.Committee {
		order := u.random.Perm(len(a.Members))
		a.Seats = fill(d, a, order)
	}
	return a, nil
}

// RoundRobin takes the next one in turn, for leaders and for seats.
type RoundRobin struct{ leader, seat int }

// Name is the word for the policy.
func (*RoundRobin) Name() string { return "round robin" }

// Assign takes the next ones in turn.
func (r *RoundRobin) Assign(d Draw) (selection.Attempt, error) {
	a, candidates, err := members(d)
	if err != nil {
		return a, err
	}
	a.Leader = candidates[0]
	for _, position := range candidates {
		if d.IDs[a.Members[position]] > r.leader {
			a.Leader = position
			break
		}
	}
	r.leader = d.IDs[a.Members[a.Leader]]
	if d.Task.Committee {
		first := 0
		for position, at := range a.Members {
			if d.IDs[at] > r.seat {
				first = position
				break
			}
		}
		order := make([]int, len(a.Members))
		for i := range order {
			order[i] = (first + i) % len(order)
		}
		a.Seats = fill(d, a, order)
		last := order[0]
		for _, position := range order {
			if _, seated := slices.BinarySearch(a.Seats, position); !seated {
				break
			}
			last = position
		}
		r.seat = d.IDs[a.Members[last]]
	}
	return a, nil
}

// members are the members of an attempt under every policy, and the positions of those that may lead it: the ones silent
// before are passed over while others remain.
func members(d Draw) (a selection.Attempt, candidates []int, err error) {
	a.Members, a.Power = selection.Members(d.Nodes, d.Task)
	if a.Power <= d.Total-a.Power {
		return a, nil, selection.ErrNoMajority
	}
	for position, at := range a.Members {
		if d.Task.Passed == nil || !d.Task.Passed(at) {
			candidates = append(candidates, position)
		}
	}
	if len(candidates) == 0 {
		for position := range a.Members {
			candidates = append(candidates, position)
		}
	}
	return a, candidates, nil
}

// fill seats the leader and then the members in an order, until the seats of a committee hold as much power as the chain
// asks for.
func fill(d Draw, a selection.Attempt, order []int) []int {
	seats := []int{a.Leader}
	held := d.Nodes[a.Members[a.Leader]].Power
	for _, position := range order {
		if held > d.Total/3 && len(seats) >= min(2, len(a.Members)) {
			break
		}
		if position != a.Leader {
			seats = append(seats, position)
			held += d.Nodes[a.Members[position]].Power
		}
	}
	slices.Sort(seats)
	return seats
}
