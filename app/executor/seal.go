package executor

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	// SealKeyFile is the name of the seal key's file in the folder of the outbox.
	SealKeyFile = "seal.key"
	// sealKeySize is the length of a seal key in bytes.
	sealKeySize = 32
	// sealKeyMode is the only mode of the file that is accepted.
	sealKeyMode os.FileMode = 0o600

	saltDomain = "opengradient/executor/salt/v1"
)

// ErrSealKey marks a seal key that cannot be used; use errors.Is.
var ErrSealKey = errors.New("unusable seal key")

// SealKey is the secret from which a node derives the salts of its commitments.
// Whoever knows it can read a commitment before it is opened. With another key
// than the one a commitment was made with, the commitment cannot be opened.
type SealKey [sealKeySize]byte

// String keeps the secret out of logs.
func (SealKey) String() string { return "seal key" }

// OpenSealKey reads the seal key in the folder of an outbox, and makes one when
// there is none: 32 random bytes, on disk for good before it returns. A file of
// another size, of another kind, or that others may read is ErrSealKey: making a
// new key in its place would strand the commitments made with it.
func OpenSealKey(dir string) (SealKey, error) {
	path := filepath.Join(dir, SealKeyFile)
	key, err := readSealKey(path)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if err := makeSealKey(dir, path); err != nil {
		return SealKey{}, fmt.Errorf("make the seal key: %w", err)
	}
	return readSealKey(path)
}

func readSealKey(path string) (key SealKey, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return SealKey{}, fmt.Errorf("seal key: %w", err)
	}
	if info.Mode() != sealKeyMode {
		return SealKey{}, fmt.Errorf("%w %s: expected a plain file of mode %s, got %s", ErrSealKey, path, sealKeyMode, info.Mode())
	}
	if info.Size() != sealKeySize {
		return SealKey{}, fmt.Errorf("%w %s: expected %d bytes, got %d", ErrSealKey, path, sealKeySize, info.Size())
	}
	file, err := os.Open(path)
	if err != nil {
		return SealKey{}, fmt.Errorf("seal key: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.ReadFull(file, key[:]); err != nil {
		return SealKey{}, fmt.Errorf("seal key: %w", err)
	}
	return key, nil
}

func makeSealKey(dir, path string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var key SealKey
	if _, err := rand.Read(key[:]); err != nil {
		return err
	}
	temporary := path + temporarySuffix
	// What a crash left may have another mode.
	if err := removeIfThere(temporary); err != nil {
		return err
	}
	if err := writeSynced(temporary, key[:]); err != nil {
		return errors.Join(err, removeIfThere(temporary))
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(err, removeIfThere(temporary))
	}
	return syncFolder(dir)
}

// Salt is the salt of the commitment to one attempt: HMAC-SHA256 with the key over
// a domain, the request digest, the attempt and the operator; what has no fixed
// length is preceded by its length, and integers are 8 bytes little-endian.
func (k SealKey) Salt(digest []byte, attempt uint32, operator string) []byte {
	le := binary.LittleEndian
	var b []byte
	field := func(content []byte) {
		b = le.AppendUint64(b, uint64(len(content)))
		b = append(b, content...)
	}
	field([]byte(saltDomain))
	field(digest)
	b = le.AppendUint64(b, uint64(attempt))
	field([]byte(operator))
	mac := hmac.New(sha256.New, k[:])
	mac.Write(b)
	return mac.Sum(nil)
}

// seal is a commitment and the salt that opens it.
func (k SealKey) seal(round verificationtypes.Round, operator string, outcome verificationtypes.Outcome) (commitment, salt []byte) {
	salt = k.Salt(round.Digest, round.Attempt, operator)
	sum := verificationtypes.NewCommitment(round.Digest, round.Attempt, operator, salt, outcome)
	return sum[:], salt
}
