package cmd

import (
	"slices"

	"github.com/spf13/cobra"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// pageFlags are the usages of the flags that AutoCLI makes of a page, which it leaves empty.
var pageFlags = map[string]string{
	"page-key":         "go on with the `next_key` of the page before",
	"page-limit":       "at most so many elements",
	"page-offset":      "begin so many elements later",
	"page-count-total": "count all elements",
	"page-reverse":     "begin at the end",
}

// describePages says what the flags of pages do, below a command. Lists of this chain's modules go on by key only.
func describePages(cmd *cobra.Command) {
	ours := cmd.HasParent() && slices.Contains([]string{
		inferencetypes.ModuleName, modelstypes.ModuleName, schedulingtypes.ModuleName, verificationtypes.ModuleName,
	}, cmd.Parent().Name())
	for name, usage := range pageFlags {
		flag := cmd.Flags().Lookup(name)
		if flag == nil || flag.Usage != "" {
			continue
		}
		if ours && (name == "page-offset" || name == "page-count-total") {
			usage = "refused: use --page-key"
		}
		flag.Usage = usage
	}
	for _, child := range cmd.Commands() {
		describePages(child)
	}
}
