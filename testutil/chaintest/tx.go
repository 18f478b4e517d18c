package chaintest

import (
	"math/rand"

	"github.com/stretchr/testify/require"

	cryptotypes "github.com/cosmos/cosmos-sdk/crypto/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// TxGas is the gas limit of transactions made by Tx.
const TxGas = 50_000_000

// Tx signs a transaction of the account with the sequence number that committed state holds, plus ahead.
func (c *Chain) Tx(account Account, ahead uint64, msgs ...sdk.Msg) []byte {
	c.t.Helper()
	a := c.App.AccountKeeper.GetAccount(c.Ctx(), account.Address)
	require.NotNil(c.t, a)
	config := c.App.EncodingConfig().TxConfig
	//nolint:gosec // The source only fills the memo of a test transaction.
	tx, err := simtestutil.GenSignedMockTx(rand.New(rand.NewSource(1)), config, msgs, sdk.NewCoins(), TxGas, ChainID,
		[]uint64{a.GetAccountNumber()}, []uint64{a.GetSequence() + ahead}, cryptotypes.PrivKey(account.Key))
	require.NoError(c.t, err)
	raw, err := config.TxEncoder()(tx)
	require.NoError(c.t, err)
	return raw
}
