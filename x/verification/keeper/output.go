package keeper

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/verification/types"
)

// takeOutputs stores published bytes of candidates that have none and counts bytes that are not what their publisher
// attested. When several members publish the bytes of one candidate in a block, the one whose turn comes first is the
// publisher.
func (b *block) takeOutputs(ctx context.Context, r *openRound) error {
	for _, group := range b.groupOffers(r) {
		candidate := &r.round.Candidates[group.candidate-1]
		for _, offer := range group.offers {
			// A turn is worth nothing without sound bytes; unwanted bytes are not worth a hash.
			if !r.round.WantsOutput(group.candidate) {
				break
			}
			if root := tensor.MerkleRoot(offer.output); !bytes.Equal(root[:], candidate.Outcome.OutputRoot) {
				b.ignore(r.operator(offer.position), types.ReasonBadOutput)
				r.faults = append(r.faults, types.Fault{
					Member: uint32(offer.position), Kind: types.FAULT_KIND_OUTPUT, Height: b.height, OutputRoot: slices.Clone(root[:]),
				})
				continue
			}
			if types.CheckOutput(candidate.Outcome, offer.output, r.round.MaxOutputBytes) != nil {
				b.ignore(r.operator(offer.position), types.ReasonBadOutput)
				continue
			}
			candidate.Publisher, candidate.PublishedHeight = r.operator(offer.position), b.height
			r.moved = true
			if err := b.keeper.Outputs.Set(ctx, collections.Join(r.round.RequestId, group.candidate), offer.output); err != nil {
				return err
			}
		}
	}
	return nil
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

func (r *openRound) operator(position int) string {
	return r.electorate.snapshot.Members[position].Operator
}
