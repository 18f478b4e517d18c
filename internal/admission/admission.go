// Package admission decides, from what nodes say of a model, whether it is admitted.
//
// The package is pure: no clock, no randomness, no map order. The rule is part of consensus.
package admission

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/opengradient/opengradient/internal/agreement"
)

// Root is the Merkle root of golden outputs.
type Root = [32]byte

// Word is what a voter has said of the model in its environment class.
type Word uint8

const (
	// Silent: nothing yet.
	Silent Word = iota
	// Ran: the model ran and gave a root.
	Ran
	// Failed: the model could not be run.
	Failed
)

// Voter is a node that takes work now.
type Voter struct {
	Power int64
	// Class is the environment class the node runs in.
	Class uint32
	Word  Word
	// Root belongs to Ran.
	Root Root
	// Failure belongs to Failed: a code from 1.
	Failure uint32
}

// Relation is how the root of a class stands to the canonical root.
type Relation uint8

const (
	// Unknown: the outputs of one of them were not shown.
	Unknown Relation = iota
	// Within: the outputs are within the tolerance of the canonical ones.
	Within
	// Beyond: they are not.
	Beyond
)

// Ballot is all that a verdict depends on.
type Ballot struct {
	// Voters are in any order. Their powers are not negative and add up to no more than Total.
	Voters []Voter
	// Total is the power of all validators.
	Total int64
	// Due is true when the deadline has come.
	Due bool
	// Compare relates a root to the canonical one, which it differs from. It is asked for the roots of classes only.
	Compare func(canonical, other Root) Relation
}

// Outcome is the kind of a verdict.
type Outcome uint8

const (
	// Pending: voters may still bring any of the others.
	Pending Outcome = iota
	// Active: more than two thirds of the voters' power and half of all power agree.
	Active
	// Rejected: so many can no longer agree, and more than a third of the voters' power failed or disagrees.
	Rejected
	// Expired: the deadline came before.
	Expired
)

// String gives the outcome's name in lower case.
func (o Outcome) String() string {
	switch o {
	case Pending:
		return "pending"
	case Active:
		return "active"
	case Rejected:
		return "rejected"
	case Expired:
		return "expired"
	default:
		return fmt.Sprintf("outcome(%d)", uint8(o))
	}
}

// ClassRoot is the root of an environment class.
type ClassRoot struct {
	Class uint32
	Root  Root
}

// Verdict is the result of [Decide].
type Verdict struct {
	Outcome Outcome
	// Canonical is the root with most power, ties to the smaller one; meaningless when no voter ran the model.
	Canonical Root
	// Proven are the roots of the classes that agree with it, ascending by class.
	Proven []ClassRoot
	// Agree, Open and Against add up to Voters: the power of the voters with the root of a proven class, of those that
	// have said nothing or could not be compared, and of those that failed or disagree.
	Voters, Agree, Open, Against int64
	// Failure is the failure with most power, ties to the lesser code; 0 when disagreement has more, or nobody failed.
	Failure uint32
}

// Decide applies the rule. Within a class the root with most power counts, ties to the smaller one; the class is proven
// when that root is the canonical one or within the tolerance of it.
//
// It does not depend on the order of the voters. Once it is Active, another silent voter with the canonical root keeps it
// so; once it is Rejected, another failure does.
func Decide(b Ballot) Verdict {
	canonical, classes := lead(b.Voters)
	v := Verdict{Canonical: canonical}
	relations := make(map[uint32]Relation, len(classes))
	roots := make(map[uint32]Root, len(classes))
	for _, c := range classes {
		relation := Within
		if c.Root != canonical {
			relation = b.Compare(canonical, c.Root)
		}
		relations[c.Class], roots[c.Class] = relation, c.Root
		if relation == Within {
			v.Proven = append(v.Proven, c)
		}
	}
	failures := make(map[uint32]int64)
	var disagree int64
	for _, voter := range b.Voters {
		v.Voters += voter.Power
		switch {
		case voter.Word == Failed:
			failures[voter.Failure] += voter.Power
			v.Against += voter.Power
		case voter.Word != Ran:
			v.Open += voter.Power
		case voter.Root != roots[voter.Class] || relations[voter.Class] == Beyond:
			disagree += voter.Power
			v.Against += voter.Power
		case relations[voter.Class] == Unknown:
			v.Open += voter.Power
		default:
			v.Agree += voter.Power
		}
	}
	v.Failure = strongest(failures, disagree)
	threshold := agreement.Threshold(v.Voters, b.Total)
	switch {
	case v.Agree >= threshold:
		v.Outcome = Active
	case v.Agree+v.Open < threshold && v.Against > v.Voters/3:
		v.Outcome = Rejected
	case b.Due:
		v.Outcome = Expired
	}
	return v
}

// lead finds the root with most power, and that of each class, ascending by class.
func lead(voters []Voter) (canonical Root, classes []ClassRoot) {
	var all []Vote
	byClass := make(map[uint32][]Vote)
	for _, v := range voters {
		if v.Word == Ran {
			all = append(all, Vote{v.Root, v.Power})
			byClass[v.Class] = append(byClass[v.Class], Vote{v.Root, v.Power})
		}
	}
	for class, votes := range byClass {
		classes = append(classes, ClassRoot{class, Lead(votes).Root})
	}
	slices.SortFunc(classes, func(a, b ClassRoot) int { return cmp.Compare(a.Class, b.Class) })
	return Lead(all).Root, classes
}

// Vote is power behind a root.
type Vote struct {
	Root  Root
	Power int64
}

// Lead is the root with most power and that power, ties to the smaller root; zero when there are no votes. It does not
// depend on the order of the votes.
func Lead(votes []Vote) Vote {
	powers := make(map[Root]int64, len(votes))
	for _, v := range votes {
		powers[v.Root] += v.Power
	}
	var best Vote
	first := true
	for root, power := range powers {
		if first || power > best.Power || power == best.Power && bytes.Compare(root[:], best.Root[:]) < 0 {
			best, first = Vote{root, power}, false
		}
	}
	return best
}

func strongest(failures map[uint32]int64, disagree int64) uint32 {
	code, most := uint32(0), int64(0)
	for failure, power := range failures {
		if power > most || power == most && code != 0 && failure < code {
			code, most = failure, power
		}
	}
	if disagree > most {
		return 0
	}
	return code
}
