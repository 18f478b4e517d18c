// Command opengradientd is the node daemon and command-line client of the OpenGradient chain.
package main

import (
	"fmt"
	"os"

	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd"
)

func main() {
	app.SetAddressPrefixes()
	root, err := cmd.NewRootCommand()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := svrcmd.Execute(root, cmd.EnvPrefix, app.DefaultNodeHome()); err != nil {
		fmt.Fprintln(root.OutOrStderr(), cmd.ErrorText(root, os.Args[1:], err))
		os.Exit(1)
	}
}
