// Package gateway holds the commands of the Open Inference Protocol gateway.
package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	sdkclient "github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/grpc/cmtservice"
	"github.com/cosmos/cosmos-sdk/version"
	gogogrpc "github.com/cosmos/gogoproto/grpc"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/gateway/bridge"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemon"
)

const (
	// flagConfig names the file of the settings.
	flagConfig = "config"
	// meetTimeout bounds the first question to the node's gRPC.
	meetTimeout = 10 * time.Second
)

// NewCommand returns the command `gateway`, which serves, and those beside it.
func NewCommand() *cobra.Command {
	cfg := config.Default()
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Serve models over the Open Inference Protocol, paid from one account",
		Long: `Serve the models of the chain over the Open Inference Protocol, version 2, as Triton does: REST with the binary tensor
extension, and gRPC. Every request becomes a request on the chain, paid by one account of the keyring; its answer is final
and verified, and names its transaction and its receipt.

Callers have API keys with a spending quota (see "gateway keys"). A request that was accepted is on disk before anything is
signed: a gateway that was killed goes on with it, and nothing is paid twice.

Settings come from flags, from the environment (OPENGRADIENTD_GATEWAY_REST_LISTEN is --rest-listen), and from the section
[gateway] of <home>/config/gateway.toml, which "gateway init" writes.`,
		Example: `  opengradientd gateway keys add alice --quota 5000000uopg --per day --rate 20/s
  opengradientd gateway --from gateway --keyring-backend test
  curl -H "Authorization: Bearer $KEY" localhost:8000/v2/models/iris/infer -d '{"inputs":[{"name":"features","shape":[1,4],"datatype":"FP32","data":[5.1,3.5,1.4,0.2]}]}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, &cfg) },
	}
	cfg.AddFlags(cmd.Flags())
	f := cmd.Flags()
	f.String(flagConfig, "", "`FILE` of the settings; empty: <home>/config/gateway.toml")
	f.String(flags.FlagChainID, "", "`ID` of the chain; empty: that of the node")
	flags.AddKeyringFlags(f)
	cmd.AddCommand(newInitCommand(), newKeysCommand())
	return cmd
}

// newInitCommand writes a file with the defaults.
func newInitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write config/gateway.toml with every setting at its default",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			inJSON, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			path := configFile(sdkclient.GetClientContextFromCmd(cmd).HomeDir)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s: expected no file, there is one: edit it, or remove it first", path)
			}
			if err != nil {
				return err
			}
			_, err = io.WriteString(f, config.Default().Template())
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			if inJSON {
				return view.JSON(cmd.OutOrStdout(), map[string]string{"path": path})
			}
			fmt.Fprintln(cmd.OutOrStdout(), path)
			return nil
		},
	}
	session.AddOutputFlag(cmd)
	return cmd
}

func configFile(home string) string { return filepath.Join(home, "config", "gateway.toml") }

// serve runs the gateway until it is told to end.
func serve(cmd *cobra.Command, cfg *config.Config) error {
	sdkCtx := sdkclient.GetClientContextFromCmd(cmd)
	file, err := cmd.Flags().GetString(flagConfig)
	if err != nil {
		return err
	}
	switch {
	case file == "":
		file = configFile(sdkCtx.HomeDir)
	default:
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("--%s: %w", flagConfig, err)
		}
	}
	if err := cfg.Load(cmd.Flags(), file, os.Getenv); err != nil {
		return err
	}
	chooseNode(cmd, cfg, sdkCtx)
	log, err := logger(cmd)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return daemon.Run(ctx, daemon.Options{
		Config: *cfg, Folder: daemon.Folder(sdkCtx.HomeDir), Version: appVersion(), Log: log,
		Open: func(ctx context.Context, journal chain.Journal) (chain.Chain, func() error, error) {
			return open(ctx, *cfg, sdkCtx, journal)
		},
		Started: func(a daemon.Addresses) {
			fmt.Fprintf(cmd.OutOrStdout(), "listening: rest=%s grpc=%s metrics=%s\n", a.REST, a.GRPC, a.Metrics)
		},
	})
}

// chooseNode takes the node of the client's settings when the gateway's name none. The gRPC address that goes without saying is
// that of a node on this machine only: the RPC of any other one answers queries.
func chooseNode(cmd *cobra.Command, cfg *config.Config, sdkCtx sdkclient.Context) {
	local := config.Default().Node
	if !cmd.Flags().Changed("node") && sdkCtx.NodeURI != "" {
		cfg.Node = sdkCtx.NodeURI
	}
	if cfg.Node != local && !cmd.Flags().Changed("node-grpc") {
		cfg.NodeGRPC = ""
	}
}

func appVersion() string {
	if version.Version == "" {
		return "dev"
	}
	return version.Version
}

// open connects the account to the chain.
func open(ctx context.Context, cfg config.Config, sdkCtx sdkclient.Context, journal chain.Journal) (chain.Chain, func() error, error) {
	if sdkCtx.Keyring == nil {
		return nil, nil, errors.New("keyring-backend: expected a keyring (see `opengradientd keys --help`), got none")
	}
	dial := client.Config{RPC: cfg.Node, GRPC: cfg.NodeGRPC, ChainID: sdkCtx.ChainID}
	if cfg.NodeGRPCTLS {
		dial.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c, err := client.Dial(ctx, dial)
	if err != nil {
		return nil, nil, err
	}
	if err := sameChain(ctx, cfg.NodeGRPC, c.Conn(), c.ChainID()); err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	if err := claim(sdkCtx, cfg.From, c.ChainID(), journal); err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	account, err := c.NewAccount(ctx, client.AccountConfig{
		Keyring: sdkCtx.Keyring, Key: cfg.From, GasPrice: cfg.GasPrices, GasAdjustment: cfg.GasAdjustment,
		MaxPending: cfg.MaxOpenJobs, Journal: bridge.Journal{Book: journal},
	})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("from: %w", err), c.Close())
	}
	return bridge.New(c, account), func() error { return errors.Join(account.Close(), c.Close()) }, nil
}

// sameChain checks that the gRPC of a node, when there is one, answers for the chain of its RPC: what one says would be signed
// for the other.
func sameChain(ctx context.Context, address string, conn gogogrpc.ClientConn, chainID string) error {
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, meetTimeout)
	defer cancel()
	res, err := cmtservice.NewServiceClient(conn).GetNodeInfo(ctx, &cmtservice.GetNodeInfoRequest{})
	if err != nil {
		return fmt.Errorf("node-grpc %s: expected an answer of the node, got: %w", address, err)
	}
	if got := res.GetDefaultNodeInfo().GetNetwork(); got != chainID {
		return fmt.Errorf("node-grpc %s: expected the chain %q of node, got %q", address, chainID, got)
	}
	return nil
}

// claim takes the journal for the account of a key, before anything in it goes on.
func claim(sdkCtx sdkclient.Context, key, chainID string, journal chain.Journal) error {
	record, err := sdkCtx.Keyring.Key(key)
	if err != nil {
		return fmt.Errorf("from: expected a key of the keyring (see `opengradientd keys list`), got %q: %w", key, err)
	}
	address, err := record.GetAddress()
	if err != nil {
		return fmt.Errorf("from: %w", err)
	}
	return journal.Claim(fmt.Sprintf("account %s on chain %s", address, chainID))
}

// logger follows the logging flags that all commands have.
func logger(cmd *cobra.Command) (*slog.Logger, error) {
	text := func(name, fallback string) string {
		if f := cmd.Flags().Lookup(name); f != nil && f.Value.String() != "" {
			return f.Value.String()
		}
		return fallback
	}
	var level slog.Level
	if name := text(flags.FlagLogLevel, "info"); level.UnmarshalText([]byte(strings.ToUpper(name))) != nil {
		return nil, fmt.Errorf("--%s: expected debug, info, warn or error, got %q", flags.FlagLogLevel, name)
	}
	options := &slog.HandlerOptions{Level: level}
	if text(flags.FlagLogFormat, flags.OutputFormatText) == flags.OutputFormatJSON {
		return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), options)), nil
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), options)), nil
}
