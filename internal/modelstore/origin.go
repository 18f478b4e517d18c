package modelstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/opengradient/opengradient/internal/modelstore/cache"
)

var (
	// errAbsent means that a source does not have the file. It says so, and is not to blame.
	errAbsent = errors.New("not there")
	// errBusy means that a source wants to be asked later.
	errBusy = errors.New("busy")
	// errWrong means that a source has something else under the name.
	errWrong = errors.New("not what it is said to be")
)

// Kind is what a source is, as metrics say it.
type Kind string

const (
	// KindFile is a file of the operator's.
	KindFile Kind = "file"
	// KindPeer is another node.
	KindPeer Kind = "peer"
	// KindChain is a source that the chain names.
	KindChain Kind = "chain"
)

// origin is a place that may have a file.
type origin struct {
	kind Kind
	// name is what errors, logs and the origin of a part say.
	name string
	// key is what the origin is put aside by.
	key  string
	open opener
}

// want is a part of a file, from offset to the end.
type want struct {
	sum    [32]byte
	size   int64
	offset int64
	// etag is the version that the bytes before offset have, if it is known.
	etag string
}

// stream is the end of a file.
type stream struct {
	body io.ReadCloser
	// offset is that of the first byte: the one wanted, or 0.
	offset int64
	etag   string
}

// opener opens a file at an offset. Both the opening and the reading end with the context.
type opener func(ctx context.Context, w want) (stream, error)

// fileOpener reads a file of the operator's.
func fileOpener(path string) opener {
	return func(_ context.Context, w want) (stream, error) {
		file, err := os.Open(path)
		if err != nil {
			return stream{}, err
		}
		if _, err := file.Seek(w.offset, io.SeekStart); err != nil {
			return stream{}, errors.Join(err, file.Close())
		}
		return stream{body: file, offset: w.offset}, nil
	}
}

// httpOpener reads a URL.
func httpOpener(client *http.Client, url string) opener {
	return func(ctx context.Context, w want) (stream, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return stream{}, err
		}
		// A transfer that was encoded on the way has another length and other bytes.
		request.Header.Set("Accept-Encoding", "identity")
		if w.offset > 0 {
			request.Header.Set("Range", "bytes="+strconv.FormatInt(w.offset, 10)+"-")
			if w.etag != "" {
				request.Header.Set("If-Range", w.etag)
			}
		}
		response, err := client.Do(request)
		if err != nil {
			return stream{}, err
		}
		s, err := readResponse(response, w)
		if err != nil {
			return stream{}, errors.Join(err, response.Body.Close())
		}
		return s, nil
	}
}

func readResponse(response *http.Response, w want) (stream, error) {
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return stream{}, fmt.Errorf("%w: expected no content encoding, got %.32q", errWrong, encoding)
	}
	s := stream{body: response.Body, etag: strongETag(response.Header.Get("ETag"))}
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		s.offset = w.offset
		expected := fmt.Sprintf("bytes %d-%d/%d", w.offset, w.size-1, w.size)
		if got := response.Header.Get("Content-Range"); w.offset == 0 || got != expected {
			return stream{}, fmt.Errorf("%w: expected the range %q, got %.80q", errWrong, expected, got)
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return stream{}, fmt.Errorf("%w: no byte after %d, expected %d", errWrong, w.offset, w.size)
	case http.StatusNotFound, http.StatusGone:
		return stream{}, fmt.Errorf("%w: status %s", errAbsent, response.Status)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return stream{}, fmt.Errorf("%w: status %s", errBusy, response.Status)
	default:
		return stream{}, fmt.Errorf("expected status 200 or 206, got %.80q", response.Status)
	}
	if got := response.ContentLength; got >= 0 && got != w.size-s.offset {
		return stream{}, fmt.Errorf("%w: expected %d bytes, got a length of %d", errWrong, w.size-s.offset, got)
	}
	return s, nil
}

// strongETag gives an ETag that stands for exactly the same bytes, or nothing.
func strongETag(etag string) string {
	const longest = 256
	if len(etag) < 2 || len(etag) > longest || !strings.HasPrefix(etag, `"`) || !strings.HasSuffix(etag, `"`) {
		return ""
	}
	return etag
}

// place is where the download's bytes come from when they come from this stream.
func (o origin) place(s stream) cache.Origin { return cache.Origin{Source: o.name, ETag: s.etag} }
