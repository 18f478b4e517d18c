package app

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	abci "github.com/cometbft/cometbft/abci/types"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/modelstore"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// duty is the node-local side of the application: what it says in vote extensions and, once it was started, the
// executor behind that. Nothing in it alters what a block computes.
type duty struct {
	app    *App
	home   string
	config executor.Config
	models modelstore.Config
	// store opens the store of model files when it is first asked for: not every command that builds the application runs a
	// node.
	store  func() (*modelstore.Store, error)
	extend *voteext.Handler
	seen   voteext.SeenCache
	// running is nil until the duty is started.
	running   atomic.Pointer[runningDuty]
	proposals proposals
}

// runningDuty is a duty at work.
type runningDuty struct {
	consensus sdk.ConsAddress
	executor  *executor.Executor
	stop      func()
}

func newDuty(app *App, appOpts servertypes.AppOptions) (*duty, error) {
	config, err := executor.ReadConfig(appOpts)
	if err != nil {
		return nil, err
	}
	models, err := modelstore.ReadConfig(appOpts)
	if err != nil {
		return nil, err
	}
	d := &duty{app: app, home: homeFolder(appOpts), config: config, models: models}
	d.store = sync.OnceValues(d.openStore)
	d.extend = voteext.NewHandler(d, &d.seen, app.Logger())
	return d, nil
}

// Pending implements voteext.Source.
func (d *duty) Pending() voteext.Pending {
	if r := d.running.Load(); r != nil {
		return r.executor.Pending()
	}
	return voteext.Pending{}
}

// accepted remembers what the accepted block carries of this node's own words, and how they stand among those of
// the others, so that its vote on that very block neither repeats them nor waits with bytes that are asked for. The
// block is genuine, what stands in the extensions is anybody's claim; nothing in it may cost the vote on the block.
func (d *duty) accepted(req *abci.RequestProcessProposal, injected *abcitypes.InjectedCommit) {
	defer func() {
		if r := recover(); r != nil {
			d.app.Logger().Error("reading the vote extensions of a block panicked", "height", req.Height, "panic", r)
		}
	}()
	d.proposals.checked(req.Height)
	r := d.running.Load()
	if r == nil || injected == nil {
		return
	}
	address := r.consensus
	if len(address) == 0 {
		address = d.consensusOf(d.config.Operator)
	}
	own := slices.IndexFunc(req.ProposedLastCommit.Votes, func(v abci.VoteInfo) bool {
		return len(address) > 0 && bytes.Equal(v.Validator.Address, address)
	})
	if own < 0 {
		return
	}
	words := make(map[voteext.Key]verificationtypes.Outcome)
	for _, item := range r.executor.Pending().Items {
		if len(item.Contested)+len(item.Output) > 0 {
			words[item.Key] = item.Outcome
		}
	}
	d.seen.Put(req.Hash, voteext.Inspect(*injected, own, words))
}

// consensusOf is the address of the consensus key that an operator has in committed state; nil when that cannot be told. A
// node with a remote signer has no key file to take it from.
func (d *duty) consensusOf(operator string) sdk.ConsAddress {
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil || d.app.LastBlockHeight() == 0 {
		return nil
	}
	ctx, err := d.app.CreateQueryContext(0, false)
	if err != nil {
		return nil
	}
	validator, err := d.app.StakingKeeper.GetValidator(ctx, address)
	if err != nil {
		return nil
	}
	consensus, err := validator.GetConsAddr()
	if err != nil {
		return nil
	}
	return consensus
}

// syncing tells whether the executor has to wait: committed state is not what the node may answer to yet.
func (d *duty) syncing() bool { return d.proposals.behind(d.app.LastBlockHeight()) }

// proposals are the heights of the proposals that this process checked itself; 0 for none.
type proposals struct{ first, last atomic.Int64 }

func (p *proposals) checked(height int64) {
	p.first.CompareAndSwap(0, height)
	p.last.Store(height)
}

// behind tells whether the state after a block is too old to answer to. It is while the node fetches old blocks: it commits
// blocks whose proposals it never checked. And it is until the second block after the start: what an earlier process of
// this validator signed last, perhaps with an outbox or a worker that is no longer there, is in that block or in none. From
// then on state shows all that the validator ever said, so that a second outcome for an attempt cannot come about.
func (p *proposals) behind(committed int64) bool {
	return p.last.Load() < committed || committed <= p.first.Load()
}

// commitListener wakes the executor and the calls that wait after each commit. It is called inside Commit, so it only
// signals.
type commitListener struct{ duty *duty }

var _ storetypes.ABCIListener = commitListener{}

// ListenFinalizeBlock implements storetypes.ABCIListener.
func (commitListener) ListenFinalizeBlock(context.Context, abci.RequestFinalizeBlock, abci.ResponseFinalizeBlock) error {
	return nil
}

// ListenCommit implements storetypes.ABCIListener.
func (l commitListener) ListenCommit(context.Context, abci.ResponseCommit, []*storetypes.StoreKVPair) error {
	if r := l.duty.running.Load(); r != nil {
		r.executor.Wake()
	}
	l.duty.app.waiters.Wake()
	return nil
}

// listen adds the listener to those that the configuration asks for.
func (d *duty) listen() {
	manager := d.app.StreamingManager()
	manager.ABCIListeners = append(manager.ABCIListeners, commitListener{duty: d})
	d.app.SetStreamingManager(manager)
}

func (d *duty) close() {
	if r := d.running.Swap(nil); r != nil {
		r.stop()
	}
}
