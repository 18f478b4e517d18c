// Command opengradient-demo is a program for developers that shows the chain at work on a small real model: it trains
// a classifier of Iris flowers, and its other subcommands use the exported file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// command is one subcommand. Each lives in a file of its own and is listed in commands.
type command struct {
	name, summary string
	// run parses args (those after the subcommand's name), writes its results to out and its usage to errOut. It
	// returns errUsage when the arguments are wrong and have been reported.
	run func(ctx context.Context, args []string, out, errOut io.Writer) error
}

// errUsage tells that the arguments were wrong and that this has been reported already.
var errUsage = errors.New("wrong arguments")

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func commands() []command {
	return []command{trainCommand(), runCommand()}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := dispatch(ctx, commands(), os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// dispatch runs the subcommand that args name and gives the exit code.
func dispatch(ctx context.Context, commands []command, args []string, out, errOut io.Writer) int {
	if len(args) == 0 {
		usage(commands, errOut)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(commands, out)
		return exitOK
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], out, errOut)
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return exitOK
		case errors.Is(err, errUsage):
			return exitUsage
		default:
			fmt.Fprintf(errOut, "opengradient-demo %s: %v\n", c.name, err)
			return exitFailed
		}
	}
	fmt.Fprintf(errOut, "opengradient-demo: expected a subcommand, got %q\n", args[0])
	usage(commands, errOut)
	return exitUsage
}

func usage(commands []command, w io.Writer) {
	fmt.Fprintln(w, "Usage: opengradient-demo SUBCOMMAND [flags]")
	fmt.Fprintln(w)
	for _, c := range commands {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "The flags of a subcommand: opengradient-demo SUBCOMMAND -h")
}

// parseFlags parses args, which must be flags only. Its errors are flag.ErrHelp and errUsage, both reported already.
func parseFlags(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(flags.Output(), "opengradient-demo %s: expected flags only, got %q\n", flags.Name(), flags.Arg(0))
		flags.Usage()
		return errUsage
	}
	return nil
}
