package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	fileName     = "keys.json"
	maxFileBytes = 16 << 20
	maxKeys      = 10_000
)

// document is the content of the file.
type document struct {
	Version int   `json:"version"`
	Keys    []Key `json:"keys"`
}

// Path is the file of the keys in the folder of a gateway.
func Path(folder string) string { return filepath.Join(folder, fileName) }

// Load reads the keys of a gateway. Without a file there are none.
func Load(folder string) ([]Key, error) {
	path := Path(folder)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return []Key{}, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s: expected at most %d bytes, got %d", path, maxFileBytes, info.Size())
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: expected a file that only its owner can read (mode 0600), got %04o", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

func parse(b []byte) ([]Key, error) {
	var d document
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, err
	}
	if d.Version != 1 {
		return nil, fmt.Errorf("version: expected 1, got %d", d.Version)
	}
	if len(d.Keys) > maxKeys {
		return nil, fmt.Errorf("keys: expected at most %d, got %d", maxKeys, len(d.Keys))
	}
	ids, names := make(map[string]bool), make(map[string]bool)
	for _, k := range d.Keys {
		switch {
		case len(k.ID) != 2*idBytes || len(k.Hash) != 64:
			return nil, fmt.Errorf("key %.40q: expected an id of %d and a sha256 of 64 digits", k.Name, 2*idBytes)
		case !nameRule.MatchString(k.Name):
			return nil, fmt.Errorf("key %s: expected a name, got %.40q", k.ID, k.Name)
		case ids[k.ID] || names[k.Name]:
			return nil, fmt.Errorf("key %s (%s): expected it once, got it twice", k.Name, k.ID)
		}
		if err := k.Validate(); err != nil {
			return nil, fmt.Errorf("key %s: %w", k.Name, err)
		}
		ids[k.ID], names[k.Name] = true, true
	}
	return d.Keys, nil
}

// Edit changes the keys of a gateway. Edits of several processes come one after the other, and a reader sees the file as it
// was before or after one.
func Edit(folder string, change func([]Key) ([]Key, error)) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(folder, "keys.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock the keys: %w", err)
	}
	list, err := Load(folder)
	if err != nil {
		return err
	}
	if list, err = change(list); err != nil {
		return err
	}
	b, err := json.MarshalIndent(document{Version: 1, Keys: list}, "", "  ")
	if err != nil {
		return err
	}
	if _, err := parse(b); err != nil {
		return err
	}
	return replace(Path(folder), append(b, '\n'))
}

// replace writes a file beside path and puts it in its place, both synced.
func replace(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Find gives the place of a key in a list, by its name or id.
func Find(list []Key, nameOrID string) (int, error) {
	i := slices.IndexFunc(list, func(k Key) bool { return k.Name == nameOrID || k.ID == nameOrID })
	if i < 0 {
		return 0, fmt.Errorf("API key: expected the name or id of one (see `opengradientd gateway keys list`), got %.80q", nameOrID)
	}
	return i, nil
}
