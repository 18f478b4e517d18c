package types

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The bytes that a commitment hashes are written out by hand: nodes and chain must agree on them for ever.
func TestCommitmentIsGolden(t *testing.T) {
	digest, salt := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, SaltSize)
	for _, tc := range []struct {
		name    string
		outcome Outcome
		want    string
	}{
		{"a root", rootOutcome(3), "9ed4542d092d82bf2acab67626febb56dcb5064c4098c5c920152549bec4a43b"},
		{"a failure", NewFailureOutcome(FAILURE_OUTPUT_LIMIT), "1874dea15ab6521d09ea39ffbc925f28d7ba7c03be7506ceb0ca39eec647ff59"},
	} {
		if got := NewCommitment(digest, 2, "operator", salt, tc.outcome); hex.EncodeToString(got[:]) != tc.want {
			t.Errorf("%s: expected %s, got %x", tc.name, tc.want, got)
		}
	}
}

// Nobody can move a byte from one field to the next, or open a commitment to anything else.
func TestCommitmentBindsEveryField(t *testing.T) {
	type fields struct {
		digest   []byte
		attempt  uint32
		operator string
		salt     []byte
		outcome  Outcome
	}
	seen := make(map[[CommitmentSize]byte]int)
	for i, f := range []fields{
		{[]byte{1}, 1, "ab", []byte{2}, rootOutcome(3)},
		{[]byte{2}, 1, "ab", []byte{2}, rootOutcome(3)},
		{[]byte{1}, 2, "ab", []byte{2}, rootOutcome(3)},
		{[]byte{1}, 1, "b", []byte{2}, rootOutcome(3)},
		{[]byte{1}, 1, "a", []byte{'b', 2}, rootOutcome(3)},
		{[]byte{1}, 1, "ab", []byte{3}, rootOutcome(3)},
		{[]byte{1}, 1, "ab", []byte{2}, rootOutcome(4)},
		{[]byte{1}, 1, "ab", []byte{2}, NewFailureOutcome(FAILURE_EXECUTION)},
		{[]byte{1}, 1, "ab", []byte{2}, NewFailureOutcome(FAILURE_OUTPUT_LIMIT)},
	} {
		commitment := NewCommitment(f.digest, f.attempt, f.operator, f.salt, f.outcome)
		if other, twice := seen[commitment]; twice {
			t.Errorf("expected different commitments, got that of %d and %d", other, i)
		}
		seen[commitment] = i
	}
}
