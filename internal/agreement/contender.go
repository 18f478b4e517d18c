package agreement

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/opengradient/opengradient/internal/tensor"
)

// MaxContenders is the most roots that are compared in one arbitration.
const MaxContenders = 8

// ErrArbitration reports arguments of an arbitration that no round can have.
var ErrArbitration = errors.New("arbitration")

// RootPower is an output root and the power of the members that attested exactly it.
type RootPower struct {
	Root  tensor.Root
	Power int64
}

// compareRoots puts the root with more power first, then the one the leader attested, then the smaller bytes. Distinct
// roots are never equal, so the order does not depend on how they were listed.
func compareRoots(a, b RootPower, aLeads, bLeads bool) int {
	if c := cmp.Compare(b.Power, a.Power); c != 0 {
		return c
	}
	if aLeads != bLeads {
		if aLeads {
			return -1
		}
		return 1
	}
	return bytes.Compare(a.Root[:], b.Root[:])
}

// SelectContenders gives the positions of the roots that take part in an arbitration, at most MaxContenders, in the
// order of preference: most power first, the leader's root before others of equal power, then the smallest bytes.
// Leader is the position of the root that the leader attested, -1 when it is silent or attested a failure. Roots are
// distinct. A failure is not a root and never takes part.
func SelectContenders(roots []RootPower, leader int) []int {
	order := make([]int, len(roots))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return compareRoots(roots[i], roots[j], i == leader, j == leader)
	})
	return order[:min(len(order), MaxContenders)]
}

// Contender is a root in an arbitration.
type Contender struct {
	RootPower
	// Published says that bytes hashing to the root are known. They need not be a sound output.
	Published bool
	// Output is what was published.
	Output []byte
}

// Case is what an arbitration decides on. Its order of contenders has no influence.
type Case struct {
	// Contenders have distinct roots, positive powers and, where published, bytes that hash to the root.
	Contenders []Contender
	// Leader is the position of the contender that the leader attested, -1 when there is none.
	Leader int
	// Threshold is the least power that wins, at least 1: see [Threshold] for QUORUM; all of Eligible for COMMITTEE.
	Threshold int64
	// Eligible is the power of all members that have a seat.
	Eligible int64
	// Silent is the power of the members that may still attest one of the contenders.
	Silent int64
	// Closed says that time is up: nothing more will be attested or published.
	Closed bool
}

// validate checks all that [Case] promises.
func (c Case) validate() error {
	if len(c.Contenders) > MaxContenders {
		return fmt.Errorf("%w: expected at most %d contenders, got %d", ErrArbitration, MaxContenders, len(c.Contenders))
	}
	if c.Leader < -1 || c.Leader >= len(c.Contenders) {
		return fmt.Errorf("%w: expected the leader's contender to be within -1 and %d, got %d",
			ErrArbitration, len(c.Contenders)-1, c.Leader)
	}
	if c.Silent < 0 || c.Eligible < 0 || c.Threshold < 1 {
		return fmt.Errorf("%w: expected a threshold of at least 1 and no negative power, got threshold %d, eligible %d, silent %d",
			ErrArbitration, c.Threshold, c.Eligible, c.Silent)
	}
	rest := c.Eligible - c.Silent
	for i, contender := range c.Contenders {
		if contender.Power <= 0 || contender.Power > rest {
			return fmt.Errorf("%w: expected power of at least 1, and %d in all with %d silent, got %d more for contender %d",
				ErrArbitration, c.Eligible, c.Silent, contender.Power, i)
		}
		rest -= contender.Power
		for _, earlier := range c.Contenders[:i] {
			if earlier.Root == contender.Root {
				return fmt.Errorf("%w: expected distinct roots, got %x twice", ErrArbitration, contender.Root)
			}
		}
		if !contender.Published {
			continue
		}
		if root := tensor.MerkleRoot(contender.Output); root != contender.Root {
			return fmt.Errorf("%w: expected bytes of root %x from contender %d, got bytes of root %x",
				ErrArbitration, contender.Root, i, root)
		}
	}
	return nil
}
