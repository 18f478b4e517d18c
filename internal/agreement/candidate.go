package agreement

import (
	"fmt"
	"slices"
)

// ArbitrationState is the answer of [Arbitrate].
type ArbitrationState uint8

const (
	// ArbitrationPending: more may be published or attested that decides the case.
	ArbitrationPending ArbitrationState = iota
	// ArbitrationAgreed: the threshold stands within the tolerance of one contender.
	ArbitrationAgreed
	// ArbitrationNoVerdict: no contender has the threshold within its tolerance and none will.
	ArbitrationNoVerdict
)

// String gives the state's name in lower case.
func (s ArbitrationState) String() string {
	switch s {
	case ArbitrationPending:
		return "pending"
	case ArbitrationAgreed:
		return "agreed"
	case ArbitrationNoVerdict:
		return "no verdict"
	default:
		return fmt.Sprintf("arbitration state(%d)", uint8(s))
	}
}

// Standing is how a contender, or a member, stands to the result.
type Standing uint8

const (
	// StandingNeutral: nothing is known of it: no verdict, nothing published, or not compared.
	StandingNeutral Standing = iota
	// StandingAgrees: within the tolerance of the result.
	StandingAgrees
	// StandingDiffers: beyond the tolerance, not beyond twice that.
	StandingDiffers
	// StandingContradicts: beyond twice the tolerance, incomparable, or bytes that are no output.
	StandingContradicts
)

var standingNames = [...]string{
	StandingNeutral: "neutral", StandingAgrees: "agrees", StandingDiffers: "differs", StandingContradicts: "contradicts",
}

// String gives the standing's name in lower case.
func (s Standing) String() string {
	if int(s) < len(standingNames) {
		return standingNames[s]
	}
	return fmt.Sprintf("standing(%d)", uint8(s))
}

// Standing is what a relation to the candidate makes of a contender.
func (r Relation) Standing() Standing {
	switch r {
	case Within:
		return StandingAgrees
	case Beyond:
		return StandingDiffers
	default:
		return StandingContradicts
	}
}

// Finding is what an arbitration says of one contender.
type Finding struct {
	Standing Standing
	// Comparison is that with the candidate. It is meaningful unless Standing is StandingNeutral.
	Comparison Comparison
}

// Arbitration is the result of [Arbitrate].
type Arbitration struct {
	State ArbitrationState
	// Candidate is the position of the contender whose bytes are the result, -1 unless State is ArbitrationAgreed.
	Candidate int
	// Power is the power of all contenders within the tolerance of the candidate, 0 unless agreed.
	Power int64
	// Findings has one entry per contender, all of them neutral unless agreed.
	Findings []Finding
	// Elements is the number of elements that have been looked at.
	Elements int64
}

// ArbitrationCost is the number of elements that [Arbitrate] looks at, at most: those of every ordered pair of published
// outputs. It is never more than WorstArbitrationCost of the longest output.
func ArbitrationCost(contenders []Contender) int64 {
	return arbitrationCost(parseContenders(contenders))
}

// WorstArbitrationCost is the most that ArbitrationCost can be for outputs of so many bytes, of at most 4 MiB each. A
// budget below it can hold up a case for ever.
func WorstArbitrationCost(outputBytes int64) int64 {
	return MaxContenders * (MaxContenders - 1) * outputBytes
}

// Arbitrate decides among roots that no threshold shares exactly. The first choice is the contender with the most power
// (then the leader's, then the smallest root). All others are compared with it, and when the power within its tolerance
// reaches the threshold its bytes are the result. If that cannot happen the medoid is tried: the contender with the
// most power within its tolerance, ties broken as before. Tolerance is not transitive, so only what is within the
// tolerance of the result itself counts.
//
// The first choice is waited for, and the medoid is not looked for before everything is published, until the case is
// closed. Bytes that are no canonical output can never be the result.
//
// Whatever members with less than one third of the eligible power do, what is agreed is within the tolerance of the
// outputs of honest members with more than one third of it. If moreover the honest members have the threshold between
// them, all their roots take part and are published, and their outputs are within τ/(2+3τ) of one true output at its
// scale, then a closed case is agreed and no honest member is beyond twice the tolerance of the result.
//
// It fails with ErrTau, with ErrArbitration when the case breaks a promise of [Case], and with ErrBudget when
// [ArbitrationCost] is above budget.
func Arbitrate(c Case, taus Taus, budget int64) (Arbitration, error) {
	if err := taus.Validate(); err != nil {
		return Arbitration{}, err
	}
	if err := c.validate(); err != nil {
		return Arbitration{}, err
	}
	a := arbiter{Case: c, taus: taus, outputs: parseContenders(c.Contenders)}
	if cost := arbitrationCost(a.outputs); cost > budget {
		return Arbitration{}, fmt.Errorf("%w: expected at most %d elements, got %d", ErrBudget, budget, cost)
	}
	return a.decide(), nil
}

// arbiter holds a valid case. Outputs has an entry per contender, nil unless a sound output is published.
type arbiter struct {
	Case
	taus     Taus
	outputs  []*output
	elements int64
}

func parseContenders(contenders []Contender) []*output {
	outputs := make([]*output, len(contenders))
	for i, contender := range contenders {
		if !contender.Published {
			continue
		}
		if out, err := parseOutput(contender.Output); err == nil {
			outputs[i] = &out
		}
	}
	return outputs
}

func arbitrationCost(outputs []*output) int64 {
	var once, published int64
	for _, out := range outputs {
		if out != nil {
			once += out.cost
			published++
		}
	}
	return once * max(published-1, 0)
}

func (a *arbiter) decide() Arbitration {
	reachable, waiting := a.Silent, false
	var choices []int // positions of possible results in the order of preference
	for i, contender := range a.Contenders {
		if contender.Published && a.outputs[i] == nil {
			continue
		}
		if !contender.Published {
			if a.Closed {
				continue
			}
			waiting = true
		}
		reachable += contender.Power
		choices = append(choices, i)
	}
	if a.Closed {
		reachable -= a.Silent
	}
	if reachable < a.Threshold {
		return a.undecided(ArbitrationNoVerdict)
	}
	if len(choices) == 0 {
		return a.undecided(ArbitrationPending) // all the power is silent
	}
	slices.SortFunc(choices, func(i, j int) int {
		return compareRoots(a.Contenders[i].RootPower, a.Contenders[j].RootPower, i == a.Leader, j == a.Leader)
	})
	first := choices[0]
	if a.outputs[first] == nil {
		return a.undecided(ArbitrationPending)
	}
	best := a.around(first)
	if best.Power >= a.Threshold {
		return best
	}
	if waiting {
		return a.undecided(ArbitrationPending)
	}
	for _, choice := range choices[1:] {
		if ball := a.around(choice); ball.Power > best.Power {
			best = ball
		}
	}
	if best.Power >= a.Threshold {
		best.Elements = a.elements
		return best
	}
	if !a.Closed && a.Silent > 0 {
		return a.undecided(ArbitrationPending)
	}
	return a.undecided(ArbitrationNoVerdict)
}

func (a *arbiter) undecided(state ArbitrationState) Arbitration {
	return Arbitration{State: state, Candidate: -1, Findings: make([]Finding, len(a.Contenders)), Elements: a.elements}
}

// around compares all that is published with one contender and sums the power within its tolerance.
func (a *arbiter) around(candidate int) Arbitration {
	result := a.undecided(ArbitrationAgreed)
	result.Candidate = candidate
	for i, contender := range a.Contenders {
		switch {
		case !contender.Published:
			continue
		case a.outputs[i] == nil:
			result.Findings[i].Comparison = Comparison{Relation: Incomparable, Error: ErrorUnbounded, Tensor: -1}
		case i != candidate:
			result.Findings[i].Comparison = compare(*a.outputs[candidate], *a.outputs[i], a.taus)
			a.elements += result.Findings[i].Comparison.Elements
		}
		result.Findings[i].Standing = result.Findings[i].Comparison.Relation.Standing()
		if result.Findings[i].Standing == StandingAgrees {
			result.Power += contender.Power
		}
	}
	result.Elements = a.elements
	return result
}

// MemberStandings is the standing of each member after an arbitration. Choices holds per member the position of the
// contender it attested, or -1: members that are silent, attested a root that did not take part, or a failure are
// neutral here.
func MemberStandings(choices []int, findings []Finding) ([]Standing, error) {
	standings := make([]Standing, len(choices))
	for i, choice := range choices {
		switch {
		case choice < -1 || choice >= len(findings):
			return nil, fmt.Errorf("%w: expected the choice of member %d to be within -1 and %d, got %d",
				ErrArbitration, i, len(findings)-1, choice)
		case choice >= 0:
			standings[i] = findings[choice].Standing
		}
	}
	return standings, nil
}
