package wire

import "fmt"

// maxSocketPath is the longest path of a unix socket that every supported system takes, in bytes.
const maxSocketPath = 103

// CheckSocketPath verifies that path is short enough for a unix socket.
func CheckSocketPath(path string) error {
	if path == "" || len(path) > maxSocketPath {
		return fmt.Errorf("socket path: expected 1 to %d bytes, got %d (%s): choose a shorter folder", maxSocketPath, len(path), path)
	}
	return nil
}
