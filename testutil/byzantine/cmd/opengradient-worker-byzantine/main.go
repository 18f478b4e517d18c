// Command opengradient-worker-byzantine is a worker for tests of the chain that answers wrong outputs. It takes the
// place of opengradient-worker in the configuration of a node:
//
//	opengradient-worker-byzantine -real PATH -wrong 1 -- ARGUMENTS OF THE WORKER
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/opengradient/opengradient/testutil/byzantine/worker"
)

func main() {
	honest := flag.String("real", "", "`PATH` of the worker that does the work")
	wrong := flag.Uint("wrong", 1, "`NUMBER` from 1 to 255 added to the first byte of every output")
	flag.Parse()
	if *honest == "" || *wrong < 1 || *wrong > 255 {
		fmt.Fprintln(os.Stderr, "opengradient-worker-byzantine: expected -real PATH and -wrong from 1 to 255")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := worker.Run(ctx, worker.Options{Real: *honest, Wrong: byte(*wrong), Args: flag.Args()}, os.Stdin, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "opengradient-worker-byzantine:", err)
		os.Exit(1)
	}
}
