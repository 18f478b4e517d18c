package cache

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

var (
	// ErrTooLong means that a source went on after the size of the file.
	ErrTooLong = errors.New("more bytes than the model has")
	// ErrTooShort means that the file is not whole yet.
	ErrTooShort = errors.New("fewer bytes than the model has")
	// ErrWrongHash means that the bytes are not those of the model.
	ErrWrongHash = errors.New("wrong SHA-256")
)

// maxOriginBytes bounds what is read of an origin's file.
const maxOriginBytes = 4 << 10

// Origin is where bytes came from.
type Origin struct {
	// Source names it.
	Source string `json:"source"`
	// ETag is the version of the source's bytes, if it states a strong one.
	ETag string `json:"etag,omitempty"`
}

// Download is the making of a file. It begins where an earlier one was left, and is for one goroutine.
type Download struct {
	cache  *Cache
	sum    [32]byte
	size   int64
	file   *os.File
	hash   hash.Hash
	offset int64
	origin Origin
	mixed  bool
}

// Begin starts a download, or goes on with one that was left, and makes room for it. The error is ErrInUse while somebody
// else downloads the same file, and ErrNoSpace when it does not fit the budget.
func (c *Cache) Begin(sum [32]byte, size int64) (*Download, error) {
	if size <= 0 {
		return nil, fmt.Errorf("model cache: expected a size of 1 byte or more, got %d", size)
	}
	d := &Download{cache: c, sum: sum, size: size, hash: sha256.New()}
	if err := d.reserve(); err != nil {
		return nil, err
	}
	if err := d.resume(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// reserve locks the part and makes room for the file.
func (d *Download) reserve() error {
	c := d.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	file, err := lockedOpen(c.path(d.sum)+partSuffix, os.O_RDWR|os.O_CREATE, exclusive)
	if err != nil {
		return err
	}
	if err := c.makeRoom(d.sum, d.size); err != nil {
		defer file.Close()
		if info, statErr := file.Stat(); statErr == nil && info.Size() == 0 {
			err = errors.Join(err, remove(file.Name()))
		}
		return err
	}
	d.file = file
	c.reserved[d.sum] = d.size
	return nil
}

// resume reads what an earlier download left. Bytes of which it is not known where they are from are dropped.
func (d *Download) resume() error {
	info, err := d.file.Stat()
	if err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	origin, known := readOrigin(d.originPath())
	if info.Size() == 0 || info.Size() > d.size || !known {
		return d.Restart()
	}
	if d.offset, err = io.Copy(d.hash, d.file); err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	// A machine that lost power may have kept the length of the part and not its bytes.
	d.origin, d.mixed = origin, true
	return nil
}

// Offset is the number of bytes that are there.
func (d *Download) Offset() int64 { return d.offset }

// Sum is the hash that the file will have.
func (d *Download) Sum() [32]byte { return d.sum }

// Size is the number of bytes that the file will have.
func (d *Download) Size() int64 { return d.size }

// Origin is where the last of the bytes came from. It is empty at offset 0.
func (d *Download) Origin() Origin { return d.origin }

// Mixed tells that not all bytes are known to be of one version of one source: when the hash is wrong, that does not show
// who is to blame.
func (d *Download) Mixed() bool { return d.mixed }

// From says where the bytes that follow come from. It is written down before they are.
func (d *Download) From(origin Origin) error {
	if d.offset > 0 && (origin != d.origin || origin.ETag == "") {
		d.mixed = true
	}
	text, err := json.Marshal(origin)
	if err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	// Not atomic: what cannot be read makes the download start again.
	if err := os.WriteFile(d.originPath(), text, 0o600); err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	d.origin = origin
	return nil
}

// Write implements io.Writer. Bytes beyond the size are ErrTooLong.
func (d *Download) Write(p []byte) (int, error) {
	if int64(len(p)) > d.size-d.offset {
		return 0, fmt.Errorf("%w: expected %d", ErrTooLong, d.size)
	}
	n, err := d.file.Write(p)
	d.hash.Write(p[:n])
	d.offset += int64(n)
	if err != nil {
		return n, fmt.Errorf("model cache: %w", err)
	}
	return n, nil
}

// Restart drops all bytes.
func (d *Download) Restart() error {
	if err := d.file.Truncate(0); err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	d.hash.Reset()
	d.offset, d.origin, d.mixed = 0, Origin{}, false
	return remove(d.originPath())
}

// Commit makes the bytes a file of the cache and opens it; the download is over then. With the wrong hash the bytes are
// dropped and the download may start again.
func (d *Download) Commit() (*File, error) {
	if d.offset != d.size {
		return nil, fmt.Errorf("%w: expected %d, got %d", ErrTooShort, d.size, d.offset)
	}
	if got := [32]byte(d.hash.Sum(nil)); got != d.sum {
		return nil, errors.Join(fmt.Errorf("%w: expected %x, got %x", ErrWrongHash, d.sum, got), d.Restart())
	}
	if err := d.file.Sync(); err != nil {
		return nil, fmt.Errorf("model cache: %w", err)
	}
	return d.publish()
}

// publish gives the file its name, and the lock to who asked for it.
func (d *Download) publish() (*File, error) {
	c := d.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := d.file.Stat()
	if err != nil {
		return nil, fmt.Errorf("model cache: %w", err)
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("model cache: %w", err)
	}
	path := c.path(d.sum)
	if err := os.Rename(d.file.Name(), path); err != nil {
		return nil, fmt.Errorf("model cache: %w", err)
	}
	if err := errors.Join(syncFolder(c.dir), remove(d.originPath()), flock(d.file, shared)); err != nil {
		return nil, err
	}
	c.verified[d.sum] = stamp{size: info.Size(), modified: info.ModTime()}
	delete(c.reserved, d.sum)
	file := &File{file: d.file, path: path, size: d.size}
	d.file = nil
	return file, nil
}

// Close leaves the download. What was written is kept for the next. It may be called after Commit.
func (d *Download) Close() error {
	d.cache.mu.Lock()
	defer d.cache.mu.Unlock()
	if d.file == nil {
		return nil
	}
	var err error
	if d.offset == 0 {
		err = remove(d.file.Name()) // nothing to go on with
	}
	delete(d.cache.reserved, d.sum)
	err = errors.Join(err, d.file.Close())
	d.file = nil
	return err
}

func (d *Download) originPath() string { return d.cache.path(d.sum) + originSuffix }

func readOrigin(path string) (Origin, bool) {
	file, err := os.Open(path)
	if err != nil {
		return Origin{}, false
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxOriginBytes))
	if err != nil {
		return Origin{}, false
	}
	var origin Origin
	if err := json.Unmarshal(text, &origin); err != nil || origin.Source == "" {
		return Origin{}, false
	}
	return origin, true
}

// syncFolder makes a rename within a folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Clean(path))
	if err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	return nil
}
