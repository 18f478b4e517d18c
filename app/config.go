package app

import (
	"os"
	"path/filepath"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/encoding"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

const (
	// Name is the name of the application and of its daemon's home folder.
	Name = "opengradient"
	// AccountPrefix is the bech32 prefix of account addresses.
	AccountPrefix = encoding.AccountPrefix
	// ValidatorPrefix is the bech32 prefix of operator addresses.
	ValidatorPrefix = encoding.ValidatorPrefix
	// ConsensusPrefix is the bech32 prefix of consensus addresses.
	ConsensusPrefix = encoding.ConsensusPrefix
	// BondDenom is the base denomination: bonded, minted and paid for inference.
	BondDenom = inferencetypes.Denom
	// DisplayDenom is one million of the base denomination.
	DisplayDenom = "OPG"
	// CoinType is the SLIP-44 coin type of derived keys.
	CoinType = 118
)

// DefaultNodeHome is the daemon's home folder when none is given.
func DefaultNodeHome() string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	return filepath.Join(home, "."+Name)
}

// SetAddressPrefixes makes the SDK's global configuration print this chain's addresses. Call it once, first
// thing in main.
func SetAddressPrefixes() {
	c := sdk.GetConfig()
	c.SetBech32PrefixForAccount(AccountPrefix, AccountPrefix+sdk.PrefixPublic)
	c.SetBech32PrefixForValidator(ValidatorPrefix, ValidatorPrefix+sdk.PrefixPublic)
	c.SetBech32PrefixForConsensusNode(ConsensusPrefix, ConsensusPrefix+sdk.PrefixPublic)
	c.SetCoinType(CoinType)
	sdk.DefaultBondDenom = BondDenom
}
