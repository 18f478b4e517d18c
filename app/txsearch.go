package app

import (
	"github.com/cosmos/cosmos-sdk/client"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/proposal"
)

// SearchTxConfig is config for clients that read blocks: the injected commit, which opens nearly every block and is no
// transaction, reads as an empty one. Without it a search by height fails on every block.
func SearchTxConfig(config client.TxConfig) client.TxConfig { return searchTxConfig{config} }

type searchTxConfig struct{ client.TxConfig }

// TxDecoder implements client.TxConfig.
func (c searchTxConfig) TxDecoder() sdk.TxDecoder {
	decode := c.TxConfig.TxDecoder()
	return func(raw []byte) (sdk.Tx, error) {
		if proposal.IsInjection(raw) {
			return c.NewTxBuilder().GetTx(), nil
		}
		return decode(raw)
	}
}
