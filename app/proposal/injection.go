// Package proposal builds and checks block proposals: it places the vote extensions of the last commit in the
// first transaction of a block and accepts a block only when that transaction is complete and genuine.
//
// The format and the rules are fixed in docs/protocol.md, section "Injection".
package proposal

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/opengradient/opengradient/app/abcitypes"
)

// Version is the version of the injection format.
const Version = 1

// MaxEntries bounds the entries of an injection: CometBFT takes no commit with more votes.
const MaxEntries = cmttypes.MaxVotesCount

// Magic opens the injected transaction. A first byte of zero never decodes as an SDK transaction, because zero
// is not a valid protobuf tag.
var Magic = []byte{0x00, 'O', 'G', 'V', 'X'}

// ErrNotInjection is returned for bytes that do not begin with Magic.
var ErrNotInjection = errors.New("not an injected commit")

// IsInjection tells whether tx begins with Magic.
func IsInjection(tx []byte) bool { return bytes.HasPrefix(tx, Magic) }

// Encode returns the transaction that carries c.
func Encode(c abcitypes.InjectedCommit) ([]byte, error) {
	body, err := c.Marshal()
	if err != nil {
		return nil, fmt.Errorf("encode injected commit: %w", err)
	}
	return append(bytes.Clone(Magic), body...), nil
}

// Decode is the strict inverse of Encode: it accepts exactly the bytes that Encode makes from a commit of the
// current version with at most MaxEntries entries. What it allocates for other bytes is bounded by that number.
func Decode(tx []byte) (abcitypes.InjectedCommit, error) {
	var c abcitypes.InjectedCommit
	if !IsInjection(tx) {
		return c, ErrNotInjection
	}
	if err := checkEntries(tx[len(Magic):]); err != nil {
		return c, err
	}
	if err := c.Unmarshal(tx[len(Magic):]); err != nil {
		return abcitypes.InjectedCommit{}, fmt.Errorf("decode injected commit: %w", err)
	}
	if c.Version != Version {
		return abcitypes.InjectedCommit{}, fmt.Errorf("injected commit: expected version %d, got %d", Version, c.Version)
	}
	again, err := Encode(c)
	if err != nil {
		return abcitypes.InjectedCommit{}, err
	}
	if !bytes.Equal(again, tx) {
		return abcitypes.InjectedCommit{}, errors.New("injected commit: expected the canonical encoding, got other bytes for the same content")
	}
	return c, nil
}

// checkEntries counts the entries before any of them is decoded: one takes as little as two bytes in a block.
func checkEntries(b []byte) error {
	const entries protowire.Number = 3
	count := 0
	for len(b) > 0 {
		number, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return fmt.Errorf("decode injected commit: %w", protowire.ParseError(n))
		}
		if number == entries {
			count++
		}
		if count > MaxEntries {
			return fmt.Errorf("injected commit: expected at most %d entries, got more", MaxEntries)
		}
		b = b[n:]
	}
	return nil
}
