package modelref

import (
	"encoding/hex"
	"fmt"
	"math"
)

// ChunkBytes is the length of the chunks in which the chain takes and holds files. The last one of a file may be shorter.
const ChunkBytes = 256 << 10

// MaxSources is the number of sources that a reference may name.
const MaxSources = 8

// Reference names a file by its content. The sources are hints, of which none is trusted: what comes from them is the
// file when its size and hash are these.
type Reference struct {
	// SHA256 is the hash of the file.
	SHA256 [32]byte
	// Size is the length of the file, in bytes.
	Size uint64
	// Sources are places to read it from, in the form of [ParseSource]. There may be none: other nodes have it.
	Sources []string
}

// Validate checks the size and every source, and that no source is named twice.
func (r Reference) Validate() error {
	if r.Size == 0 || r.Size > math.MaxInt64 {
		return fmt.Errorf("model reference: expected a size from 1 to %d bytes, got %d", int64(math.MaxInt64), r.Size)
	}
	if len(r.Sources) > MaxSources {
		return fmt.Errorf("model reference: expected up to %d sources, got %d", MaxSources, len(r.Sources))
	}
	for i, text := range r.Sources {
		if _, err := ParseSource(text); err != nil {
			return fmt.Errorf("model reference: sources[%d]: %w", i, err)
		}
		for j, other := range r.Sources[:i] {
			if text == other {
				return fmt.Errorf("model reference: sources[%d] is sources[%d] again", i, j)
			}
		}
	}
	return nil
}

// ParseSHA256 reads 64 lower-case hexadecimal digits.
func ParseSHA256(digits string) (sum [32]byte, err error) {
	if len(digits) != 2*len(sum) {
		return sum, fmt.Errorf("expected a SHA-256 of %d hexadecimal digits, got %d bytes", 2*len(sum), len(digits))
	}
	for i := range len(digits) {
		if c := digits[i]; !isDigit(c) && (c < 'a' || c > 'f') {
			return sum, fmt.Errorf("expected a SHA-256 of lower-case hexadecimal digits, got %q", digits)
		}
	}
	_, err = hex.Decode(sum[:], []byte(digits))
	return sum, err
}
