// Package keys holds the API keys of a gateway: who may call it, how often, and for how much. The keys are in a file of
// which only their SHA-256 can be read; the program that serves sees a change of the file without a restart.
package keys

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/ledger"
)

// Anonymous is the id of the key that stands for callers without one.
const Anonymous = "anonymous"

const (
	prefix      = "ogk_" // of every key, so that a leaked one is recognised
	idBytes     = 6
	secretBytes = 32
)

// Errors of a lookup.
var (
	ErrUnknown = errors.New("unknown API key")
	ErrRevoked = errors.New("API key was revoked")
)

// Limits say what a key may do.
type Limits struct {
	// Quota is what its jobs may cost together in a period, in uopg.
	Quota uint64 `json:"quota_uopg"`
	// Per is the period.
	Per ledger.Period `json:"per"`
	// Rate is the number of inference requests per second; 0 takes the gateway's.
	Rate float64 `json:"rate,omitempty"`
	// Burst is the number that may come at once; 0 takes the rate, rounded up.
	Burst int `json:"burst,omitempty"`
	// Concurrency is the number of requests without a final answer; 0 takes the gateway's.
	Concurrency int `json:"concurrency,omitempty"`
}

// Validate checks the bounds.
func (l Limits) Validate() error {
	if _, err := ledger.ParsePeriod(string(l.Per)); err != nil {
		return err
	}
	if !(l.Rate >= 0 && l.Rate <= 1e6) {
		return fmt.Errorf("rate: expected 0 to 1000000 per second, got %g", l.Rate)
	}
	if l.Burst < 0 || l.Burst > 1e6 {
		return fmt.Errorf("burst: expected 0 to 1000000, got %d", l.Burst)
	}
	if l.Concurrency < 0 || l.Concurrency > 1e6 {
		return fmt.Errorf("concurrency: expected 0 to 1000000, got %d", l.Concurrency)
	}
	return nil
}

// Key is one API key as it is stored: without its secret.
type Key struct {
	// ID is the public part of the key, in lower-case hexadecimal. It names the key in jobs and never changes.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Hash is the SHA-256 of the whole key, in lower-case hexadecimal.
	Hash string `json:"sha256"`
	Limits
	Created time.Time `json:"created"`
	// Revoked is when it was revoked; nil while it is good.
	Revoked *time.Time `json:"revoked,omitempty"`
}

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Generate makes a key. The text of it is what the client sends; it is nowhere else.
func Generate(name string, l Limits, now time.Time) (k Key, text string, err error) {
	if !nameRule.MatchString(name) || name == Anonymous {
		return Key{}, "", fmt.Errorf("name of a key: expected 1 to 64 letters, digits, '.', '_' or '-', and not %q, got %.80q", Anonymous, name)
	}
	if err := l.Validate(); err != nil {
		return Key{}, "", err
	}
	random := make([]byte, idBytes+secretBytes)
	if _, err := rand.Read(random); err != nil {
		return Key{}, "", err
	}
	id := hex.EncodeToString(random[:idBytes])
	text = prefix + id + "_" + base64.RawURLEncoding.EncodeToString(random[idBytes:])
	hash := sha256.Sum256([]byte(text))
	return Key{ID: id, Name: name, Hash: hex.EncodeToString(hash[:]), Limits: l, Created: now.UTC().Truncate(time.Second)}, text, nil
}

// publicID takes the id out of the text of a key; empty when the text is none.
func publicID(text string) string {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) > 256 {
		return ""
	}
	id, _, ok := strings.Cut(rest, "_")
	if !ok || len(id) != 2*idBytes {
		return ""
	}
	return id
}

// opens tells whether the text is that of the key, in a time that does not depend on how much of it is right.
func (k Key) opens(text string) bool {
	hash := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(hash[:])), []byte(k.Hash)) == 1
}
