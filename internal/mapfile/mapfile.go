// Package mapfile maps a file into memory, to be read only: its pages stay those of the file, are not copied, and do not
// count as the process's own.
package mapfile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Map maps a whole plain file of 1 to limit bytes, which may be closed afterwards. The content is valid until it is
// released. Nobody may shorten the file meanwhile: reading what is gone ends the process.
func Map(file *os.File, limit int64) (content []byte, release func(), err error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("map a file: %w", err)
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("map a file: expected a plain file, got %s", info.Mode().Type())
	case info.Size() < 1 || info.Size() > limit:
		return nil, nil, fmt.Errorf("map a file: expected 1 to %d bytes, got %d", limit, info.Size())
	}
	content, err = unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("map a file of %d bytes: %w", info.Size(), err)
	}
	return content, func() { _ = unix.Munmap(content) }, nil // it fails on what was not mapped only
}
