package daemon

import (
	"bytes"
	"fmt"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/testutil/byzantine"
)

// proposalView is what a misbehaving proposer knows beside its proposal.
type proposalView struct {
	height int64
	// own is its position in the last commit; negative when it has none.
	own int
}

// repropose is what a proposer makes of an honest proposal. It fails when the proposal gives no occasion.
func repropose(kind byzantine.Proposal, txs [][]byte, v proposalView) ([][]byte, error) {
	if len(txs) == 0 {
		return nil, fmt.Errorf("expected an injection, got no transactions")
	}
	if kind == byzantine.ProposalDrop && v.height%2 == 0 {
		return txs[1:], nil
	}
	c, err := proposal.Decode(txs[0])
	if err != nil {
		return nil, err
	}
	others := present(c, v)
	if len(others) < 2 {
		return nil, fmt.Errorf("expected the words of two other validators, got %d", len(others))
	}
	entries := c.Entries
	switch kind {
	case byzantine.ProposalDrop:
		entries[others[0]] = abcitypes.InjectedEntry{}
	case byzantine.ProposalReorder:
		entries[others[0]], entries[others[1]] = entries[others[1]], entries[others[0]]
	case byzantine.ProposalForge:
		entry := &entries[others[0]]
		entry.Extension = append(bytes.Clone(entry.Extension), 0)
	case byzantine.ProposalStuff:
		c.Entries = append(entries, entries[others[0]])
	case byzantine.ProposalMark:
		entries[others[0]] = abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_MARKER}
	case byzantine.ProposalMarkMany:
		for _, i := range others[:2] {
			entries[i] = abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_MARKER}
		}
	default:
		return nil, fmt.Errorf("expected a known way to propose, got %q", kind)
	}
	injection, err := proposal.Encode(c)
	if err != nil {
		return nil, err
	}
	return append([][]byte{injection}, txs[1:]...), nil
}

// present lists the other validators whose words the proposal carries. The first one changes from turn to turn.
func present(c abcitypes.InjectedCommit, v proposalView) []int {
	var positions []int
	for i := range c.Entries {
		at := (i + int(v.height)/len(c.Entries)) % len(c.Entries)
		if at != v.own && c.Entries[at].Kind == abcitypes.ENTRY_KIND_PRESENT {
			positions = append(positions, at)
		}
	}
	return positions
}
