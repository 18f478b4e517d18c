package executor

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// A record is a file named by its attempt: the magic, the SHA-256 of the rest, and
// the rest, which is the encoding of an OutboxEntry.
const (
	recordMagic    = "OGOUTBX1"
	recordHeader   = len(recordMagic) + sha256.Size
	maxRecordBytes = 16 << 20

	recordFormat    = "%020d-%010d.outcome"
	temporarySuffix = ".tmp"
	corruptSuffix   = ".corrupt"
)

func recordName(key voteext.Key) string {
	return fmt.Sprintf(recordFormat, key.RequestID, key.Attempt)
}

// parseRecordName is the strict inverse of recordName.
func parseRecordName(name string) (key voteext.Key, ok bool) {
	if _, err := fmt.Sscanf(name, recordFormat, &key.RequestID, &key.Attempt); err != nil {
		return voteext.Key{}, false
	}
	return key, recordName(key) == name
}

// writeRecord puts an entry on disk, all or nothing, and returns when it is safe
// from a loss of power.
func writeRecord(dir string, entry abcitypes.OutboxEntry) error {
	payload, err := entry.Marshal()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(payload)
	content := bytes.Join([][]byte{[]byte(recordMagic), sum[:], payload}, nil)
	if len(content) > maxRecordBytes {
		return fmt.Errorf("%w: expected a record of at most %d bytes, got %d", ErrInvalidEntry, maxRecordBytes, len(content))
	}
	path := filepath.Join(dir, recordName(entryKey(entry)))
	if err := writeSynced(path+temporarySuffix, content); err != nil {
		return errors.Join(err, removeIfThere(path+temporarySuffix))
	}
	if err := os.Rename(path+temporarySuffix, path); err != nil {
		return errors.Join(err, removeIfThere(path+temporarySuffix))
	}
	return syncFolder(dir)
}

func writeSynced(path string, content []byte) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) (err error) {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	return folder.Sync()
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func readRecord(path string) (abcitypes.OutboxEntry, error) {
	content, err := readBounded(path)
	if err != nil {
		return abcitypes.OutboxEntry{}, err
	}
	return decodeRecord(content)
}

func readBounded(path string) (content []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, maxRecordBytes+1))
}

func decodeRecord(content []byte) (abcitypes.OutboxEntry, error) {
	if len(content) > maxRecordBytes {
		return abcitypes.OutboxEntry{}, fmt.Errorf("%w: expected a record of at most %d bytes, got more", ErrInvalidEntry, maxRecordBytes)
	}
	if len(content) < recordHeader || string(content[:len(recordMagic)]) != recordMagic {
		return abcitypes.OutboxEntry{}, fmt.Errorf("%w: expected a record that begins with %q", ErrInvalidEntry, recordMagic)
	}
	payload := content[recordHeader:]
	sum := sha256.Sum256(payload)
	if want := content[len(recordMagic):recordHeader]; !bytes.Equal(sum[:], want) {
		return abcitypes.OutboxEntry{}, fmt.Errorf("%w: expected content with SHA-256 %x, got %x", ErrInvalidEntry, want, sum)
	}
	var entry abcitypes.OutboxEntry
	if err := entry.Unmarshal(payload); err != nil {
		return abcitypes.OutboxEntry{}, fmt.Errorf("%w: %w", ErrInvalidEntry, err)
	}
	return entry, validateEntry(entry)
}

// validateEntry checks what holds for every entry whatever the state of the chain:
// a well-formed attestation, and output bytes that have the attested root.
func validateEntry(entry abcitypes.OutboxEntry) error {
	attestation := verificationtypes.Attestation{
		RequestId:        entry.RequestId,
		Attempt:          entry.Attempt,
		Outcome:          entry.Outcome,
		EnvironmentClass: entry.EnvironmentClass,
	}
	if err := attestation.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidEntry, err)
	}
	if len(entry.Digest) != sha256.Size {
		return fmt.Errorf("%w: expected a digest of %d bytes, got %d", ErrInvalidEntry, sha256.Size, len(entry.Digest))
	}
	if entry.Deadline <= 0 {
		return fmt.Errorf("%w: expected a deadline above 0, got %d", ErrInvalidEntry, entry.Deadline)
	}
	if entry.Outcome.Failed() {
		if len(entry.Output) != 0 {
			return fmt.Errorf("%w: expected no output bytes with a failure, got %d", ErrInvalidEntry, len(entry.Output))
		}
		return nil
	}
	if err := verificationtypes.CheckOutput(entry.Outcome, entry.Output, uint64(len(entry.Output))); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidEntry, err)
	}
	return nil
}
