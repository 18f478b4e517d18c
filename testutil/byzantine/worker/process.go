package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/worker/server"
	"github.com/opengradient/opengradient/testutil/byzantine"
)

// Options say what the misbehaving worker is made of.
type Options struct {
	// Real is the path of the worker that does the work.
	Real string
	// Plan is the file of the plan.
	Plan byzantine.File
	// Args are the arguments that the node gave: those of the real worker.
	Args []string
}

// Run starts the real worker on a socket of its own and serves the proxy on the node's, until ctx is done, stdin ends
// or the real worker does.
func Run(ctx context.Context, o Options, stdin io.Reader, stderr io.Writer) error {
	socket, args, err := moveSocket(o.Args)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	inner := args[slices.Index(args, socketFlag)+1]
	process := exec.CommandContext(ctx, o.Real, args...)
	process.Stdout, process.Stderr, process.Env = stderr, stderr, os.Environ()
	// The real worker ends when this process does: nobody holds the other end of its input any more.
	if _, err := process.StdinPipe(); err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("start the real worker: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		stop()
	}()

	conn, err := grpc.NewClient("unix://"+inner, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}}))
	if err != nil {
		return err
	}
	defer conn.Close()
	// The node asks as soon as there is a socket: there is none before the real worker answers.
	if _, err := oip.NewGRPCInferenceServiceClient(conn).ServerReady(ctx, &oip.ServerReadyRequest{}, grpc.WaitForReady(true)); err != nil {
		return fmt.Errorf("the real worker does not answer: %w", err)
	}
	listener, err := server.Listen(socket)
	if err != nil {
		return err
	}
	proxy := NewProxy(conn, o.Plan, stop, slices.Contains(o.Args, triesFlag))
	served := make(chan error, 1)
	go func() { served <- proxy.Serve(listener) }()
	select {
	case <-ctx.Done():
		err = nil
	case err = <-served:
	case err = <-ended:
		err = errors.Join(errors.New("the real worker ended"), err)
	}
	proxy.Stop()
	return err
}

const (
	socketFlag = "--socket"
	// triesFlag is given to the worker that tries models.
	triesFlag = "--cpu-time"
)

// moveSocket takes the node's socket out of the arguments and puts another one in its place.
func moveSocket(args []string) (socket string, moved []string, err error) {
	i := slices.Index(args, socketFlag)
	if i < 0 || i+1 >= len(args) {
		return "", nil, fmt.Errorf("expected %s PATH among the arguments, got %q", socketFlag, args)
	}
	moved = slices.Clone(args)
	moved[i+1] = strings.TrimSuffix(args[i+1], ".sock") + "-r.sock"
	return args[i+1], moved, nil
}
