package peer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// shelf has files, and counts those that are open.
type shelf struct {
	files map[[32]byte][]byte
	err   error
	open  *atomic.Int32
}

type openFile struct {
	*bytes.Reader
	open *atomic.Int32
}

func (f openFile) Close() error {
	f.open.Add(-1)
	return nil
}

func (s shelf) OpenModel(sum [32]byte) (File, error) {
	if s.err != nil {
		return nil, s.err
	}
	data, found := s.files[sum]
	if !found {
		return nil, fmt.Errorf("model: %w", fs.ErrNotExist)
	}
	s.open.Add(1)
	return openFile{bytes.NewReader(data), s.open}, nil
}

var (
	first  = [32]byte{1}
	second = [32]byte{2}
)

func shelves() (Options, *atomic.Int32) {
	open := &atomic.Int32{}
	return Options{
		Files: []Files{
			shelf{files: map[[32]byte][]byte{first: []byte("0123456789")}, open: open},
			shelf{files: map[[32]byte][]byte{first: []byte("other"), second: []byte("second")}, open: open},
		},
		Connections: 2, Rate: 1 << 20,
	}, open
}

func ask(t *testing.T, h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

func TestFilesAreServed(t *testing.T) {
	options, open := shelves()
	sent := 0
	options.Sent = func(n int) { sent += n }
	h := NewHandler(options)
	etag := `"` + strings.TrimPrefix(Path(first), Prefix) + `"`
	for _, c := range []struct {
		reason, method, path string
		header               []string
		status               int
		body                 string
	}{
		{"whole", "GET", Path(first), nil, 200, "0123456789"},
		{"from the second shelf", "GET", Path(second), nil, 200, "second"},
		{"its head", "HEAD", Path(first), nil, 200, ""},
		{"its end", "GET", Path(first), []string{"Range", "bytes=7-"}, 206, "789"},
		{"its end, of this version", "GET", Path(first), []string{"Range", "bytes=7-", "If-Range", etag}, 206, "789"},
		{"its end, of another version", "GET", Path(first), []string{"Range", "bytes=7-", "If-Range", `"x"`}, 200, "0123456789"},
		{"what is known", "GET", Path(first), []string{"If-None-Match", etag}, 304, ""},
		{"after its end", "GET", Path(first), []string{"Range", "bytes=10-"}, 416, "invalid range: failed to overlap\n"},
		{"two ranges", "GET", Path(first), []string{"Range", "bytes=0-1,3-4"}, 416, "expected one range\n"},
		{"none", "GET", Path([32]byte{3}), nil, 404, "no such model file\n"},
		{"another method", "POST", Path(first), nil, 405, "expected GET or HEAD\n"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			response := ask(t, h, c.method, c.path, c.header...)
			require.Equal(t, c.body, response.Body.String())
			require.Equal(t, c.status, response.Code)
			if c.status == 200 || c.status == 206 {
				require.Equal(t, `"`+strings.TrimPrefix(c.path, Prefix)+`"`, response.Header().Get("ETag"))
				require.Contains(t, response.Header().Get("Cache-Control"), "immutable")
				require.Equal(t, "application/octet-stream", response.Header().Get("Content-Type"))
			}
			require.Zero(t, open.Load(), "it is closed")
		})
	}
	require.Equal(t, len("0123456789"+"second"+"789"+"789"+"0123456789"+"invalid range: failed to overlap\n"), sent)
	for _, path := range []string{"/", Prefix, Path(first)[1:], Path(first) + "/", Prefix + strings.Repeat("A", 64), Prefix + "../etc/passwd", "/x" + Path(first)} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.URL.Path = path
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, request)
		require.Equal(t, http.StatusNotFound, recorder.Code, path)
	}
	options.Files = []Files{shelf{err: errors.New("disk")}}
	response := ask(t, NewHandler(options), "GET", Path(first))
	require.NotContains(t, response.Body.String(), "disk")
	require.Equal(t, http.StatusInternalServerError, response.Code)
}

// gate is a client that takes nothing until it is opened.
type gate struct {
	*httptest.ResponseRecorder
	reached, open chan struct{}
}

func (g gate) Write(p []byte) (int, error) {
	g.reached <- struct{}{}
	<-g.open
	return g.ResponseRecorder.Write(p)
}

func newGate() gate {
	return gate{httptest.NewRecorder(), make(chan struct{}, 1), make(chan struct{})}
}

func TestAClientIsToldWhenAllConnectionsAreInUse(t *testing.T) {
	options, _ := shelves()
	h := NewHandler(options)
	done := make(chan struct{})
	var gates []gate
	for range options.Connections {
		g := newGate()
		gates = append(gates, g)
		go func() {
			h.ServeHTTP(g, httptest.NewRequest(http.MethodGet, Path(first), nil))
			done <- struct{}{}
		}()
		<-g.reached
	}
	response := ask(t, h, "GET", Path(second))
	require.Equal(t, http.StatusServiceUnavailable, response.Code)
	require.NotEmpty(t, response.Header().Get("Retry-After"))
	close(gates[0].open)
	<-done
	require.Equal(t, "second", ask(t, h, "GET", Path(second)).Body.String())
	close(gates[1].open)
	<-done
}

// In these tests time passes when everything waits.
func TestTheRateHoldsForAllConnectionsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, rate = 10 << 20, 1 << 20
		options, _ := shelves()
		options.Files = []Files{shelf{files: map[[32]byte][]byte{first: make([]byte, size)}, open: &atomic.Int32{}}}
		options.Rate = rate
		h := NewHandler(options)
		start := time.Now()
		done := make(chan int)
		for range 2 {
			go func() {
				recorder := httptest.NewRecorder()
				h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, Path(first), nil))
				done <- recorder.Body.Len()
			}()
		}
		require.Equal(t, size, <-done)
		require.Equal(t, size, <-done)
		require.InDelta(t, 2*size/rate, time.Since(start).Seconds(), 0.1)
	})
}

func TestAClientThatTakesNothingLosesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, open := shelves()
		options.Connections = 1
		h := NewHandler(options)
		g := newGate()
		done := make(chan struct{})
		go func() {
			h.ServeHTTP(g, httptest.NewRequest(http.MethodGet, Path(first), nil))
			close(done)
		}()
		<-g.reached
		<-time.After(writeTimeout - time.Second)
		response := ask(t, h, "GET", Path(second))
		require.Equal(t, http.StatusServiceUnavailable, response.Code)
		<-time.After(2 * time.Second)
		require.Equal(t, "second", ask(t, h, "GET", Path(second)).Body.String())
		close(g.open)
		<-done
		require.Zero(t, open.Load())
		require.Equal(t, "second", ask(t, h, "GET", Path(second)).Body.String(), "the place is free once, not twice")
	})
}

// drip takes a piece now and then.
type drip struct{ *httptest.ResponseRecorder }

func (d drip) Write(p []byte) (int, error) {
	<-time.After(20 * time.Second)
	return d.ResponseRecorder.Write(p)
}

func TestAClientThatTakesTooLittleIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, _ := shelves()
		const size = 10 << 20
		options.Files = []Files{shelf{files: map[[32]byte][]byte{first: make([]byte, size)}, open: &atomic.Int32{}}}
		h := NewHandler(options)
		start := time.Now()
		d := drip{httptest.NewRecorder()}
		h.ServeHTTP(d, httptest.NewRequest(http.MethodGet, Path(first), nil))
		require.Less(t, d.Body.Len(), size)
		require.InDelta(t, (startGrace + size/LeastRate*time.Second).Seconds(), time.Since(start).Seconds(), 20)
	})
}

// The server's own write deadline does not outlive a response on a connection that is kept.
func TestAConnectionServesManyFiles(t *testing.T) {
	options, _ := shelves()
	server := httptest.NewServer(NewHandler(options))
	defer server.Close()
	for range 3 {
		response, err := server.Client().Get(server.URL + Path(first))
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "0123456789", string(body))
	}
}
