package voteext

import (
	"slices"

	"github.com/opengradient/opengradient/app/abcitypes"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// pack chooses what goes into the extension of a vote at a height. It is a
// function of its arguments alone.
//
// The status comes first, then attestations, then output bytes; each by earliest
// deadline. Among items that share a deadline the first place moves on by one
// with every height, so that an item the chain does not take cannot keep the
// others out for ever. An item that does not fit, or whose bytes would not fit
// after its attestation, does not block smaller ones behind it. Left out is what
// can no longer be used by the next block, what seen (the block being voted on)
// already carries, and bytes whose attestation would not be there.
func pack(p Pending, seen abcitypes.VoteExtension, height int64) abcitypes.VoteExtension {
	carried := newCarried(seen)
	ext := abcitypes.VoteExtension{Version: Version}
	room := MaxBytes - ext.Size()

	if p.Status != nil && !carried.status(p.Status) && p.Status.Validate() == nil {
		if n := fieldSize(p.Status.Size()); n <= room {
			ext.Status = p.Status
			room -= n
		}
	}
	items := order(p.Items, height)
	attested := make(map[Key]bool, len(items))
	for _, it := range items {
		known, same := carried.attestation(it)
		switch {
		case known:
			// A second word on one attempt is never given, whatever it says.
			attested[it.Key] = same
		case !it.Attest:
			attested[it.Key] = true
		case len(ext.Attestations) < MaxAttestations:
			a := it.attestation()
			if n := fieldSize(a.Size()); n <= room {
				ext.Attestations = append(ext.Attestations, a)
				attested[it.Key] = true
				room -= n
			}
		}
	}
	for _, it := range items {
		if len(it.Output) == 0 || !attested[it.Key] || carried.outputs[it.Key] || len(ext.Outputs) == MaxOutputs {
			continue
		}
		o := it.published()
		if n := fieldSize(o.Size()); n <= room {
			ext.Outputs = append(ext.Outputs, o)
			room -= n
		}
	}
	slices.SortFunc(ext.Attestations, func(a, b verificationtypes.Attestation) int {
		return Key{a.RequestId, a.Attempt}.Compare(Key{b.RequestId, b.Attempt})
	})
	slices.SortFunc(ext.Outputs, func(a, b verificationtypes.PublishedOutput) int {
		return Key{a.RequestId, a.Attempt}.Compare(Key{b.RequestId, b.Attempt})
	})
	return ext
}

// order returns the sound items that the next block can use, one per key, in the
// order in which they are packed.
func order(items []Item, height int64) []Item {
	usable := make([]Item, 0, len(items))
	for _, it := range items {
		if it.Deadline <= height || it.attestation().Validate() != nil {
			continue
		}
		usable = append(usable, it)
	}
	// Stable: of two items with one key the first given wins below.
	slices.SortStableFunc(usable, func(a, b Item) int { return a.Compare(b.Key) })
	usable = slices.CompactFunc(usable, func(a, b Item) bool { return a.Key == b.Key })
	slices.SortStableFunc(usable, func(a, b Item) int {
		switch {
		case a.Deadline < b.Deadline:
			return -1
		case a.Deadline > b.Deadline:
			return 1
		}
		return 0
	})
	for start := 0; start < len(usable); {
		end := start + 1
		for end < len(usable) && usable[end].Deadline == usable[start].Deadline {
			end++
		}
		rotate(usable[start:end], height)
		start = end
	}
	return usable
}

// rotate moves the item at position height modulo length to the front.
func rotate(group []Item, height int64) {
	at := int(uint64(height) % uint64(len(group)))
	turned := append(slices.Clone(group[at:]), group[:at]...)
	copy(group, turned)
}

// carried is what the block being voted on already holds of this validator.
type carried struct {
	last         *schedulingtypes.NodeStatus
	attestations map[Key]verificationtypes.Outcome
	outputs      map[Key]bool
}

func newCarried(seen abcitypes.VoteExtension) carried {
	c := carried{
		last:         seen.Status,
		attestations: make(map[Key]verificationtypes.Outcome, len(seen.Attestations)),
		outputs:      make(map[Key]bool, len(seen.Outputs)),
	}
	for _, a := range seen.Attestations {
		c.attestations[Key{a.RequestId, a.Attempt}] = a.Outcome
	}
	for _, o := range seen.Outputs {
		c.outputs[Key{o.RequestId, o.Attempt}] = true
	}
	return c
}

// attestation tells whether the block carries a word on the item's attempt, and
// whether it is the same word.
func (c carried) attestation(it Item) (known, same bool) {
	outcome, known := c.attestations[it.Key]
	return known, known && outcome.Equal(it.Outcome)
}

// status tells whether the block carries a status as good as s. The load of the
// node is left out: it moves with every run and the next change tells it anyway.
func (c carried) status(s *schedulingtypes.NodeStatus) bool {
	return c.last != nil && SameCondition(c.last, s)
}

// fieldSize is the size of an embedded message of n bytes under a field number
// below 16: tag, length, content.
func fieldSize(n int) int {
	size := 2 + n
	for l := n; l >= 1<<7; l >>= 7 {
		size++
	}
	return size
}
