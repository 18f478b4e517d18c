package proofchain

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/log/v2"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/light/provider"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/store/v2/rootmulti"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"

	"github.com/opengradient/opengradient/testutil/chaintest"
)

// Source answers as a node does: with headers and with values and their proofs.
type Source struct {
	*Headers
	query func(store string, key []byte, height int64) (value []byte, ops *cmtcrypto.ProofOps, err error)
}

// LightBlock gives a header, 0 for the last one.
func (s *Source) LightBlock(_ context.Context, height int64) (*cmttypes.LightBlock, error) {
	switch {
	case height == 0:
		return s.Block(s.Height()), nil
	case height > s.Height():
		return nil, provider.ErrHeightTooHigh
	default:
		return s.Block(height), nil
	}
}

// Value gives a value with its proof.
func (s *Source) Value(_ context.Context, store string, key []byte, height int64) ([]byte, *cmtcrypto.ProofOps, error) {
	return s.query(store, key, height)
}

// Of is a node of a test chain as it stands: every block so far, and the header of the next. The headers are signed by
// the validators of the chain, unless sets says otherwise.
func Of(t TB, c *chaintest.Chain, sets func(height int64) []Signer) *Source {
	t.Helper()
	if sets == nil {
		own := make([]Signer, len(c.Validators))
		for i, v := range c.Validators {
			own[i] = Signer{Key: v.Key, Power: v.Power}
		}
		sets = func(int64) []Signer { return own }
	}
	s := &Source{Headers: &Headers{ChainID: chaintest.ChainID, Sets: sets}}
	multi, ok := c.App.CommitMultiStore().(*rootmulti.Store)
	require.True(t, ok, "the stores of the application: %T", c.App.CommitMultiStore())
	s.Add(t, filler("genesis", 0))
	for height := int64(1); height <= c.Height(); height++ {
		hash := multi.LastCommitID().Hash
		if height < c.Height() {
			info, err := multi.GetCommitInfo(height)
			require.NoError(t, err)
			hash = info.Hash()
		}
		s.Add(t, hash)
	}
	s.query = func(store string, key []byte, height int64) ([]byte, *cmtcrypto.ProofOps, error) {
		res, err := c.App.Query(context.Background(), &abci.RequestQuery{Path: "/store/" + store + "/key", Data: key, Height: height, Prove: true})
		if err == nil && res.Code != 0 {
			err = fmt.Errorf("query of %s at height %d: %s", store, height, res.Log)
		}
		if err != nil {
			return nil, nil, err
		}
		return res.Value, res.ProofOps, nil
	}
	return s
}

// forgedHeight is that of a forged state: above all heights that records of the shared chain tell of.
const forgedHeight = 60

// Forged is a node of a chain whose validators have agreed on any state one likes: values by store and key. The state is
// that after the last block but one; before it there is nothing.
func Forged(t TB, chainID string, signers []Signer, values map[string]map[string][]byte) *Source {
	t.Helper()
	multi := rootmulti.NewStore(dbm.NewMemDB(), log.NewNopLogger())
	keys := make(map[string]*storetypes.KVStoreKey)
	for name := range values {
		keys[name] = storetypes.NewKVStoreKey(name)
		multi.MountStoreWithDB(keys[name], storetypes.StoreTypeIAVL, nil)
	}
	require.NoError(t, multi.LoadLatestVersion())
	s := &Source{Headers: &Headers{ChainID: chainID, Sets: func(int64) []Signer { return signers }}}
	s.Add(t, filler("genesis", 0))
	for range forgedHeight - 1 {
		s.Add(t, multi.Commit().Hash)
	}
	for name, pairs := range values {
		for key, value := range pairs {
			multi.GetKVStore(keys[name]).Set([]byte(key), value)
		}
	}
	s.Add(t, multi.Commit().Hash)
	s.query = func(store string, key []byte, height int64) ([]byte, *cmtcrypto.ProofOps, error) {
		res, err := multi.Query(&storetypes.RequestQuery{Path: "/" + store + "/key", Data: key, Height: height, Prove: true})
		if err != nil {
			return nil, nil, err
		}
		return res.Value, res.ProofOps, nil
	}
	return s
}
