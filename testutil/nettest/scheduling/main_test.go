//go:build nettest

// Package scheduling tests who runs what and when on a network of unequal nodes: leadership by weight, paused, stopped and
// slow nodes under load, and recurring schedules across restarts and a new chain.
package scheduling

import (
	"flag"
	"os"
	"testing"

	"github.com/opengradient/opengradient/testutil/nettest"
)

var (
	programs nettest.Programs
	// leads is the number of requests whose leaders are counted.
	leads = flag.Int("leads", 900, "requests whose leaders are counted")
)

func TestMain(m *testing.M) {
	os.Exit(nettest.RunWithPrograms(m, func(p nettest.Programs) { programs = p }))
}
