// Package encoding makes the codecs that the application and its clients share.
package encoding

import (
	"fmt"
	"sync"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/std"
	authtx "github.com/cosmos/cosmos-sdk/x/auth/tx"
	"github.com/cosmos/cosmos-sdk/x/tx/signing"
	"github.com/cosmos/gogoproto/proto"

	chainaddress "github.com/opengradient/opengradient/internal/address"
)

const (
	// AccountPrefix is the bech32 prefix of account addresses.
	AccountPrefix = chainaddress.AccountPrefix
	// ValidatorPrefix is the bech32 prefix of operator addresses.
	ValidatorPrefix = chainaddress.ValidatorPrefix
	// ConsensusPrefix is the bech32 prefix of consensus addresses.
	ConsensusPrefix = chainaddress.ConsensusPrefix
)

// Config holds the codecs.
type Config struct {
	InterfaceRegistry codectypes.InterfaceRegistry
	Codec             codec.Codec
	TxConfig          client.TxConfig
	Amino             *codec.LegacyAmino
}

// protoFiles are the descriptors of all linked files. Those of gogoproto's registry, and with it the hybrid resolver,
// do not serve: the Go files of a package register in the order of their names, and a file that registers before one
// it imports sees the imported messages as empty. Amino JSON made from them would leave out the fields of every nested
// message, and a signature would not cover them.
var protoFiles = sync.OnceValues(proto.MergedRegistry)

// Make returns the codecs with the SDK's own types registered; those of modules are for the caller to register.
func Make() (Config, error) {
	files, err := protoFiles()
	if err != nil {
		return Config{}, fmt.Errorf("proto descriptors: %w", err)
	}
	options := signing.Options{
		FileResolver:          files,
		AddressCodec:          address.NewBech32Codec(AccountPrefix),
		ValidatorAddressCodec: address.NewBech32Codec(ValidatorPrefix),
	}
	registry, err := codectypes.NewInterfaceRegistryWithOptions(codectypes.InterfaceRegistryOptions{ProtoFiles: files, SigningOptions: options})
	if err != nil {
		return Config{}, err
	}
	cdc := codec.NewProtoCodec(registry)
	// Without options of its own, the handler of amino JSON falls back to the hybrid resolver.
	txConfig, err := authtx.NewTxConfigWithOptions(cdc, authtx.ConfigOptions{
		EnabledSignModes: authtx.DefaultSignModes,
		SigningContext:   registry.SigningContext(),
		SigningOptions:   &options,
	})
	if err != nil {
		return Config{}, fmt.Errorf("transaction codec: %w", err)
	}
	amino := codec.NewLegacyAmino()
	std.RegisterLegacyAminoCodec(amino)
	std.RegisterInterfaces(registry)
	return Config{InterfaceRegistry: registry, Codec: cdc, TxConfig: txConfig, Amino: amino}, nil
}
