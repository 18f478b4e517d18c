package server

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/opengradient/opengradient/internal/mapfile"
)

// openFile maps a plain file in a folder into memory. No path, by links or otherwise, leads out of the folder.
func openFile(folder *os.Root, path string, limit int64) (content []byte, release func(), err error) {
	// Without blocking: a pipe has no end to wait for.
	file, err := folder.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("model file: %w", err)
	}
	defer func() { _ = file.Close() }() // the mapping outlives it
	content, release, err = mapfile.Map(file, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("model file: %w", err)
	}
	return content, release, nil
}
