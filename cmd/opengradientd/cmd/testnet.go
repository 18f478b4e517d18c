package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client/flags"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
)

const (
	flagValidators = "validators"
	flagOutputDir  = "output-dir"
	flagPortOffset = "port-offset"
	flagNice       = "worker-nice"
	flagTimeout    = "timeout-commit"
)

// testnetCmd makes the home folders of a local network.
func testnetCmd(sample *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "testnet",
		Short: "Make the home folders of a validator network on this machine",
		Long: `Make one home folder per validator below the output folder (node0, node1, …), with keys in the test keyring, one
genesis for all of them, registered inference nodes, and a faucet account whose key is in node0's keyring.

Node i listens on these ports of 127.0.0.1, each plus ten times i plus the port offset: P2P 26656, RPC 26657, REST 1317,
gRPC 9090, Prometheus 26660. The keys are not protected: never use such a network for value.`,
		Example: "opengradientd testnet --validators 4 --output-dir .localnet",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			json, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			plan, err := testnetPlan(cmd)
			if err != nil {
				return err
			}
			if err := makeTestnet(sample, plan); err != nil {
				return errors.Join(err, os.RemoveAll(plan.dir))
			}
			if json {
				return view.JSON(cmd.OutOrStdout(), plan.document())
			}
			cmd.Printf("made %d validators of chain %s below %s\n", plan.validators, plan.chainID, plan.dir)
			return nil
		},
	}
	session.AddOutputFlag(cmd)
	f := cmd.Flags()
	f.Int(flagValidators, 4, "number of validators, 1 to 50")
	f.StringP(flagOutputDir, "o", ".localnet", "folder for the home folders; it must not exist")
	f.String(flags.FlagChainID, "opengradient-local-1", "chain id")
	f.Int(flagPortOffset, 0, "added to every port")
	f.Int(flagNice, 5, "niceness of the workers, 0 to 19")
	f.Duration(flagTimeout, cometConfig().Consensus.TimeoutCommit, "time between a commit and the next proposal")
	return cmd
}

func testnetPlan(cmd *cobra.Command) (plan testnet, err error) {
	f := cmd.Flags()
	plan.validators, err = f.GetInt(flagValidators)
	if err != nil {
		return plan, err
	}
	if plan.validators < 1 || plan.validators > 50 {
		return plan, fmt.Errorf("--%s: expected 1 to 50, got %d", flagValidators, plan.validators)
	}
	if plan.chainID, err = f.GetString(flags.FlagChainID); err != nil {
		return plan, err
	}
	if plan.portOffset, err = f.GetInt(flagPortOffset); err != nil {
		return plan, err
	}
	if plan.nice, err = f.GetInt(flagNice); err != nil {
		return plan, err
	}
	if plan.nice < 0 || plan.nice > 19 {
		return plan, fmt.Errorf("--%s: expected 0 to 19, got %d", flagNice, plan.nice)
	}
	if plan.timeoutCommit, err = f.GetDuration(flagTimeout); err != nil {
		return plan, err
	}
	dir, err := f.GetString(flagOutputDir)
	if err != nil {
		return plan, err
	}
	if plan.dir, err = filepath.Abs(dir); err != nil {
		return plan, err
	}
	if _, err := os.Stat(plan.dir); !errors.Is(err, os.ErrNotExist) {
		return plan, fmt.Errorf("--%s: expected a folder that does not exist, got %s", flagOutputDir, plan.dir)
	}
	return plan, nil
}

// testnetDocument is what the command tells programs. Fields are added to and never renamed.
type testnetDocument struct {
	ChainID string            `json:"chain_id"`
	Folder  string            `json:"folder"`
	Nodes   []testnetNodeInfo `json:"nodes"`
}

// testnetNodeInfo says where a node lives and listens.
type testnetNodeInfo struct {
	Home string `json:"home"`
	RPC  string `json:"rpc"`
	GRPC string `json:"grpc"`
	REST string `json:"rest"`
}

func (t testnet) document() testnetDocument {
	d := testnetDocument{ChainID: t.chainID, Folder: t.dir}
	for i := range t.validators {
		d.Nodes = append(d.Nodes, testnetNodeInfo{
			Home: filepath.Join(t.dir, fmt.Sprintf("node%d", i)), RPC: fmt.Sprintf("tcp://127.0.0.1:%d", t.port(rpcPort, i)),
			GRPC: fmt.Sprintf("127.0.0.1:%d", t.port(grpcPort, i)), REST: fmt.Sprintf("http://127.0.0.1:%d", t.port(apiPort, i)),
		})
	}
	return d
}
