// Command opengradient-worker-byzantine is a worker for tests of the chain that misbehaves. It takes the place of
// opengradient-worker in the configuration of a node:
//
//	opengradient-worker-byzantine -real PATH -plan PATH -- ARGUMENTS OF THE WORKER
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/byzantine/worker"
)

func main() {
	honest := flag.String("real", "", "`PATH` of the worker that does the work")
	plan := flag.String("plan", "", "`PATH` of the plan")
	flag.Parse()
	if *honest == "" || *plan == "" {
		fmt.Fprintln(os.Stderr, "opengradient-worker-byzantine: expected -real PATH and -plan PATH")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := worker.Run(ctx, worker.Options{Real: *honest, Plan: byzantine.OpenFile(*plan), Args: flag.Args()}, os.Stdin, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "opengradient-worker-byzantine:", err)
		os.Exit(1)
	}
}
