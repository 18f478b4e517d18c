package agreement

import (
	"errors"
	"fmt"
)

const (
	outcomesPerByte = 4
	outcomeBits     = 2
	outcomeMask     = 1<<outcomeBits - 1
)

// ErrBitmap reports outcomes or a bitmap that do not fit the two-bit form.
var ErrBitmap = errors.New("outcome bitmap")

// BitmapSize is the length in bytes of the bitmap of n outcomes.
func BitmapSize(n int) int { return (n + outcomesPerByte - 1) / outcomesPerByte }

// PackOutcomes packs values of 0 to 3 into two bits each, in order, least significant bits first. The unused bits of
// the last byte are zero.
func PackOutcomes[T ~int32](outcomes []T) ([]byte, error) {
	bitmap := make([]byte, BitmapSize(len(outcomes)))
	for i, outcome := range outcomes {
		if outcome < 0 || outcome > outcomeMask {
			return nil, fmt.Errorf("%w: expected outcome %d to be within 0 and %d, got %d", ErrBitmap, i, outcomeMask, outcome)
		}
		bitmap[i/outcomesPerByte] |= byte(outcome) << (outcomeBits * (i % outcomesPerByte))
	}
	return bitmap, nil
}

// UnpackOutcomes is the strict inverse of [PackOutcomes] for n outcomes: it refuses another length and set unused bits.
func UnpackOutcomes[T ~int32](bitmap []byte, n int) ([]T, error) {
	if n < 0 || len(bitmap) != BitmapSize(n) {
		return nil, fmt.Errorf("%w: expected %d bytes for %d outcomes, got %d", ErrBitmap, BitmapSize(max(n, 0)), n, len(bitmap))
	}
	outcomes := make([]T, n)
	for i := range outcomes {
		outcomes[i] = T(bitmap[i/outcomesPerByte] >> (outcomeBits * (i % outcomesPerByte)) & outcomeMask)
	}
	if used := n % outcomesPerByte; used != 0 {
		if rest := bitmap[len(bitmap)-1] >> (outcomeBits * used); rest != 0 {
			return nil, fmt.Errorf("%w: expected zeros after %d outcomes, got %#x", ErrBitmap, n, rest)
		}
	}
	return outcomes, nil
}

// PackBits is the bitmap of one bit for each of n members, least significant bits first, in which those at the positions,
// which are below n, are set; nil when there is none.
func PackBits(n int, positions []int) []byte {
	if len(positions) == 0 {
		return nil
	}
	bits := make([]byte, (n+7)/8)
	for _, position := range positions {
		bits[position/8] |= 1 << (position % 8)
	}
	return bits
}

// HasBit reads such a bitmap. What is outside of it is clear.
func HasBit(bits []byte, position int) bool {
	return position >= 0 && position/8 < len(bits) && bits[position/8]>>(position%8)&1 == 1
}
