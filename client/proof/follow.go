package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/light/provider"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/opengradient/opengradient/internal/proofwire"
)

// link is a block on the way, in both forms.
type link struct {
	block
	wire *proofwire.Block
}

// headers finds the way from the trusted header to the one after the state that is proved.
func (c *collector) headers(ctx context.Context) error {
	newest, err := lightBlock(ctx, c.source, 0)
	if err != nil {
		return sourceError("the last block", err)
	}
	target := newest.Height
	if c.opts.Height != 0 {
		target = c.opts.Height + 1
	}
	// The state after a block is in the header of the next.
	if target < 3 || target > newest.Height {
		return &Error{
			Part: PartNotAvailable, Subject: fmt.Sprintf("the state after block %d", target-1),
			Expected: fmt.Sprintf("a block from 2 to %d", newest.Height-1), Got: fmt.Sprint(target - 1), Help: "Wait for the next block",
		}
	}
	trust := c.opts.Trust
	if c.opts.TrustNode {
		trust = Trust{Height: target}
	}
	first, err := c.fetch(ctx, trust.Height, newest.ChainID)
	if err != nil {
		return err
	}
	if !c.opts.TrustNode {
		if err := trust.check(first.hash); err != nil {
			return err
		}
	}
	c.last, c.proof.Blocks = first.block, []*proofwire.Block{first.wire}
	switch {
	case first.Height == target:
		return nil
	case first.Height > target:
		return c.backwards(ctx, first.block, target)
	case c.opts.Sequential:
		return c.sequential(ctx, first.block, target)
	default:
		return c.skipping(ctx, first.block, target)
	}
}

// fetch gets a block and checks it by itself.
func (c *collector) fetch(ctx context.Context, height int64, chainID string) (link, error) {
	if c.fetched++; c.fetched > MaxBlocks {
		return link{}, &Error{
			Part: PartLimits, Expected: fmt.Sprintf("at most %d blocks on the way", MaxBlocks), Got: "more",
			Help: "Trust a header that is closer to the proof",
		}
	}
	lb, err := c.light(ctx, height)
	if err != nil {
		return link{}, err
	}
	w, err := blockToWire(lb, true)
	if err != nil {
		return link{}, err
	}
	b, err := openBlock(w, chainID)
	return link{b, w}, err
}

func (c *collector) light(ctx context.Context, height int64) (*cmttypes.LightBlock, error) {
	lb, err := lightBlock(ctx, c.source, height)
	if err != nil {
		return nil, sourceError(atHeight(height), err)
	}
	if lb.Height != height {
		return nil, differs(PartHeader, atHeight(height), height, lb.Height)
	}
	return lb, nil
}

// add appends a block that is linked to the last.
func (c *collector) add(l link) {
	c.proof.Blocks = append(c.proof.Blocks, l.wire)
	c.last = l.block
}

// skipping goes as far as a third of a known validator set has signed, and halves the way where it has not.
func (c *collector) skipping(ctx context.Context, from block, target int64) error {
	first, err := c.fetch(ctx, target, from.ChainID)
	if err != nil {
		return err
	}
	for ahead := []link{first}; len(ahead) > 0; {
		to := ahead[len(ahead)-1]
		err := linkForwards(from, to.block, c.opts.Clock)
		var unknown light.ErrNewValSetCantBeTrusted
		switch {
		case err == nil:
			c.add(to)
			from, ahead = to.block, ahead[:len(ahead)-1]
		case errors.As(err, &unknown):
			middle, err := c.fetch(ctx, from.Height+(to.Height-from.Height)/2, from.ChainID)
			if err != nil {
				return err
			}
			ahead = append(ahead, middle)
		default:
			return err
		}
	}
	return nil
}

// sequential takes every header on the way.
func (c *collector) sequential(ctx context.Context, from block, target int64) error {
	for height := from.Height + 1; height <= target; height++ {
		to, err := c.fetch(ctx, height, from.ChainID)
		if err != nil {
			return err
		}
		if err := linkForwards(from, to.block, c.opts.Clock); err != nil {
			return err
		}
		c.add(to)
		from = to.block
	}
	return nil
}

// backwards follows the hashes that headers name, down from a newer one.
func (c *collector) backwards(ctx context.Context, from block, target int64) error {
	if n := from.Height - target; n >= MaxBlocks {
		return &Error{
			Part: PartLimits, Expected: fmt.Sprintf("a trusted header less than %d blocks above the proof", MaxBlocks), Got: fmt.Sprint(n),
			Help: "Trust a header that is closer to the proof, or an older one",
		}
	}
	for height := from.Height - 1; height >= target; height-- {
		lb, err := c.light(ctx, height)
		if err != nil {
			return err
		}
		w, err := blockToWire(lb, false)
		if err != nil {
			return err
		}
		to, err := openBlock(w, from.ChainID)
		if err != nil {
			return err
		}
		if err := linkBackwards(from, to); err != nil {
			return err
		}
		c.add(link{to, w})
		from = to
	}
	return nil
}

// Witness is another node, which is asked for the header of the proof.
type Witness struct {
	// Name is what errors call it.
	Name string
	Headers
}

const (
	// witnessPatience is how long a witness may be behind.
	witnessPatience = 20 * time.Second
	witnessInterval = 500 * time.Millisecond
)

// crossCheck asks the witnesses for the header of the proof. One that has another shows that somebody lies, or that the
// chain has forked: then nothing is proved.
func (c *collector) crossCheck(ctx context.Context) error {
	for _, w := range c.opts.Witnesses {
		lb, err := awaitBlock(ctx, w, c.last.Height)
		if err != nil {
			return &Error{Part: PartWitness, Subject: w.Name, Err: err, Help: "Give another witness, or leave it out"}
		}
		if got := lb.Hash(); !bytes.Equal(got, c.last.hash) {
			return &Error{
				Part: PartWitness, Subject: w.Name, Expected: fmt.Sprintf("hash %X of %s, which the node has", c.last.hash, c.last.name()), Got: show([]byte(got)),
				Help: "One of the two is on another chain, faulty, or lies: find out which before you trust either",
			}
		}
	}
	return nil
}

func awaitBlock(ctx context.Context, from Headers, height int64) (*cmttypes.LightBlock, error) {
	ctx, cancel := context.WithTimeout(ctx, witnessPatience)
	defer cancel()
	ticker := time.NewTicker(witnessInterval)
	defer ticker.Stop()
	for {
		lb, err := lightBlock(ctx, from, height)
		if !errors.Is(err, provider.ErrHeightTooHigh) {
			return lb, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-ticker.C:
		}
	}
}
