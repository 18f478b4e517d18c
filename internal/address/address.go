// Package address reads and writes addresses with the prefixes of this chain. The SDK's own functions take those of its global
// configuration, which a program that imports the client has not set and may want for another chain.
package address

import (
	"errors"
	"fmt"
	"strings"

	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/bech32"
)

const (
	// AccountPrefix is the bech32 prefix of account addresses.
	AccountPrefix = "og"
	// ValidatorPrefix is the bech32 prefix of operator addresses.
	ValidatorPrefix = AccountPrefix + sdk.PrefixValidator + sdk.PrefixOperator
	// ConsensusPrefix is the bech32 prefix of consensus addresses.
	ConsensusPrefix = AccountPrefix + sdk.PrefixValidator + sdk.PrefixConsensus
)

// ParseAccount reads the address of an account, in any spelling of bech32.
func ParseAccount(text string) (sdk.AccAddress, error) { return parse(AccountPrefix, text) }

// ParseOperator reads the address of an operator, in any spelling of bech32.
func ParseOperator(text string) (sdk.ValAddress, error) { return parse(ValidatorPrefix, text) }

// CanonicalAccount reads the address of an account that is spelled as the chain spells it: addresses are compared as text as well.
func CanonicalAccount(text string) (sdk.AccAddress, error) { return canonical(AccountPrefix, text) }

// CanonicalOperator reads the address of an operator that is spelled as the chain spells it.
func CanonicalOperator(text string) (sdk.ValAddress, error) { return canonical(ValidatorPrefix, text) }

// parse accepts what the SDK accepts when the prefix is that of its configuration.
func parse(prefix, text string) ([]byte, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("empty address string is not allowed")
	}
	b, err := sdk.GetFromBech32(text, prefix)
	if err != nil {
		return nil, err
	}
	if err := sdk.VerifyAddressFormat(b); err != nil {
		return nil, err
	}
	return b, nil
}

func canonical(prefix, text string) ([]byte, error) {
	b, err := parse(prefix, text)
	if err != nil {
		return nil, err
	}
	spelled, err := bech32.ConvertAndEncode(prefix, b)
	if err != nil {
		return nil, err
	}
	if spelled != text {
		return nil, fmt.Errorf("expected the spelling %s, got %s", spelled, text)
	}
	return b, nil
}
