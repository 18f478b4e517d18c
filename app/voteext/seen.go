package voteext

import (
	"sync"

	"github.com/opengradient/opengradient/app/abcitypes"
)

// seenBlocks is the number of blocks a SeenCache remembers: the proposals of the
// rounds of one height, with room for a few heights.
const seenBlocks = 16

// SeenCache remembers, by block hash, this validator's own extension as the
// injection of that block carries it. ProcessProposal fills it, ExtendVote reads
// it, so that what the block being voted on already carries is not sent again.
// It is bounded: the oldest block makes room. The zero value is ready for use,
// as is a nil cache, which remembers nothing.
type SeenCache struct {
	mu     sync.Mutex
	blocks map[string]abcitypes.VoteExtension
	order  []string
}

// Put remembers the extension that the block with this hash carries for this
// validator. A second Put for one hash replaces the first. The caller must not
// change ext afterwards.
func (c *SeenCache) Put(hash []byte, ext abcitypes.VoteExtension) {
	if c == nil || len(hash) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := string(hash)
	if c.blocks == nil {
		c.blocks = make(map[string]abcitypes.VoteExtension, seenBlocks)
	}
	if _, known := c.blocks[key]; !known {
		if len(c.order) == seenBlocks {
			delete(c.blocks, c.order[0])
			c.order = append(c.order[:0], c.order[1:]...)
		}
		c.order = append(c.order, key)
	}
	c.blocks[key] = ext
}

// Get returns what Put stored for the hash, and whether there is anything. The
// caller must not change it.
func (c *SeenCache) Get(hash []byte) (abcitypes.VoteExtension, bool) {
	if c == nil {
		return abcitypes.VoteExtension{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ext, ok := c.blocks[string(hash)]
	return ext, ok
}
