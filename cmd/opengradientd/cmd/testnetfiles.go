package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	sdkmath "cosmossdk.io/math"
	cmtcfg "github.com/cometbft/cometbft/config"
	clienttx "github.com/cosmos/cosmos-sdk/client/tx"
	"github.com/cosmos/cosmos-sdk/crypto/hd"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	cryptotypes "github.com/cosmos/cosmos-sdk/crypto/types"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/cosmos/cosmos-sdk/x/genutil"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/app"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	// faucetKey is the name of the funded account in node0's keyring.
	faucetKey = "faucet"

	p2pPort, rpcPort, apiPort, grpcPort, prometheusPort = 26656, 26657, 1317, 9090, 26660
	portsPerNode                                        = 10

	validatorCapacity = 100_000
	validatorMemory   = 1 << 30
)

var (
	validatorBond    = sdkmath.NewInt(1_000_000_000_000)
	validatorBalance = sdkmath.NewInt(2_000_000_000_000)
	faucetBalance    = sdkmath.NewInt(1_000_000_000_000_000)
)

// testnet is what a local network is made from.
type testnet struct {
	validators    int
	dir           string
	chainID       string
	portOffset    int
	nice          int
	timeoutCommit time.Duration
}

// localValidator is one validator of a local network while its files are made.
type localValidator struct {
	home    string
	config  *cmtcfg.Config
	nodeID  string
	key     cryptotypes.PubKey
	keys    keyring.Keyring
	address sdk.AccAddress
}

func (v localValidator) operator() string { return sdk.ValAddress(v.address).String() }

func (t testnet) port(base, node int) int { return base + t.portOffset + portsPerNode*node }

// makeTestnet writes the home folders.
func makeTestnet(sample *app.App, t testnet) error {
	encoding := sample.EncodingConfig()
	vals := make([]localValidator, t.validators)
	peers := make([]string, t.validators)
	for i := range vals {
		var err error
		if vals[i], err = t.makeValidator(i, encoding); err != nil {
			return fmt.Errorf("node%d: %w", i, err)
		}
		peers[i] = fmt.Sprintf("%s@127.0.0.1:%d", vals[i].nodeID, t.port(p2pPort, i))
	}
	faucet, err := newKey(vals[0].keys, faucetKey)
	if err != nil {
		return err
	}
	genesis, err := t.genesis(sample, vals, faucet)
	if err != nil {
		return err
	}
	for i, v := range vals {
		if err := genesis.SaveAs(v.config.GenesisFile()); err != nil {
			return err
		}
		if err := t.writeConfig(i, v, peers); err != nil {
			return err
		}
	}
	return nil
}

func (t testnet) makeValidator(i int, encoding app.EncodingConfig) (localValidator, error) {
	v := localValidator{home: filepath.Join(t.dir, fmt.Sprintf("node%d", i)), config: cometConfig()}
	v.config.SetRoot(v.home)
	v.config.Moniker = fmt.Sprintf("node%d", i)
	for _, sub := range []string{"config", "data"} {
		if err := os.MkdirAll(filepath.Join(v.home, sub), 0o700); err != nil {
			return v, err
		}
	}
	var err error
	if v.nodeID, v.key, err = genutil.InitializeNodeValidatorFiles(v.config); err != nil {
		return v, err
	}
	if v.keys, err = keyring.New(sdk.KeyringServiceName(), keyring.BackendTest, v.home, strings.NewReader(""), encoding.Codec); err != nil {
		return v, err
	}
	v.address, err = newKey(v.keys, "validator")
	return v, err
}

func newKey(keys keyring.Keyring, name string) (sdk.AccAddress, error) {
	record, _, err := keys.NewMnemonic(name, keyring.English, sdk.FullFundraiserPath, keyring.DefaultBIP39Passphrase, hd.Secp256k1)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	return record.GetAddress()
}

func (t testnet) genesis(sample *app.App, vals []localValidator, faucet sdk.AccAddress) (*genutiltypes.AppGenesis, error) {
	encoding := sample.EncodingConfig()
	state := sample.BasicModuleManager.DefaultGenesis(encoding.Codec)
	if err := describeCoin(encoding.Codec, state); err != nil {
		return nil, err
	}
	accounts := make([]authtypes.GenesisAccount, 0, len(vals)+1)
	balances := make([]banktypes.Balance, 0, len(vals)+1)
	fund := func(a sdk.AccAddress, amount sdkmath.Int) {
		accounts = append(accounts, authtypes.NewBaseAccount(a, nil, 0, 0))
		balances = append(balances, banktypes.Balance{Address: a.String(), Coins: sdk.NewCoins(sdk.NewCoin(app.BondDenom, amount))})
	}
	// A genesis lists nodes by operator.
	vals = slices.SortedFunc(slices.Values(vals), func(a, b localValidator) int { return bytes.Compare(a.address, b.address) })
	nodes := make([]schedulingtypes.Node, 0, len(vals))
	gentxs := make([]sdk.Tx, 0, len(vals))
	for _, v := range vals {
		fund(v.address, validatorBalance)
		nodes = append(nodes, schedulingtypes.NewNode(v.operator(), validatorCapacity, validatorMemory, schedulingtypes.AllTaskClasses()))
		tx, err := t.createValidatorTx(v, encoding)
		if err != nil {
			return nil, err
		}
		gentxs = append(gentxs, tx)
	}
	fund(faucet, faucetBalance)
	if err := setAccounts(encoding, state, accounts, balances); err != nil {
		return nil, err
	}
	if err := setNodes(encoding, state, nodes); err != nil {
		return nil, err
	}
	state, err := genutil.SetGenTxsInAppGenesisState(encoding.Codec, encoding.TxConfig.TxJSONEncoder(), state, gentxs)
	if err != nil {
		return nil, err
	}
	raw, err := json.MarshalIndent(state, "", " ")
	if err != nil {
		return nil, err
	}
	genesis := genutiltypes.NewAppGenesisWithVersion(t.chainID, raw)
	genesis.GenesisTime = time.Now().UTC()
	genesis.InitialHeight = 1
	genesis.Consensus = &genutiltypes.ConsensusGenesis{Params: consensusParams()}
	return genesis, nil
}

func setAccounts(encoding app.EncodingConfig, state map[string]json.RawMessage, accounts []authtypes.GenesisAccount, balances []banktypes.Balance) error {
	auth := authtypes.GetGenesisStateFromAppState(encoding.Codec, state)
	packed, err := authtypes.PackAccounts(authtypes.SanitizeGenesisAccounts(accounts))
	if err != nil {
		return err
	}
	auth.Accounts = packed
	if state[authtypes.ModuleName], err = encoding.Codec.MarshalJSON(&auth); err != nil {
		return err
	}
	var bank banktypes.GenesisState
	if err := encoding.Codec.UnmarshalJSON(state[banktypes.ModuleName], &bank); err != nil {
		return err
	}
	bank.Balances = banktypes.SanitizeGenesisBalances(balances)
	for _, b := range bank.Balances {
		bank.Supply = bank.Supply.Add(b.Coins...)
	}
	state[banktypes.ModuleName], err = encoding.Codec.MarshalJSON(&bank)
	return err
}

func setNodes(encoding app.EncodingConfig, state map[string]json.RawMessage, nodes []schedulingtypes.Node) error {
	var scheduling schedulingtypes.GenesisState
	if err := encoding.Codec.UnmarshalJSON(state[schedulingtypes.ModuleName], &scheduling); err != nil {
		return err
	}
	scheduling.Nodes = nodes
	raw, err := encoding.Codec.MarshalJSON(&scheduling)
	state[schedulingtypes.ModuleName] = raw
	return err
}

func (t testnet) createValidatorTx(v localValidator, encoding app.EncodingConfig) (sdk.Tx, error) {
	msg, err := stakingtypes.NewMsgCreateValidator(v.operator(), v.key, sdk.NewCoin(app.BondDenom, validatorBond),
		stakingtypes.NewDescription(v.config.Moniker, "", "", "", ""),
		stakingtypes.NewCommissionRates(sdkmath.LegacyNewDecWithPrec(1, 1), sdkmath.LegacyNewDecWithPrec(2, 1), sdkmath.LegacyNewDecWithPrec(1, 2)),
		sdkmath.OneInt())
	if err != nil {
		return nil, err
	}
	builder := encoding.TxConfig.NewTxBuilder()
	if err := builder.SetMsgs(msg); err != nil {
		return nil, err
	}
	builder.SetGasLimit(1_000_000)
	factory := clienttx.Factory{}.WithChainID(t.chainID).WithKeybase(v.keys).WithTxConfig(encoding.TxConfig)
	if err := clienttx.Sign(context.Background(), factory, "validator", builder, true); err != nil {
		return nil, fmt.Errorf("sign genesis transaction: %w", err)
	}
	return builder.GetTx(), nil
}

// writeConfig writes config.toml, app.toml and client.toml of one node.
func (t testnet) writeConfig(i int, v localValidator, peers []string) error {
	local := func(base int) string { return fmt.Sprintf("127.0.0.1:%d", t.port(base, i)) }
	c := v.config
	c.P2P.ListenAddress = "tcp://" + local(p2pPort)
	c.P2P.AddrBookStrict = false
	c.P2P.AllowDuplicateIP = true
	others := make([]string, 0, len(peers)-1)
	for j, p := range peers {
		if j != i {
			others = append(others, p)
		}
	}
	c.P2P.PersistentPeers = strings.Join(others, ",")
	c.RPC.ListenAddress = "tcp://" + local(rpcPort)
	c.RPC.PprofListenAddress = ""
	c.Instrumentation.PrometheusListenAddr = local(prometheusPort)
	c.Consensus.TimeoutCommit = t.timeoutCommit
	cmtcfg.WriteConfigFile(filepath.Join(v.home, "config", "config.toml"), c)

	template, defaults := nodeConfig()
	a := defaults.(Config)
	a.API.Address = "tcp://" + local(apiPort)
	a.GRPC.Address = local(grpcPort)
	a.MinGasPrices = "0" + app.BondDenom
	a.StateSync.SnapshotInterval = 50
	a.Inference.Nice = t.nice
	serverconfig.SetConfigTemplate(template)
	serverconfig.WriteConfigFile(filepath.Join(v.home, "config", "app.toml"), a)
	return writeClientConfig(v.home, t.chainID, "tcp://"+local(rpcPort))
}

func writeClientConfig(home, chainID, node string) error {
	content := fmt.Sprintf("chain-id = %q\nkeyring-backend = \"test\"\nkeyring-default-keyname = \"\"\noutput = \"text\"\nnode = %q\nbroadcast-mode = \"sync\"\n", chainID, node)
	return os.WriteFile(filepath.Join(home, "config", "client.toml"), []byte(content), 0o600)
}
