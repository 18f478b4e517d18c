package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"
)

func open(t *testing.T, folder string, observe Observer) *Store {
	t.Helper()
	s, err := Open("test", folder, observe)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func add(tx *Tx, key string, n uint64) error {
	value, found, err := tx.Get(key)
	if err != nil {
		return err
	}
	if found {
		n += binary.BigEndian.Uint64(value)
	}
	tx.Set(key, binary.BigEndian.AppendUint64(nil, n))
	return nil
}

func number(t *testing.T, s *Store, key string) uint64 {
	t.Helper()
	var n uint64
	err := s.View(func(tx *Tx) error {
		value, found, err := tx.Get(key)
		if found {
			n = binary.BigEndian.Uint64(value)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Every transaction sees those before it, also those of its own batch, and what was acknowledged is there after opening
// again. Callers that come together share a sync.
func TestSerialAndDurable(t *testing.T) {
	folder := t.TempDir()
	var batches, transactions atomic.Int64
	s := open(t, folder, func(n int, _ time.Duration) { batches.Add(1); transactions.Add(int64(n)) })
	const callers, each = 50, 20
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				if err := s.Do(func(tx *Tx) error { return add(tx, "sum", 1) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := transactions.Load(); n != callers*each {
		t.Errorf("expected %d transactions, got %d", callers*each, n)
	}
	if n := batches.Load(); n > callers*each/2 {
		t.Errorf("expected callers to share syncs, got %d syncs for %d transactions", n, callers*each)
	}
	s = open(t, folder, nil)
	defer s.Close()
	if n := number(t, s, "sum"); n != callers*each {
		t.Errorf("expected %d, got %d", callers*each, n)
	}
}

func TestFailedTransactionWritesNothing(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	defer s.Close()
	refused := errors.New("refused")
	for name, run := range map[string]func(*Tx) error{
		"an error": func(tx *Tx) error { tx.Set("a", []byte("x")); return refused },
		"a panic":  func(tx *Tx) error { tx.Set("a", []byte("x")); panic("defect") },
	} {
		if err := s.Do(run); err == nil {
			t.Errorf("%s: expected an error", name)
		}
	}
	err := s.View(func(tx *Tx) error {
		if _, found, err := tx.Get("a"); found || err != nil {
			return fmt.Errorf("expected nothing, got found %t, %w", found, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDeleteAndScan(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	defer s.Close()
	err := s.Do(func(tx *Tx) error {
		for _, key := range []string{"a/1", "a/2", "a/3", "b/1", "a\xff"} {
			tx.Set(key, []byte(key))
		}
		tx.Delete("a/2")
		if _, found, _ := tx.Get("a/2"); found {
			t.Error("expected a deleted key to be gone within the transaction")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	scan := func(prefix, after string) string {
		got := ""
		err := s.View(func(tx *Tx) error {
			return tx.Scan(prefix, after, func(key string, value []byte) bool {
				got += string(value) + " "
				return key != "a/3"
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, c := range []struct{ prefix, after, want string }{
		{"a/", "", "a/1 a/3 "}, {"a/", "a/1", "a/3 "}, {"a/", "a/3", ""}, {"b/", "", "b/1 "}, {"\xff", "", ""},
	} {
		if got := scan(c.prefix, c.after); got != c.want {
			t.Errorf("%q after %q: expected %q, got %q", c.prefix, c.after, c.want, got)
		}
	}
}

func TestClosedAndLocked(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder, nil)
	if _, err := Open("test", folder, nil); err == nil {
		t.Error("expected a second process to be kept out")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Do(func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("expected ErrClosed, got %v", err)
	}
}

// full is a database on a disk without room.
type full struct{ dbm.DB }

func (full) NewBatch() dbm.Batch { return fullBatch{dbm.NewMemDB().NewBatch()} }

type fullBatch struct{ dbm.Batch }

func (fullBatch) WriteSync() error { return errors.New("no space left on device") }

// counting counts how batches are written.
type counting struct {
	dbm.DB
	synced, written *int
}

func (c counting) NewBatch() dbm.Batch { return countingBatch{c.DB.NewBatch(), c} }

type countingBatch struct {
	dbm.Batch
	counting
}

func (b countingBatch) Set(key, value []byte) error { return b.Batch.Set(key, value) }
func (b countingBatch) Delete(key []byte) error     { return b.Batch.Delete(key) }
func (b countingBatch) Close() error                { return b.Batch.Close() }
func (b countingBatch) WriteSync() error            { *b.synced++; return b.Batch.WriteSync() }
func (b countingBatch) Write() error                { *b.written++; return b.Batch.Write() }

func TestNotesAreSyncedWithTheNext(t *testing.T) {
	synced, written := 0, 0
	s := New(counting{dbm.NewMemDB(), &synced, &written}, nil)
	defer s.Close()
	one := func(tx *Tx) error { return add(tx, "sum", 1) }
	for _, do := range []func(func(*Tx) error) error{s.Note, s.Note, s.Do} {
		if err := do(one); err != nil {
			t.Fatal(err)
		}
	}
	if synced != 1 || written != 2 || number(t, s, "sum") != 3 {
		t.Errorf("expected 1 batch synced and 2 written, got %d and %d", synced, written)
	}
}

func TestWriteFailureStopsTheStore(t *testing.T) {
	s := New(full{dbm.NewMemDB()}, nil)
	defer s.Close()
	for range 2 {
		if err := s.Do(func(tx *Tx) error { tx.Set("a", nil); return nil }); err == nil {
			t.Error("expected an error")
		}
	}
	<-s.Failed()
	if s.Err() == nil {
		t.Error("expected the reason")
	}
}
