// Command opengradientd-byzantine is a daemon for tests of the chain that misbehaves. It takes the place of opengradientd,
// has the same commands, and follows the plan in the file that the environment variable OPENGRADIENT_BYZANTINE_PLAN names.
package main

import (
	"fmt"
	"os"

	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd"
	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/byzantine/daemon"
)

func main() {
	path := os.Getenv(byzantine.PlanVariable)
	if path == "" {
		fmt.Fprintf(os.Stderr, "opengradientd-byzantine: expected the path of a plan in %s\n", byzantine.PlanVariable)
		os.Exit(2)
	}
	app.SetAddressPrefixes()
	root, err := cmd.NewRootCommand(cmd.WithWrapper(daemon.Wrap(byzantine.OpenFile(path))))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := svrcmd.Execute(root, cmd.EnvPrefix, app.DefaultNodeHome()); err != nil {
		fmt.Fprintln(root.OutOrStderr(), err)
		os.Exit(1)
	}
}
