// Package prefixes makes the SDK write the addresses of this chain in every test whose package imports it. Code of the modules
// reads no others.
package prefixes

import (
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/address"
)

func init() {
	c := sdk.GetConfig()
	c.SetBech32PrefixForAccount(address.AccountPrefix, address.AccountPrefix+sdk.PrefixPublic)
	c.SetBech32PrefixForValidator(address.ValidatorPrefix, address.ValidatorPrefix+sdk.PrefixPublic)
	c.SetBech32PrefixForConsensusNode(address.ConsensusPrefix, address.ConsensusPrefix+sdk.PrefixPublic)
}
