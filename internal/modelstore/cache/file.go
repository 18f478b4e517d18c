package cache

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// File is a whole model file, at its beginning, that stays in the cache until it is closed. It is for one reader.
type File struct {
	file *os.File
	path string
	size int64
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) { return f.file.Read(p) }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, offset int64) (int, error) { return f.file.ReadAt(p, offset) }

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) { return f.file.Seek(offset, whence) }

// Close lets the cache remove the file when it needs the room.
func (f *File) Close() error { return f.file.Close() }

// Path is where the file lies. It is there until Close.
func (f *File) Path() string { return f.path }

// Size is the length of the file in bytes.
func (f *File) Size() int64 { return f.size }

// Get opens a file. Its hash is checked the first time since the cache was opened, and again whenever the file was
// changed. The error is fs.ErrNotExist for a file that is not there, and ErrCorrupt for one that was and no longer is.
func (c *Cache) Get(sum [32]byte) (*File, error) {
	file, err := lockedOpen(c.path(sum), os.O_RDONLY, shared)
	if err != nil {
		return nil, err
	}
	size, err := c.use(sum, file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &File{file: file, path: file.Name(), size: size}, nil
}

// use checks a file, unless that was done, and notes that it is used.
func (c *Cache) use(sum [32]byte, file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("model cache: %w", err)
	}
	c.mu.Lock()
	known, found := c.verified[sum]
	c.mu.Unlock()
	if !found || known.size != info.Size() || !known.modified.Equal(info.ModTime()) {
		if err := c.verify(sum, file); err != nil {
			return 0, err
		}
	}
	return info.Size(), c.touch(sum, file)
}

func (c *Cache) verify(sum [32]byte, file *os.File) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	if got := [32]byte(hash.Sum(nil)); got != sum {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.verified, sum)
		return errors.Join(fmt.Errorf("%w: expected SHA-256 %x, got %x", ErrCorrupt, sum, got), remove(file.Name()))
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	return nil
}

// touch notes the time of use as the time of modification, which orders the files when room is needed.
func (c *Cache) touch(sum [32]byte, file *os.File) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if err := os.Chtimes(file.Name(), now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("model cache: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("model cache: %w", err)
	}
	c.verified[sum] = stamp{size: info.Size(), modified: info.ModTime()}
	return nil
}
