// Package peer serves model files to other nodes over the node's API, within a number of connections and a rate of bytes.
package peer

import (
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/opengradient/opengradient/internal/modelref"
)

const (
	// Prefix is the path of all model files; the hash follows.
	Prefix = "/opengradient/models/"
	// LeastRate is what a client has to take in the long run, in bytes a second, to keep its connection.
	LeastRate = 64 << 10

	// startGrace is the time that a client has before the rate counts.
	startGrace = time.Minute
	// writeTimeout is how long a client may take nothing.
	writeTimeout = 30 * time.Second
	retryAfter   = "10"
	writeBytes   = 32 << 10
)

// File is an open model file. It is closed when it was served.
type File interface {
	io.ReadSeekCloser
	// Size is the length in bytes.
	Size() int64
}

// Files has model files by their SHA-256.
type Files interface {
	// OpenModel opens a file. The error is fs.ErrNotExist when there is none.
	OpenModel(sum [32]byte) (File, error)
}

// Path is where the file of a hash is served.
func Path(sum [32]byte) string { return Prefix + hex.EncodeToString(sum[:]) }

// Options are what is served, and how much of it.
type Options struct {
	// Files are looked through in this order.
	Files []Files
	// Connections is how many files are sent at a time.
	Connections int
	// Rate is the number of bytes a second of all connections together.
	Rate uint64
	// Sent is told the bytes that were sent.
	Sent func(bytes int)
}

// NewHandler serves GET and HEAD of Prefix + hash, with ranges. It answers 404 for a file that is not there, and 503 while all
// connections are in use.
func NewHandler(options Options) http.Handler {
	if options.Sent == nil {
		options.Sent = func(int) {}
	}
	return &handler{
		files: options.Files, sent: options.Sent,
		free:  make(chan struct{}, options.Connections),
		limit: rate.NewLimiter(rate.Limit(options.Rate), writeBytes),
	}
}

type handler struct {
	files []Files
	sent  func(int)
	free  chan struct{}
	limit *rate.Limiter
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "expected GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	digits, found := strings.CutPrefix(r.URL.Path, Prefix)
	sum, err := modelref.ParseSHA256(digits)
	if !found || err != nil {
		http.Error(w, "expected "+Prefix+" and a SHA-256 of 64 lower-case hexadecimal digits", http.StatusNotFound)
		return
	}
	if strings.Contains(r.Header.Get("Range"), ",") {
		http.Error(w, "expected one range", http.StatusRequestedRangeNotSatisfiable)
		return
	}
	select {
	case h.free <- struct{}{}:
	default:
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, "all connections for model files are in use", http.StatusServiceUnavailable)
		return
	}
	release := sync.OnceFunc(func() { <-h.free })
	defer release()
	h.serve(w, r, sum, release)
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request, sum [32]byte, release func()) {
	file, err := h.open(sum)
	if errors.Is(err, fs.ErrNotExist) {
		http.Error(w, "no such model file", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, "the model file cannot be read", http.StatusInternalServerError)
		return
	}
	defer file.Close()
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)

	paced := newWriter(r.Context(), w, h, file.Size(), release)
	defer paced.stop()
	http.ServeContent(paced, r, "", time.Time{}, file)
}

// open gives the file of the first that has it.
func (h *handler) open(sum [32]byte) (File, error) {
	for _, files := range h.files {
		file, err := files.OpenModel(sum)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return nil, fs.ErrNotExist
}
