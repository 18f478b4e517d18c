package modelstore

import (
	"bytes"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/modelstore/guard"
	"github.com/opengradient/opengradient/testutil/fakenet"
)

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
