package rest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/service"
)

// compressFrom is the size from which an answer is compressed for clients that ask for it.
const compressFrom = 1024

// firstRead is the memory that a body has at first.
const firstRead = 4096

// readBody reads a body, decompressed. Neither form may exceed the limit, and both are read no further than that. What it takes
// counts as held.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, limit int64, held *service.Held) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, service.Errorf(service.TooLarge, "body: expected at most %d bytes, got %d", limit, r.ContentLength)
	}
	whole := http.MaxBytesReader(w, r.Body, limit)
	in, err := decompress(whole, r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, s.bodyError(err)
	}
	body, err := readAll(in, limit, held)
	if err != nil {
		return nil, s.bodyError(err)
	}
	// A compressed stream may end before its body does, and the connection is not watched for the end of the client until then.
	if _, err := io.Copy(io.Discard, whole); err != nil {
		return nil, s.bodyError(err)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // all of it is here; the answer may take its time
	return body, nil
}

// readAll reads to the end, in memory that grows with what has come: who sends slowly holds little.
func readAll(in io.Reader, limit int64, held *service.Held) ([]byte, error) {
	var b []byte
	for {
		if len(b) == cap(b) {
			size := min(max(2*int64(cap(b)), firstRead), limit+1)
			if err := held.Grow(size - int64(cap(b))); err != nil {
				return nil, err
			}
			b = append(make([]byte, 0, size), b...)
		}
		n, err := in.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, service.Errorf(service.TooLarge, "body: expected at most %d bytes when decompressed, got more", limit)
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, err
		}
	}
}

func (s *Server) bodyError(err error) error {
	var large *http.MaxBytesError
	var own *service.Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &service.Error{Code: service.Code{HTTP: http.StatusRequestTimeout}, Message: "body: expected all of it within " + s.cfg.ReadTimeout.String()}
	case errors.As(err, &large):
		return service.Errorf(service.TooLarge, "body: expected at most %d bytes, got more", large.Limit)
	default:
		return service.Errorf(service.Invalid, "body: expected to read it to its end: %s", err)
	}
}

// decompress undoes the content encodings that Triton's clients use.
func decompress(in io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return in, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(in)
	case "deflate":
		// The name stands for zlib; some clients send bare deflate.
		buffered := bufio.NewReader(in)
		head, err := buffered.Peek(2)
		if err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			return zlib.NewReader(buffered)
		}
		return flate.NewReader(buffered), nil
	default:
		return nil, service.Errorf(service.Invalid, "header Content-Encoding: expected gzip, deflate or identity, got %.40q", encoding)
	}
}

// compression chooses the encoding of an answer from what the client accepts; "" for none.
func compression(accept string) string {
	for part := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if q, ok := strings.CutPrefix(strings.TrimSpace(weight), "q="); ok {
			if v, err := strconv.ParseFloat(q, 64); err != nil || v == 0 {
				continue
			}
		}
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "gzip", "deflate":
			return name
		}
	}
	return ""
}

// write sends a body, compressed when the client asks for it and it pays.
func (s *Server) write(w http.ResponseWriter, r *http.Request, code int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if encoding := compression(r.Header.Get("Accept-Encoding")); encoding != "" && len(body) >= compressFrom {
		var b bytes.Buffer
		if err := compress(&b, encoding, body); err == nil && b.Len() < len(body) {
			h.Set("Content-Encoding", encoding)
			body = b.Bytes()
		}
	}
	h.Add("Vary", "Accept-Encoding")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	s.patience(w)
	w.WriteHeader(code)
	if _, err := w.Write(body); err != nil {
		s.Log.Debug("client left before its answer", "error", err)
	}
}

func compress(into io.Writer, encoding string, body []byte) error {
	var w io.WriteCloser = gzip.NewWriter(into)
	if encoding == "deflate" {
		w = zlib.NewWriter(into)
	}
	_, err := w.Write(body)
	return errors.Join(err, w.Close())
}

// writeJSON sends a small document.
func (s *Server) writeJSON(w http.ResponseWriter, code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		code, body = http.StatusInternalServerError, fmt.Appendf(nil, `{"error":%q}`, "answer could not be written")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	s.patience(w)
	w.WriteHeader(code)
	if _, err := w.Write(body); err != nil {
		s.Log.Debug("client left before its answer", "error", err)
	}
}
