package chainclient

import (
	"sync"

	"cosmossdk.io/log/v2"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"

	"github.com/opengradient/opengradient/app"
)

// Codecs are the codecs of the chain, with the types of every module registered.
type Codecs struct {
	Codec    codec.Codec
	Registry codectypes.InterfaceRegistry
	TxConfig client.TxConfig
}

var setPrefixes sync.Once

// LoadCodecs returns the codecs of the chain. It sets the SDK's global address prefixes to those of the chain.
func LoadCodecs() (Codecs, error) {
	setPrefixes.Do(app.SetAddressPrefixes)
	a, err := app.New(log.NewNopLogger(), dbm.NewMemDB(), nil, false, simtestutil.AppOptionsMap{})
	if err != nil {
		return Codecs{}, err
	}
	e := a.EncodingConfig()
	return Codecs{Codec: e.Codec, Registry: e.InterfaceRegistry, TxConfig: e.TxConfig}, nil
}
