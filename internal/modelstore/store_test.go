package modelstore

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/modelref"
	"github.com/opengradient/opengradient/internal/modelstore/cache"
	"github.com/opengradient/opengradient/internal/modelstore/guard"
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
