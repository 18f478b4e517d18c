// Command opengradient-worker runs ONNX models for a node, in a process of its own. It speaks the Open Inference Protocol
// on a unix socket and is started, watched and restarted by opengradientd; it can also be run by hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/worker/ort"
	"github.com/opengradient/opengradient/internal/worker/server"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// version is set when a release is built.
var version = "dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the process: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout, stderr)
	switch {
	case errors.Is(err, errDone):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\n", wire.Name, err)
		return wire.ExitUsage
	}
	if err := serve(o, stdin, stderr); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", wire.Name, err)
		var failure exitError
		if errors.As(err, &failure) {
			return failure.code
		}
		return wire.ExitFailure
	}
	return 0
}

// exitError is an error with the exit code it leads to.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

// serve runs until a signal, or the end of standard input if supervised.
func serve(o options, stdin io.Reader, stderr io.Writer) error {
	library, err := findLibrary(o.library)
	if err != nil {
		return exitError{wire.ExitLibrary, err}
	}
	if err := limitProcess(o.nice, uint64(o.memoryLimit)); err != nil {
		return exitError{wire.ExitUsage, err}
	}
	runtime, err := ort.Open(library)
	if err != nil {
		return exitError{wire.ExitLibrary, fmt.Errorf("%w. %s", err, installHint)}
	}
	s, err := server.New(o.config(runtime, func(code int, reason string) {
		// Nothing can be cleaned up: the runtime is still at work.
		fmt.Fprintf(stderr, "%s: %s\n", wire.Name, reason)
		os.Exit(code)
	}))
	if err != nil {
		return exitError{wire.ExitUsage, err}
	}
	listener, err := server.Listen(o.socket)
	if err != nil {
		return exitError{wire.ExitSocket, err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.supervised {
		go func() {
			// The node holds the other end and writes nothing: the end of input is the end of the node.
			_, _ = io.Copy(io.Discard, stdin)
			stop()
		}()
	}
	fmt.Fprintf(stderr, "%s %s: ready on %s: %s\n", wire.Name, version, o.socket, o.environment(runtime))
	return serveUntil(ctx, s, listener)
}

// serveUntil answers requests until ctx is done. Work under way is abandoned: the process ends, and nothing the worker
// holds needs saving.
func serveUntil(ctx context.Context, s *server.Server, listener net.Listener) error {
	g := server.NewGRPC(s)
	ended := make(chan error, 1)
	go func() { ended <- g.Serve(listener) }()
	select {
	case err := <-ended:
		return exitError{wire.ExitSocket, fmt.Errorf("serving: %w", err)}
	case <-ctx.Done():
		_ = listener.Close() // removes the socket
		return nil
	}
}

// inspect reads the signature of a model without the runtime.
func inspect(limits onnxfile.Limits) func([]byte) (server.Signature, error) {
	return func(model []byte) (server.Signature, error) {
		report, err := onnxfile.Inspect(model, limits)
		if err != nil {
			return server.Signature{}, err
		}
		return server.Signature{Inputs: report.Inputs, Outputs: report.Outputs}, nil
	}
}
