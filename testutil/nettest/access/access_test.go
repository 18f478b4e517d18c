//go:build nettest

package access

import (
	"testing"

	"github.com/opengradient/opengradient/testutil/localnet"
)

// TestAccess runs its parts in order on one network. The first is what the documents tell a newcomer to type, on a chain that
// has seen nothing yet; the last makes the price rise.
func TestAccess(t *testing.T) {
	net := localnet.Start(t, localnet.Options{})
	if !t.Run("what the documents tell to type works", func(t *testing.T) { guides(t, net) }) {
		return
	}
	b := newBed(t, net)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *bed)
	}{
		{"every route answers as the OpenAPI document says", routes},
		{"clients of the Open Inference Protocol get right answers", oipClients},
		{"many goroutines submit through one account", goClient},
		{"bad input is refused before signing, and costs gas only when sent raw", badInput},
		{"requests are proved online and offline", verify},
		{"2,000 requests at a gateway that is killed", crowd},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, b) }) {
			return
		}
	}
}
