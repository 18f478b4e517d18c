package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opengradient/opengradient/app/voteext"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	// walkBlocks is the pause between two walks over the models in use.
	walkBlocks = 16
	// maxQueued is the number of tasks at the head of the queue whose models are looked at.
	maxQueued = 256
	// crashesToSay is how often in a row a model ends the engine before that is said of it.
	crashesToSay = 2
)

// errOtherRoot: the chain holds another root of this node than it found now.
var errOtherRoot = errors.New("the chain holds another root of this node")

// admissions is the node's part in the admission of models. It belongs to the loop; a trial lends the engine of a prover
// to another goroutine until its result is back.
type admissions struct {
	// provers are in the order of precedence: the class that requests run in first.
	provers []*prover
	// models are those that wait for a verdict and those in use.
	models map[ModelID]listed
	// queued are the models of the tasks at the head of the queue.
	queued []ModelID
	// walked is the height after which the models in use were walked last.
	walked    int64
	maxOutput uint64

	active  *activeTrial
	results chan trialResult
}

// activeTrial is the trial under way.
type activeTrial struct {
	prover *prover
	model  listed
	index  uint32
	cancel context.CancelFunc
	// preempted is true once it was stopped for a request.
	preempted bool
}

type trialResult struct {
	found finding
	err   error
}

func newAdmissions(provers []Prover) *admissions {
	a := &admissions{models: make(map[ModelID]listed), results: make(chan trialResult, 1)}
	for _, p := range provers {
		a.provers = append(a.provers, newProver(p))
	}
	return a
}

// read reads what committed state holds of the models: those that wait for a verdict with every block, those in use every
// walkBlocks blocks and when a class changed.
func (a *admissions) read(view View, operator string) (contradictions []error, err error) {
	walk := a.walked == 0 || view.Height() >= a.walked+walkBlocks
	for _, p := range a.provers {
		changed, err := p.readClass(view)
		if err != nil {
			return nil, err
		}
		walk = walk || changed
	}
	if a.queued, err = view.QueuedModels(maxQueued); err != nil {
		return nil, fmt.Errorf("models in the queue: %w", err)
	}
	models, err := a.list(view, walk)
	if err != nil {
		return nil, err
	}
	fresh := a.replace(models)
	if walk {
		if a.maxOutput, err = view.MaxGoldenOutput(); err != nil {
			return nil, fmt.Errorf("parameters of models: %w", err)
		}
	}
	for _, p := range a.provers {
		if p.index == 0 {
			continue
		}
		for id, m := range a.models {
			_, proven := p.proven[id]
			_, found := p.found[id]
			_, isNew := fresh[id]
			if !found && (proven || !walk && !isNew && !m.admitting()) {
				continue
			}
			if err := p.readProof(view, operator, id); errors.Is(err, errOtherRoot) {
				contradictions = append(contradictions, err)
			} else if err != nil {
				return contradictions, err
			}
		}
		p.order(a.models)
	}
	if walk {
		a.walked = view.Height()
	}
	return contradictions, nil
}

// list is the models to follow.
func (a *admissions) list(view View, walk bool) (map[ModelID]listed, error) {
	models := make(map[ModelID]listed, len(a.models))
	add := func(id ModelID) error {
		model, ok, err := view.Model(id)
		if err != nil {
			return fmt.Errorf("model %s: %w", id, err)
		}
		if m := newListed(id, model); ok && (m.admitting() || m.Usable()) {
			models[id] = m
		}
		return nil
	}
	admitting, err := view.ModelsWith(modelstypes.MODEL_STATUS_ADMITTING)
	if err != nil {
		return nil, fmt.Errorf("models that wait for a verdict: %w", err)
	}
	for _, id := range admitting {
		if err := add(id); err != nil {
			return nil, err
		}
	}
	if !walk {
		for id, m := range a.models {
			if _, ok := models[id]; ok {
				continue
			}
			if !m.admitting() {
				models[id] = m
			} else if err := add(id); err != nil { // its admission is over
				return nil, err
			}
		}
		return models, nil
	}
	for _, status := range []modelstypes.ModelStatus{modelstypes.MODEL_STATUS_ACTIVE, modelstypes.MODEL_STATUS_DEPRECATED} {
		ids, err := view.ModelsWith(status)
		if err != nil {
			return nil, fmt.Errorf("models in use: %w", err)
		}
		for _, id := range ids {
			if m, ok := a.models[id]; ok && m.Usable() {
				m.Status = status // nothing else of it changes
				models[id] = m
			} else if err := add(id); err != nil {
				return nil, err
			}
		}
	}
	return models, nil
}

// replace takes the models over and forgets what was found out about those that are gone, or were registered anew. It
// gives those that were not followed before.
func (a *admissions) replace(models map[ModelID]listed) (fresh map[ModelID]struct{}) {
	fresh = make(map[ModelID]struct{})
	for id, old := range a.models {
		if m, ok := models[id]; ok && m.follows(old) {
			continue
		}
		for _, p := range a.provers {
			p.forget(id)
		}
		delete(a.models, id)
	}
	for id := range models {
		if _, ok := a.models[id]; !ok {
			fresh[id] = struct{}{}
		}
	}
	a.models = models
	return fresh
}

// order lists the models that are to be tried.
func (p *prover) order(models map[ModelID]listed) {
	p.pending = p.pending[:0]
	for id, m := range models {
		if !p.settled(id) {
			p.pending = append(p.pending, m)
		}
	}
	slices.SortFunc(p.pending, compareTrials)
}

// progress counts the models in use, and those of them that the chain holds a root of.
func (a *admissions) progress(p *prover) (done progress) {
	for id, m := range a.models {
		if m.admitting() {
			continue
		}
		done.total++
		if _, ok := p.proven[id]; ok {
			done.proven++
		}
	}
	return done
}

// words are what the node has to say of models: those that wait for a verdict first.
func (a *admissions) words() []modelstypes.ModelAttestation {
	var words []modelstypes.ModelAttestation
	for _, p := range a.provers {
		words = append(words, p.words(a.models, a.maxOutput)...)
	}
	slices.SortFunc(words, func(x, y modelstypes.ModelAttestation) int {
		return cmp.Or(
			compareTrials(a.models[ModelID(x.Model)], a.models[ModelID(y.Model)]),
			cmp.Compare(x.EnvironmentClass, y.EnvironmentClass),
		)
	})
	return words[:min(len(words), voteext.MaxModels)]
}

// nextEnvironment is the class that the node prepares for, while the chain has to be told of it.
func (a *admissions) nextEnvironment(current *schedulingtypes.EnvironmentClass) *schedulingtypes.EnvironmentClass {
	for _, p := range a.provers {
		class := p.Engine.Status().Environment
		if p.Next && class != nil && class.Validate() == nil && !voteext.SameEnvironment(class, current) &&
			(p.index == 0 || !voteext.SameEnvironment(class, &p.class)) {
			return class
		}
	}
	return nil
}

// startTrial begins the most urgent trial that may begin. Requests come first on an engine that runs them too.
func (l *loop) startTrial() {
	a := l.admissions
	busy := l.active != nil || len(l.wanted) > 0
	if a.active != nil {
		if busy && a.active.prover.Shared && !a.active.preempted {
			a.active.preempted = true
			a.active.cancel()
		}
		return
	}
	if l.operator == "" || !l.hasNode || l.node.State == schedulingtypes.NODE_STATE_LEFT {
		return
	}
	for _, p := range a.provers {
		status := p.Engine.Status()
		if p.index == 0 || !status.Ready || p.Shared && busy || p.Next && p.index == a.provers[0].index {
			continue
		}
		for _, m := range p.pending {
			if p.settled(m.id) || p.retries[m.id].notBefore.After(l.opts.Clock.Now()) {
				continue
			}
			if m.IsReference() && m.fits(status) && !l.fetching.has(m.id) {
				continue
			}
			l.beginTrial(p, m)
			return
		}
	}
}

// beginTrial tries a model in a goroutine of its own.
func (l *loop) beginTrial(p *prover, m listed) {
	ctx, cancel := context.WithCancel(l.ctx)
	l.admissions.active = &activeTrial{prover: p, model: m, index: p.index, cancel: cancel}
	t := trial{committed: l.opts.Committed, files: l.opts.Files, engine: p.Engine, alone: !p.Shared, timeout: p.Timeout}
	class := p.class
	l.background.Add(1)
	go func() {
		defer l.background.Done()
		defer cancel()
		found, err := t.run(ctx, m, class)
		l.admissions.results <- trialResult{found, err}
	}()
}

// finishTrial takes the result of the trial under way.
func (l *loop) finishTrial(r trialResult) {
	active := l.admissions.active
	l.admissions.active = nil
	p, m := active.prover, active.model
	now, ok := l.admissions.models[m.id]
	if active.preempted && r.err != nil || p.index != active.index || !ok || !now.follows(m) {
		return // nobody stopped it for its own sake, or nobody wants it any more
	}
	if r.err == nil {
		l.take(p, m, r.found)
		return
	}
	retries := p.retries[m.id]
	if !errors.Is(r.err, ErrCrashed) {
		retries.crashes = 0
	} else if retries.crashes++; retries.crashes >= crashesToSay {
		l.take(p, m, finding{failure: modelstypes.MODEL_FAILURE_CRASH, detail: r.err.Error()})
		return
	}
	if errors.Is(r.err, errNoFile) {
		l.fetching.lost(m.id)
	}
	retries.failures++
	delay := trialDelay(retries.failures)
	retries.notBefore = l.opts.Clock.Now().Add(delay)
	p.retries[m.id] = retries
	l.opts.Metrics.Count(EventTrialRetry)
	l.opts.Logger.Error("a model could not be tried; it is tried again", "model", m.id.String(), "class", p.index,
		"failures", retries.failures, "delay", delay.String(), "error", r.err)
}

// take keeps what a trial found out.
func (l *loop) take(p *prover, m listed, found finding) {
	delete(p.retries, m.id)
	if len(found.outputs) > voteext.MaxGoldenOutput {
		found.outputs = nil // they can never be shown
	}
	p.found[m.id] = found
	l.opts.Metrics.Count(EventTrial)
	if found.failure == modelstypes.MODEL_FAILURE_NONE {
		l.opts.Logger.Info("a model was tried", "model", m.id.String(), "name", m.Name, "class", p.index, "root", fmt.Sprintf("%x", found.root))
		return
	}
	l.opts.Metrics.Count(EventTrialFailure)
	l.opts.Logger.Info("a model was tried and failed", "model", m.id.String(), "name", m.Name, "class", p.index,
		"failure", found.failure.String(), "detail", found.detail)
}

const (
	firstTrialRetry = time.Second
	lastTrialRetry  = 5 * time.Minute
)

// trialDelay is the pause after the trials, or fetches, that came to nothing, counted from 1.
func trialDelay(failures int) time.Duration {
	return doubled(firstTrialRetry, lastTrialRetry, failures)
}
