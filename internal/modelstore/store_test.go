package modelstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/modelref"
	"github.com/opengradient/opengradient/internal/modelstore/cache"
	"github.com/opengradient/opengradient/internal/modelstore/guard"
	"github.com/opengradient/opengradient/internal/modelstore/peer"
	"github.com/opengradient/opengradient/testutil/fakenet"
)

const (
	outsideA = "93.184.216.34"
	outsideB = "1.1.1.1"
	urlA     = "https://a.example/m.onnx"
	urlB     = "https://b.example/m.onnx"
)

// model makes a model of a size, and a reference to it.
func model(size int, sources ...string) ([]byte, modelref.Reference) {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	return data, modelref.Reference{SHA256: sha256.Sum256(data), Size: uint64(size), Sources: sources}
}

// counts are metrics that a test reads.
type counts struct {
	mu     sync.Mutex
	events map[Event]int
	bytes  map[Kind]int
}

func (c *counts) Count(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events[e]++
}

func (c *counts) Received(from Kind, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes[from] += n
}

func (c *counts) Sent(int) {}

func (c *counts) seen() map[Event]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.events)
}

func (c *counts) received(from Kind) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes[from]
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.CacheBytes, cfg.MaxFetchBytes = 64<<20, 32<<20
	cfg.FetchFromChainSources = true
	return cfg
}

// node opens a store in a folder, on a network.
func node(t *testing.T, cfg Config, dir string, network *fakenet.Net) (*Store, *counts) {
	t.Helper()
	require.NoError(t, cfg.Validate())
	deps := Deps{}
	if network != nil {
		deps.Network = guard.Options{Resolver: network, Connector: network, Roots: network.Roots()}
	}
	seen := &counts{events: map[Event]int{}, bytes: map[Kind]int{}}
	deps.Metrics = seen
	store, err := Open(cfg, dir, deps)
	require.NoError(t, err)
	return store, seen
}

func fetched(t *testing.T, s *Store, ref modelref.Reference) []byte {
	t.Helper()
	file, err := s.Fetch(t.Context(), ref)
	require.NoError(t, err)
	return contents(t, file)
}

func contents(t *testing.T, file *cache.File) []byte {
	t.Helper()
	data, err := io.ReadAll(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return data
}

func failed(t *testing.T, s *Store, ref modelref.Reference) error {
	t.Helper()
	file, err := s.Fetch(t.Context(), ref)
	require.Error(t, err)
	require.Nil(t, file)
	return err
}

// host serves bytes with ranges, notes the requests, and can be told to misbehave.
type host struct {
	data []byte
	etag string
	// cut ends the connection after so many bytes of a response, as often as there are numbers.
	cut []int

	mu       sync.Mutex
	requests []string
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.requests = append(h.requests, strings.TrimSpace(r.Header.Get("Range")+" "+r.Header.Get("If-Range")))
	cut := -1
	if len(h.cut) > 0 {
		cut, h.cut = h.cut[0], h.cut[1:]
	}
	data, etag := h.data, h.etag
	h.mu.Unlock()
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	if cut < 0 {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	offset := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &offset); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, len(data)-1, len(data)))
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-offset))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	}
	_, _ = w.Write(data[offset : offset+cut])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func (h *host) asked() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.requests...)
}

func (h *host) change(data []byte, etag string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.data, h.etag = data, etag
}

func TestAFileIsFetchedOnce(t *testing.T) {
	data, ref := model(300_000, urlA)
	network, dir := fakenet.New(t), t.TempDir()
	a := &host{data: data}
	network.Serve("a.example", outsideA, a)
	store, seen := node(t, testConfig(), dir, network)
	require.Equal(t, data, fetched(t, store, ref))
	require.Equal(t, data, fetched(t, store, ref))
	require.Equal(t, []string{""}, a.asked())
	require.Equal(t, map[Event]int{EventFetched: 1}, seen.seen())
	require.Equal(t, len(data), seen.received(KindChain))

	store, _ = node(t, testConfig(), dir, network)
	require.Equal(t, data, fetched(t, store, ref))
	require.Len(t, a.asked(), 1, "it is there after a restart")
}

func TestChainSourcesAreOffUnlessTheOperatorAllowsThem(t *testing.T) {
	require.False(t, DefaultConfig().FetchFromChainSources)
	data, ref := model(100, urlA)
	network := fakenet.New(t)
	network.Serve("a.example", outsideA, &host{data: data})
	cfg := testConfig()
	cfg.FetchFromChainSources = false
	store, _ := node(t, cfg, t.TempDir(), network)
	err := failed(t, store, ref)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "models.fetch-from-chain-sources is off")
	require.Empty(t, network.Dials())
}

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

// What is wrong with a source, and how it is told. Another source has the file each time.
func TestASourceThatIsWrongIsPutAsideAndAnotherAsked(t *testing.T) {
	data, ref := model(300_000, urlA, urlB)
	for _, c := range []struct {
		reason string
		serve  func(w http.ResponseWriter, r *http.Request)
		says   string
	}{
		{"wrong hash", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(append([]byte{data[0] + 1}, data[1:]...))
		}, "wrong SHA-256"},
		{"a length that is too small", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "299999")
			_, _ = w.Write(data[:299_999])
		}, "expected 300000 bytes, got a length of 299999"},
		{"a length that is too large", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "300001")
			_, _ = w.Write(append(bytes.Clone(data), 1))
		}, "expected 300000 bytes, got a length of 300001"},
		{"no end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write(data)
			}
		}, "more bytes than the model has"},
		{"one byte more, without a length", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(data)
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write([]byte{1})
		}, "more bytes than the model has"},
		{"compression that nobody asked for", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(data)
		}, `got "gzip"`},
		{"a range that was not asked for", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-299999/300000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data)
		}, "expected the range"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			network := fakenet.New(t)
			network.Serve("a.example", outsideA, http.HandlerFunc(c.serve))
			store, seen := node(t, testConfig(), t.TempDir(), network)
			alone := ref
			alone.Sources = ref.Sources[:1]
			err := failed(t, store, alone)
			require.ErrorIs(t, err, errWrong)
			require.ErrorContains(t, err, c.says)
			network.Dials()
			require.ErrorContains(t, failed(t, store, alone), "put aside until")
			require.Empty(t, network.Dials())

			network.Serve("b.example", outsideB, &host{data: data})
			require.Equal(t, data, fetched(t, store, ref))
			require.Equal(t, []string{outsideB + ":443"}, network.Dials())
			require.Equal(t, 1, seen.seen()[EventWrongBytes])
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

func TestASourceThatDoesNotHaveTheFileIsNotToBlame(t *testing.T) {
	data, ref := model(1000, urlA)
	for _, status := range []int{http.StatusNotFound, http.StatusGone, http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			network := fakenet.New(t)
			times := atomic.Int32{}
			network.Serve("a.example", outsideA, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if times.Add(1) == 1 {
					w.WriteHeader(status)
					return
				}
				_, _ = w.Write(data)
			}))
			store, _ := node(t, testConfig(), t.TempDir(), network)
			require.ErrorContains(t, failed(t, store, ref), strconv.Itoa(status))
			require.Equal(t, data, fetched(t, store, ref))
		})
	}
}

func TestASourceLeadsNowhereInside(t *testing.T) {
	_, ref := model(1000, urlA)
	network := fakenet.New(t)
	reached := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	network.Serve("inside.example", "10.0.0.1", reached)
	for _, c := range []struct {
		reason string
		set    func()
	}{
		{"by its name", func() { network.Answer("a.example", "10.0.0.1") }},
		{"by a redirect", func() {
			network.Serve("a.example", outsideA, http.RedirectHandler("https://inside.example/m.onnx", http.StatusFound))
		}},
		{"by a redirect to an address", func() {
			network.Serve("a.example", outsideA, http.RedirectHandler("https://[::ffff:10.0.0.1]/m.onnx", http.StatusFound))
		}},
		{"by a redirect to http", func() {
			network.Serve("a.example", outsideA, http.RedirectHandler("http://a.example/m.onnx", http.StatusFound))
		}},
		{"the second time its name is asked for", func() {
			network.Serve("a.example", outsideA, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Connection", "close")
				http.Redirect(w, r, urlA, http.StatusFound)
			}))
			network.Answers("a.example", []string{outsideA}, []string{"10.0.0.1"})
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			c.set()
			store, _ := node(t, testConfig(), t.TempDir(), network)
			require.ErrorIs(t, failed(t, store, ref), guard.ErrForbidden)
		})
	}
}

// In these tests time passes when everything waits.
func TestASourceThatStalls(t *testing.T) {
	for _, c := range []struct {
		reason string
		serve  func(w http.ResponseWriter, r *http.Request, data []byte)
		err    error
		after  time.Duration
	}{
		{"before its headers", func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() }, nil, 30 * time.Second},
		{"in the middle", func(w http.ResponseWriter, r *http.Request, data []byte) {
			_, _ = w.Write(data[:len(data)/2])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, errStalled, 30 * time.Second},
		{"by a byte now and then", func(w http.ResponseWriter, r *http.Request, data []byte) {
			for i := range data {
				_, _ = w.Write(data[i : i+1])
				_ = http.NewResponseController(w).Flush()
				select {
				case <-time.After(20 * time.Second):
				case <-r.Context().Done():
					return
				}
			}
		}, errSlow, slowGrace + 9*time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				data, ref := model(300_000, urlA, urlB)
				network := fakenet.NewInMemory(t)
				network.Serve("b.example", outsideB, &host{data: data})
				times := atomic.Int32{}
				network.Serve("a.example", outsideA, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if times.Add(1) > 1 {
						w.WriteHeader(http.StatusInternalServerError)
						return
					}
					w.Header().Set("Content-Length", strconv.Itoa(len(data)))
					c.serve(w, r, data)
				}))
				store, _ := node(t, testConfig(), dir, network)
				start := time.Now()
				alone := ref
				alone.Sources = ref.Sources[:1]
				err := failed(t, store, alone)
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
				} else {
					require.ErrorContains(t, err, "timeout awaiting response headers")
				}
				require.Equal(t, c.after, time.Since(start))
				require.Equal(t, data, fetched(t, store, ref), "from the other source")
			})
		})
	}
}

func TestASourceIsAskedAgainAfterAWhile(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		data, ref := model(1000, urlA)
		network := fakenet.NewInMemory(t)
		a := &host{data: bytes.Repeat([]byte{1}, 1000)}
		network.Serve("a.example", outsideA, a)
		store, _ := node(t, testConfig(), dir, network)
		for _, pause := range []time.Duration{wrongAside, 2 * wrongAside, 4 * wrongAside, 8 * wrongAside, lastAside, lastAside} {
			require.ErrorIs(t, failed(t, store, ref), errWrong)
			time.Sleep(pause - time.Nanosecond) //nolint:forbidigo // time within the bubble
			require.ErrorContains(t, failed(t, store, ref), "put aside")
			time.Sleep(time.Nanosecond) //nolint:forbidigo // time within the bubble
		}
		a.change(data, "")
		require.Equal(t, data, fetched(t, store, ref))
		_, put := store.aside.until(string(ref.SHA256[:]) + urlA)
		require.False(t, put)
	})
}

// Anybody may register a model whose source has something else. That must not keep others from the source.
func TestASourceIsPutAsideForOneModelOnly(t *testing.T) {
	data, ref := model(1000, urlA)
	network := fakenet.New(t)
	network.Serve("a.example", outsideA, &host{data: data})
	store, _ := node(t, testConfig(), t.TempDir(), network)
	lie := ref
	lie.SHA256[0]++
	require.ErrorIs(t, failed(t, store, lie), errWrong)
	require.Equal(t, data, fetched(t, store, ref))
}

func TestManyWantTheSameFile(t *testing.T) {
	data, ref := model(300_000, urlA)
	network := fakenet.New(t)
	wait := make(chan struct{})
	a := &host{data: data}
	network.Serve("a.example", outsideA, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-wait
		a.ServeHTTP(w, r)
	}))
	store, _ := node(t, testConfig(), t.TempDir(), network)
	var group sync.WaitGroup
	impatient, cancel := context.WithCancel(t.Context())
	group.Go(func() {
		if _, err := store.Fetch(impatient, ref); err == nil {
			t.Error("the impatient one got it")
		}
		close(wait)
	})
	for range 8 {
		group.Go(func() {
			file, err := store.Fetch(t.Context(), ref)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, data) {
				t.Error("other bytes", err)
			}
			if err := file.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	cancel()
	group.Wait()
	require.LessOrEqual(t, len(a.asked()), 2, "the impatient one may have been alone")
}

func TestADownloadEndsWhenNobodyWaits(t *testing.T) {
	_, ref := model(300_000, urlA)
	network := fakenet.New(t)
	started, ended := make(chan struct{}), make(chan struct{})
	network.Serve("a.example", outsideA, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
		close(ended)
	}))
	store, _ := node(t, testConfig(), t.TempDir(), network)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	_, err := store.Fetch(ctx, ref)
	require.ErrorIs(t, err, context.Canceled)
	<-ended
}

// Another process that downloads the same file is waited for.
func TestAnotherProcessDownloads(t *testing.T) {
	dir := t.TempDir()
	for _, finishes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			data, ref := model(1000, urlA)
			network := fakenet.NewInMemory(t)
			a := &host{data: data}
			network.Serve("a.example", outsideA, a)
			store, _ := node(t, testConfig(), filepath.Join(dir, strconv.FormatBool(finishes)), network)
			d, err := store.cache.Begin(ref.SHA256, 1000)
			require.NoError(t, err)
			require.NoError(t, d.From(cache.Origin{Source: "x"}))
			go func() {
				<-time.After(time.Hour)
				if finishes {
					_, _ = d.Write(data)
					file, err := d.Commit()
					if err == nil {
						err = file.Close()
					}
					if err != nil {
						t.Error(err)
					}
				}
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}()
			start := time.Now()
			require.Equal(t, data, fetched(t, store, ref))
			require.GreaterOrEqual(t, time.Since(start), time.Hour)
			require.Equal(t, finishes, len(a.asked()) == 0)
		})
	}
}

func TestACorruptFileIsFetchedAgain(t *testing.T) {
	data, ref := model(1000, urlA)
	network := fakenet.New(t)
	a := &host{data: data}
	network.Serve("a.example", outsideA, a)
	store, seen := node(t, testConfig(), t.TempDir(), network)
	file, err := store.Fetch(t.Context(), ref)
	require.NoError(t, err)
	path := file.Path()
	require.NoError(t, file.Close())
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte{1}, 1000), 0o600))
	require.Equal(t, data, fetched(t, store, ref))
	require.Len(t, a.asked(), 2)
	require.Equal(t, 1, seen.seen()[EventCorrupt])
}

func TestAFileOfTheOperator(t *testing.T) {
	data, ref := model(300_000)
	dir := t.TempDir()
	other, right, missing := filepath.Join(dir, "other"), filepath.Join(dir, "right"), filepath.Join(dir, "missing")
	require.NoError(t, os.WriteFile(other, bytes.Repeat([]byte{1}, len(data)), 0o600))
	require.NoError(t, os.WriteFile(right, data, 0o600))
	cfg := testConfig()
	cfg.Files = []string{missing, other, right}
	store, seen := node(t, cfg, dir, nil)
	require.Equal(t, data, fetched(t, store, ref))
	require.Equal(t, len(data), seen.received(KindFile))

	require.NoError(t, store.cache.Remove(ref.SHA256))
	changed := bytes.Repeat([]byte{2}, len(data))
	require.NoError(t, os.WriteFile(right, changed, 0o600))
	require.NoError(t, os.Chtimes(right, time.Unix(1, 0), time.Unix(1, 0)))
	err := failed(t, store, ref)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, missing)
	require.Equal(t, changed, fetched(t, store, modelref.Reference{SHA256: sha256.Sum256(changed), Size: ref.Size}))
}

func TestLimits(t *testing.T) {
	data, ref := model(2000, urlA)
	network := fakenet.New(t)
	network.Serve("a.example", outsideA, &host{data: data})
	cfg := testConfig()
	cfg.MaxFetchBytes = 1999
	store, _ := node(t, cfg, t.TempDir(), network)
	require.ErrorContains(t, failed(t, store, ref), "models.max-fetch-bytes")
	require.Empty(t, network.Dials())

	cfg.MaxFetchBytes, cfg.CacheBytes = 2000, 2500
	store, _ = node(t, cfg, t.TempDir(), network)
	held, err := store.Fetch(t.Context(), ref)
	require.NoError(t, err)
	other, second := model(600)
	cfg.Files = []string{filepath.Join(t.TempDir(), "m")}
	require.NoError(t, os.WriteFile(cfg.Files[0], other, 0o600))
	store.files.paths = cfg.Files
	require.ErrorIs(t, failed(t, store, second), cache.ErrNoSpace)
	require.NoError(t, held.Close())
	require.Equal(t, other, fetched(t, store, second), "the first gives way")

	lie := second
	lie.Size = 599
	require.ErrorContains(t, failed(t, store, lie), "expected 599 bytes, the file has 600")
	require.ErrorContains(t, failed(t, store, modelref.Reference{}), "expected a size")
}

// serve puts the API of a node on the loopback interface.
func serve(t *testing.T, s *Store) string {
	t.Helper()
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

// Three nodes have the file, the fourth gets it from them, although one has a copy that changed and one is down.
func TestNodesServeEachOther(t *testing.T) {
	data, ref := model(10<<20, urlA)
	cfg := testConfig()
	cfg.FetchFromChainSources = false
	cfg.ServeRateBytes = 1 << 30
	cfg.Files = []string{filepath.Join(t.TempDir(), "m.onnx")}
	require.NoError(t, os.WriteFile(cfg.Files[0], data, 0o600))
	var peers []string
	for range 3 {
		has, _ := node(t, cfg, t.TempDir(), nil)
		require.Equal(t, data, fetched(t, has, ref))
		peers = append(peers, serve(t, has))
	}
	lies := bytes.Clone(data)
	lies[5<<20]++
	liar := &host{data: lies, etag: `"x"`}
	bad := httptest.NewServer(liar)
	t.Cleanup(bad.Close)
	down := httptest.NewServer(liar)
	down.Close()

	cfg.Files = nil
	cfg.Peers = append([]string{bad.URL + "/", down.URL}, peers...)
	fourth, seen := node(t, cfg, t.TempDir(), nil)
	require.Equal(t, data, fetched(t, fourth, ref))
	require.Equal(t, map[Event]int{EventFetched: 1, EventWrongBytes: 1}, seen.seen())
	require.Equal(t, []string{""}, liar.asked())

	require.NoError(t, fourth.cache.Remove(ref.SHA256))
	fourth.turn.Store(0)
	require.Equal(t, data, fetched(t, fourth, ref))
	require.Len(t, liar.asked(), 1, "put aside")
}

func TestTheHandlerLooksIntoTheChainFirst(t *testing.T) {
	store, _ := node(t, testConfig(), t.TempDir(), nil)
	server := httptest.NewServer(store.Handler(one{}))
	defer server.Close()
	response, err := http.Get(server.URL + peer.Path([32]byte{1}))
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, "chain", string(body))
	cfg := testConfig()
	cfg.Serve = false
	store, _ = node(t, cfg, t.TempDir(), nil)
	require.Nil(t, store.Handler())
}

// one has one model.
type one struct{}

type text struct{ *bytes.Reader }

func (text) Close() error { return nil }

func (one) OpenModel(sum [32]byte) (peer.File, error) {
	if sum != [32]byte{1} {
		return nil, os.ErrNotExist
	}
	return text{bytes.NewReader([]byte("chain"))}, nil
}
