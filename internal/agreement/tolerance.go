package agreement

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrBudget reports a comparison that looks at more elements than its caller allows. Nothing has been compared.
var ErrBudget = errors.New("element budget exceeded")

// ErrorUnbounded is the error of outputs between which no relative distance is defined or which are more than
// 2^64-1 parts apart.
const ErrorUnbounded uint64 = math.MaxUint64

// Relation is how an output stands to the candidate. The values are ordered from near to far.
type Relation uint8

const (
	// Within: every element is within its tolerance.
	Within Relation = iota
	// Beyond: some element is beyond its tolerance, none beyond twice that.
	Beyond
	// Beyond2: some element is beyond twice its tolerance. For datatypes compared exactly every difference is.
	Beyond2
	// Incomparable: names, datatypes, shapes or the places of NaN and the infinities differ, or the output is none.
	Incomparable
)

var relationNames = [...]string{Within: "within", Beyond: "beyond", Beyond2: "beyond2", Incomparable: "incomparable"}

// String gives the relation's name in lower case.
func (r Relation) String() string {
	if int(r) < len(relationNames) {
		return relationNames[r]
	}
	return fmt.Sprintf("relation(%d)", uint8(r))
}

// Comparison is the result of [Compare].
type Comparison struct {
	Relation Relation
	// Error is the largest |a-b| / max|candidate| of any tensor in parts of 10^-18, rounded up. It is ErrorUnbounded
	// when a datatype compared exactly differs, when anything differs from a candidate of zeros, and for Incomparable.
	Error uint64
	// Tensor is the position of the first tensor with the Relation (0 for Within), -1 when names, datatypes or shapes
	// differ.
	Tensor int
	// Elements is the number of elements looked at; a BYTES tensor counts one for every four bytes begun,
	// a float tensor at least leastFloatCost.
	Elements int64
}

// Cost is the number of elements that a comparison with a candidate looks at, at most. It is never more than the number
// of bytes of the encoding. It fails with ErrOutput.
func Cost(candidate []byte) (int64, error) {
	out, err := parseOutput(candidate)
	return out.cost, err
}

// Compare holds another output against the candidate; both are canonical encodings. Names, datatypes and shapes must be
// equal and in the same order, NaN and each infinity in the same places, integers, booleans and bytes equal. Finite
// floats a of the candidate and b of the other must satisfy
//
//	|a - b| ≤ τ · max|candidate|
//
// where the maximum is over the finite elements of that tensor of the candidate and τ is the tolerance of its datatype.
// A tensor of zeros, or without finite elements, has scale 0 and leaves no tolerance. The two sides are not
// interchangeable: the scale is the candidate's.
//
// The inequality is decided without rounding and the same on every architecture. Compare fails with ErrTau, with
// ErrOutput when one side is no canonical encoding, and with ErrBudget when the cost is above budget.
func Compare(candidate, other []byte, taus Taus, budget int64) (Comparison, error) {
	if err := taus.Validate(); err != nil {
		return Comparison{}, err
	}
	a, err := parseOutput(candidate)
	if err != nil {
		return Comparison{}, fmt.Errorf("candidate: %w", err)
	}
	b, err := parseOutput(other)
	if err != nil {
		return Comparison{}, fmt.Errorf("other: %w", err)
	}
	if a.cost > budget {
		return Comparison{}, fmt.Errorf("%w: expected at most %d elements, got %d", ErrBudget, budget, a.cost)
	}
	return compare(a, b, taus), nil
}

func compare(candidate, other output, taus Taus) Comparison {
	if !slices.EqualFunc(candidate.tensors, other.tensors, sameSignature) {
		return Comparison{Relation: Incomparable, Error: ErrorUnbounded, Tensor: -1}
	}
	var result Comparison
	for i, a := range candidate.tensors {
		relation, distance := compareTensor(a, other.tensors[i], taus.Of(a.Datatype))
		result.Elements += a.cost
		result.Error = max(result.Error, distance)
		if relation > result.Relation {
			result.Relation, result.Tensor = relation, i
		}
	}
	return result
}

func sameSignature(a, b outputTensor) bool {
	return a.Name == b.Name && a.Datatype == b.Datatype && slices.Equal(a.Shape, b.Shape)
}

func compareTensor(candidate, other outputTensor, tau Tau) (Relation, uint64) {
	if bytes.Equal(candidate.Data, other.Data) {
		return Within, 0
	}
	if !candidate.Datatype.IsFloat() {
		return Beyond2, ErrorUnbounded
	}
	var largest gap
	for i, a := range candidate.values {
		b := other.values[i]
		if !finite(a) || !finite(b) {
			if !sameSpecial(a, b) {
				return Incomparable, ErrorUnbounded
			}
			continue
		}
		if a == b {
			continue
		}
		if g := gapOf(a, b); g.exceeds(largest) {
			largest = g
		}
	}
	distance := largest.relativeTo(candidate.scale)
	switch {
	case distance <= uint64(tau):
		return Within, distance
	case distance <= 2*uint64(tau):
		return Beyond, distance
	default:
		return Beyond2, distance
	}
}

func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

// sameSpecial reports whether two numbers, at least one of them not finite, are both NaN or the same infinity.
func sameSpecial(a, b float64) bool {
	return a == b || (math.IsNaN(a) && math.IsNaN(b))
}
