// Package cache keeps model files by their SHA-256 in one folder, within a budget of bytes. The folder is all its state:
//
//	<sha256>         a whole file whose hash was right; the modification time is that of its last use
//	<sha256>.part    the beginning of a download
//	<sha256>.origin  where the last bytes of the part came from
//
// A whole file appears by a rename and is never written to. Who uses a file holds a shared lock on it, who downloads or
// removes it an exclusive one. The kernel keeps the locks and drops them with the process, so that a killed process
// leaves nothing to clean up but parts, and commands may look into the folder of a running node.
package cache

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/opengradient/opengradient/internal/modelref"
)

const (
	partSuffix   = ".part"
	originSuffix = ".origin"
)

var (
	// ErrCorrupt means that a file did not have its hash any more. It was removed.
	ErrCorrupt = errors.New("corrupt file removed from the model cache")
	// ErrInUse means that a file is in use or being downloaded, by this process or another.
	ErrInUse = errors.New("model file in use")
	// ErrNoSpace means that the budget is too small, or what fills it is in use.
	ErrNoSpace = errors.New("model cache full")
)

// Cache is a folder of model files. It is safe for concurrent use, by several processes as well.
type Cache struct {
	dir    string
	budget int64

	mu       sync.Mutex
	verified map[[32]byte]stamp // files whose hash was checked since the cache was opened
	reserved map[[32]byte]int64 // sizes that downloads under way will have
}

// stamp tells whether a file changed since it was checked.
type stamp struct {
	size     int64
	modified time.Time
}

// Entry is a file in the cache.
type Entry struct {
	SHA256 [32]byte
	// Size is the length in bytes of what is there.
	Size     int64
	LastUsed time.Time
	// Complete is false for the beginning of a download.
	Complete bool
	// InUse is true while the file is open or being downloaded.
	InUse bool
}

// Open opens the folder, makes it if need be, and removes what exceeds the budget of bytes.
func Open(dir string, budget int64) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("model cache: %w", err)
	}
	c := &Cache{dir: dir, budget: budget, verified: map[[32]byte]stamp{}, reserved: map[[32]byte]int64{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.sweep(); err != nil {
		return nil, err
	}
	// What is in use is above the budget until it no longer is.
	if err := c.makeRoom([32]byte{}, 0); err != nil && !errors.Is(err, ErrNoSpace) {
		return nil, err
	}
	return c, nil
}

// sweep removes origins without a part: a process was killed between two steps.
func (c *Cache) sweep() error {
	names, err := c.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		base, found := strings.CutSuffix(name, originSuffix)
		if !found {
			continue
		}
		if _, err := os.Stat(filepath.Join(c.dir, base+partSuffix)); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := remove(filepath.Join(c.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cache) names() ([]string, error) {
	folder, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, fmt.Errorf("model cache: %w", err)
	}
	names := make([]string, 0, len(folder))
	for _, entry := range folder {
		if entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// List gives the files, those used longest ago first.
func (c *Cache) List() ([]Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list()
}

// list is List for who holds mu: finding out whether a file is in use locks it for a moment.
func (c *Cache) list() ([]Entry, error) {
	names, err := c.names()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, name := range names {
		base, part := strings.CutSuffix(name, partSuffix)
		sum, err := modelref.ParseSHA256(base)
		if err != nil {
			continue // not ours
		}
		path := filepath.Join(c.dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return nil, fmt.Errorf("model cache: %w", err)
		}
		used, err := inUse(path)
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{SHA256: sum, Size: info.Size(), LastUsed: info.ModTime(), Complete: !part, InUse: used})
	}
	sort.Slice(entries, func(i, j int) bool {
		a, b := entries[i], entries[j]
		if !a.LastUsed.Equal(b.LastUsed) {
			return a.LastUsed.Before(b.LastUsed)
		}
		return c.entryPath(a) < c.entryPath(b)
	})
	return entries, nil
}

// Remove removes a file and what there is of a download of it. The error is fs.ErrNotExist when there is neither, and
// ErrInUse when one of them is in use.
func (c *Cache) Remove(sum [32]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	whole := c.removeIdle(c.path(sum))
	part := c.removeIdle(c.path(sum) + partSuffix)
	if part == nil {
		part = remove(c.path(sum) + originSuffix)
	}
	absent := func(err error) bool { return errors.Is(err, fs.ErrNotExist) }
	switch {
	case absent(whole) && absent(part):
		return fmt.Errorf("model %x: %w", sum, fs.ErrNotExist)
	case absent(whole):
		return part
	case absent(part):
		return whole
	default:
		return errors.Join(whole, part)
	}
}

func (c *Cache) removeIdle(path string) error {
	file, err := lockedOpen(path, os.O_RDONLY, exclusive)
	if err != nil {
		return err
	}
	defer file.Close()
	return remove(path)
}

// makeRoom removes the files used longest ago until size more bytes fit, for the download of sum. Nothing is removed when
// that is not enough. The caller holds mu.
func (c *Cache) makeRoom(sum [32]byte, size int64) error {
	if size > c.budget {
		return fmt.Errorf("%w: expected up to %d bytes, got %d", ErrNoSpace, c.budget, size)
	}
	entries, err := c.list()
	if err != nil {
		return err
	}
	total := size
	for _, reserved := range c.reserved {
		total += reserved
	}
	var candidates []Entry
	for _, entry := range entries {
		_, downloading := c.reserved[entry.SHA256]
		if !entry.Complete && (downloading || entry.SHA256 == sum && size > 0) {
			continue // counted with its whole size
		}
		total += entry.Size
		candidates = append(candidates, entry)
	}
	var victims []*os.File
	defer func() {
		for _, victim := range victims {
			_ = victim.Close()
		}
	}()
	var doomed []Entry
	for _, entry := range candidates {
		if total <= c.budget {
			break
		}
		file, err := lockedOpen(c.entryPath(entry), os.O_RDONLY, exclusive)
		if errors.Is(err, ErrInUse) {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			victims, doomed = append(victims, file), append(doomed, entry)
		}
		total -= entry.Size
	}
	if total > c.budget {
		return fmt.Errorf("%w: expected %d bytes within the budget of %d, %d are in use", ErrNoSpace, size, c.budget, total-size)
	}
	for _, entry := range doomed {
		if err := remove(c.entryPath(entry)); err != nil {
			return err
		}
		if !entry.Complete {
			if err := remove(c.path(entry.SHA256) + originSuffix); err != nil {
				return err
			}
		}
		delete(c.verified, entry.SHA256)
	}
	return nil
}

func (c *Cache) path(sum [32]byte) string { return filepath.Join(c.dir, hex.EncodeToString(sum[:])) }

func (c *Cache) entryPath(entry Entry) string {
	if entry.Complete {
		return c.path(entry.SHA256)
	}
	return c.path(entry.SHA256) + partSuffix
}

// remove removes a file, if it is there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("model cache: %w", err)
	}
	return nil
}
