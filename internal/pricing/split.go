package pricing

import (
	"errors"
	"fmt"
	"math/big"
)

// Errors of [Split] beside ErrAmount; use errors.Is.
var (
	ErrShares  = errors.New("invalid fee shares")
	ErrMembers = errors.New("invalid members")
)

// Shares divides the compute part of a fee, in basis points.
type Shares struct {
	Publisher, Members, Owner, Community uint32
}

// Validate checks that the shares sum to BasisPoints.
func (s Shares) Validate() error {
	sum := uint64(s.Publisher) + uint64(s.Members) + uint64(s.Owner) + uint64(s.Community)
	if sum != BasisPoints {
		return fmt.Errorf("%w: expected a sum of %d basis points, got %d", ErrShares, BasisPoints, sum)
	}
	return nil
}

// Member is one seat of a round: under a committee the others of the snapshot
// have no share.
type Member struct {
	Power  int64 // consensus power, above 0
	Agreed bool  // attested the final outcome, or one within its tolerance
}

// NoPublisher stands for the publisher of a failure outcome, which has no bytes.
const NoPublisher = -1

// Division says who gets what. The amounts sum to compute + royalty.
type Division struct {
	Publisher *big.Int   // for publishing the bytes, beside the publisher's part as a member
	Members   []*big.Int // one per member in the order given; 0 for those that did not agree
	Owner     *big.Int   // the owner's share with the royalty
	Community *big.Int   // the community's share with all rounding dust
	Refund    *big.Int   // the parts of members that did not agree, back to the requester
}

// Split divides the escrow of a settled request.
//
// The members' share is divided over all seats by power, whether they agreed
// or not, so that no member gains from another's absence; the parts of those
// that did not agree are refunded. With NoPublisher the publisher's share
// joins the members' share. Each part is rounded down and what is left over
// goes to the community.
//
// publisher is an index into members. It fails with ErrAmount, ErrShares or
// ErrMembers on input that no settled round gives.
func Split(compute, royalty *big.Int, shares Shares, members []Member, publisher int) (Division, error) {
	power, err := checkSplit(compute, royalty, shares, members, publisher)
	if err != nil {
		return Division{}, err
	}
	d := Division{Publisher: new(big.Int), Refund: new(big.Int), Members: make([]*big.Int, len(members))}
	toMembers := shares.Members
	if publisher == NoPublisher {
		toMembers += shares.Publisher
	} else {
		d.Publisher = portion(compute, shares.Publisher)
	}
	rest := new(big.Int).Sub(compute, d.Publisher)
	pool := portion(compute, toMembers)
	for i, m := range members {
		part := new(big.Int).Mul(pool, big.NewInt(m.Power))
		part.Quo(part, power)
		rest.Sub(rest, part)
		d.Members[i] = part
		if !m.Agreed {
			d.Refund.Add(d.Refund, part)
			d.Members[i] = new(big.Int)
		}
	}
	d.Owner = portion(compute, shares.Owner)
	d.Community = rest.Sub(rest, d.Owner)
	d.Owner.Add(d.Owner, royalty)
	return d, nil
}

func checkSplit(compute, royalty *big.Int, shares Shares, members []Member, publisher int) (*big.Int, error) {
	if err := checkAmount("compute", compute); err != nil {
		return nil, err
	}
	if err := checkAmount("royalty", royalty); err != nil {
		return nil, err
	}
	if err := shares.Validate(); err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, fmt.Errorf("%w: expected at least one, got none", ErrMembers)
	}
	power := new(big.Int)
	for i, m := range members {
		if m.Power <= 0 {
			return nil, fmt.Errorf("%w: expected the power of member %d to be above 0, got %d", ErrMembers, i, m.Power)
		}
		power.Add(power, big.NewInt(m.Power))
	}
	if publisher != NoPublisher && (publisher < 0 || publisher >= len(members) || !members[publisher].Agreed) {
		return nil, fmt.Errorf("%w: expected the publisher to be one of %d members and to have agreed, got %d", ErrMembers, len(members), publisher)
	}
	return power, nil
}

// portion is floor(amount × share / BasisPoints).
func portion(amount *big.Int, share uint32) *big.Int {
	p := new(big.Int).Mul(amount, big.NewInt(int64(share)))
	return p.Quo(p, big.NewInt(BasisPoints))
}
