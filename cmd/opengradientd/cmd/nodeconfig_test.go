package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/nodeapi"
)

// command runs a command of the daemon on a home folder.
func command(t *testing.T, home string, args ...string) {
	t.Helper()
	app.SetAddressPrefixes()
	root, err := NewRootCommand()
	require.NoError(t, err)
	root.SetArgs(append(args, "--home", home))
	require.NoError(t, svrcmd.Execute(root, EnvPrefix, home))
}

func TestNewNodeKeepsTheTimeBetweenBlocks(t *testing.T) {
	file := func(home string) string { return filepath.Join(home, "config", "config.toml") }
	for name, commands := range map[string][][]string{
		"init first":            {{"init", "validator"}},
		"another command first": {{"keys", "list", "--keyring-backend", "test"}, {"init", "validator"}},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			for _, args := range commands {
				command(t, home, args...)
			}
			config, err := os.ReadFile(file(home))
			require.NoError(t, err)
			require.Contains(t, string(config), "\ntimeout_commit = \"1s\"\n")
			require.Contains(t, string(config), "\nmoniker = \"validator\"\n")
		})
	}
	t.Run("as the operator set it", func(t *testing.T) {
		home := t.TempDir()
		command(t, home, "init", "validator")
		require.NoError(t, os.WriteFile(file(home), []byte("[consensus]\ntimeout_commit = \"5s\"\n"), 0o600))
		command(t, home, "keys", "list", "--keyring-backend", "test")
		config, err := os.ReadFile(file(home))
		require.NoError(t, err)
		require.Equal(t, "[consensus]\ntimeout_commit = \"5s\"\n", string(config))
	})
}

// TestNewNodeIsBounded: metrics are for the machine itself, connections that send nothing end soon, and calls that wait leave
// connections for others.
func TestNewNodeIsBounded(t *testing.T) {
	_, defaults := nodeConfig()
	api := defaults.(Config).API
	require.LessOrEqual(t, api.RPCReadTimeout, uint(10))
	require.Less(t, uint(2*nodeapi.MaxWaiting), api.MaxOpenConnections)
	home := t.TempDir()
	command(t, home, "init", "validator")
	config, err := os.ReadFile(filepath.Join(home, "config", "config.toml"))
	require.NoError(t, err)
	require.Contains(t, string(config), "\nprometheus_listen_addr = \"127.0.0.1:26660\"\n")
}
