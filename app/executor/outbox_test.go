package executor

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func entry(t require.TestingT, id uint64, attempt uint32, value byte) abcitypes.OutboxEntry {
	output := encoded(t, vector("y", value))
	return abcitypes.OutboxEntry{
		RequestId:        id,
		Attempt:          attempt,
		Digest:           digest(id),
		Outcome:          verificationtypes.NewRootOutcome(tensor.MerkleRoot(output)),
		Output:           output,
		EnvironmentClass: 1,
		Deadline:         110,
	}
}

func open(t require.TestingT, dir string) *Outbox {
	o, err := OpenOutbox(dir)
	require.NoError(t, err)
	return o
}

// spoil changes the last byte of a record.
func spoil(t *testing.T, dir string, key voteext.Key) {
	t.Helper()
	path := filepath.Join(dir, recordName(key))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[len(content)-1] ^= 1
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

func TestOutboxSurvivesARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "outbox")
	o := open(t, dir)
	first, second := entry(t, 7, 2, 1), entry(t, 3, 1, 2)
	failure := abcitypes.OutboxEntry{
		RequestId: 1 << 60, Attempt: 1 << 31, Digest: digest(1), EnvironmentClass: 2, Deadline: 5,
		Outcome: verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_EXECUTION),
	}
	for _, e := range []abcitypes.OutboxEntry{first, second, failure} {
		require.NoError(t, o.Put(e))
	}
	again := open(t, dir)
	require.Empty(t, again.Reports())
	require.Equal(t, []voteext.Key{{RequestID: 3, Attempt: 1}, {RequestID: 7, Attempt: 2}, entryKey(failure)}, again.Keys())
	for _, e := range []abcitypes.OutboxEntry{first, second, failure} {
		got, ok := again.Get(entryKey(e))
		require.True(t, ok)
		require.Equal(t, e, got)
	}
	require.NoError(t, again.Drop(entryKey(first)))
	require.NoError(t, again.Drop(entryKey(first)), "twice is no error")
	require.Len(t, open(t, dir).Keys(), 2)
}

func TestOutboxNeverTakesASecondOutcome(t *testing.T) {
	o := open(t, t.TempDir())
	first := entry(t, 1, 1, 1)
	require.NoError(t, o.Put(first))
	require.NoError(t, o.Put(first), "a repeat")

	elsewhere := first
	elsewhere.EnvironmentClass, elsewhere.Deadline = 9, 500
	require.NoError(t, o.Put(elsewhere), "the same outcome")

	require.ErrorIs(t, o.Put(entry(t, 1, 1, 2)), ErrSecondOutcome)
	foreign := first
	foreign.Digest = digest(2)
	require.ErrorIs(t, o.Put(foreign), ErrSecondOutcome)
	require.NoError(t, o.Put(entry(t, 1, 2, 2)), "another attempt")

	got, _ := o.Get(entryKey(first))
	require.Equal(t, first, got, "the first stands")
}

func TestOutboxShowsNothingThatIsNotOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	o := open(t, dir)
	require.NoError(t, os.RemoveAll(dir))
	e := entry(t, 1, 1, 1)
	require.Error(t, o.Put(e))
	_, ok := o.Get(entryKey(e))
	require.False(t, ok)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, o.Put(entry(t, 1, 1, 2)), "nothing was said, so another outcome may be")
}

func TestOutboxQuarantines(t *testing.T) {
	key := voteext.Key{RequestID: 1, Attempt: 1}
	cases := []struct {
		reason string
		spoil  func(content []byte) []byte
	}{
		{"a flipped bit", func(c []byte) []byte { c[len(c)-1] ^= 1; return c }},
		{"a flipped bit in the sum", func(c []byte) []byte { c[len(recordMagic)] ^= 1; return c }},
		{"another magic", func(c []byte) []byte { c[0] ^= 1; return c }},
		{"a record cut short", func(c []byte) []byte { return c[:len(c)/2] }},
		{"an empty record", func([]byte) []byte { return nil }},
		{"the record of another attempt", func([]byte) []byte {
			dir := t.TempDir()
			require.NoError(t, open(t, dir).Put(entry(t, 1, 2, 1)))
			content, err := os.ReadFile(filepath.Join(dir, recordName(voteext.Key{RequestID: 1, Attempt: 2})))
			require.NoError(t, err)
			return content
		}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			dir := t.TempDir()
			o := open(t, dir)
			require.NoError(t, o.Put(entry(t, 1, 1, 1)))
			require.NoError(t, o.Put(entry(t, 2, 1, 1)))
			path := filepath.Join(dir, recordName(key))
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, c.spoil(content), 0o600))

			o = open(t, dir)
			require.Len(t, o.Reports(), 1)
			require.ErrorIs(t, o.Reports()[0], ErrInvalidEntry)
			require.True(t, o.Quarantined(key))
			require.Equal(t, []voteext.Key{{RequestID: 2, Attempt: 1}}, o.Keys(), "the others are there")
			require.ErrorIs(t, o.Put(entry(t, 1, 1, 1)), ErrQuarantined)

			o = open(t, dir)
			require.Empty(t, o.Reports(), "reported once")
			require.True(t, o.Quarantined(key), "and never forgotten")
		})
	}
}

func TestOutboxIgnoresOtherFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"README", "1-1.outcome", recordName(voteext.Key{RequestID: 4, Attempt: 1}) + temporarySuffix, "x" + corruptSuffix} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("?"), 0o600))
	}
	o := open(t, dir)
	require.Empty(t, o.Keys())
	require.Empty(t, o.Reports())
	require.NoFileExists(t, filepath.Join(dir, recordName(voteext.Key{RequestID: 4, Attempt: 1})+temporarySuffix))
	require.FileExists(t, filepath.Join(dir, "README"))
}

func TestOutboxIsBounded(t *testing.T) {
	o := open(t, t.TempDir())
	for id := range uint64(MaxOutboxEntries) {
		o.entries[voteext.Key{RequestID: id + 100, Attempt: 1}] = abcitypes.OutboxEntry{}
	}
	require.ErrorIs(t, o.Put(entry(t, 1, 1, 1)), ErrOutboxFull)
}

func TestOutboxRefusesInvalidEntries(t *testing.T) {
	cases := []struct {
		reason string
		change func(*abcitypes.OutboxEntry)
	}{
		{"no request", func(e *abcitypes.OutboxEntry) { e.RequestId = 0 }},
		{"no attempt", func(e *abcitypes.OutboxEntry) { e.Attempt = 0 }},
		{"no environment class", func(e *abcitypes.OutboxEntry) { e.EnvironmentClass = 0 }},
		{"no outcome", func(e *abcitypes.OutboxEntry) { e.Outcome = verificationtypes.Outcome{} }},
		{"no deadline", func(e *abcitypes.OutboxEntry) { e.Deadline = 0 }},
		{"short digest", func(e *abcitypes.OutboxEntry) { e.Digest = e.Digest[1:] }},
		{"no output", func(e *abcitypes.OutboxEntry) { e.Output = nil }},
		{"output of another root", func(e *abcitypes.OutboxEntry) { e.Output = append(bytes.Clone(e.Output), 0) }},
		{"output beside a failure", func(e *abcitypes.OutboxEntry) { e.Outcome = verificationtypes.NewFailureOutcome(1) }},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			o := open(t, t.TempDir())
			e := entry(t, 1, 1, 1)
			c.change(&e)
			require.ErrorIs(t, o.Put(e), ErrInvalidEntry)
			require.Empty(t, o.Keys())
		})
	}
}

func TestRecordNamesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := voteext.Key{RequestID: rapid.Uint64().Draw(t, "id"), Attempt: rapid.Uint32().Draw(t, "attempt")}
		got, ok := parseRecordName(recordName(key))
		require.True(t, ok)
		require.Equal(t, key, got)
	})
}

func FuzzDecodeRecord(f *testing.F) {
	dir := f.TempDir()
	o, err := OpenOutbox(dir)
	if err != nil {
		f.Fatal(err)
	}
	e := entry(f, 1, 1, 1)
	if err := o.Put(e); err != nil {
		f.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, recordName(entryKey(e))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte(recordMagic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := decodeRecord(b); err == nil && validateEntry(got) != nil {
			t.Fatalf("accepted an invalid entry %v", got)
		}
	})
}
