package types

import (
	"bytes"
	"fmt"

	"github.com/opengradient/opengradient/internal/modelref"
)

// ID is the 32 bytes of the model's SHA-256.
func (m Model) ID() ([]byte, error) {
	id, ok := ParseModelID(m.Sha256)
	if !ok {
		return nil, fmt.Errorf("model sha256: expected 64 lower-case hexadecimal digits, got %.80q", m.Sha256)
	}
	return id, nil
}

// IsReference reports whether the chain does not hold the file.
func (m Model) IsReference() bool { return m.File == 0 }

// HasFile reports whether the chain holds the file: not that of a model by reference, nor one that the inspection refused.
func (m Model) HasFile() bool { return !m.IsReference() && m.Verdict.Reason != ReasonRefused }

// ChunkCount is the number of chunks of a file of this many bytes.
func ChunkCount(size uint64) uint64 { return size/ChunkBytes + min(size%ChunkBytes, 1) }

// ChunkSize is the length of a chunk of a file; 0 when the file has no such chunk.
func ChunkSize(size uint64, index uint32) uint64 {
	start := uint64(index) * ChunkBytes
	if start >= size {
		return 0
	}
	return min(ChunkBytes, size-start)
}

// ValidateSources checks where the file of a model by reference can be had. It fails with ErrSources.
func ValidateSources(id []byte, size uint64, sources []string) error {
	ref := modelref.Reference{Size: size, Sources: sources}
	copy(ref.SHA256[:], id)
	if err := ref.Validate(); err != nil {
		return ErrSources.Wrap(err.Error())
	}
	return nil
}

// ClassRoot is the root that the certificate holds for an environment class; ok is false when the class is not proven.
func (c Certificate) ClassRoot(class uint32) (root []byte, ok bool) {
	for _, p := range c.Classes {
		if p.EnvironmentClass == class {
			return p.OutputRoot, true
		}
	}
	return nil, false
}

// Proves reports whether a proof has the root of its class.
func (c Certificate) Proves(p NodeProof) bool {
	root, ok := c.ClassRoot(p.EnvironmentClass)
	return ok && bytes.Equal(root, p.OutputRoot)
}
