//go:build nettest

package byzantine

import (
	"os"
	"testing"

	"github.com/opengradient/opengradient/testutil/nettest"
)

var programs nettest.Programs

func TestMain(m *testing.M) {
	os.Exit(nettest.RunWithPrograms(m, func(p nettest.Programs) { programs = p }))
}
