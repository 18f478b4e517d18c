package tensor

import "encoding/binary"

// Canonical returns a copy in which every NaN is the one quiet NaN with a
// clear sign and an otherwise empty payload, and every negative zero is
// positive zero. Datatypes other than floats are copied unchanged. Hardware
// differs in both details, so an outcome must not depend on them. It works on
// bits and is idempotent. A tail shorter than one element is left as it is.
func (t Tensor) Canonical() Tensor {
	out := t
	out.Shape = append(make([]int64, 0, len(t.Shape)), t.Shape...)
	out.Data = append(make([]byte, 0, len(t.Data)), t.Data...)
	le := binary.LittleEndian
	switch t.Datatype {
	case FP16:
		canonical16(out.Data, 0x7c00, 0x7e00)
	case BF16:
		canonical16(out.Data, 0x7f80, 0x7fc0)
	case FP32:
		for d := out.Data; len(d) >= 4; d = d[4:] {
			switch v := le.Uint32(d) &^ (1 << 31); {
			case v == 0:
				le.PutUint32(d, 0)
			case v > 0x7f800000:
				le.PutUint32(d, 0x7fc00000)
			}
		}
	case FP64:
		for d := out.Data; len(d) >= 8; d = d[8:] {
			switch v := le.Uint64(d) &^ (1 << 63); {
			case v == 0:
				le.PutUint64(d, 0)
			case v > 0x7ff0000000000000:
				le.PutUint64(d, 0x7ff8000000000000)
			}
		}
	}
	return out
}

// canonical16 treats 16-bit floats: inf is the pattern of +infinity, and every
// magnitude above it is a NaN.
func canonical16(data []byte, inf, nan uint16) {
	for d := data; len(d) >= 2; d = d[2:] {
		switch v := binary.LittleEndian.Uint16(d) &^ (1 << 15); {
		case v == 0:
			binary.LittleEndian.PutUint16(d, 0)
		case v > inf:
			binary.LittleEndian.PutUint16(d, nan)
		}
	}
}
