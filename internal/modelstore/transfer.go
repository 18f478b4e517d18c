package modelstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opengradient/opengradient/internal/modelstore/cache"
)

const (
	// openTimeout bounds everything before the first byte of a file.
	openTimeout = 2 * time.Minute
	// stallTimeout is how long a source may send nothing.
	stallTimeout = 30 * time.Second
	// slowest is the rate in bytes a second that a source must reach in the long run, after a start of slowGrace.
	slowest   = 32 << 10
	slowGrace = 2 * time.Minute
	// maxReads bounds the connections to one source for one file.
	maxReads = 5

	copyBytes = 64 << 10
)

var (
	errStalled = errors.New("the source sends nothing")
	errSlow    = errors.New("the source is too slow")
	errCache   = errors.New("the cache does not take the file")
)

// transfer fills a download from one source, over several connections if need be, and makes it a file. Wrong bytes that
// came from several sources are read again from this one alone before it is blamed.
func (s *Store) transfer(ctx context.Context, d *cache.Download, o origin) error {
	var errs []error // of the connections before
	for range maxReads {
		received, err := s.read(ctx, d, o)
		if err == nil {
			mixed := d.Mixed()
			if err = commit(d); err == nil {
				return nil
			}
			if !mixed || !errors.Is(err, errWrong) {
				return err
			}
			s.metrics.Count(EventRestarted)
			continue
		}
		errs = append(errs, err)
		if ctx.Err() != nil || received == 0 || errors.Is(err, errCache) || errors.Is(err, errWrong) || errors.Is(err, errSlow) {
			break
		}
		s.metrics.Count(EventResumed)
	}
	return errors.Join(errs...)
}

// commit makes a download a file.
func commit(d *cache.Download) error {
	file, err := d.Commit()
	if errors.Is(err, cache.ErrWrongHash) {
		return fmt.Errorf("%w: %w", errWrong, err)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errCache, err)
	}
	return file.Close()
}

// read reads from one connection as far as it goes, and gives the number of bytes.
func (s *Store) read(ctx context.Context, d *cache.Download, o origin) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	opening := time.AfterFunc(openTimeout, func() { cancel(errStalled) })
	defer opening.Stop()

	w := want{sum: d.Sum(), size: d.Size(), offset: d.Offset()}
	if d.Origin().Source == o.name {
		w.etag = d.Origin().ETag
	}
	source, err := o.open(ctx, w)
	if err != nil {
		return 0, because(ctx, err)
	}
	defer source.body.Close()
	opening.Stop()
	if source.offset != d.Offset() {
		if err := d.Restart(); err != nil {
			return 0, fmt.Errorf("%w: %w", errCache, err)
		}
	}
	if err := d.From(o.place(source)); err != nil {
		return 0, fmt.Errorf("%w: %w", errCache, err)
	}
	start := d.Offset()
	err = s.fill(ctx, d, source.body, cancel, o.kind)
	return d.Offset() - start, because(ctx, err)
}

// fill copies a body to the end of a download, and sees that it ends there.
func (s *Store) fill(ctx context.Context, d *cache.Download, body io.Reader, cancel context.CancelCauseFunc, from Kind) error {
	stalled := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer stalled.Stop()
	atSlowest := time.Duration((d.Size()-d.Offset())/slowest) * time.Second
	slow := time.AfterFunc(slowGrace+atSlowest, func() { cancel(errSlow) })
	defer slow.Stop()

	buffer := make([]byte, copyBytes)
	for ctx.Err() == nil {
		// One byte more than there is shows whether the source goes on.
		left := d.Size() - d.Offset()
		n, readErr := body.Read(buffer[:min(int64(len(buffer)), left+1)])
		if n > 0 {
			stalled.Reset(stallTimeout)
			s.metrics.Received(from, n)
		}
		if int64(n) > left {
			return errors.Join(fmt.Errorf("%w: %w: expected %d", errWrong, cache.ErrTooLong, d.Size()), d.Restart())
		}
		if _, err := d.Write(buffer[:n]); err != nil {
			return fmt.Errorf("%w: %w", errCache, err)
		}
		switch {
		case errors.Is(readErr, io.EOF) && d.Offset() == d.Size():
			return nil
		case errors.Is(readErr, io.EOF):
			return fmt.Errorf("%w: expected %d, got %d", cache.ErrTooShort, d.Size(), d.Offset())
		case readErr != nil:
			return readErr
		}
	}
	return context.Cause(ctx)
}

// because adds why a context ended, when it did.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
