// Package ignite_test checks config.yml, the development chain Ignite serves, against the keys Ignite knows and against
// this repository.
package ignite_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const root = "../.."

// config is the part of Ignite's configuration, version 1, that config.yml may use.
type config struct {
	Version int `yaml:"version"`
	Build   struct {
		Main   string `yaml:"main"`
		Binary string `yaml:"binary"`
		Proto  struct {
			Path string `yaml:"path"`
		} `yaml:"proto"`
	} `yaml:"build"`
	Accounts   []account   `yaml:"accounts"`
	Validators []validator `yaml:"validators"`
	Faucet     struct {
		Name            string   `yaml:"name"`
		Coins           []string `yaml:"coins"`
		CoinsMax        []string `yaml:"coins_max"`
		RateLimitWindow string   `yaml:"rate_limit_window"`
		Port            uint     `yaml:"port"`
	} `yaml:"faucet"`
	Client struct {
		OpenAPI struct {
			Path string `yaml:"path"`
		} `yaml:"openapi"`
	} `yaml:"client"`
	Genesis genesis `yaml:"genesis"`
}

type account struct {
	Name  string   `yaml:"name"`
	Coins []string `yaml:"coins"`
}

type validator struct {
	Name   string         `yaml:"name"`
	Bonded string         `yaml:"bonded"`
	App    map[string]any `yaml:"app"`
	Config map[string]any `yaml:"config"`
}

type genesis struct {
	ChainID   string `yaml:"chain_id"`
	Consensus struct {
		Params struct {
			Block struct {
				MaxBytes string `yaml:"max_bytes"`
				MaxGas   string `yaml:"max_gas"`
			} `yaml:"block"`
			ABCI struct {
				VoteExtensionsEnableHeight string `yaml:"vote_extensions_enable_height"`
			} `yaml:"abci"`
		} `yaml:"params"`
	} `yaml:"consensus"`
	AppState map[string]any `yaml:"app_state"`
}

func load(t *testing.T) config {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "config.yml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	var c config
	if err := decoder.Decode(&c); err != nil {
		t.Fatalf("config.yml: %v", err)
	}
	return c
}

// base gives the amount of a coin in the base denomination.
func base(t *testing.T, coin string) int64 {
	t.Helper()
	digits, ok := strings.CutSuffix(coin, "uopg")
	amount, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || amount <= 0 {
		t.Fatalf("expected a positive amount of uopg, got %q", coin)
	}
	return amount
}

func TestValidatorsCanBondWhatTheyPromise(t *testing.T) {
	c := load(t)
	if c.Version != 1 {
		t.Fatalf("expected version 1, got %d", c.Version)
	}
	balance := make(map[string]int64)
	for _, a := range c.Accounts {
		for _, coin := range a.Coins {
			balance[a.Name] += base(t, coin)
		}
	}
	if len(c.Validators) == 0 {
		t.Fatal("no validator")
	}
	for _, v := range c.Validators {
		if bonded := base(t, v.Bonded); bonded > balance[v.Name] {
			t.Errorf("validator %s bonds %d uopg and owns %d", v.Name, bonded, balance[v.Name])
		}
	}
	for _, coin := range append(c.Faucet.Coins, c.Faucet.CoinsMax...) {
		if base(t, coin) > balance[c.Faucet.Name] {
			t.Errorf("faucet account %q owns %d uopg, less than %s", c.Faucet.Name, balance[c.Faucet.Name], coin)
		}
	}
}

func TestPathsExist(t *testing.T) {
	c := load(t)
	for _, path := range []string{c.Build.Main, c.Build.Proto.Path, c.Client.OpenAPI.Path} {
		if _, err := os.Stat(filepath.Join(root, path)); path == "" || err != nil {
			t.Errorf("path %q: %v", path, err)
		}
	}
	if c.Build.Binary != filepath.Base(c.Build.Main) {
		t.Errorf("expected the binary to be named after %s, got %s", c.Build.Main, c.Build.Binary)
	}
}

// CometBFT's genesis holds 64-bit integers as strings; a bare number would be refused only when the chain starts.
func TestConsensusParams(t *testing.T) {
	params := load(t).Genesis.Consensus.Params
	for name, value := range map[string]string{
		"block max_bytes":               params.Block.MaxBytes,
		"block max_gas":                 params.Block.MaxGas,
		"vote_extensions_enable_height": params.ABCI.VoteExtensionsEnableHeight,
	} {
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n <= 0 {
			t.Errorf("%s: expected a positive number in quotes, got %q", name, value)
		}
	}
}
