// Package chaintest drives the real application through ABCI, block by block, in one process and without
// networking or workers. Tests choose what each validator puts in its vote extension.
package chaintest

import (
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/log/v2"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/tmhash"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/proposal"
)

// ChainID is the chain id of every test chain.
const ChainID = "chaintest-1"

// TB is what the package needs of *testing.T, *testing.B or *rapid.T.
type TB interface {
	require.TestingT
	Helper()
}

// Validator is a validator of a test chain, with the key it signs vote extensions with.
type Validator struct {
	Key      ed25519.PrivKey
	Power    int64
	Operator sdk.ValAddress
}

// Options say what a chain is made of. The zero value is four validators of equal power and one funded account.
type Options struct {
	// Powers are the consensus powers, one per validator.
	Powers []int64
	// Accounts is the number of funded accounts.
	Accounts int
	// AppOptions are given to the application and to every follower.
	AppOptions simtestutil.AppOptionsMap
	// Followers adds applications that execute the same blocks with other options, one per entry.
	Followers []simtestutil.AppOptionsMap
	// Edit changes the genesis before the chain starts.
	Edit func(state map[string]json.RawMessage)
	// Consensus changes the consensus parameters of the genesis.
	Consensus func(p *cmtproto.ConsensusParams)
	// DB is the database of the application, one in memory when nil.
	DB dbm.DB
	// BaseAppOptions are given to the application and to every follower.
	BaseAppOptions []func(*baseapp.BaseApp)
}

// Extender gives the vote extension of validator i for the block at height, which has just been committed.
type Extender func(i int, height int64) []byte

// Chain is a running test chain.
type Chain struct {
	App        *app.App
	Followers  []*app.App
	Validators []Validator
	Accounts   []Account
	// Extend gives the vote extensions of the next blocks; nil means empty ones.
	Extend Extender
	// Absent lists the validators that do not precommit.
	Absent map[int]bool

	t         TB
	height    int64
	now       time.Time
	consensus *cmtproto.ConsensusParams
	extended  abci.ExtendedCommitInfo
	// injected is the first transaction of the last block.
	injected []byte
	// last is the last block, as applications execute it.
	last *abci.RequestFinalizeBlock
}

// Account is a funded account.
type Account struct {
	Key     *secp256k1.PrivKey
	Address sdk.AccAddress
}

func validatorKey(i int) ed25519.PrivKey { return ed25519.GenPrivKeyFromSecret([]byte{'v', byte(i)}) }

// AccountOf is funded account i of every test chain that has so many.
func AccountOf(i int) Account {
	key := secp256k1.GenPrivKeyFromSecret([]byte{'a', byte(i)})
	return Account{Key: key, Address: sdk.AccAddress(key.PubKey().Address())}
}

// Operator is the operator address of validator i of every test chain.
func Operator(i int) sdk.ValAddress { return sdk.ValAddress(validatorKey(i).PubKey().Address()) }

// New starts a chain.
func New(t TB, opts Options) *Chain {
	t.Helper()
	if len(opts.Powers) == 0 {
		opts.Powers = []int64{10, 10, 10, 10}
	}
	c := &Chain{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), consensus: ConsensusParams(), Absent: map[int]bool{}}
	if opts.Consensus != nil {
		opts.Consensus(c.consensus)
	}
	for i, p := range opts.Powers {
		c.Validators = append(c.Validators, Validator{Key: validatorKey(i), Power: p, Operator: Operator(i)})
	}
	for i := range max(opts.Accounts, 1) {
		c.Accounts = append(c.Accounts, AccountOf(i))
	}
	if opts.DB == nil {
		opts.DB = dbm.NewMemDB()
	}
	c.App = newApp(t, opts.DB, opts.AppOptions, opts.BaseAppOptions)
	for _, o := range opts.Followers {
		c.Followers = append(c.Followers, newApp(t, dbm.NewMemDB(), o, opts.BaseAppOptions))
	}
	state := c.genesis()
	if opts.Edit != nil {
		opts.Edit(state)
	}
	raw, err := json.Marshal(state)
	require.NoError(t, err)
	c.initChain(raw, 1)
	return c
}

// Import starts a chain from an exported state, with the validators and accounts of the chain it came from, in a new
// application and in each of the followers, which are empty.
func (c *Chain) Import(state json.RawMessage, initialHeight int64, followers ...*app.App) *Chain {
	c.t.Helper()
	next := &Chain{
		App: newApp(c.t, dbm.NewMemDB(), nil, nil), Followers: followers, Validators: c.Validators, Accounts: c.Accounts,
		t: c.t, now: c.now, consensus: c.consensus, Absent: map[int]bool{},
	}
	next.initChain(state, initialHeight)
	return next
}

func newApp(t TB, db dbm.DB, o simtestutil.AppOptionsMap, extra []func(*baseapp.BaseApp)) *app.App {
	if o == nil {
		o = simtestutil.AppOptionsMap{}
	}
	a, err := app.New(log.NewNopLogger(), db, nil, true, o, append([]func(*baseapp.BaseApp){baseapp.SetChainID(ChainID)}, extra...)...)
	require.NoError(t, err)
	return a
}

// ConsensusParams are the consensus parameters of test chains.
func ConsensusParams() *cmtproto.ConsensusParams {
	p := cmttypes.DefaultConsensusParams()
	p.Block.MaxBytes = app.DefaultBlockMaxBytes
	p.Block.MaxGas = app.DefaultBlockMaxGas
	out := p.ToProto()
	return &out
}

func (c *Chain) initChain(state json.RawMessage, initialHeight int64) {
	c.t.Helper()
	for _, a := range c.apps() {
		_, err := a.InitChain(&abci.RequestInitChain{
			ChainId: ChainID, Time: c.now, InitialHeight: initialHeight, ConsensusParams: c.consensus, AppStateBytes: state,
		})
		require.NoError(c.t, err)
	}
	c.height = initialHeight - 1
}

func (c *Chain) apps() []*app.App { return append([]*app.App{c.App}, c.Followers...) }

// Height is the height of the last block.
func (c *Chain) Height() int64 { return c.height }

// LastBlock is the last block, as applications execute it.
func (c *Chain) LastBlock() *abci.RequestFinalizeBlock { return c.last }

// Ctx returns a context over the committed state.
func (c *Chain) Ctx() sdk.Context {
	c.t.Helper()
	ctx, err := c.App.CreateQueryContext(0, false)
	require.NoError(c.t, err)
	return ctx
}

// Next prepares, processes, executes and commits one block, in every application, and requires that all of them
// reach the same application hash and results.
func (c *Chain) Next(txs ...[]byte) *abci.ResponseFinalizeBlock {
	c.t.Helper()
	c.height++
	c.now = c.now.Add(time.Second)
	proposer := c.Validators[0].Key.PubKey().Address()
	prepared, err := c.App.PrepareProposal(&abci.RequestPrepareProposal{
		Height: c.height, Time: c.now, MaxTxBytes: 4 << 20, Txs: txs, LocalLastCommit: c.extended, ProposerAddress: proposer,
	})
	require.NoError(c.t, err)
	return c.Apply(prepared.Txs)
}

// Apply processes, executes and commits a block with exactly these transactions.
func (c *Chain) Apply(txs [][]byte) *abci.ResponseFinalizeBlock {
	c.t.Helper()
	last := lastCommit(c.extended)
	hash := tmhash.Sum(append([]byte{byte(c.height)}, flatten(txs)...))
	proposer := c.Validators[0].Key.PubKey().Address()
	c.last = &abci.RequestFinalizeBlock{
		Height: c.height, Time: c.now, Txs: txs, DecidedLastCommit: last, Hash: hash, ProposerAddress: proposer,
	}
	var first *abci.ResponseFinalizeBlock
	for _, a := range c.apps() {
		processed, err := a.ProcessProposal(&abci.RequestProcessProposal{
			Height: c.height, Time: c.now, Txs: txs, ProposedLastCommit: last, Hash: hash, ProposerAddress: proposer,
		})
		require.NoError(c.t, err)
		require.Equal(c.t, abci.ResponseProcessProposal_ACCEPT, processed.Status, "block %d", c.height)
		resp, err := a.FinalizeBlock(c.last)
		require.NoError(c.t, err)
		_, err = a.Commit()
		require.NoError(c.t, err)
		if first == nil {
			first = resp
			continue
		}
		require.Equal(c.t, first.AppHash, resp.AppHash, "application hash of block %d", c.height)
		require.Equal(c.t, resultsHash(first), resultsHash(resp), "results hash of block %d", c.height)
	}
	c.injected = nil
	if len(txs) > 0 {
		c.injected = txs[0]
	}
	c.extended = c.precommits()
	return first
}

// precommits are the votes for the block just committed, with their extensions.
func (c *Chain) precommits() abci.ExtendedCommitInfo {
	var info abci.ExtendedCommitInfo
	for i, v := range c.Validators {
		vote := abci.ExtendedVoteInfo{
			Validator:   abci.Validator{Address: v.Key.PubKey().Address(), Power: v.Power},
			BlockIdFlag: cmtproto.BlockIDFlagAbsent,
		}
		if !c.Absent[i] {
			vote.BlockIdFlag = cmtproto.BlockIDFlagCommit
			if c.Extend != nil {
				vote.VoteExtension = c.Extend(i, c.height)
			}
			vote.ExtensionSignature = c.sign(v, vote.VoteExtension)
		}
		info.Votes = append(info.Votes, vote)
	}
	return info
}

func (c *Chain) sign(v Validator, extension []byte) []byte {
	c.t.Helper()
	b, err := proposal.ExtensionSignBytes(extension, c.height, 0, ChainID)
	require.NoError(c.t, err)
	sig, err := v.Key.Sign(b)
	require.NoError(c.t, err)
	return sig
}

func lastCommit(ec abci.ExtendedCommitInfo) abci.CommitInfo {
	out := abci.CommitInfo{Round: ec.Round}
	for _, v := range ec.Votes {
		out.Votes = append(out.Votes, abci.VoteInfo{Validator: v.Validator, BlockIdFlag: v.BlockIdFlag})
	}
	return out
}

func resultsHash(resp *abci.ResponseFinalizeBlock) []byte {
	return cmttypes.NewResults(resp.TxResults).Hash()
}

func flatten(txs [][]byte) []byte {
	var out []byte
	for _, tx := range txs {
		out = append(out, tx...)
	}
	return out
}
