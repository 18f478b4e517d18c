package keys

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/ledger"
)

var limits = Limits{Quota: 100, Per: ledger.Total}

func add(t *testing.T, folder, name string, l Limits) string {
	t.Helper()
	k, text, err := Generate(name, l, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := Edit(folder, func(list []Key) ([]Key, error) { return append(list, k), nil }); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFileHoldsNoSecret(t *testing.T) {
	folder := t.TempDir()
	text := add(t, folder, "alice", limits)
	b, err := os.ReadFile(Path(folder))
	if err != nil {
		t.Fatal(err)
	}
	secret := text[strings.LastIndexByte(text, '_')+1:]
	if strings.Contains(string(b), secret) || strings.Contains(string(b), text) {
		t.Error("expected the file not to hold the key")
	}
	info, err := os.Stat(Path(folder))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("expected mode 0600, got %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(Path(folder), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(folder); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("a file that others can read: expected an error, got %v", err)
	}
}

func TestLookup(t *testing.T) {
	folder := t.TempDir()
	text := add(t, folder, "alice", limits)
	r, err := Open(folder, Defaults{Rate: 5, Concurrency: 2})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Lookup(text)
	if err != nil || c.Name != "alice" {
		t.Fatalf("got %+v, %v", c, err)
	}
	for name, wrong := range map[string]string{
		"none":             "",
		"no key":           "hello",
		"an unknown id":    "ogk_000000000000_" + text[17:],
		"another secret":   text[:len(text)-1] + string(text[len(text)-1]^1),
		"a part of it":     text[:len(text)-1],
		"more than it":     text + "x",
		"the anonymous id": "ogk_anonymous_x",
		"very much":        "ogk_" + strings.Repeat("a", 1<<20),
	} {
		if _, err := r.Lookup(wrong); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: expected ErrUnknown, got %v", name, err)
		}
	}
}

func TestReload(t *testing.T) {
	folder := t.TempDir()
	first := add(t, folder, "alice", limits)
	r, err := Open(folder, Defaults{Rate: 5, Concurrency: 2, Anonymous: &limits})
	if err != nil {
		t.Fatal(err)
	}
	go r.Watch(t.Context(), 5*time.Millisecond, slog.New(slog.DiscardHandler))
	before, err := r.Lookup(first)
	if err != nil {
		t.Fatal(err)
	}
	leave, ok := before.Enter()
	if !ok {
		t.Fatal("expected room")
	}
	second := add(t, folder, "bob", limits)
	await(t, "the second key", func() bool { _, err := r.Lookup(second); return err == nil })
	// The first key's counters are those it had.
	now, err := r.Lookup(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := now.Enter(); !ok {
		t.Error("expected room for one more")
	}
	if _, ok := now.Enter(); ok {
		t.Error("expected no room for a third")
	}
	leave()
	leave() // counts once
	if _, ok := now.Enter(); !ok {
		t.Error("expected room after one has left")
	}
	if _, ok := now.Enter(); ok {
		t.Error("expected no room again")
	}
	// A file that makes no sense changes nothing.
	if err := os.WriteFile(Path(folder), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.reload(); err == nil {
		t.Error("expected an error")
	}
	if _, err := r.Lookup(second); err != nil {
		t.Errorf("expected the former keys, got %v", err)
	}
	if err := os.Remove(Path(folder)); err != nil {
		t.Fatal(err)
	}
	await(t, "the keys to be gone", func() bool { _, err := r.Lookup(second); return errors.Is(err, ErrUnknown) })
	if _, err := r.Lookup(""); err != nil {
		t.Errorf("anonymous: %v", err)
	}
}

// A revocation holds as soon as the file can be read, although the correction of its mode does not change its time.
func TestRevocationInAFileThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	text := add(t, folder, "alice", limits)
	r, err := Open(folder, Defaults{Rate: 5, Concurrency: 2})
	if err != nil {
		t.Fatal(err)
	}
	revoke := func(list []Key) ([]Key, error) {
		now := time.Now()
		list[0].Revoked = &now
		return list, nil
	}
	if err := errors.Join(Edit(folder, revoke), os.Chmod(Path(folder), 0o644)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	log, told := slog.New(slog.NewTextHandler(&b, nil)), ""
	for range 3 {
		told = r.look(log, told)
	}
	if n := strings.Count(b.String(), "not reloaded"); n != 1 {
		t.Errorf("expected one line in the log, got %d: %s", n, &b)
	}
	if err := os.Chmod(Path(folder), 0o600); err != nil {
		t.Fatal(err)
	}
	if told = r.look(log, told); told != "" {
		t.Errorf("expected the file to be read, got %s", told)
	}
	if _, err := r.Lookup(text); !errors.Is(err, ErrRevoked) {
		t.Errorf("expected ErrRevoked, got %v", err)
	}
}

func TestCountersAreApart(t *testing.T) {
	r, err := Open(t.TempDir(), Defaults{Rate: 5, Concurrency: 2, Anonymous: &limits})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Lookup("")
	if err != nil {
		t.Fatal(err)
	}
	for name, counter := range map[string]struct {
		enter func() (func(), bool)
		most  int
	}{"without an answer": {c.Enter, 2}, "being received": {c.Read, 2}, "waiting": {c.Wait, 8}} {
		for i := range counter.most + 1 {
			if _, ok := counter.enter(); ok != (i < counter.most) {
				t.Errorf("%s: expected room for %d, got %t for number %d", name, counter.most, ok, i+1)
			}
		}
	}
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); !condition(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Edits of several processes do not undo each other.
func TestEditsAreSerial(t *testing.T) {
	folder := t.TempDir()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { add(t, folder, fmt.Sprint("key", i), limits) })
	}
	wg.Wait()
	if list, err := Load(folder); err != nil || len(list) != 20 {
		t.Errorf("expected 20 keys, got %d, %v", len(list), err)
	}
}

func TestRefused(t *testing.T) {
	for _, name := range []string{"", "a b", Anonymous, strings.Repeat("x", 65), "é"} {
		if _, _, err := Generate(name, limits, time.Now()); err == nil {
			t.Errorf("name %q: expected an error", name)
		}
	}
	for name, l := range map[string]Limits{
		"no period": {Quota: 1}, "a negative rate": {Per: ledger.Total, Rate: -1}, "a negative burst": {Per: ledger.Total, Burst: -1},
		"a negative concurrency": {Per: ledger.Total, Concurrency: -1},
	} {
		if err := l.Validate(); err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
	folder := t.TempDir()
	add(t, folder, "alice", limits)
	if err := Edit(folder, func(list []Key) ([]Key, error) { return append(list, list[0]), nil }); err == nil {
		t.Error("a key that comes twice: expected an error")
	}
	if _, err := Find(nil, "x"); err == nil {
		t.Error("expected no key to be found")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"version":1,"keys":[{"id":"000000000000","name":"a","sha256":"` + strings.Repeat("0", 64) + `","quota_uopg":1,"per":"day","created":"2026-11-27T00:00:00Z"}]}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parse(b)
		for _, k := range list {
			if err == nil && k.Validate() != nil {
				t.Errorf("got %+v", k)
			}
		}
	})
}
