package proposal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	protoio "github.com/cosmos/gogoproto/io"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
)

// KeyResolver returns the consensus public key behind a consensus address, and false when the address does not
// belong to a validator any more (it was removed or has rotated its key).
type KeyResolver func(consAddr []byte) (crypto.PubKey, bool)

// BuildCommit turns the extended commit that a proposer holds into the injected commit. Extensions over the cap
// become markers; when the encoded commit is larger than maxBytes, the largest extensions become markers until
// it fits. Entries keep the order of the commit.
func BuildCommit(ec abci.ExtendedCommitInfo, maxBytes int64) (abcitypes.InjectedCommit, error) {
	c := abcitypes.InjectedCommit{
		Version: Version,
		Round:   ec.Round,
		Entries: make([]abcitypes.InjectedEntry, len(ec.Votes)),
	}
	for i, v := range ec.Votes {
		if v.BlockIdFlag != cmtproto.BlockIDFlagCommit {
			continue
		}
		if len(v.VoteExtension) > voteext.MaxBytes || len(v.ExtensionSignature) == 0 {
			c.Entries[i].Kind = abcitypes.ENTRY_KIND_MARKER
			continue
		}
		c.Entries[i] = abcitypes.InjectedEntry{
			Kind:      abcitypes.ENTRY_KIND_PRESENT,
			Extension: v.VoteExtension,
			Signature: v.ExtensionSignature,
		}
	}
	shrink(&c, maxBytes)
	if size := int64(len(Magic) + c.Size()); size > maxBytes {
		return c, fmt.Errorf("injected commit: expected at most %d bytes, got %d with every extension left out", maxBytes, size)
	}
	return c, nil
}

// shrink replaces the largest extensions with markers until the commit fits in maxBytes. Equal sizes go in
// commit order.
func shrink(c *abcitypes.InjectedCommit, maxBytes int64) {
	if int64(len(Magic)+c.Size()) <= maxBytes {
		return
	}
	order := make([]int, 0, len(c.Entries))
	for i, e := range c.Entries {
		if e.Kind == abcitypes.ENTRY_KIND_PRESENT {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return len(c.Entries[b].Extension) - len(c.Entries[a].Extension)
	})
	for _, i := range order {
		c.Entries[i] = abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_MARKER}
		if int64(len(Magic)+c.Size()) <= maxBytes {
			return
		}
	}
}

// CheckCommit accepts an injected commit when it is complete and genuine for the last commit of the block: same
// round, one entry per validator, present exactly where the validator precommitted, markers for less than a
// third of the power, and every carried extension signed by the key behind its address. Extensions whose key
// does not resolve are not checked; their content is ignored when the block is executed.
func CheckCommit(c abcitypes.InjectedCommit, last abci.CommitInfo, height int64, chainID string, key KeyResolver) error {
	if c.Round != last.Round {
		return fmt.Errorf("injected commit: expected round %d, got %d", last.Round, c.Round)
	}
	if len(c.Entries) != len(last.Votes) {
		return fmt.Errorf("injected commit: expected %d entries, got %d", len(last.Votes), len(c.Entries))
	}
	var marked, total int64
	for i, vote := range last.Votes {
		total += vote.Validator.Power
		entry := c.Entries[i]
		if err := checkEntry(entry, vote.BlockIdFlag == cmtproto.BlockIDFlagCommit); err != nil {
			return fmt.Errorf("injected entry %d of validator %X: %w", i, vote.Validator.Address, err)
		}
		if entry.Kind == abcitypes.ENTRY_KIND_MARKER {
			marked += vote.Validator.Power
		}
	}
	// Powers sum to at most 2^60, so three times the sum cannot overflow.
	if 3*marked >= total {
		return fmt.Errorf("injected commit: expected markers for less than a third of the power, got %d of %d", marked, total)
	}
	for i, vote := range last.Votes {
		if c.Entries[i].Kind != abcitypes.ENTRY_KIND_PRESENT {
			continue
		}
		if err := verifyEntry(c.Entries[i], vote.Validator.Address, height-1, c.Round, chainID, key); err != nil {
			return fmt.Errorf("injected entry %d of validator %X: %w", i, vote.Validator.Address, err)
		}
	}
	return nil
}

func checkEntry(e abcitypes.InjectedEntry, committed bool) error {
	empty := len(e.Extension) == 0 && len(e.Signature) == 0
	switch e.Kind {
	case abcitypes.ENTRY_KIND_ABSENT:
		if committed {
			return errors.New("expected an extension or a marker of a validator that precommitted, got absent")
		}
		if !empty {
			return errors.New("expected no content in an absent entry")
		}
	case abcitypes.ENTRY_KIND_PRESENT:
		if !committed {
			return errors.New("expected absent for a validator that did not precommit, got an extension")
		}
		if len(e.Signature) == 0 {
			return errors.New("expected an extension signature, got none")
		}
		if len(e.Extension) > voteext.MaxBytes {
			return fmt.Errorf("expected an extension of at most %d bytes, got %d", voteext.MaxBytes, len(e.Extension))
		}
	case abcitypes.ENTRY_KIND_MARKER:
		if !committed {
			return errors.New("expected absent for a validator that did not precommit, got a marker")
		}
		if !empty {
			return errors.New("expected no content in a marker")
		}
	default:
		return fmt.Errorf("expected a known entry kind, got %d", e.Kind)
	}
	return nil
}

func verifyEntry(e abcitypes.InjectedEntry, addr []byte, height int64, round int32, chainID string, key KeyResolver) error {
	pub, ok := key(addr)
	if !ok {
		return nil
	}
	signBytes, err := ExtensionSignBytes(e.Extension, height, round, chainID)
	if err != nil {
		return err
	}
	if !pub.VerifySignature(signBytes, e.Signature) {
		return errors.New("expected the validator's signature over its extension, got another")
	}
	return nil
}

// ExtensionSignBytes returns the bytes that a validator signs for its vote extension at height and round, as
// CometBFT defines them.
func ExtensionSignBytes(extension []byte, height int64, round int32, chainID string) ([]byte, error) {
	var buf bytes.Buffer
	err := protoio.NewDelimitedWriter(&buf).WriteMsg(&cmtproto.CanonicalVoteExtension{
		Extension: extension,
		Height:    height,
		Round:     int64(round),
		ChainId:   chainID,
	})
	if err != nil {
		return nil, fmt.Errorf("encode canonical vote extension: %w", err)
	}
	return buf.Bytes(), nil
}
