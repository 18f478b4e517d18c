package modelpush

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/opengradient/opengradient/internal/modelref"
)

// ChunkSize is the length in bytes of every chunk but the last, which is 1 to ChunkSize bytes long.
const ChunkSize = modelref.ChunkBytes

// Digest identifies a file and its chunks.
type Digest struct {
	SHA256 [sha256.Size]byte
	Size   int64
	Chunks [][sha256.Size]byte
}

// Read digests a file in one pass. It fails on an empty one and on one of more than most bytes.
func Read(r io.Reader, most int64) (Digest, error) {
	var d Digest
	whole := sha256.New()
	buf := make([]byte, ChunkSize)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			d.Size += int64(n)
			if d.Size > most {
				return Digest{}, fmt.Errorf("expected a file of at most %d bytes, got more", most)
			}
			whole.Write(buf[:n])
			d.Chunks = append(d.Chunks, sha256.Sum256(buf[:n]))
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return Digest{}, err
		}
	}
	if d.Size == 0 {
		return Digest{}, errors.New("expected a file with content, got an empty one")
	}
	whole.Sum(d.SHA256[:0])
	return d, nil
}

// ErrChanged is a file that is not any more what it was when its digest was taken.
var ErrChanged = errors.New("the file has changed")

// Chunk reads one chunk and checks it against the digest.
func (d Digest) Chunk(r io.ReaderAt, index uint32) ([]byte, error) {
	if int64(index) >= int64(len(d.Chunks)) {
		return nil, fmt.Errorf("chunk %d: expected one below %d", index, len(d.Chunks))
	}
	b := make([]byte, ChunkLength(d.Size, index))
	if _, err := r.ReadAt(b, int64(index)*ChunkSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("chunk %d: %w", index, err)
	}
	if sha256.Sum256(b) != d.Chunks[index] {
		return nil, fmt.Errorf("chunk %d: %w since it was inspected: run the command again", index, ErrChanged)
	}
	return b, nil
}

// ChunkLength is the length of a chunk of a file of size bytes, 0 beyond its end.
func ChunkLength(size int64, index uint32) int64 {
	return max(0, min(ChunkSize, size-int64(index)*ChunkSize))
}
