package modelstore

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/modelstore/cache"
	"github.com/opengradient/opengradient/internal/modelstore/peer"
	"github.com/opengradient/opengradient/testutil/fakenet"
)

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
