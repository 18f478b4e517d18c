package peer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// writer sends a file at the pace of the handler. A client that takes too little loses its place among the connections at
// once, and its connection with the next write that returns: the node's API server hides the way to end one that does not.
type writer struct {
	http.ResponseWriter
	ctx     context.Context
	cancel  context.CancelCauseFunc
	handler *handler
	stalled *time.Timer
	slow    *time.Timer
}

var errTooSlow = errors.New("the client takes too little")

func newWriter(ctx context.Context, w http.ResponseWriter, h *handler, size int64, release func()) *writer {
	ctx, cancel := context.WithCancelCause(ctx)
	context.AfterFunc(ctx, release)
	tooSlow := func() { cancel(errTooSlow) }
	return &writer{
		ResponseWriter: w, ctx: ctx, cancel: cancel, handler: h,
		stalled: time.AfterFunc(writeTimeout, tooSlow),
		slow:    time.AfterFunc(startGrace+time.Duration(size/LeastRate)*time.Second, tooSlow),
	}
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		piece := p[:min(len(p), writeBytes)]
		w.stalled.Stop() // waiting for the other connections is not the client's fault
		if err := w.handler.limit.WaitN(w.ctx, len(piece)); err != nil {
			return written, fmt.Errorf("model file: %w", errors.Join(context.Cause(w.ctx), err))
		}
		w.stalled.Reset(writeTimeout)
		err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return written, err
		}
		n, err := w.ResponseWriter.Write(piece)
		w.handler.sent(n)
		written += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// stop ends what watches the client. The server's own deadline holds again for what follows on the connection.
func (w *writer) stop() {
	w.stalled.Stop()
	w.slow.Stop()
	w.cancel(nil)
}
