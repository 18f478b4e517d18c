package executor

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/opengradient/opengradient/app/nodeapi"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Models is what the node holds of models and does with them, but for the files on disk. It fails when the executor is not
// at work, or when the context ends before it answers.
func (e *Executor) Models(ctx context.Context) (nodeapi.Models, error) {
	answer := make(chan nodeapi.Models, 1)
	select {
	case e.asks <- answer:
		return <-answer, nil
	case <-e.ctx.Done():
		return nodeapi.Models{}, errors.New("the inference duty has ended")
	case <-ctx.Done():
		return nodeapi.Models{}, fmt.Errorf("the inference duty does not answer: %w", context.Cause(ctx))
	}
}

// report is the answer to a question for the models.
func (l *loop) report() nodeapi.Models {
	serving := l.opts.Engine.Status()
	l.shelf.look(serving, l.admissions.models)
	document := nodeapi.Models{
		Operator: l.operator, Height: l.height, Ready: serving.Ready, Error: serving.LastError,
		BudgetBytes: serving.ModelBudget, UsedBytes: l.shelf.taken(), Models: []nodeapi.Model{},
	}
	index := uint32(0)
	if len(l.admissions.provers) > 0 {
		index = l.admissions.provers[0].index
	}
	document.Environment = named(serving.Environment, index)
	demand := l.demand()
	for id := range l.everyModel() {
		document.Models = append(document.Models, l.describe(id, slices.Contains(demand, id)))
	}
	slices.SortFunc(document.Models, func(a, b nodeapi.Model) int { return cmp.Compare(a.SHA256, b.SHA256) })
	for _, p := range l.admissions.provers {
		if p.Next {
			status := p.Engine.Status()
			done := l.admissions.progress(p)
			document.Next = &nodeapi.Preparation{
				Environment: named(status.Environment, p.index), Ready: status.Ready, Error: status.LastError,
				Proven: done.proven, Total: done.total,
			}
		}
	}
	return document
}

func named(class *schedulingtypes.EnvironmentClass, index uint32) *nodeapi.Environment {
	if class == nil {
		return nil
	}
	return &nodeapi.Environment{
		Index: index, RuntimeVersion: class.RuntimeVersion, LibrarySHA256: hex.EncodeToString(class.LibrarySha256),
		Provider: class.Provider, Profile: class.Profile, ISA: class.Isa,
	}
}

// everyModel are the models that the node follows or holds.
func (l *loop) everyModel() map[ModelID]struct{} {
	models := make(map[ModelID]struct{}, len(l.admissions.models))
	for id := range l.admissions.models {
		models[id] = struct{}{}
	}
	for id := range l.shelf.held {
		models[id] = struct{}{}
	}
	return models
}

func (l *loop) describe(id ModelID, pinned bool) nodeapi.Model {
	d := nodeapi.Model{SHA256: id.String(), Pinned: pinned, MemoryBytes: l.shelf.charges[id]}
	if m, ok := l.admissions.models[id]; ok {
		d.Name, d.Version, d.Status = m.Name, m.Version, m.Status.Word()
		d.SizeBytes, d.MemoryBytes, d.Reference = m.Size_, m.charge(), m.IsReference()
	}
	if used, ok := l.shelf.uses[id]; ok {
		at := used.at.UTC()
		d.LastUsed = &at
	}
	d.State = l.stateOf(id)
	if len(l.admissions.provers) == 0 {
		return d
	}
	serving := l.admissions.provers[0]
	if found, ok := serving.found[id]; ok {
		d.OutputRoot, d.Failure, d.Detail = hex.EncodeToString(found.root), found.failure.Reason(), found.detail
	} else if failure, ok := serving.said[id]; ok {
		d.Failure = failure.Reason()
	}
	return d
}

// stateOf is what the node does with a model now, as to the class that requests run in.
func (l *loop) stateOf(id ModelID) nodeapi.State {
	if l.active != nil && l.active.warm != nil && l.active.warm.id == id {
		return nodeapi.StateLoading
	}
	if l.shelf.holds(id) {
		return nodeapi.StateLoaded
	}
	if _, ok := l.fetching.active[id]; ok {
		return nodeapi.StateFetching
	}
	if len(l.admissions.provers) == 0 {
		return nodeapi.StateWaiting
	}
	p := l.admissions.provers[0]
	if a := l.admissions.active; a != nil && a.prover == p && a.model.id == id {
		return nodeapi.StateAdmitting
	}
	_, proven := p.proven[id]
	switch found, mine := p.found[id]; {
	case mine && found.failure != modelstypes.MODEL_FAILURE_NONE,
		l.fetching.retries[id].failures > 0, p.retries[id].failures > 0, l.shelf.retries[id].failures > 0:
		return nodeapi.StateFailed
	case mine, proven:
		return nodeapi.StateProven
	case p.settled(id):
		return nodeapi.StateFailed
	}
	return nodeapi.StateWaiting
}

// progress is how many of the models in use are proven in a class.
type progress struct{ proven, total int }

// measure tells the levels, and how far the next class is prepared when that changed.
func (l *loop) measure() {
	l.shelf.look(l.opts.Engine.Status(), l.admissions.models)
	l.opts.Metrics.Measure(LevelLoaded, uint64(len(l.shelf.held)))
	l.opts.Metrics.Measure(LevelLoadedSize, l.shelf.taken())
	for i, p := range l.admissions.provers {
		if i == 0 {
			l.opts.Metrics.Measure(LevelUntried, uint64(len(p.pending)))
		}
		if !p.Next || p.index == 0 || p.index == l.admissions.provers[0].index {
			continue
		}
		now := l.admissions.progress(p)
		l.opts.Metrics.Measure(LevelNextProven, uint64(now.proven))
		l.opts.Metrics.Measure(LevelNextTotal, uint64(now.total))
		if now == l.prepared {
			continue
		}
		l.prepared = now
		l.opts.Logger.Info("models in use proven in the next environment class", "class", p.index, "proven", now.proven, "of", now.total)
	}
}
