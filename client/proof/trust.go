package proof

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/cometbft/cometbft/crypto/tmhash"
)

const (
	// DefaultTrustingPeriod is two thirds of the unbonding time of a chain that keeps the default of three weeks. It has to
	// be shorter than the unbonding time, so that who signed a trusted header can still be punished for signing another.
	DefaultTrustingPeriod = 14 * 24 * time.Hour
	// MaxClockDrift is how far the time of a header may be ahead of the clock here.
	MaxClockDrift = 10 * time.Second
)

// Trust is the header that everything is derived from, known by other means than the proof: its height, and its hash of
// 32 bytes. The zero value trusts nothing.
type Trust struct {
	Height int64
	Hash   []byte
}

// IsZero tells whether no header is trusted.
func (t Trust) IsZero() bool { return t.Height == 0 && len(t.Hash) == 0 }

// Validate checks that height and hash are both given and well-formed.
func (t Trust) Validate() error {
	if t.Height < 1 || len(t.Hash) != tmhash.Size {
		return &Error{
			Part:     PartTrustedHeader,
			Expected: fmt.Sprintf("a height from 1 and a hash of %d bytes", tmhash.Size),
			Got:      fmt.Sprintf("height %d and %d bytes", t.Height, len(t.Hash)),
		}
	}
	return nil
}

// ParseTrust reads a height and a hash in hexadecimal, as explorers and nodes print them.
func ParseTrust(height int64, hash string) (Trust, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(hash), "0x"))
	if err != nil {
		return Trust{}, fails(PartTrustedHeader, "", fmt.Errorf("expected a hash of %d hexadecimal digits, got %q: %w", 2*tmhash.Size, hash, err))
	}
	t := Trust{Height: height, Hash: b}
	return t, t.Validate()
}

// check compares a header with the trusted one.
func (t Trust) check(hash []byte) error {
	if !bytes.Equal(t.Hash, hash) {
		return &Error{
			Part: PartTrustedHeader, Subject: atHeight(t.Height), Expected: show(t.Hash), Got: show(hash),
			Help: "Either the trusted hash is not that of this height, or the header belongs to another chain, or it is forged",
		}
	}
	return nil
}

// Clock says when a verification takes place and how long a header is trusted.
type Clock struct {
	// Now is the time of the verification; zero takes that of this machine.
	Now time.Time
	// TrustingPeriod is how long after its time a header can be trusted; zero takes DefaultTrustingPeriod.
	TrustingPeriod time.Duration
	// Sequential takes a chain of adjacent headers only, and then does not ask how old they are: more than two thirds of
	// every validator set on the way, each named by the header before, would have to have signed a second history.
	Sequential bool
}

func (c Clock) withDefaults() Clock {
	if c.Now.IsZero() {
		c.Now = time.Now()
	}
	if c.TrustingPeriod == 0 {
		c.TrustingPeriod = DefaultTrustingPeriod
	}
	return c
}
