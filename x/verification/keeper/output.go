package keeper

import (
	"cmp"
	"context"
	"slices"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

// takeOutputs stores published bytes of candidates that have none and counts bytes that are not what their publisher
// attested. When several members publish the bytes of one candidate in a block, the one whose turn comes first is the
// publisher. It gives the bytes of the decided candidate if they came in this block.
func (b *block) takeOutputs(ctx context.Context, r *openRound) ([]byte, error) {
	var winning []byte
	for _, group := range b.groupOffers(r) {
		candidate := &r.round.Candidates[group.candidate-1]
		for _, offer := range group.offers {
			// A turn is worth nothing without sound bytes; unwanted bytes are not worth a hash.
			if !r.wantsOutput(group.candidate) {
				break
			}
			if types.CheckOutput(candidate.Outcome, offer.output, r.round.MaxOutputBytes) != nil {
				b.ignore(r.operator(offer.position), types.ReasonBadOutput)
				continue
			}
			candidate.Publisher = r.operator(offer.position)
			if r.round.Decided == group.candidate {
				winning = offer.output
				break
			}
			key := collections.Join(r.round.RequestId, group.candidate)
			if err := b.keeper.Outputs.Set(ctx, key, offer.output); err != nil {
				return nil, err
			}
		}
	}
	return winning, nil
}

// offerGroup is the bytes published for one candidate, in the order of the publishers' turns.
type offerGroup struct {
	candidate uint32
	offers    []offer
}

// groupOffers orders the offers by candidate and turn. Bytes of a member that attested no root have no place: they are
// counted.
func (b *block) groupOffers(r *openRound) []offerGroup {
	byCandidate := make([][]offer, len(r.round.Candidates))
	for _, offer := range r.offers {
		number := r.round.Votes[offer.position].Candidate
		if number == 0 || r.round.Candidates[number-1].Outcome.Failed() {
			b.ignore(r.operator(offer.position), types.ReasonBadOutput)
			continue
		}
		byCandidate[number-1] = append(byCandidate[number-1], offer)
	}
	var groups []offerGroup
	for i, offers := range byCandidate {
		if len(offers) == 0 {
			continue
		}
		number := uint32(i) + 1
		turns := make([]int, len(r.round.Votes))
		for turn, position := range r.round.PublisherOrder(r.electorate.snapshot, number) {
			turns[position] = turn
		}
		slices.SortStableFunc(offers, func(x, y offer) int { return cmp.Compare(turns[x.position], turns[y.position]) })
		groups = append(groups, offerGroup{candidate: number, offers: offers})
	}
	return groups
}

// wantsOutput tells whether the bytes of a candidate can still serve: the round is open, the candidate has none, and it
// has won or nothing has.
func (r *openRound) wantsOutput(candidate uint32) bool {
	return r.round.Phase == types.PHASE_OPEN &&
		(!r.round.HasDecided() || r.round.Decided == candidate) &&
		r.round.Candidates[candidate-1].Publisher == ""
}

func (r *openRound) operator(position int) string {
	return r.electorate.snapshot.Members[position].Operator
}
