package modelstore

import (
	"bytes"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/modelstore/cache"
	"github.com/opengradient/opengradient/testutil/fakenet"
)

func TestAConnectionThatBreaksIsResumed(t *testing.T) {
	data, ref := model(300_000, urlA)
	for _, c := range []struct {
		reason string
		etag   string
		asked  []string
	}{
		{"with a version", `"v1"`, []string{"", `bytes=100000- "v1"`, `bytes=150000- "v1"`}},
		{"without one", "", []string{"", "bytes=100000-", "bytes=150000-"}},
		{"with a weak one", `W/"v1"`, []string{"", "bytes=100000-", "bytes=150000-"}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			network := fakenet.New(t)
			a := &host{data: data, etag: c.etag, cut: []int{100_000, 50_000}}
			network.Serve("a.example", outsideA, a)
			store, seen := node(t, testConfig(), t.TempDir(), network)
			require.Equal(t, data, fetched(t, store, ref))
			require.Equal(t, c.asked, a.asked())
			require.Equal(t, len(data), seen.received(KindChain), "nothing is read twice")
			require.Equal(t, map[Event]int{EventFetched: 1, EventResumed: 2}, seen.seen())
		})
	}
}

func TestANewProcessGoesOn(t *testing.T) {
	data, ref := model(300_000, urlA)
	network, dir := fakenet.New(t), t.TempDir()
	a := &host{data: data, etag: `"v1"`, cut: []int{100_000, 0}}
	network.Serve("a.example", outsideA, a)
	store, _ := node(t, testConfig(), dir, network)
	require.ErrorIs(t, failed(t, store, ref), ErrUnavailable)
	store, seen := node(t, testConfig(), dir, network)
	require.Equal(t, data, fetched(t, store, ref))
	require.Equal(t, `bytes=100000- "v1"`, a.asked()[2])
	require.Equal(t, 200_000, seen.received(KindChain))
}

func TestAPartThatIsWholeIsNotFetchedAgain(t *testing.T) {
	data, ref := model(300_000)
	store, seen := node(t, testConfig(), t.TempDir(), nil)
	d, err := store.cache.Begin(ref.SHA256, int64(len(data)))
	require.NoError(t, err)
	require.NoError(t, d.From(cache.Origin{Source: urlA}))
	_, err = d.Write(data)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.Equal(t, data, fetched(t, store, ref))
	require.Zero(t, seen.received(KindChain))
}

func TestASourceThatChangedIsReadFromTheStart(t *testing.T) {
	data, ref := model(300_000, urlA)
	other := bytes.Repeat([]byte{9}, len(data))
	network := fakenet.New(t)
	a := &host{data: other, etag: `"old"`, cut: []int{100_000, 0}}
	network.Serve("a.example", outsideA, a)
	dir := t.TempDir()
	store, _ := node(t, testConfig(), dir, network)
	require.ErrorIs(t, failed(t, store, ref), ErrUnavailable)
	a.change(data, `"new"`)
	store, seen := node(t, testConfig(), dir, network)
	require.Equal(t, data, fetched(t, store, ref))
	require.Equal(t, `bytes=100000- "old"`, a.asked()[2])
	require.Equal(t, map[Event]int{EventFetched: 1}, seen.seen())
}

func TestASourceWithoutRangesIsReadFromTheStart(t *testing.T) {
	data, ref := model(300_000, urlA)
	network := fakenet.New(t)
	times := atomic.Int32{}
	network.Serve("a.example", outsideA, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		if times.Add(1) == 1 {
			_, _ = w.Write(data[:100_000])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(data)
	}))
	store, seen := node(t, testConfig(), t.TempDir(), network)
	require.Equal(t, data, fetched(t, store, ref))
	require.Equal(t, 400_000, seen.received(KindChain))
}

// A source begins and breaks, another one ends: what they made together counts by its hash only.
func TestBytesOfTwoSources(t *testing.T) {
	data, ref := model(300_000, urlA, urlB)
	for _, c := range []struct {
		reason string
		first  []byte
		events map[Event]int
		asked  []string
	}{
		{"both right", data, map[Event]int{EventFetched: 1, EventResumed: 1}, []string{"bytes=100000-"}},
		{"the first wrong", bytes.Repeat([]byte{9}, len(data)),
			map[Event]int{EventFetched: 1, EventResumed: 1, EventRestarted: 1}, []string{"bytes=100000-", ""}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			network := fakenet.New(t)
			network.Serve("a.example", outsideA, &host{data: c.first, etag: `"v"`, cut: []int{100_000, 0}})
			b := &host{data: data, etag: `"v"`}
			network.Serve("b.example", outsideB, b)
			store, seen := node(t, testConfig(), t.TempDir(), network)
			require.Equal(t, data, fetched(t, store, ref))
			require.Equal(t, c.events, seen.seen())
			require.Equal(t, c.asked, b.asked())
		})
	}
}

func TestAnotherRangeThanAskedForIsWrong(t *testing.T) {
	data, ref := model(1000, urlA)
	for _, got := range []string{"", "bytes 0-999/1000", "bytes 100-999/*", "bytes 100-998/1000", "bytes 99-999/1000", "bytes 100-999/1001"} {
		t.Run(got, func(t *testing.T) {
			network := fakenet.New(t)
			network.Serve("a.example", outsideA, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Range", got)
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(data[100:])
			}))
			store, _ := node(t, testConfig(), t.TempDir(), network)
			d, err := store.cache.Begin(ref.SHA256, 1000)
			require.NoError(t, err)
			require.NoError(t, d.From(cache.Origin{Source: urlA}))
			_, err = d.Write(data[:100])
			require.NoError(t, err)
			require.NoError(t, d.Close())
			require.ErrorIs(t, failed(t, store, ref), errWrong)
		})
	}
}
