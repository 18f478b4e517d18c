package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	coretypes "github.com/cometbft/cometbft/rpc/core/types"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	txtypes "github.com/cosmos/cosmos-sdk/types/tx"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
)

// TestASearchReadsTheInjectedCommit decodes the first entry of a block as the SDK's transaction service does.
func TestASearchReadsTheInjectedCommit(t *testing.T) {
	encoding, err := app.MakeEncodingConfig()
	require.NoError(t, err)
	raw, err := proposal.Encode(abcitypes.InjectedCommit{Version: proposal.Version, Entries: make([]abcitypes.InjectedEntry, 4)})
	require.NoError(t, err)
	_, err = encoding.TxConfig.TxDecoder()(raw)
	require.Error(t, err, "the chain itself takes it for no transaction")

	config := app.SearchTxConfig(encoding.TxConfig)
	tx, err := config.TxDecoder()(raw)
	require.NoError(t, err)
	require.Empty(t, tx.GetMsgs())
	whole, ok := tx.(interface{ GetProtoTx() *txtypes.Tx })
	require.True(t, ok)
	require.NotNil(t, whole.GetProtoTx().Body)
	packed, ok := tx.(interface{ AsAny() *codectypes.Any })
	require.True(t, ok)
	response := sdk.NewResponseResultTx(&coretypes.ResultTx{Height: 3}, packed.AsAny(), "2026-01-01T00:00:00Z")
	_, err = encoding.Codec.MarshalJSON(response)
	require.NoError(t, err)

	_, err = config.TxDecoder()([]byte{0x00, 'x'})
	require.Error(t, err)
}
