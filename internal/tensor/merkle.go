package tensor

import (
	"crypto/sha256"
	"encoding/binary"
)

// ChunkSize is the number of bytes under one leaf of the Merkle tree; the last
// chunk may be shorter.
const ChunkSize = 4096

// Root commits to a byte string: see [MerkleRoot].
type Root = [sha256.Size]byte

const (
	rootDomain = "opengradient/tensor/root/v1"
	leafPrefix = 0x00
	nodePrefix = 0x01
)

// MerkleRoot is
//
//	SHA-256("opengradient/tensor/root/v1" ‖ uint64 LE length ‖ tree root)
//
// over the tree of RFC 6962 section 2.1: a leaf is SHA-256(0x00 ‖ chunk), a
// node SHA-256(0x01 ‖ left ‖ right), the left subtree of n leaves holds the
// largest power of two below n, and the tree of nothing is SHA-256 of nothing.
// The length is bound so that a proof for one chunk also fixes the total size.
func MerkleRoot(b []byte) Root {
	tree := treeRoot(b)
	buf := make([]byte, 0, len(rootDomain)+8+len(tree))
	buf = append(buf, rootDomain...)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(len(b)))
	return sha256.Sum256(append(buf, tree[:]...))
}

// treeRoot folds leaves from left to right. The stack holds the roots of
// complete subtrees, highest first, as the bits of the leaf count do.
func treeRoot(b []byte) Root {
	if len(b) == 0 {
		return sha256.Sum256(nil)
	}
	var stack []Root
	leaf := make([]byte, 1, 1+ChunkSize)
	leaf[0] = leafPrefix
	for count := uint64(0); len(b) > 0; count++ {
		n := min(len(b), ChunkSize)
		leaf = append(leaf[:1], b[:n]...)
		b = b[n:]
		h := sha256.Sum256(leaf)
		for c := count; c&1 == 1; c >>= 1 {
			h = nodeHash(stack[len(stack)-1], h)
			stack = stack[:len(stack)-1]
		}
		stack = append(stack, h)
	}
	h := stack[len(stack)-1]
	for i := len(stack) - 2; i >= 0; i-- {
		h = nodeHash(stack[i], h)
	}
	return h
}

func nodeHash(left, right Root) Root {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = nodePrefix
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}
