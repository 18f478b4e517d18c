package voteext

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/opengradient/opengradient/app/abcitypes"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// pack chooses what goes into the extension of a vote at a height. It is a
// function of its arguments alone.
//
// The status comes first, then the word on each attempt (attestation, commitment
// or reveal), then output bytes, then those that only the block voted on asks for;
// each by earliest deadline. What there is to say of models comes at last: requests
// have deadlines of a few blocks, admissions of many. Among items that share a deadline the first
// place moves on by one with every height, so that an item the chain does not take
// cannot keep the others out for ever. An item that does not fit, or whose bytes
// would not fit after its word, does not block smaller ones behind it. Left out is
// what can no longer be used by the next block, what seen (the block being voted
// on) already carries, and bytes whose attestation would not be there.
func pack(p Pending, seen Seen, height int64) abcitypes.VoteExtension {
	carried := newCarried(seen)
	packing := packing{ext: abcitypes.VoteExtension{Version: Version}}
	packing.room = MaxBytes - packing.ext.Size()

	if p.Status != nil && !carried.status(p.Status) && p.Status.Validate() == nil && packing.fits(p.Status.Size()) {
		packing.ext.Status = p.Status
	}
	items := order(p.Items, height)
	// attested are the attempts on which this extension or the block says what the
	// item says.
	attested := make(map[Key]bool, len(items))
	for _, it := range items {
		known, same := carried.word(it)
		switch {
		case known:
			// A second word on one attempt is never given, whatever it says.
			attested[it.Key] = same
		case len(it.Commitment) > 0:
			packing.commit(it)
		case !it.Attest:
			attested[it.Key] = true
		default:
			attested[it.Key] = packing.attest(it)
		}
	}
	for _, it := range items {
		// Bytes that another publishes in the block voted on need not come twice.
		if attested[it.Key] && !carried.outputs[it.Key] && !seen.Contests[it.Key].Published {
			packing.publish(it.Key, it.Output)
		}
	}
	for _, it := range items {
		if attested[it.Key] && !carried.outputs[it.Key] && contested(it, seen) {
			packing.publish(it.Key, it.Contested)
		}
	}
	packing.attestModels(orderModels(p.Models, carried, height))
	return packing.sorted()
}

// contested tells whether the block voted on asks for the bytes of an item: it
// shows another outcome, and this node is the first that has the item's. Of an
// attestation that committed state holds the source has judged that.
func contested(it Item, seen Seen) bool {
	contest := seen.Contests[it.Key]
	return contest.Rival && !contest.Published && (!it.Attest || !contest.Preceded)
}

// packing is an extension with the room that is left in it.
type packing struct {
	ext  abcitypes.VoteExtension
	room int
}

// fits takes the room for a message of n bytes, if there is so much.
func (p *packing) fits(n int) bool {
	if n = fieldSize(n); n > p.room {
		return false
	}
	p.room -= n
	return true
}

func (p *packing) commit(it Item) {
	c := it.commitment()
	if len(p.ext.Commitments) < MaxCommitments && p.fits(c.Size()) {
		p.ext.Commitments = append(p.ext.Commitments, c)
	}
}

// attest adds an attestation, or the reveal of one, and tells whether there was room.
func (p *packing) attest(it Item) bool {
	if len(it.Salt) == 0 {
		a := it.attestation()
		if len(p.ext.Attestations) == MaxAttestations || !p.fits(a.Size()) {
			return false
		}
		p.ext.Attestations = append(p.ext.Attestations, a)
		return true
	}
	r := it.reveal()
	if len(p.ext.Reveals) == MaxReveals || !p.fits(r.Size()) {
		return false
	}
	p.ext.Reveals = append(p.ext.Reveals, r)
	return true
}

func (p *packing) publish(key Key, output []byte) {
	if len(output) == 0 || len(p.ext.Outputs) == MaxOutputs {
		return
	}
	o := verificationtypes.PublishedOutput{RequestId: key.RequestID, Attempt: key.Attempt, Output: output}
	if p.fits(o.Size()) {
		p.ext.Outputs = append(p.ext.Outputs, o)
	}
}

// sorted is the extension with every list in its canonical order.
func (p *packing) sorted() abcitypes.VoteExtension {
	slices.SortFunc(p.ext.Attestations, func(a, b verificationtypes.Attestation) int {
		return Key{a.RequestId, a.Attempt}.Compare(Key{b.RequestId, b.Attempt})
	})
	slices.SortFunc(p.ext.Outputs, func(a, b verificationtypes.PublishedOutput) int {
		return Key{a.RequestId, a.Attempt}.Compare(Key{b.RequestId, b.Attempt})
	})
	slices.SortFunc(p.ext.Commitments, func(a, b verificationtypes.Commitment) int {
		return Key{a.RequestId, a.Attempt}.Compare(Key{b.RequestId, b.Attempt})
	})
	slices.SortFunc(p.ext.Reveals, func(a, b verificationtypes.Reveal) int {
		return Key{a.Attestation.RequestId, a.Attestation.Attempt}.Compare(Key{b.Attestation.RequestId, b.Attestation.Attempt})
	})
	slices.SortFunc(p.ext.Models, func(a, b modelstypes.ModelAttestation) int { return modelKeyOf(a).compare(modelKeyOf(b)) })
	return p.ext
}

// order returns the sound items that the next block can use, one per key, in the
// order in which they are packed.
func order(items []Item, height int64) []Item {
	usable := make([]Item, 0, len(items))
	for _, it := range items {
		if it.Deadline > height && it.sound() {
			usable = append(usable, it)
		}
	}
	// Stable: of two items with one key the first given wins below.
	slices.SortStableFunc(usable, func(a, b Item) int { return a.Compare(b.Key) })
	usable = slices.CompactFunc(usable, func(a, b Item) bool { return a.Key == b.Key })
	slices.SortStableFunc(usable, func(a, b Item) int { return cmp.Compare(a.Deadline, b.Deadline) })
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

// rotate moves the element at position height modulo length to the front.
func rotate[T any](group []T, height int64) {
	at := int(uint64(height) % uint64(len(group)))
	turned := append(slices.Clone(group[at:]), group[:at]...)
	copy(group, turned)
}

// carried is what the block being voted on already holds of this validator.
type carried struct {
	last        *schedulingtypes.NodeStatus
	words       map[Key]verificationtypes.Outcome
	commitments map[Key]bool
	outputs     map[Key]bool
	models      map[modelKey]modelstypes.ModelAttestation
}

func newCarried(seen Seen) carried {
	c := carried{
		last:        seen.Own.Status,
		words:       make(map[Key]verificationtypes.Outcome, len(seen.Own.Attestations)+len(seen.Own.Reveals)),
		commitments: make(map[Key]bool, len(seen.Own.Commitments)),
		outputs:     make(map[Key]bool, len(seen.Own.Outputs)),
		models:      make(map[modelKey]modelstypes.ModelAttestation, len(seen.Own.Models)),
	}
	eachWord(seen.Own, func(key Key, outcome verificationtypes.Outcome) { c.words[key] = outcome })
	for _, commitment := range seen.Own.Commitments {
		c.commitments[Key{commitment.RequestId, commitment.Attempt}] = true
	}
	for _, o := range seen.Own.Outputs {
		c.outputs[Key{o.RequestId, o.Attempt}] = true
	}
	for _, a := range seen.Own.Models {
		c.models[modelKeyOf(a)] = a
	}
	return c
}

// word tells whether the block carries a word on the item's attempt, and whether
// it is the item's outcome. A commitment that was made is a word for another
// commitment only: it is there to be opened.
func (c carried) word(it Item) (known, same bool) {
	if len(it.Commitment) > 0 && c.commitments[it.Key] {
		return true, false
	}
	outcome, known := c.words[it.Key]
	return known, known && len(it.Commitment) == 0 && outcome.Equal(it.Outcome)
}

// status tells whether the block carries a status as good as s. The load of the
// node is left out: it moves with every run and the next change tells it anyway.
func (c carried) status(s *schedulingtypes.NodeStatus) bool {
	return c.last != nil && SameCondition(c.last, s) &&
		holds(c.last.ModelsReady, s.ModelsReady) && holds(c.last.ModelsDropped, s.ModelsDropped)
}

// holds tells whether every one of some ascending models is among others, ascending too.
func holds(models, some [][]byte) bool {
	for _, model := range some {
		if _, ok := slices.BinarySearchFunc(models, model, bytes.Compare); !ok {
			return false
		}
	}
	return true
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
