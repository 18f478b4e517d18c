package voteext

import (
	"bytes"
	"sync"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Seen is what a block, that is being voted on, shows to one validator.
type Seen struct {
	// Own is the validator's own extension as the block carries it.
	Own abcitypes.VoteExtension
	// Contests holds how the attempts asked about stand in the block; those of
	// which it says nothing are left out.
	Contests map[Key]Contest
}

// Contest is how one attempt stands in a block, for the outcome of one validator.
// It says what others claim; nobody has counted it yet.
type Contest struct {
	// Rival is true when somebody attests or reveals another outcome.
	Rival bool
	// Preceded is true when another validator, earlier in the order of the commit,
	// attests or reveals the same outcome.
	Preceded bool
	// Published is true when another validator publishes bytes with the root of
	// the outcome.
	Published bool
}

// Inspect reads an injected commit for the validator whose entry is at position
// own: what it said itself, and how its word stands among those of the others, on
// the attempts in that extension and on those in words. It never fails: what does
// not decode says nothing. The work is bounded by the size of the commit; without
// an attempt to look for, no other extension is read.
func Inspect(c abcitypes.InjectedCommit, own int, words map[Key]verificationtypes.Outcome) Seen {
	if own < 0 || own >= len(c.Entries) {
		return Seen{}
	}
	// An entry that is not canonical says nothing: the chain ignores it too.
	said, _ := Decode(c.Entries[own].Extension)
	seen := Seen{Own: said}
	wanted := make(map[Key]verificationtypes.Outcome, len(words)+len(said.Attestations)+len(said.Reveals))
	for key, outcome := range words {
		wanted[key] = outcome
	}
	eachWord(said, func(key Key, outcome verificationtypes.Outcome) { wanted[key] = outcome })
	if len(wanted) == 0 {
		return seen
	}
	seen.Contests = make(map[Key]Contest)
	for i, entry := range c.Entries {
		if i == own || len(entry.Extension) == 0 {
			continue
		}
		if ext, err := Decode(entry.Extension); err == nil {
			seen.note(ext, wanted, i < own)
		}
	}
	return seen
}

// note adds the extension of another validator; before tells whether it comes
// earlier in the commit.
func (s Seen) note(ext abcitypes.VoteExtension, wanted map[Key]verificationtypes.Outcome, before bool) {
	eachWord(ext, func(key Key, outcome verificationtypes.Outcome) {
		ours, ok := wanted[key]
		if !ok {
			return
		}
		contest := s.Contests[key]
		if !ours.Equal(outcome) {
			contest.Rival = true
		} else if before {
			contest.Preceded = true
		}
		s.Contests[key] = contest
	})
	for _, o := range ext.Outputs {
		key := Key{o.RequestId, o.Attempt}
		ours, ok := wanted[key]
		if !ok || ours.Failed() || s.Contests[key].Published {
			continue
		}
		if root := tensor.MerkleRoot(o.Output); bytes.Equal(root[:], ours.OutputRoot) {
			contest := s.Contests[key]
			contest.Published = true
			s.Contests[key] = contest
		}
	}
}

// eachWord visits the outcomes that an extension attests or reveals.
func eachWord(ext abcitypes.VoteExtension, visit func(Key, verificationtypes.Outcome)) {
	for _, a := range ext.Attestations {
		visit(Key{a.RequestId, a.Attempt}, a.Outcome)
	}
	for _, r := range ext.Reveals {
		visit(Key{r.Attestation.RequestId, r.Attestation.Attempt}, r.Attestation.Outcome)
	}
}

// seenBlocks is the number of blocks a SeenCache remembers: the proposals of the
// rounds of one height, with room for a few heights.
const seenBlocks = 16

// SeenCache remembers by block hash what a block shows. ProcessProposal fills it,
// ExtendVote reads it, so that what the block being voted on already carries is
// not sent again, and what it asks for is sent at once. It is bounded: the oldest
// block makes room. The zero value is ready for use, as is a nil cache, which
// remembers nothing.
type SeenCache struct {
	mu     sync.Mutex
	blocks map[string]Seen
	order  []string
}

// Put remembers what the block with this hash shows. A second Put for one hash
// replaces the first. The caller must not change seen afterwards.
func (c *SeenCache) Put(hash []byte, seen Seen) {
	if c == nil || len(hash) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := string(hash)
	if c.blocks == nil {
		c.blocks = make(map[string]Seen, seenBlocks)
	}
	if _, known := c.blocks[key]; !known {
		if len(c.order) == seenBlocks {
			delete(c.blocks, c.order[0])
			c.order = append(c.order[:0], c.order[1:]...)
		}
		c.order = append(c.order, key)
	}
	c.blocks[key] = seen
}

// Get returns what Put stored for the hash, and whether there is anything. The
// caller must not change it.
func (c *SeenCache) Get(hash []byte) (Seen, bool) {
	if c == nil {
		return Seen{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, ok := c.blocks[string(hash)]
	return seen, ok
}
