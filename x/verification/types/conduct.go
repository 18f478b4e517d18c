package types

import (
	"bytes"
	"slices"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/conduct"
)

// NewConduct is what is remembered of an operator before its first round.
func NewConduct(operator string) Conduct {
	return Conduct{Operator: operator, Reliability: conduct.FullReliability}
}

// Rounds is the window of the rounds that counted last.
func (c Conduct) Rounds() conduct.Window {
	return conduct.Window{
		Ring: c.Window, Length: c.Length, Next: c.Next, Missed: c.Missed, Contradicted: c.Contradicted,
	}
}

// Count adds a round to the window. The reliability follows from it; a verdict to jail empties it.
func (c Conduct) Count(rule conduct.Rule, outcome conduct.Outcome) (Conduct, conduct.Verdict) {
	window, verdict := c.Rounds().Count(rule, outcome)
	c.Window, c.Length, c.Next = window.Ring, window.Length, window.Next
	c.Missed, c.Contradicted = window.Missed, window.Contradicted
	c.Reliability = conduct.Reliability(rule, window)
	return c, verdict
}

// Punishable tells whether a fault in a round opened at a height is punished: the operator was not slashed since.
func (c Conduct) Punishable(openedHeight int64) bool {
	return c.SlashedHeight == 0 || openedHeight > c.SlashedHeight
}

// Attends tells whether the block carried the vote extension of an operator.
func (a Attendance) Attends(operator sdk.ValAddress) bool {
	_, found := slices.BinarySearchFunc(a.Operators, operator, func(x []byte, y sdk.ValAddress) int { return bytes.Compare(x, y) })
	return found
}

// IsFull tells whether the round tells no further outcome apart.
func (r Round) IsFull(params Params) bool {
	return uint64(len(r.Candidates)) >= uint64(params.MaxCandidates)
}

// HeardFrom is the height of the first block that could hold the missing word of a member: the block after the opening
// gathers the votes that the next one records, and so it is with reveals.
func (r Round) HeardFrom(member int) int64 {
	if r.Sealed && len(r.Votes[member].Commitment) > 0 {
		return r.RevealingHeight + 2
	}
	return r.OpenedHeight + 2
}

// HeardUntil is the height of the last block that could hold the missing word of a member: a sealed round takes no
// commitment after the block with which it began to take reveals.
func (r Round) HeardUntil(member int) int64 {
	if r.Sealed && len(r.Votes[member].Commitment) == 0 {
		return r.RevealingHeight
	}
	return r.SettleHeight
}
