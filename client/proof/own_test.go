package proof

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/testutil/proofchain"
)

// ownProgram makes this test binary a program that knows of this package and of nothing else: it verifies the file of this name.
const ownProgram = "OPENGRADIENT_TEST_VERIFY"

// programOfOnesOwn verifies a file and looks at the configuration of the SDK, which belongs to the program.
func programOfOnesOwn(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		fmt.Println(err)
		return 2
	}
	f, err := Parse(b)
	if err == nil {
		_, err = f.Verify(Options{Untrusted: true})
	}
	if prefix := sdk.GetConfig().GetBech32AccountAddrPrefix(); err == nil && prefix != "cosmos" {
		err = fmt.Errorf("expected the prefix of the SDK, got %q", prefix)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// TestProgramsOfOnesOwnVerify runs a process in which nobody has set the prefixes of the SDK.
func TestProgramsOfOnesOwnVerify(t *testing.T) {
	s := proofchain.Node()
	for _, id := range []uint64{exactID, arbitratedID, failedID, sealedID} {
		path := filepath.Join(t.TempDir(), "request.proof")
		require.NoError(t, os.WriteFile(path, collect(t, s, id, CollectOptions{Trust: at(s, 3)}).Marshal(), 0o600))
		program, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = append(os.Environ(), ownProgram+"="+path)
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, "request %d: %s", id, said)
	}
}
