//go:build nettest

package access

import (
	"testing"

	"github.com/opengradient/opengradient/testutil/localnet"
)

// TestAccess runs its parts in order on one network. The first is the developer guide, on a chain that has seen nothing yet.
func TestAccess(t *testing.T) {
	net := localnet.Start(t, localnet.Options{})
	b := newBed(t, net)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *bed)
	}{} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, b) }) {
			return
		}
	}
}
