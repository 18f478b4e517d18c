package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var origin = Origin{Source: "https://a.example/m", ETag: `"1"`}

// model makes a model of a size, and its hash.
func model(size int, seed byte) ([]byte, [32]byte) {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*7) + seed
	}
	return data, sha256.Sum256(data)
}

func opened(t *testing.T, dir string, budget int64) *Cache {
	t.Helper()
	c, err := Open(dir, budget)
	require.NoError(t, err)
	return c
}

// put makes a file of the cache, used at a time.
func put(t *testing.T, c *Cache, data []byte, used int64) [32]byte {
	t.Helper()
	sum := sha256.Sum256(data)
	d, err := c.Begin(sum, int64(len(data)))
	require.NoError(t, err)
	require.NoError(t, d.From(origin))
	_, err = d.Write(data)
	require.NoError(t, err)
	file, err := d.Commit()
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, d.Close())
	require.NoError(t, os.Chtimes(c.path(sum), time.Unix(used, 0), time.Unix(used, 0)))
	return sum
}

func content(t *testing.T, c *Cache, sum [32]byte) []byte {
	t.Helper()
	file, err := c.Get(sum)
	require.NoError(t, err)
	defer file.Close()
	data, err := io.ReadAll(file)
	require.NoError(t, err)
	require.Equal(t, int64(len(data)), file.Size())
	return data
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	folder, err := os.ReadDir(dir)
	require.NoError(t, err)
	list := []string{}
	for _, entry := range folder {
		list = append(list, entry.Name())
	}
	return list
}

func TestAFileIsKeptUnderItsHash(t *testing.T) {
	dir := t.TempDir()
	c := opened(t, dir, 1000)
	data, _ := model(600, 1)
	sum := put(t, c, data, 5)
	require.Equal(t, data, content(t, c, sum))
	require.Equal(t, []string{hex.EncodeToString(sum[:])}, names(t, dir))
	require.Equal(t, data, content(t, opened(t, dir, 1000), sum), "after a restart")

	require.NoError(t, c.Remove(sum))
	_, err := c.Get(sum)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, c.Remove(sum), fs.ErrNotExist)
}

func TestADownloadGoesOnWhereItWasLeft(t *testing.T) {
	dir := t.TempDir()
	data, sum := model(600, 1)
	d, err := opened(t, dir, 1000).Begin(sum, 600)
	require.NoError(t, err)
	require.NoError(t, d.From(origin))
	_, err = d.Write(data[:400])
	require.NoError(t, err)
	require.False(t, d.Mixed())
	_, err = d.Commit()
	require.ErrorIs(t, err, ErrTooShort)
	require.NoError(t, d.Close())

	d, err = opened(t, dir, 1000).Begin(sum, 600)
	require.NoError(t, err)
	require.Equal(t, int64(400), d.Offset())
	require.Equal(t, origin, d.Origin())
	require.True(t, d.Mixed(), "what the disk kept is nobody's fault")
	_, err = d.Write(data[400:])
	require.NoError(t, err)
	file, err := d.Commit()
	require.NoError(t, err)
	got, err := io.ReadAll(file)
	require.NoError(t, err)
	require.Equal(t, data, got)
}

func TestADownloadIsMixedByAnotherOrigin(t *testing.T) {
	_, sum := model(600, 1)
	for _, c := range []struct {
		reason string
		next   Origin
		mixed  bool
	}{
		{"the same version of the same source", origin, false},
		{"another version", Origin{Source: origin.Source, ETag: `"2"`}, true},
		{"a version that is not known", Origin{Source: origin.Source}, true},
		{"another source", Origin{Source: "https://b.example/m", ETag: origin.ETag}, true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			d, err := opened(t, t.TempDir(), 1000).Begin(sum, 600)
			require.NoError(t, err)
			require.NoError(t, d.From(origin))
			_, err = d.Write([]byte("abc"))
			require.NoError(t, err)
			require.NoError(t, d.From(c.next))
			require.Equal(t, c.mixed, d.Mixed())
			require.NoError(t, d.Restart())
			require.False(t, d.Mixed())
			require.NoError(t, d.Close())
		})
	}
}

func TestWrongBytesAreNeverAFile(t *testing.T) {
	dir := t.TempDir()
	c := opened(t, dir, 1000)
	data, sum := model(600, 1)
	d, err := c.Begin(sum, 600)
	require.NoError(t, err)
	require.NoError(t, d.From(origin))
	_, err = d.Write(bytes.Repeat([]byte{1}, 600))
	require.NoError(t, err)
	_, err = d.Write([]byte{1})
	require.ErrorIs(t, err, ErrTooLong)
	_, err = d.Commit()
	require.ErrorIs(t, err, ErrWrongHash)
	_, err = c.Get(sum)
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.Zero(t, d.Offset(), "it starts again")
	_, err = d.Write(data)
	require.NoError(t, err)
	file, err := d.Commit()
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, d.Close())
	require.Equal(t, data, content(t, c, sum))
}

func TestACorruptFileIsRemovedAndSaidSo(t *testing.T) {
	for _, spoil := range []struct {
		reason string
		how    func(t *testing.T, path string)
	}{
		{"a bit", func(t *testing.T, path string) {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteAt([]byte{255}, 300)
			require.NoError(t, err)
			require.NoError(t, file.Close())
		}},
		{"an end that is missing", func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 599)) }},
		{"nothing left", func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) }},
	} {
		t.Run(spoil.reason, func(t *testing.T) {
			dir := t.TempDir()
			c := opened(t, dir, 1000)
			data, _ := model(600, 1)
			sum := put(t, c, data, 5)
			spoil.how(t, c.path(sum))
			_, err := c.Get(sum)
			require.ErrorIs(t, err, ErrCorrupt)
			_, err = c.Get(sum)
			require.ErrorIs(t, err, fs.ErrNotExist)

			put(t, c, data, 5)
			spoil.how(t, c.path(sum))
			_, err = opened(t, dir, 1000).Get(sum)
			require.ErrorIs(t, err, ErrCorrupt, "found at the first use after a restart")
		})
	}
}

func TestRoomIsMadeByWhatWasUsedLongestAgo(t *testing.T) {
	dir := t.TempDir()
	c := opened(t, dir, 1000)
	var sums [4][32]byte
	for i, used := range []int64{30, 10, 40, 20} {
		data, _ := model(250, byte(i))
		sums[i] = put(t, c, data, used)
	}
	held, err := c.Get(sums[1]) // the oldest, in use from now on
	require.NoError(t, err)
	data, _ := model(500, 9)
	put(t, c, data, 50)

	entries, err := c.List()
	require.NoError(t, err)
	var left [][32]byte
	for _, entry := range entries {
		left = append(left, entry.SHA256)
		require.Equal(t, entry.SHA256 == sums[1], entry.InUse)
	}
	require.ElementsMatch(t, [][32]byte{sums[1], sums[2], sha256.Sum256(data)}, left)
	require.ErrorIs(t, c.Remove(sums[1]), ErrInUse)
	require.NoError(t, held.Close())
	require.NoError(t, c.Remove(sums[1]))
}

func TestNothingIsRemovedWhenItWouldNotHelp(t *testing.T) {
	c := opened(t, t.TempDir(), 1000)
	small, _ := model(100, 1)
	large, _ := model(600, 2)
	idle := put(t, c, small, 1)
	held, err := c.Get(put(t, c, large, 2))
	require.NoError(t, err)
	_, sum := model(500, 3)
	_, err = c.Begin(sum, 500)
	require.ErrorIs(t, err, ErrNoSpace)
	_, err = c.Begin(sum, 1001)
	require.ErrorIs(t, err, ErrNoSpace)
	require.Equal(t, small, content(t, c, idle))
	require.NoError(t, held.Close())
	require.Len(t, names(t, c.dir), 2, "no part is left")
}

func TestDownloadsUnderWayCountInFull(t *testing.T) {
	c := opened(t, t.TempDir(), 1000)
	_, first := model(600, 1)
	_, second := model(500, 2)
	d, err := c.Begin(first, 600)
	require.NoError(t, err)
	_, err = c.Begin(first, 600)
	require.ErrorIs(t, err, ErrInUse)
	_, err = c.Begin(second, 500)
	require.ErrorIs(t, err, ErrNoSpace)
	require.NoError(t, d.From(origin))
	_, err = d.Write(make([]byte, 550))
	require.NoError(t, err)
	_, err = c.Begin(second, 500)
	require.ErrorIs(t, err, ErrNoSpace)
	require.ErrorIs(t, c.Remove(first), ErrInUse)
	require.NoError(t, d.Close())
	d, err = c.Begin(second, 500)
	require.NoError(t, err, "the part of the first gives way")
	require.NoError(t, d.Close())
	require.Empty(t, names(t, c.dir))
}

func TestASmallerBudgetHoldsFromTheStart(t *testing.T) {
	dir := t.TempDir()
	c := opened(t, dir, 1000)
	a, _ := model(400, 1)
	b, _ := model(500, 2)
	put(t, c, a, 1)
	kept := put(t, c, b, 2)
	opened(t, dir, 600)
	require.Equal(t, []string{hex.EncodeToString(kept[:])}, names(t, dir))
}

// What a process that was killed may leave, at each step of a download.
func TestWhatAKilledProcessLeaves(t *testing.T) {
	data, sum := model(600, 1)
	name := hex.EncodeToString(sum[:])
	originText := `{"source":"https://a.example/m","etag":"\"1\""}`
	for _, c := range []struct {
		reason string
		files  map[string]string
		offset int64
	}{
		{"nothing", nil, 0},
		{"an empty part", map[string]string{name + ".part": ""}, 0},
		{"an origin without bytes", map[string]string{name + ".part": "", name + ".origin": originText}, 0},
		{"half an origin", map[string]string{name + ".part": string(data[:9]), name + ".origin": originText[:20]}, 0},
		{"no origin", map[string]string{name + ".part": string(data[:9])}, 0},
		{"an origin without a part", map[string]string{name + ".origin": originText}, 0},
		{"some bytes", map[string]string{name + ".part": string(data[:9]), name + ".origin": originText}, 9},
		{"all bytes", map[string]string{name + ".part": string(data), name + ".origin": originText}, 600},
		{"more bytes than there are", map[string]string{name + ".part": string(data) + "x", name + ".origin": originText}, 0},
		{"a file with its origin", map[string]string{name: string(data), name + ".origin": originText}, 0},
		{"files of somebody else", map[string]string{"README": "x", name + ".tmp": "y"}, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
			}
			cache := opened(t, dir, 1000)
			d, err := cache.Begin(sum, 600)
			require.NoError(t, err)
			require.Equal(t, c.offset, d.Offset())
			require.NoError(t, d.From(origin))
			_, err = d.Write(data[d.Offset():])
			require.NoError(t, err)
			file, err := d.Commit()
			require.NoError(t, err)
			require.NoError(t, file.Close())
			require.NoError(t, d.Close())
			require.Equal(t, data, content(t, cache, sum))
			require.NoFileExists(t, filepath.Join(dir, name+".part"))
			require.NoFileExists(t, filepath.Join(dir, name+".origin"))
		})
	}
}

func TestManyUsersAtOnce(t *testing.T) {
	c := opened(t, t.TempDir(), 1000)
	data, sum := model(600, 1)
	put(t, c, data, 1)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 20 {
				file, err := c.Get(sum)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, data) {
					t.Error("other bytes", err)
				}
				if _, err := c.List(); err != nil {
					t.Error(err)
				}
				if i == 0 {
					if _, err := c.Begin([32]byte{byte(i)}, 900); err == nil {
						t.Error("room was made by a file in use")
					}
				}
				if err := file.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
