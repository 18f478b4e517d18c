package wire

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var class = EnvironmentClass{
	RuntimeVersion: "1.27.0",
	LibrarySHA256:  strings.Repeat("0a", 32),
	Provider:       "CPUExecutionProvider",
	Profile:        1,
	ISA:            ISAVNNI,
}

func TestEnvironmentRoundTrip(t *testing.T) {
	extensions := append([]string{"model_repository", "other=x"}, class.Extensions()...)
	got, found, err := ParseEnvironment(extensions)
	if err != nil || !found || got != class {
		t.Errorf("expected %v, got %v, %v, %v", class, got, found, err)
	}
	if _, found, err := ParseEnvironment([]string{"model_repository", "schedule_policy"}); found || err != nil {
		t.Errorf("another server: expected no class, got %v, %v", found, err)
	}
}

func TestParseEnvironmentRefuses(t *testing.T) {
	change := func(f func(*EnvironmentClass)) []string {
		c := class
		f(&c)
		return c.Extensions()
	}
	for name, extensions := range map[string][]string{
		"a class cut short":     class.Extensions()[:4],
		"a field given twice":   append(class.Extensions(), "og-isa=avx"),
		"an unknown ISA class":  change(func(c *EnvironmentClass) { c.ISA = "mmx" }),
		"a digest in capitals":  change(func(c *EnvironmentClass) { c.LibrarySHA256 = strings.Repeat("0A", 32) }),
		"a digest cut short":    change(func(c *EnvironmentClass) { c.LibrarySHA256 = "0a" }),
		"profile zero":          change(func(c *EnvironmentClass) { c.Profile = 0 }),
		"a profile in letters":  {"og-profile=x"},
		"a provider left out":   change(func(c *EnvironmentClass) { c.Provider = "" }),
		"a version left out":    change(func(c *EnvironmentClass) { c.RuntimeVersion = "" }),
		"a version beyond size": change(func(c *EnvironmentClass) { c.RuntimeVersion = strings.Repeat("1", 65) }),
	} {
		if got, found, err := ParseEnvironment(extensions); err == nil || found {
			t.Errorf("%s: expected an error, got %v", name, got)
		}
	}
}

func TestLibraryFile(t *testing.T) {
	folder := t.TempDir()
	if _, err := LibraryFile(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: expected os.ErrNotExist, got %v", err)
	}
	want := filepath.Join(folder, LibraryName())
	if err := os.WriteFile(want, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, want} {
		if got, err := LibraryFile(path); err != nil || got != want {
			t.Errorf("%s: expected %s, got %s, %v", path, want, got, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, "sub", LibraryName()), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := LibraryFile(filepath.Join(folder, "sub")); err == nil {
		t.Error("a folder in the library's place: expected an error")
	}
}
