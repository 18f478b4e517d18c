package cmd

import (
	"path/filepath"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cosmos/cosmos-sdk/server"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/internal/modelstore"
)

// Config is the content of app.toml: the SDK's settings and the sections on inference and models.
type Config struct {
	serverconfig.Config `mapstructure:",squash"`

	Inference executor.Config   `mapstructure:"inference"`
	Models    modelstore.Config `mapstructure:"models"`
}

// nodeConfig returns the template and the defaults of app.toml. Whatever a dApp or a new node needs is on: REST,
// Swagger UI, gRPC, metrics and state-sync snapshots.
func nodeConfig() (template string, defaults any) {
	sdkDefaults := serverconfig.DefaultConfig()
	sdkDefaults.MinGasPrices = "0.001" + app.BondDenom
	sdkDefaults.API.Enable = true
	sdkDefaults.API.Swagger = true
	sdkDefaults.API.RPCMaxBodyBytes = 4 << 20
	sdkDefaults.GRPC.Enable = true
	//nolint:staticcheck // The SDK's own metrics still come from this section.
	sdkDefaults.Telemetry.Enabled = true
	//nolint:staticcheck // See above.
	sdkDefaults.Telemetry.PrometheusRetentionTime = 60
	sdkDefaults.StateSync.SnapshotInterval = 1000
	sdkDefaults.StateSync.SnapshotKeepRecent = 2
	return serverconfig.DefaultConfigTemplate + executor.ConfigTemplate + modelstore.ConfigTemplate,
		Config{Config: *sdkDefaults, Inference: executor.DefaultConfig(), Models: modelstore.DefaultConfig()}
}

// cometConfig returns the defaults of config.toml. The time between a commit and the next proposal is also the
// time in which workers compute and vote extensions are collected.
func cometConfig() *cmtcfg.Config {
	c := cmtcfg.DefaultConfig()
	c.Consensus.TimeoutCommit = time.Second
	c.RPC.MaxBodyBytes = 4 << 20
	c.Mempool.MaxTxBytes = 1 << 20
	c.Instrumentation.Prometheus = true
	c.Instrumentation.PrometheusListenAddr = "127.0.0.1:26660"
	return c
}

// restoreTimeoutCommit mends a config.toml that was just made. The SDK takes a timeout_commit that equals CometBFT's
// default for one that nobody chose, and writes 5 s.
func restoreTimeoutCommit(ctx *server.Context) {
	want := cometConfig().Consensus.TimeoutCommit
	// Viper knows the key only when a file was there to be read, or the operator set it.
	if ctx.Viper.IsSet("consensus.timeout_commit") || ctx.Config.Consensus.TimeoutCommit == want {
		return
	}
	ctx.Config.Consensus.TimeoutCommit = want
	cmtcfg.WriteConfigFile(filepath.Join(ctx.Config.RootDir, "config", "config.toml"), ctx.Config)
}
