package types

import (
	"crypto/sha256"
	"encoding/binary"
)

// fields is the text that a hash of the module is taken over: each field is preceded by its length as 8 bytes
// big-endian, so that no two lists of fields give the same text. Integers are 8 bytes big-endian.
type fields []byte

func (f *fields) bytes(v []byte) {
	*f = binary.BigEndian.AppendUint64(*f, uint64(len(v)))
	*f = append(*f, v...)
}

func (f *fields) text(v string) { f.bytes([]byte(v)) }

func (f *fields) number(v uint64) { f.bytes(binary.BigEndian.AppendUint64(nil, v)) }

// texts adds the number of texts, then each of them.
func (f *fields) texts(list []string) {
	f.number(uint64(len(list)))
	for _, v := range list {
		f.text(v)
	}
}

func (f *fields) sum() []byte {
	sum := sha256.Sum256(*f)
	return sum[:]
}
