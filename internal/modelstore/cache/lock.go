package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

type lockKind int

const (
	shared    lockKind = unix.LOCK_SH
	exclusive lockKind = unix.LOCK_EX
)

// lockedOpen opens a file and locks it. An exclusive lock is not waited for: ErrInUse says that another is in the way. A
// shared one waits, for no longer than removing a file takes. The file is the one that has the name while the lock is
// held: it may have been removed or renamed before.
func lockedOpen(path string, flags int, kind lockKind) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, flags, 0o600)
		if err != nil {
			return nil, fmt.Errorf("model cache: %w", err)
		}
		current, err := lock(file, kind)
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if current {
			return file, nil
		}
		if err := file.Close(); err != nil {
			return nil, fmt.Errorf("model cache: %w", err)
		}
	}
}

// lock locks an open file and tells whether it still has its name.
func lock(file *os.File, kind lockKind) (bool, error) {
	if err := flock(file, kind); err != nil {
		return false, err
	}
	opened, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("model cache: %w", err)
	}
	named, err := os.Stat(file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("model cache: %w", err)
	}
	return os.SameFile(opened, named), nil
}

func flock(file *os.File, kind lockKind) error {
	how := int(kind)
	if kind == exclusive {
		how |= unix.LOCK_NB
	}
	for {
		err := unix.Flock(int(file.Fd()), how)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("%w: %s", ErrInUse, file.Name())
		case err != nil:
			return fmt.Errorf("model cache: lock %s: %w", file.Name(), err)
		}
		return nil
	}
}

func inUse(path string) (bool, error) {
	file, err := lockedOpen(path, os.O_RDONLY, exclusive)
	if errors.Is(err, ErrInUse) {
		return true, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return false, file.Close()
}
