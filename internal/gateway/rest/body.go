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
	"strconv"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/service"
)

// compressFrom is the size from which an answer is compressed for clients that ask for it.
const compressFrom = 1024

// readBody reads a body, decompressed. Neither form may exceed the limit, and both are read no further than that.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := s.cfg.MaxBody
	if r.ContentLength > limit {
		return nil, service.Errorf(service.TooLarge, "body: expected at most %d bytes, got %d", limit, r.ContentLength)
	}
	deadlines := http.NewResponseController(w)
	if err := deadlines.SetReadDeadline(time.Now().Add(s.cfg.ReadTimeout)); err == nil {
		defer func() { _ = deadlines.SetReadDeadline(time.Time{}) }() // the connection may be used again
	}
	var in io.Reader = http.MaxBytesReader(w, r.Body, limit)
	in, err := decompress(in, r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, s.bodyError(err)
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, s.bodyError(err)
	}
	if n > limit {
		return nil, service.Errorf(service.TooLarge, "body: expected at most %d bytes when decompressed, got more", limit)
	}
	return b.Bytes(), nil
}

func (s *Server) bodyError(err error) error {
	var large *http.MaxBytesError
	var own *service.Error
	switch {
	case errors.As(err, &own):
		return err
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
