package executor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
)

// MaxOutboxEntries bounds the outbox. It is far above the rounds that can be open
// at a time.
const MaxOutboxEntries = 16_384

// Errors of the outbox; use errors.Is.
var (
	// ErrSecondOutcome: the attempt has an outcome already, and it is another one.
	ErrSecondOutcome = errors.New("the attempt already has another outcome")
	// ErrQuarantined: the record of the attempt cannot be read. What it said may
	// have been sent, so nothing is ever said about the attempt again.
	ErrQuarantined = errors.New("the record of the attempt is in quarantine")
	// ErrOutboxFull: the outbox holds MaxOutboxEntries entries.
	ErrOutboxFull = errors.New("the outbox is full")
	// ErrInvalidEntry: an entry breaks a rule of its own.
	ErrInvalidEntry = errors.New("invalid outbox entry")
)

// Outbox keeps the outcomes of runs in a folder, one file each, with a mirror in
// memory. An entry is on disk, synced, before anything can see it. One attempt
// never gets a second, different outcome. It is safe for concurrent use; readers
// never wait for the disk.
type Outbox struct {
	dir string

	// disk serialises writers. It is taken before mu.
	disk sync.Mutex

	mu          sync.RWMutex
	entries     map[voteext.Key]abcitypes.OutboxEntry
	quarantined map[voteext.Key]struct{}
	// reports are the errors of the records that Open could not read.
	reports []error
}

// OpenOutbox opens the outbox in a folder, which it makes when it is not there.
// A record that cannot be read is renamed to end in ".corrupt" and reported by
// Reports. It fails only when the folder cannot be used.
func OpenOutbox(dir string) (*Outbox, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the outbox: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the outbox: %w", err)
	}
	o := &Outbox{
		dir:         dir,
		entries:     make(map[voteext.Key]abcitypes.OutboxEntry),
		quarantined: make(map[voteext.Key]struct{}),
	}
	for _, file := range files {
		if err := o.open(file.Name()); err != nil {
			return nil, fmt.Errorf("open the outbox: %w", err)
		}
	}
	return o, nil
}

func (o *Outbox) open(name string) error {
	path := filepath.Join(o.dir, name)
	switch {
	case strings.HasSuffix(name, temporarySuffix):
		// A write that was cut short: nothing has seen it.
		return os.Remove(path)
	case strings.HasSuffix(name, corruptSuffix):
		if key, ok := parseRecordName(strings.TrimSuffix(name, corruptSuffix)); ok {
			o.quarantined[key] = struct{}{}
		}
		return nil
	}
	key, ok := parseRecordName(name)
	if !ok {
		return nil
	}
	entry, err := readRecord(path)
	if err == nil && entryKey(entry) != key {
		err = fmt.Errorf("%w: expected an entry of %s, got %s", ErrInvalidEntry, key, entryKey(entry))
	}
	if err != nil {
		o.reports = append(o.reports, fmt.Errorf("outbox record %s: %w", name, err))
		o.quarantined[key] = struct{}{}
		return os.Rename(path, path+corruptSuffix)
	}
	o.entries[key] = entry
	return nil
}

// Reports are the errors of the records that could not be read at the opening.
func (o *Outbox) Reports() []error { return slices.Clone(o.reports) }

// Put stores an entry durably. A repeat with the same digest and outcome changes
// nothing. It fails with ErrSecondOutcome, ErrQuarantined, ErrOutboxFull or
// ErrInvalidEntry, or with the error of the disk; then nothing is visible. The
// caller must not change the entry afterwards.
func (o *Outbox) Put(entry abcitypes.OutboxEntry) error {
	if err := validateEntry(entry); err != nil {
		return err
	}
	key := entryKey(entry)
	o.disk.Lock()
	defer o.disk.Unlock()
	fresh, err := o.admit(key, entry)
	if err != nil || !fresh {
		return err
	}
	if err := writeRecord(o.dir, entry); err != nil {
		return fmt.Errorf("store the outcome of %s: %w", key, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.entries[key] = entry
	return nil
}

// admit tells whether an entry is to be written.
func (o *Outbox) admit(key voteext.Key, entry abcitypes.OutboxEntry) (fresh bool, err error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if _, bad := o.quarantined[key]; bad {
		return false, fmt.Errorf("%w: %s", ErrQuarantined, key)
	}
	if held, ok := o.entries[key]; ok {
		if !held.Outcome.Equal(entry.Outcome) || !bytes.Equal(held.Digest, entry.Digest) {
			return false, fmt.Errorf("%w: %s: expected %s of request digest %x, got %s of %x",
				ErrSecondOutcome, key, held.Outcome.String(), held.Digest, entry.Outcome.String(), entry.Digest)
		}
		return false, nil
	}
	if len(o.entries) >= MaxOutboxEntries {
		return false, fmt.Errorf("%w: expected fewer than %d entries", ErrOutboxFull, MaxOutboxEntries)
	}
	return true, nil
}

// Get is the entry of an attempt. The caller must not change it.
func (o *Outbox) Get(key voteext.Key) (entry abcitypes.OutboxEntry, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	entry, ok = o.entries[key]
	return entry, ok
}

// Quarantined tells whether the record of an attempt is in quarantine.
func (o *Outbox) Quarantined(key voteext.Key) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	_, bad := o.quarantined[key]
	return bad
}

// Keys are the attempts with an entry, ascending.
func (o *Outbox) Keys() []voteext.Key {
	o.mu.RLock()
	defer o.mu.RUnlock()
	keys := make([]voteext.Key, 0, len(o.entries))
	for key := range o.entries {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, voteext.Key.Compare)
	return keys
}

// Drop forgets an attempt that committed state has no more use for. An attempt
// without an entry is no error.
func (o *Outbox) Drop(key voteext.Key) error {
	o.disk.Lock()
	defer o.disk.Unlock()
	if _, ok := o.Get(key); !ok {
		return nil
	}
	// Not synced: a record that comes back after a crash is dropped again.
	if err := os.Remove(filepath.Join(o.dir, recordName(key))); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("drop the outcome of %s: %w", key, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.entries, key)
	return nil
}

func entryKey(entry abcitypes.OutboxEntry) voteext.Key {
	return voteext.Key{RequestID: entry.RequestId, Attempt: entry.Attempt}
}
