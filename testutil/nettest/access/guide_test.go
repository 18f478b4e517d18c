//go:build nettest

package access

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/testutil/guide"
	"github.com/opengradient/opengradient/testutil/localnet"
)

// documents are those whose commands are run, in this order, in one shell.
var documents = []string{"docs/getting-started.md", "docs/developer-guide.md"}

// guideTimeout bounds the run of all documents.
const guideTimeout = 5 * time.Minute

// guides runs what the documents tell a newcomer to type, on a chain that has seen nothing yet, and compares what comes out. Of
// the network only the addresses and the folder are others than they say.
func guides(t *testing.T, network *localnet.Network) {
	node := network.Nodes[0]
	rest, grpc, metrics := freeAddress(t), freeAddress(t), freeAddress(t)
	addresses := strings.NewReplacer(
		".localnet/node0", node.Home,
		"localhost:26657", strings.TrimPrefix(node.RPC, "tcp://"),
		"localhost:1317", strings.TrimPrefix(node.REST, "http://"),
		"localhost:9090", node.GRPC,
		"localhost:8000", rest,
		"localhost:8001", grpc,
		"localhost:8002", metrics,
		"opengradient-local-1", localnet.ChainID,
	)
	ctx, cancel := context.WithTimeout(t.Context(), guideTimeout)
	defer cancel()
	s := guide.Session{
		Dir: localnet.Root(),
		Env: []string{
			"OPENGRADIENTD_HOME=" + t.TempDir(), wire.LibraryVariable + "=" + filepath.Join(localnet.Root(), "build", "lib"),
			"OPENGRADIENTD_GATEWAY_REST_LISTEN=" + rest, "OPENGRADIENTD_GATEWAY_GRPC_LISTEN=" + grpc, "OPENGRADIENTD_GATEWAY_METRICS_LISTEN=" + metrics,
			"OPENGRADIENTD_GATEWAY_NODE=" + node.RPC, "OPENGRADIENTD_GATEWAY_NODE_GRPC=" + node.GRPC,
		},
		// The programs are built and the network runs.
		Prelude:  `make() { echo "make $*"; }`,
		Rewrite:  addresses.Replace,
		Replaced: func(line string) string { return strings.ReplaceAll(line, localnet.ChainID, "opengradient-local-1") },
	}
	var blocks []guide.Block
	for _, name := range documents {
		text, err := os.ReadFile(filepath.Join(localnet.Root(), name))
		if err != nil {
			t.Fatal(err)
		}
		list, err := guide.Parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range list {
			list[i].Document = name
		}
		blocks = append(blocks, list...)
	}
	if err := s.Run(ctx, blocks); err != nil {
		t.Fatal(err)
	}
}

// freeAddress is an address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}
