package proof

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/cometbft/cometbft/light"

	"github.com/opengradient/opengradient/internal/proofwire"
)

// chain is the way from the first block of a file to the last, whose state is proved.
type chain struct {
	blocks    []block
	backwards bool
	// trusted is the position of the trusted header; -1 when none is.
	trusted int
}

func (c chain) last() block { return c.blocks[len(c.blocks)-1] }

// openChain reads all blocks, and checks each by itself.
func openChain(w []*proofwire.Block, chainID string) (chain, error) {
	if err := checkChainID(chainID); err != nil {
		return chain{}, err
	}
	if len(w) == 0 {
		return chain{}, differs(PartHeaderChain, "", "at least one block", "none")
	}
	c := chain{trusted: -1, backwards: len(w) > 1 && w[1] != nil && w[0] != nil && w[1].Header.Height < w[0].Header.Height}
	for i, b := range w {
		opened, err := openBlock(b, chainID)
		if err != nil {
			return chain{}, err
		}
		if want := i == 0 || !c.backwards; opened.signed() != want {
			return chain{}, &Error{
				Part: PartHeaderChain, Subject: opened.name(),
				Expected: map[bool]string{true: "a commit", false: "a block without a commit, linked by its hash"}[want], Got: "the other",
			}
		}
		c.blocks = append(c.blocks, opened)
	}
	return c, nil
}

// trust finds the trusted header among the blocks.
func (c *chain) trust(t Trust) error {
	if t.IsZero() {
		return nil
	}
	if err := t.Validate(); err != nil {
		return err
	}
	heights := make([]string, 0, 8)
	for i, b := range c.blocks {
		if b.Height == t.Height {
			c.trusted = i
			return t.check(b.hash)
		}
		if len(heights) < cap(heights) {
			heights = append(heights, fmt.Sprint(b.Height))
		}
	}
	if len(c.blocks) > len(heights) {
		heights = append(heights, "…", fmt.Sprint(c.last().Height))
	}
	return &Error{
		Part: PartTrustedHeader, Expected: "one of the heights in the file: " + strings.Join(heights, ", "), Got: fmt.Sprint(t.Height),
		Help: "Find out the hash of one of these headers by other means, best of the last, or verify again with a node",
	}
}

// verify checks each link. What lies before the trusted header, and all when there is none, is checked for consistency:
// how old it is has no meaning there.
func (c chain) verify(clock Clock) error {
	for i := 1; i < len(c.blocks); i++ {
		from, to := c.blocks[i-1], c.blocks[i]
		if c.backwards {
			if err := linkBackwards(from, to); err != nil {
				return err
			}
			continue
		}
		at := clock
		if c.trusted < 0 || i <= c.trusted {
			at = Clock{Now: to.Time, TrustingPeriod: forever, Sequential: clock.Sequential}
		}
		if err := linkForwards(from, to, at); err != nil {
			return err
		}
	}
	return nil
}

// forever is a trusting period without an end: a time and it can still be added.
const forever = time.Duration(math.MaxInt64)

// linkForwards checks a later header, adjacent or not, by the rules of the light client.
func linkForwards(from, to block, clock Clock) error {
	subject := fmt.Sprintf("block %d to %d", from.Height, to.Height)
	adjacent := to.Height == from.Height+1
	if clock.Sequential {
		if !adjacent {
			return &Error{
				Part: PartHeaderChain, Subject: subject, Expected: "adjacent headers", Got: "a step over others",
				Help: "The file was not collected sequentially: collect it again with a node, or give the hash of a later header",
			}
		}
		clock.TrustingPeriod = forever
	}
	if to.Height <= from.Height {
		return differs(PartHeaderChain, subject, "rising heights", "a height that does not rise")
	}
	if limit := clock.Now.Add(MaxClockDrift); !to.Time.Before(limit) {
		return &Error{
			Part: PartHeaderChain, Subject: to.name(), Expected: "a time before " + rfc3339(limit), Got: rfc3339(to.Time),
			Help: "Set the clock of this machine, or give the time at which the file is verified",
		}
	}
	err := light.Verify(from.signedHeader(), from.validators, to.signedHeader(), to.validators,
		clock.TrustingPeriod, clock.Now, MaxClockDrift, light.DefaultTrustLevel)
	var expired light.ErrOldHeaderExpired
	switch {
	case err == nil:
		return nil
	case errors.As(err, &expired):
		return &Error{
			Part: PartTrustingPeriod, Subject: from.name(), Expected: "a header of less than " + clock.TrustingPeriod.String() + " ago",
			Got: fmt.Sprintf("one of %s at %s", rfc3339(from.Time), rfc3339(clock.Now)),
			Help: "Those who signed it may have taken their stake back since and sign anything at no cost. Give the hash of a newer " +
				"header, best that of the last in the file: then nothing depends on its age. Or collect the proof again from a newer " +
				"trusted header, or sequentially",
		}
	default:
		return fails(PartHeaderChain, subject, err)
	}
}

// linkBackwards checks that a header is the one that a later one names as its last.
func linkBackwards(from, to block) error {
	subject := fmt.Sprintf("block %d to %d", from.Height, to.Height)
	if to.Height != from.Height-1 {
		return differs(PartHeaderChain, subject, fmt.Sprint(from.Height-1), to.Height)
	}
	if err := light.VerifyBackwards(to.Header, from.Header); err != nil {
		return fails(PartHeaderChain, subject, err)
	}
	return nil
}
