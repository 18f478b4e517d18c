package modelstore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// files are the model files that the operator names. Each is hashed when a model of its size is wanted, once unless it changes.
type files struct {
	paths []string

	mu    sync.Mutex
	known map[string]hashed
}

type hashed struct {
	size     int64
	modified time.Time
	sum      [32]byte
}

// find gives the path of a file. A file that cannot be read is an error and hides no other.
func (f *files) find(sum [32]byte, size int64) (path string, found bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, path := range f.paths {
		got, err := f.hash(path, size)
		if err != nil {
			errs = append(errs, fmt.Errorf("file %s: %w", path, err))
			continue
		}
		if got == sum {
			return path, true, nil
		}
	}
	return "", false, errors.Join(errs...)
}

// hash gives the hash of a file of a size, and of other files none.
func (f *files) hash(path string, size int64) (none [32]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() != size {
		return none, err
	}
	if known, found := f.known[path]; found && known.size == size && known.modified.Equal(info.ModTime()) {
		return known.sum, nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return none, err
	}
	if f.known == nil {
		f.known = map[string]hashed{}
	}
	sum := [32]byte(hash.Sum(nil))
	f.known[path] = hashed{size: size, modified: info.ModTime(), sum: sum}
	return sum, nil
}
