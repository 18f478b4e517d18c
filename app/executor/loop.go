package executor

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/opengradient/opengradient/app/voteext"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// loop is the one goroutine that decides. What it holds is its own; a run lends
// the runner to another goroutine until its result is back.
type loop struct {
	*Executor
	runner runner
	cache  *resultCache

	// The last state that was read.
	operator string
	height   int64
	node     schedulingtypes.Node
	hasNode  bool
	models   [][]byte // those the chain holds as loaded
	duties   map[voteext.Key]Duty
	// stale is true while the last attempt to read committed state failed.
	stale bool

	// wanted are the duties that need an outcome, the most urgent first.
	wanted  []Duty
	retries map[voteext.Key]retry
	// sighted are the entries whose round was seen in committed state: once it is
	// gone, it is gone for good. An entry kept from before a restart may be ahead
	// of a state that is still being replayed.
	sighted map[voteext.Key]struct{}
	// reported are the attempts on which compare found committed state at odds with
	// what the node holds.
	reported map[voteext.Key]struct{}
	// idle is why no run may begin, as it was last reported; empty when one may.
	idle string

	active  *activeRun
	results chan runResult
	timer   <-chan time.Time
	timerAt time.Time

	admissions *admissions
	fetching   *fetching
	shelf      *shelf
	// background are the goroutines that try models and get files.
	background sync.WaitGroup
	// prepared is the progress in the next class that was reported last.
	prepared progress
}

// retry is what is known of the failed runs of a duty.
type retry struct {
	failures  int
	notBefore time.Time
	// over is true when the attempt is given up.
	over bool
}

// activeRun is the run under way, or the loading of a model ahead of any run.
type activeRun struct {
	duty Duty
	// warm is the model that is loaded; nil for a run.
	warm   *listed
	class  uint32
	cancel context.CancelFunc
	// unwanted is true once the run was stopped because nothing needs it.
	unwanted bool
}

type runResult struct {
	result computed
	err    error
}

func newLoop(e *Executor) *loop {
	return &loop{
		Executor: e,
		runner: runner{
			committed: e.opts.Committed,
			engine:    e.opts.Engine,
			files:     e.opts.Files,
			metrics:   e.opts.Metrics,
			loaded:    make(map[ModelID]struct{}),
		},
		cache:    newResultCache(),
		retries:  make(map[voteext.Key]retry),
		sighted:  make(map[voteext.Key]struct{}),
		reported: make(map[voteext.Key]struct{}),
		results:  make(chan runResult, 1),

		admissions: newAdmissions(e.opts.Provers),
		fetching:   newFetching(),
		shelf:      newShelf(),
	}
}

func (l *loop) run() {
	for {
		select {
		case <-l.ctx.Done():
			l.stop()
			return
		case answer := <-l.asks:
			answer <- l.report()
			continue
		case <-l.wake:
			l.observe()
		case r := <-l.results:
			l.finish(r)
		case r := <-l.admissions.results:
			l.finishTrial(r)
		case r := <-l.fetching.results:
			l.finishFetch(r)
		case <-l.timer:
			l.timer = nil
			if l.stale {
				l.observe()
			}
		}
		if l.ctx.Err() != nil {
			continue
		}
		l.settle()
	}
}

// settle brings what is running and what is said in line with what is known.
func (l *loop) settle() {
	l.plan()
	l.shelf.look(l.opts.Engine.Status(), l.admissions.models)
	for l.startNext() {
		l.plan()
	}
	l.startWarm()
	l.startTrial()
	l.startFetches()
	l.publish()
}

// stop ends what is under way and waits for it. The context of all of it has ended.
func (l *loop) stop() {
	l.background.Wait()
	if l.active != nil {
		l.active.cancel()
		<-l.results
		l.active = nil
	}
}

// publish makes what there is to say visible to vote extensions.
func (l *loop) publish() {
	pending := voteext.Pending{}
	for _, d := range l.duties {
		if s := l.judge(d); s.say {
			pending.Items = append(pending.Items, s.item)
		}
	}
	slices.SortFunc(pending.Items, func(a, b voteext.Item) int { return a.Compare(b.Key) })
	if l.hasNode && l.node.State != schedulingtypes.NODE_STATE_LEFT {
		var units uint64
		for _, d := range l.wanted {
			units += min(d.ComputeUnits, schedulingtypes.MaxCapacity)
		}
		engine := l.opts.Engine.Status()
		status := currentStatus(engine, l.node, len(l.wanted), units)
		status.ModelsReady, status.ModelsDropped = modelChanges(l.models, engine.Models)
		status.NextEnvironment = l.admissions.nextEnvironment(status.Environment)
		if statusDue(l.node, status, l.height) {
			pending.Status = &status
		}
		pending.Models = l.admissions.words()
	}
	l.pending.Store(&pending)
}
