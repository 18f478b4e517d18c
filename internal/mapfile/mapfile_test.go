package mapfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/opengradient/opengradient/internal/mapfile"
)

func TestMap(t *testing.T) {
	folder := t.TempDir()
	for what, c := range map[string]struct {
		content []byte
		limit   int64
		ok      bool
	}{
		"a file":                 {[]byte("model"), 5, true},
		"a file of no bytes":     {nil, 5, false},
		"a file above the limit": {[]byte("model"), 4, false},
	} {
		path := filepath.Join(folder, what)
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		content, release, err := mapfile.Map(file, c.limit)
		_ = file.Close()
		if (err == nil) != c.ok || !bytes.Equal(content, c.content[:len(content)]) {
			t.Errorf("%s: got %q, %v", what, content, err)
		}
		if err == nil {
			release()
		}
	}
	dir, err := os.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, _, err := mapfile.Map(dir, 1<<20); err == nil {
		t.Error("a folder: expected an error")
	}
}
