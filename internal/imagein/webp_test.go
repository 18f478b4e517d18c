package imagein

import (
	"encoding/binary"
	"hash/crc32"
)

func checksum(chunk []byte) uint32 { return crc32.ChecksumIEEE(chunk) }

// grayWebP is a lossless WebP picture whose pixels all have one value: each of its five prefix codes has one symbol, which takes no
// bits.
func grayWebP(width, height int, gray byte) []byte {
	var bits []byte
	count := 0
	put := func(value uint32, n int) {
		for i := range n {
			if count%8 == 0 {
				bits = append(bits, 0)
			}
			bits[count/8] |= byte(value>>i&1) << (count % 8)
			count++
		}
	}
	put(0x2f, 8)
	put(uint32(width-1), 14)
	put(uint32(height-1), 14)
	put(0, 1+3)   // no transparency, version
	put(0, 1+1+1) // no transform, no cache of colors, one group of codes
	for _, symbol := range []byte{gray, gray, gray, 255, 0} {
		put(1, 1) // a simple code
		put(0, 1) // of one symbol
		put(1, 1) // of 8 bits
		put(uint32(symbol), 8)
	}
	file := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00"), bits...)
	binary.LittleEndian.PutUint32(file[16:], uint32(len(bits)))
	if len(bits)%2 == 1 {
		file = append(file, 0)
	}
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)-8))
	return file
}
