package paging

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// Account reads the account address that a filter holds; nil when the filter is not set. Its error has the code
// InvalidArgument.
func Account(field, address string) (sdk.AccAddress, error) {
	if address == "" {
		return nil, nil // no address is a filter that is not set
	}
	account, err := sdk.AccAddressFromBech32(address)
	if err != nil {
		return nil, invalid("%s: expected an account address, got %.128q: %s", field, address, err)
	}
	return account, nil
}

// Operator reads the operator address that a filter holds; nil when the filter is not set. Its error has the code
// InvalidArgument.
func Operator(field, address string) (sdk.ValAddress, error) {
	if address == "" {
		return nil, nil // no address is a filter that is not set
	}
	operator, err := sdk.ValAddressFromBech32(address)
	if err != nil {
		return nil, invalid("%s: expected an operator address, got %.128q: %s", field, address, err)
	}
	return operator, nil
}

// Model reads the SHA-256 of a model, in hexadecimal, that a filter holds; nil when the filter is not set. Its error has
// the code InvalidArgument.
func Model(field, text string) ([]byte, error) {
	if text == "" {
		return nil, nil // no model is a filter that is not set
	}
	id, err := hex.DecodeString(text)
	if err != nil || len(id) != sha256.Size {
		return nil, invalid("%s: expected %d hexadecimal digits, got %.128q", field, 2*sha256.Size, text)
	}
	return id, nil
}

// Enum checks the value of an enum that a filter holds, against the names of the enum; 0 is a filter that is not set. Its
// error has the code InvalidArgument.
func Enum[E ~int32](field string, value E, names map[int32]string) error {
	if _, known := names[int32(value)]; known || value == 0 {
		return nil
	}
	var known []string
	for _, number := range slices.Sorted(maps.Keys(names)) {
		if number != 0 {
			known = append(known, names[number])
		}
	}
	return invalid("%s: expected one of %s, got %d", field, strings.Join(known, ", "), value)
}
