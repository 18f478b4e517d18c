package types

import (
	"crypto/sha256"
	"math/bits"
)

// CheckFile checks what an upload says of its file: the hash, the size, and one hash per chunk. It fails with ErrUpload or
// ErrModelTooLarge.
func (u Upload) CheckFile(maxBytes uint64) error {
	if _, ok := ParseModelID(u.Sha256); !ok {
		return ErrUpload.Wrapf("sha256: expected 64 lower-case hexadecimal digits, got %.80q", u.Sha256)
	}
	if u.Size_ == 0 || u.Size_ > maxBytes {
		return ErrModelTooLarge.Wrapf("expected 1 to %d bytes, got %d", maxBytes, u.Size_)
	}
	if want := ChunkCount(u.Size_); uint64(len(u.ChunkHashes)) != want {
		return ErrUpload.Wrapf("expected %d chunk hashes for %d bytes, got %d", want, u.Size_, len(u.ChunkHashes))
	}
	for i, hash := range u.ChunkHashes {
		if len(hash) != sha256.Size {
			return ErrUpload.Wrapf("chunk hash %d: expected %d bytes, got %d", i, sha256.Size, len(hash))
		}
	}
	return nil
}

// Received is a bitmap of the chunks of an upload that have come: bit i of byte i/8 for chunk i.
type Received []byte

// NewReceived is the bitmap of an upload without chunks.
func NewReceived(chunks int) Received { return make(Received, (chunks+7)/8) }

// Has reports whether a chunk has come.
func (r Received) Has(index uint32) bool {
	return int(index/8) < len(r) && r[index/8]>>(index%8)&1 == 1
}

// With is the bitmap with one chunk more, which must be one of the upload.
func (r Received) With(index uint32) Received {
	out := append(Received(nil), r...)
	out[index/8] |= 1 << (index % 8)
	return out
}

// Count is the number of chunks that have come.
func (r Received) Count() uint32 {
	n := 0
	for _, b := range r {
		n += bits.OnesCount8(b)
	}
	return uint32(n)
}

// Missing are the indexes of the chunks of the upload that have not come, ascending.
func (u Upload) Missing(r Received) []uint32 {
	var missing []uint32
	for i := range uint32(len(u.ChunkHashes)) {
		if !r.Has(i) {
			missing = append(missing, i)
		}
	}
	return missing
}

// Why an upload ended without a model.
const (
	EndCancelled = "cancelled"
	EndExpired   = "expired"
	EndConflict  = "conflict"
)
