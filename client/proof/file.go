package proof

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/opengradient/opengradient/internal/proofwire"
)

// The frame of a file: eight bytes of magic and version, the content, the SHA-256 of everything before it.
const (
	magic = "OGPROOF"
	// Version is the version of the format.
	Version    = 1
	frameBytes = len(magic) + 1 + sha256.Size
)

// Bounds of a file. What is beyond them is refused before anything is allocated for it.
const (
	// MaxFileBytes bounds a whole file.
	MaxFileBytes = 32 << 20
	// MaxBlocks bounds the blocks that lead from the trusted header to that of the proof.
	MaxBlocks = 20_000
	// MaxValidators bounds one validator set.
	MaxValidators = 1_000
	// MaxEntries bounds the validators and precommits of all blocks together. As many as 32 MiB hold when every precommit is signed.
	MaxEntries = 600_000
	// maxStores, maxValues and maxSteps bound stores, the values of one, and the depth of a tree. The depth is that
	// of ICS-23.
	maxStores = 3
	maxValues = 3
	maxSteps  = 128
)

// File is what a proof file holds, well-formed and not verified. It is not safe for concurrent use.
type File struct {
	proof *proofwire.Proof
	raw   []byte
}

// Marshal gives the bytes of the file.
func (f *File) Marshal() []byte { return slices.Clone(f.raw) }

// RequestID is the request that the file says it is about.
func (f *File) RequestID() uint64 { return f.proof.RequestId }

// ChainID is the chain that the file says it is of.
func (f *File) ChainID() string { return f.proof.ChainId }

// HasEvidence tells whether the file carries the evidence of the round.
func (f *File) HasEvidence() bool { return len(f.proof.Evidence) > 0 }

// newFile frames a proof. What it gives can be parsed.
func newFile(p *proofwire.Proof) (*File, error) {
	content, err := p.Marshal()
	if err != nil {
		return nil, fails(PartEncoding, "", err)
	}
	return Parse(frame(content))
}

// checkChainID checks that the id of a chain is one that a header can have, and printable.
func checkChainID(id string) error {
	if id == "" {
		return differs(PartChainID, "", "the id of a chain", "none")
	}
	printable := strings.IndexFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if len(id) > cmttypes.MaxChainIDLen || !printable {
		return differs(PartChainID, "", fmt.Sprintf("at most %d printable characters of ASCII", cmttypes.MaxChainIDLen), fmt.Sprintf("%.60q", id))
	}
	return nil
}

func frame(content []byte) []byte {
	b := make([]byte, 0, len(content)+frameBytes)
	b = append(b, magic...)
	b = append(b, Version)
	b = append(b, content...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// Parse reads a file. It takes the one encoding that Marshal gives and refuses every other with an [*Error].
func Parse(b []byte) (*File, error) {
	switch {
	case len(b) > MaxFileBytes:
		return nil, &Error{Part: PartSize, Expected: "at most " + show(MaxFileBytes) + " bytes", Got: show(len(b))}
	case len(b) < frameBytes:
		return nil, &Error{Part: PartSize, Expected: "at least " + show(frameBytes) + " bytes", Got: show(len(b))}
	case string(b[:len(magic)]) != magic:
		return nil, &Error{Part: PartMagic, Expected: "a proof file, which begins with " + magic, Got: show(b[:len(magic)])}
	case b[len(magic)] != Version:
		return nil, differs(PartVersion, "", Version, b[len(magic)])
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if want := sha256.Sum256(body); !bytes.Equal(want[:], sum) {
		return nil, &Error{
			Part: PartChecksum, Expected: show(sum), Got: show(want[:]),
			Help: "The file was damaged or cut: get it again",
		}
	}
	content := body[len(magic)+1:]
	if err := scan(content); err != nil {
		return nil, err
	}
	p := new(proofwire.Proof)
	if err := p.Unmarshal(content); err != nil {
		return nil, fails(PartEncoding, "", err)
	}
	again, err := p.Marshal()
	if err != nil {
		return nil, fails(PartEncoding, "", err)
	}
	if !bytes.Equal(again, content) {
		return nil, &Error{Part: PartEncoding, Expected: "the canonical encoding of " + show(len(again)) + " bytes", Got: "other " + show(len(content)) + " bytes"}
	}
	if err := checkChainID(p.ChainId); err != nil {
		return nil, err
	}
	return &File{proof: p, raw: slices.Clone(b)}, nil
}
