package app

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"

	abci "github.com/cometbft/cometbft/abci/types"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/app/voteext"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// duty is the node-local side of the application: what it says in vote extensions and, once it was started, the
// executor behind that. Nothing in it alters what a block computes.
type duty struct {
	app    *App
	home   string
	config executor.Config
	extend *voteext.Handler
	seen   voteext.SeenCache
	// running is nil until the duty is started.
	running atomic.Pointer[runningDuty]
	// processed is the height of the last proposal this node checked itself. It lags behind the committed
	// height while the node fetches old blocks.
	processed atomic.Int64
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
	d := &duty{app: app, home: homeFolder(appOpts), config: config}
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
	d.processed.Store(req.Height)
	r := d.running.Load()
	if r == nil || injected == nil {
		return
	}
	own := slices.IndexFunc(req.ProposedLastCommit.Votes, func(v abci.VoteInfo) bool {
		return bytes.Equal(v.Validator.Address, r.consensus)
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

// syncing tells whether the node fetches old blocks: it commits blocks whose proposals it never checked.
func (d *duty) syncing() bool { return d.processed.Load() < d.app.LastBlockHeight() }

// commitListener wakes the executor after each commit. It is called inside Commit, so it only signals.
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
