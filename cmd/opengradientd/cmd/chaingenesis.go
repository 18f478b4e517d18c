package cmd

import (
	"encoding/json"
	"fmt"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/cosmos/cosmos-sdk/codec"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/opengradient/opengradient/app"
)

// consensusParams returns the consensus parameters of a new chain: a finite block, and vote extensions from the
// first height.
func consensusParams() *cmttypes.ConsensusParams {
	p := cmttypes.DefaultConsensusParams()
	p.Block.MaxBytes = app.DefaultBlockMaxBytes
	p.Block.MaxGas = app.DefaultBlockMaxGas
	p.ABCI.VoteExtensionsEnableHeight = 1
	return p
}

// describeCoin adds the metadata of the chain's coin to a bank genesis.
func describeCoin(cdc codec.JSONCodec, genesis map[string]json.RawMessage) error {
	var bank banktypes.GenesisState
	if err := cdc.UnmarshalJSON(genesis[banktypes.ModuleName], &bank); err != nil {
		return fmt.Errorf("bank genesis: %w", err)
	}
	bank.DenomMetadata = []banktypes.Metadata{{
		Description: "The coin that pays for verified inference and secures the chain.",
		DenomUnits: []*banktypes.DenomUnit{
			{Denom: app.BondDenom},
			{Denom: app.DisplayDenom, Exponent: 6},
		},
		Base:    app.BondDenom,
		Display: app.DisplayDenom,
		Name:    "OpenGradient",
		Symbol:  app.DisplayDenom,
	}}
	raw, err := cdc.MarshalJSON(&bank)
	if err != nil {
		return fmt.Errorf("bank genesis: %w", err)
	}
	genesis[banktypes.ModuleName] = raw
	return nil
}
