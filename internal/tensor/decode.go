package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Decode reads a canonical encoding. It is the strict inverse of [Encode]:
// every accepted input encodes back to the same bytes. What it returns shares
// no memory with b, and it allocates no more than a small multiple of len(b).
func Decode(b []byte, lim Limits) ([]Tensor, error) {
	if int64(len(b)) > lim.MaxBytes {
		return nil, fmt.Errorf("%w: expected at most %d bytes, got %d", ErrLimit, lim.MaxBytes, len(b))
	}
	r := reader{rest: b}
	head, err := r.take(headerBytes, "header")
	if err != nil {
		return nil, err
	}
	if got := string(head[:len(magic)]); got != magic {
		return nil, fmt.Errorf("%w: expected magic %q, got %q", ErrEncoding, magic, got)
	}
	if got := head[len(magic)]; got != formatVersion {
		return nil, fmt.Errorf("%w: expected version %d, got %d", ErrEncoding, formatVersion, got)
	}
	count := int64(binary.LittleEndian.Uint32(head[len(magic)+1:]))
	if count > int64(lim.MaxTensors) {
		return nil, fmt.Errorf("%w: expected at most %d tensors, got %d", ErrLimit, lim.MaxTensors, count)
	}
	if room := int64(len(r.rest) / minTensorBytes); count > room {
		return nil, fmt.Errorf("%w: expected room for %d tensors, got %d bytes", ErrEncoding, count, len(r.rest))
	}
	ts := make([]Tensor, 0, count)
	for i := int64(0); i < count; i++ {
		t, err := r.tensor(lim)
		if err != nil {
			return nil, fmt.Errorf("tensor %d of %d: %w", i+1, count, err)
		}
		ts = append(ts, t)
	}
	if len(r.rest) != 0 {
		return nil, fmt.Errorf("%w: expected the end after %d tensors, got %d more bytes", ErrEncoding, count, len(r.rest))
	}
	if err := checkUnique(ts); err != nil {
		return nil, err
	}
	return ts, nil
}

type reader struct{ rest []byte }

func (r *reader) take(n int, what string) ([]byte, error) {
	if n > len(r.rest) {
		return nil, fmt.Errorf("%w: expected %d bytes of %s, got %d", ErrEncoding, n, what, len(r.rest))
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, nil
}

func (r *reader) tensor(lim Limits) (Tensor, error) {
	var t Tensor
	b, err := r.take(2, "name length")
	if err != nil {
		return t, err
	}
	if b, err = r.take(int(binary.LittleEndian.Uint16(b)), "name"); err != nil {
		return t, err
	}
	t.Name = string(b)
	if b, err = r.take(2, "datatype and rank"); err != nil {
		return t, err
	}
	t.Datatype = Datatype(b[0])
	if t.Shape, err = r.shape(int(b[1]), lim); err != nil {
		return t, err
	}
	if b, err = r.take(8, "data length"); err != nil {
		return t, err
	}
	size := binary.LittleEndian.Uint64(b)
	if size > uint64(len(r.rest)) {
		return t, fmt.Errorf("%w: expected %d bytes of data, got %d", ErrEncoding, size, len(r.rest))
	}
	if b, err = r.take(int(size), "data"); err != nil {
		return t, err
	}
	// Checked on the input's memory, copied only when sound.
	t.Data = b
	if err := t.Validate(); err != nil {
		return t, err
	}
	t.Data = append(make([]byte, 0, len(b)), b...)
	return t, nil
}

func (r *reader) shape(rank int, lim Limits) ([]int64, error) {
	if most := min(lim.MaxRank, MaxRank); rank > most {
		return nil, fmt.Errorf("%w: expected rank of at most %d, got %d", ErrLimit, most, rank)
	}
	b, err := r.take(8*rank, "dimensions")
	if err != nil {
		return nil, err
	}
	shape := make([]int64, rank)
	for i := range shape {
		d := binary.LittleEndian.Uint64(b[8*i:])
		if d > math.MaxInt64 {
			return nil, fmt.Errorf("%w: dimension %d does not fit 63 bits", ErrShape, i)
		}
		shape[i] = int64(d)
	}
	return shape, nil
}
