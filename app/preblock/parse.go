// Package preblock applies the vote extensions of the last commit to consensus state, before anything else in a
// block. What a validator sends is turned into typed operations that cannot fail; bad content is counted in an
// event and changes nothing.
package preblock

import (
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
)

// Reasons for which an extension, or the status in it, is ignored.
const (
	ReasonOversized        = "oversized"
	ReasonUnknownKey       = "unknown_key"
	ReasonRepeatedOperator = "repeated_operator"
	ReasonMalformed        = "malformed"
	ReasonUnknownNode      = "unknown_node"
	ReasonRefusedStatus    = "refused_status"
)

// Vote is the content of one validator's vote extension. What does not decode is carried as well, and says nothing.
type Vote struct {
	ConsAddr  []byte
	Operator  sdk.ValAddress
	Extension abcitypes.VoteExtension
}

// Ignored says whose extension has no effect, and why.
type Ignored struct {
	ConsAddr []byte
	Reason   string
}

// Operators resolves a consensus address to the operator that holds it now.
type Operators func(consAddr []byte) (sdk.ValAddress, bool)

// Parse pairs the entries of an injected commit with the validators of the last commit and decodes them. It
// keeps the order of the commit. Malformed content is ignored, yet its validator was there: it has a vote that
// says nothing. A block that passed ProcessProposal has one entry per validator; should the numbers differ all
// the same, the surplus is passed over.
func Parse(c abcitypes.InjectedCommit, last abci.CommitInfo, operators Operators) ([]Vote, []Ignored) {
	var (
		votes   []Vote
		ignored []Ignored
		seen    = make(map[string]bool, len(last.Votes))
	)
	for i := range min(len(c.Entries), len(last.Votes)) {
		addr := last.Votes[i].Validator.Address
		entry := c.Entries[i]
		reason := ""
		switch entry.Kind {
		case abcitypes.ENTRY_KIND_MARKER:
			reason = ReasonOversized
		case abcitypes.ENTRY_KIND_PRESENT:
			vote, why := parseEntry(entry, addr, operators, seen)
			if why == "" || why == ReasonMalformed {
				votes = append(votes, vote)
			}
			reason = why
		}
		if reason != "" {
			ignored = append(ignored, Ignored{ConsAddr: addr, Reason: reason})
		}
	}
	return votes, ignored
}

func parseEntry(e abcitypes.InjectedEntry, addr []byte, operators Operators, seen map[string]bool) (Vote, string) {
	operator, ok := operators(addr)
	if !ok {
		return Vote{}, ReasonUnknownKey
	}
	if seen[string(operator)] {
		return Vote{}, ReasonRepeatedOperator
	}
	seen[string(operator)] = true
	if len(e.Extension) == 0 {
		return Vote{ConsAddr: addr, Operator: operator}, ""
	}
	ext, err := voteext.Decode(e.Extension)
	if err != nil {
		return Vote{ConsAddr: addr, Operator: operator}, ReasonMalformed
	}
	return Vote{ConsAddr: addr, Operator: operator, Extension: ext}, ""
}

func consAddrString(addr []byte) string { return fmt.Sprintf("%X", addr) }
