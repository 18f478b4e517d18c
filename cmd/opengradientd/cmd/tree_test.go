package cmd

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"
	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/x/inference"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	"github.com/opengradient/opengradient/x/models"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	"github.com/opengradient/opengradient/x/scheduling"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	"github.com/opengradient/opengradient/x/verification"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func TestMain(m *testing.M) {
	app.SetAddressPrefixes()
	os.Exit(m.Run())
}

func newRoot(t *testing.T) *cobra.Command {
	t.Helper()
	root, err := NewRootCommand()
	require.NoError(t, err)
	return root
}

func TestEveryMethodHasACommand(t *testing.T) {
	root := newRoot(t)
	// By hand: what reads files and prints tensors is written by hand, and what takes a file is "model push".
	byHand := map[string][]string{
		"query inference": {"inputs", "result", "wait"}, "query verification": {"replay"},
		"tx inference": {"submit", "cancel", "create-schedule"},
	}
	for path, names := range byHand {
		for _, name := range names {
			found, _, err := root.Find(append(strings.Fields(path), name))
			require.NoError(t, err)
			require.Equal(t, name, found.Name())
			require.NotNil(t, found.Flag("output"), "%s %s", path, name)
		}
	}
	for name, module := range map[string]struct {
		options   *autocliv1.ModuleOptions
		query, tx grpc.ServiceDesc
	}{
		"inference":    {inference.AppModule{}.AutoCLIOptions(), inferencetypes.Query_serviceDesc, inferencetypes.Msg_serviceDesc},
		"models":       {models.AppModule{}.AutoCLIOptions(), modelstypes.Query_serviceDesc, modelstypes.Msg_serviceDesc},
		"scheduling":   {scheduling.AppModule{}.AutoCLIOptions(), schedulingtypes.Query_serviceDesc, schedulingtypes.Msg_serviceDesc},
		"verification": {verification.AppModule{}.AutoCLIOptions(), verificationtypes.Query_serviceDesc, verificationtypes.Msg_serviceDesc},
	} {
		for group, side := range map[string]struct {
			service  grpc.ServiceDesc
			commands *autocliv1.ServiceCommandDescriptor
		}{"query": {module.query, module.options.Query}, "tx": {module.tx, module.options.Tx}} {
			for _, method := range side.service.Methods {
				what := fmt.Sprintf("%s %s: %s", group, name, method.MethodName)
				at := slices.IndexFunc(side.commands.RpcCommandOptions, func(o *autocliv1.RpcCommandOptions) bool { return o.RpcMethod == method.MethodName })
				require.GreaterOrEqual(t, at, 0, what)
				o := side.commands.RpcCommandOptions[at]
				if o.Skip {
					continue
				}
				require.NotEmpty(t, o.Short, what)
				words := strings.Fields(o.Use)
				require.NotEmpty(t, words, what)
				found, _, err := root.Find([]string{group, name, words[0]})
				require.NoError(t, err, what)
				require.Equal(t, words[0], found.Name(), what)
				require.NotNil(t, found.Flag("output"), what)
			}
		}
	}
}

// TestEveryCommandOfOursAnswersPrograms walks the groups of this project.
func TestEveryCommandOfOursAnswersPrograms(t *testing.T) {
	root := newRoot(t)
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		require.NotEmpty(t, c.Short, c.CommandPath())
		for _, child := range c.Commands() {
			walk(child)
		}
		if c.HasSubCommands() || !c.Runnable() {
			return
		}
		require.NotNil(t, c.Flag("output"), c.CommandPath())
	}
	for _, path := range []string{
		"model", "run", "testnet", "init", "query inference", "query models", "query scheduling", "query verification",
		"tx inference", "tx models", "tx scheduling", "gateway", "verify",
	} {
		found, _, err := root.Find(strings.Fields(path))
		require.NoError(t, err, path)
		require.Equal(t, path, strings.TrimPrefix(found.CommandPath(), "opengradientd "))
		walk(found)
	}
}

// TestListsDescribeTheirFlags: each flag of a list of this chain's modules says what it does, and none promises names of keys.
func TestListsDescribeTheirFlags(t *testing.T) {
	query, _, err := newRoot(t).Find([]string{"query"})
	require.NoError(t, err)
	lists := 0
	for _, module := range query.Commands() {
		if !slices.Contains([]string{"inference", "models", "scheduling", "verification"}, module.Name()) {
			continue
		}
		for _, list := range module.Commands() {
			if list.Flag("page-key") == nil {
				continue
			}
			lists++
			list.Flags().VisitAll(func(flag *pflag.Flag) {
				require.NotEmpty(t, flag.Usage, "%s --%s", list.CommandPath(), flag.Name)
			})
			require.NotContains(t, list.Flags().FlagUsages(), "key name", list.CommandPath())
		}
	}
	require.Greater(t, lists, 10)
}

// completions are what a shell is offered.
func completions(t *testing.T, args ...string) []string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	root := newRoot(t)
	var out, problems bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&problems)
	root.SetArgs(append([]string{cobra.ShellCompNoDescRequestCmd}, args...))
	t.Setenv(EnvPrefix+"_HOME", home)
	require.NoError(t, svrcmd.Execute(root, EnvPrefix, home))
	require.NoDirExists(t, home, "a shell makes no folder")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.True(t, strings.HasPrefix(lines[len(lines)-1], ":"), out.String())
	return lines[:len(lines)-1]
}

// node is an RPC that knows two models, or that says nothing.
func node(t *testing.T, silent bool) string {
	t.Helper()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if silent {
			<-done
			return
		}
		var request struct {
			ID     json.RawMessage `json:"id"`
			Params struct {
				Path string `json:"path"`
			} `json:"params"`
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var value []byte
		switch request.Params.Path {
		case "/opengradient.models.v1.Query/Names":
			answer := modelstypes.QueryNamesResponse{Names: []modelstypes.ModelName{{Name: "bert", Versions: 1}, {Name: "iris", Versions: 2}}}
			value, _ = answer.Marshal()
		case "/opengradient.models.v1.Query/Name":
			answer := modelstypes.QueryNameResponse{Name: modelstypes.ModelName{Name: "iris", Versions: 2}, Tags: []modelstypes.Tag{{Tag: "latest", Version: 2}}}
			value, _ = answer.Marshal()
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"response":{"code":0,"value":%q}}}`, request.ID, base64.StdEncoding.EncodeToString(value))
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(done) })
	return strings.Replace(server.URL, "http", "tcp", 1)
}

func TestShellsCompleteModels(t *testing.T) {
	at := node(t, false)
	for _, command := range []string{
		"run", "model show", "model pull", "model deprecate", "query inference quote", "tx inference submit", "tx inference create-schedule",
		"query models model", "query models versions",
	} {
		offered := completions(t, append(strings.Fields(command), "--node", at, "")...)
		// Flags that are required are offered as well.
		offered = slices.DeleteFunc(offered, func(word string) bool { return strings.HasPrefix(word, "--") })
		require.Equal(t, []string{"bert", "iris"}, offered, command)
	}
	require.Equal(t, []string{"iris:latest", "iris:2", "iris:1"}, completions(t, "run", "--node", at, "iris:"))
	t.Setenv(EnvPrefix+"_NODE", at)
	require.Equal(t, []string{"bert", "iris"}, completions(t, "run", ""))
	require.Empty(t, completions(t, "model", "show", "iris", ""), "there is one model only")
}

func TestShellsDoNotWaitForANode(t *testing.T) {
	at := node(t, true)
	begin := time.Now()
	require.Empty(t, completions(t, "run", "--node", at, ""))
	require.Less(t, time.Since(begin), 30*time.Second)
	require.Empty(t, completions(t, "run", "--node", "tcp://127.0.0.1:1", ""), "nobody listens")
	require.Empty(t, completions(t, "run", "--node", ":", ""), "no address")
}

func TestShellsCompleteWords(t *testing.T) {
	for command, want := range map[string][]string{
		"run iris --tier":                     {"quorum", "committee"},
		"run iris --wait":                     {"final", "settled", "none"},
		"run iris --output":                   {"text", "json"},
		"tx inference submit iris --sealing":  {"default", "sealed", "open"},
		"query inference quote iris --tier":   {"quorum", "committee"},
		"query inference requests --status":   {"submitted", "assigned"},
		"query models models --status":        {"inspecting", "admitting"},
		"model list --task":                   {"classification"},
		"query scheduling nodes --output":     {"text", "json"},
		"tx inference cancel --sign-mode":     {"direct", "amino-json"},
		"keys list --keyring-backend":         {"os", "file"},
		"run iris --from a --keyring-backend": {"os", "file"},
	} {
		require.Subset(t, completions(t, append(strings.Fields(command), "")...), want, command)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		root := newRoot(t)
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetArgs([]string{"completion", shell})
		home := filepath.Join(t.TempDir(), "home")
		require.NoError(t, svrcmd.Execute(root, EnvPrefix, home))
		require.Contains(t, out.String(), "opengradientd", shell)
		require.NoDirExists(t, home)
	}
}

// TestErrorsSayWhatToDoNext runs commands of the whole tree against a node that is not there.
func TestErrorsSayWhatToDoNext(t *testing.T) {
	for command, want := range map[string]string{
		"query inference params":                                     "No node answers at tcp://127.0.0.1:1.",
		"model show iris":                                            "No node answers at tcp://127.0.0.1:1.",
		"run iris x=1 --from bob --keyring-backend test":             `The keyring (backend test) does not have a key "bob": it is empty.`,
		"tx inference cancel 1 --from bob --keyring-backend test -y": `The keyring (backend test) does not have a key "bob": it is empty.`,
	} {
		t.Run(command, func(t *testing.T) {
			root := newRoot(t)
			root.SetOut(&bytes.Buffer{})
			root.SetErr(&bytes.Buffer{})
			home := t.TempDir()
			root.SetArgs(append(strings.Fields(command), "--node", "tcp://127.0.0.1:1", "--home", home))
			require.ErrorContains(t, svrcmd.Execute(root, EnvPrefix, home), "\n"+want)
		})
	}
}
