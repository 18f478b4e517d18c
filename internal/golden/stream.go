package golden

import (
	"crypto/sha256"
	"encoding/binary"
)

const streamDomain = "opengradient/golden/v1"

// stream gives 64-bit numbers, four from each
//
//	SHA-256("opengradient/golden/v1" ‖ model ‖ uint32 vector ‖ uint32 input ‖ uint64 block)
//
// with blocks from 0 and all integers big-endian.
type stream struct {
	preimage []byte
	block    uint64
	rest     []byte
	sum      [sha256.Size]byte
}

func newStream(model [32]byte, vector, input uint32) *stream {
	p := append(make([]byte, 0, len(streamDomain)+len(model)+16), streamDomain...)
	p = append(p, model[:]...)
	p = binary.BigEndian.AppendUint32(p, vector)
	return &stream{preimage: binary.BigEndian.AppendUint32(p, input)}
}

func (s *stream) next() uint64 {
	if len(s.rest) == 0 {
		s.sum = sha256.Sum256(binary.BigEndian.AppendUint64(s.preimage, s.block))
		s.rest = s.sum[:]
		s.block++
	}
	v := binary.BigEndian.Uint64(s.rest)
	s.rest = s.rest[8:]
	return v
}
