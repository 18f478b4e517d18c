package tensor

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

// oracleTree is the definition of RFC 6962 section 2.1, word for word.
func oracleTree(chunks [][]byte) []byte {
	h := sha256.New()
	switch n := len(chunks); n {
	case 0:
	case 1:
		h.Write([]byte{0})
		h.Write(chunks[0])
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		h.Write([]byte{1})
		h.Write(oracleTree(chunks[:k]))
		h.Write(oracleTree(chunks[k:]))
	}
	return h.Sum(nil)
}

func oracleRoot(b []byte) Root {
	var chunks [][]byte
	for i := 0; i < len(b); i += ChunkSize {
		chunks = append(chunks, b[i:min(i+ChunkSize, len(b))])
	}
	size := make([]byte, 8)
	binary.LittleEndian.PutUint64(size, uint64(len(b)))
	h := sha256.New()
	h.Write([]byte("opengradient/tensor/root/v1"))
	h.Write(size)
	h.Write(oracleTree(chunks))
	return Root(h.Sum(nil))
}

func TestMerkleRootAtEveryTreeForm(t *testing.T) {
	b := make([]byte, 20*ChunkSize)
	for i := range b {
		b[i] = byte(i*7 + i>>12)
	}
	for chunks := 0; chunks < 20; chunks++ {
		for _, extra := range []int{0, 1, ChunkSize - 1} {
			in := b[:chunks*ChunkSize+extra]
			if got, want := MerkleRoot(in), oracleRoot(in); got != want {
				t.Fatalf("%d bytes: got %x, want %x", len(in), got, want)
			}
		}
	}
}

func TestMerkleRootAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 70*ChunkSize).Draw(rt, "bytes")
		seed := rapid.Byte().Draw(rt, "seed")
		b := make([]byte, n)
		for i := range b {
			b[i] = seed + byte(i%251)
		}
		if got, want := MerkleRoot(b), oracleRoot(b); got != want {
			rt.Fatalf("%d bytes: got %x, want %x", n, got, want)
		}
	})
}

func TestMerkleRootBindsLengthAndStructure(t *testing.T) {
	seen := map[Root]string{}
	add := func(name string, b []byte) {
		root := MerkleRoot(b)
		if other, dup := seen[root]; dup {
			t.Errorf("%s and %s share root %s", name, other, hex.EncodeToString(root[:]))
		}
		seen[root] = name
	}
	add("nothing", nil)
	add("one zero", make([]byte, 1))
	add("a chunk of zeros", make([]byte, ChunkSize))
	add("a chunk of zeros and one", make([]byte, ChunkSize+1))
	left, right := sha256.Sum256(append([]byte{0}, make([]byte, ChunkSize)...)), sha256.Sum256([]byte{0, 0})
	add("the inner node of the above as data", append(append([]byte{1}, left[:]...), right[:]...))
}

func BenchmarkMerkleRoot(b *testing.B) {
	in := make([]byte, 1<<20)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		MerkleRoot(in)
	}
}
