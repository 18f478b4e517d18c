// Package complete adds to the commands of the daemon what a shell completes: names of models, which a node is asked for, and the
// words of flags.
package complete

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	gogogrpc "github.com/cosmos/gogoproto/grpc"
)

// patience bounds the time for which a shell waits for a node.
const patience = time.Second

// Connect gives the connection of a command whose flags were read. Its queries end with the context.
type Connect func(ctx context.Context, cmd *cobra.Command) (gogogrpc.ClientConn, error)

// ModelArg is the position of the argument of a command that refers to a model; -1 when it has none.
func ModelArg(cmd *cobra.Command) int {
	words := strings.Fields(cmd.Use)
	return slices.IndexFunc(words[min(1, len(words)):], func(word string) bool {
		word = strings.Trim(word, "[].")
		return word == "MODEL" || word == "NAME" && inModels(cmd) || strings.HasPrefix(word, "NAME[:") || word == "NAME:TAG"
	})
}

// inModels tells whether a command belongs to a group about models, where a NAME is that of one.
func inModels(cmd *cobra.Command) bool {
	return cmd.Parent() != nil && (cmd.Parent().Name() == "model" || cmd.Parent().Name() == "models")
}

// Tree adds completion to a command and all below it.
func Tree(cmd *cobra.Command, connect Connect) {
	for _, c := range cmd.Commands() {
		Tree(c, connect)
	}
	if at := ModelArg(cmd); at >= 0 && cmd.ValidArgsFunction == nil {
		files := strings.Contains(cmd.Use, "INPUT")
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) == at {
				return models(cmd, begun, connect), cobra.ShellCompDirectiveNoFileComp
			}
			if files {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	words := func(f *pflag.Flag) {
		if known := enum(f); len(known) > 0 {
			// A flag that has a completion keeps it.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	cmd.Flags().VisitAll(words)
	cmd.PersistentFlags().VisitAll(words)
}

// generated is how the flags of generated commands describe an enum: its name, and its words.
var generated = regexp.MustCompile(`^[A-Za-z]+ \((.*)\)$`)

// known are the words of flags that many of the SDK's commands have.
var known = map[string][]string{
	"output": {"text", "json"}, "keyring-backend": {"os", "file", "kwallet", "pass", "test", "memory"},
	"broadcast-mode": {"sync", "async"}, "sign-mode": {"direct", "amino-json", "direct-aux"},
}

// enum gives the words that a flag takes; none when it takes something else.
func enum(f *pflag.Flag) []string {
	if found := generated.FindStringSubmatch(f.Value.Type()); found != nil && strings.Contains(found[1], " | ") {
		words := strings.Split(found[1], " | ")
		return slices.DeleteFunc(words, func(w string) bool { return w == "unspecified" })
	}
	return known[f.Name]
}
