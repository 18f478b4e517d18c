package executor

import (
	"cmp"
	"errors"
	"slices"
	"time"

	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// shelf is what the serving engine holds, and what it is to hold. It belongs to the loop: which model makes room for which
// is the node's decision. A model that requests wait for takes the place of those used longest ago; a model that is loaded
// ahead of any request takes free room only.
type shelf struct {
	// charges are the bytes that the models held are counted with. Those that the node knows nothing of, on a server that
	// others use as well, are not its to unload.
	charges map[ModelID]uint64
	// uses tell when models were used last, also before the engine was restarted.
	uses  map[ModelID]use
	count uint64
	// retries are the models that could not be loaded.
	retries map[ModelID]retry
	// order are the proven models, the one used last first, then the one admitted last.
	order []listed

	// engine and held are the serving engine as it was last looked at.
	engine EngineStatus
	held   map[ModelID]struct{}
}

// use is the last use of a model.
type use struct {
	number uint64
	at     time.Time
}

func newShelf() *shelf {
	return &shelf{charges: make(map[ModelID]uint64), uses: make(map[ModelID]use), retries: make(map[ModelID]retry)}
}

// look reads what the engine holds.
func (s *shelf) look(engine EngineStatus, models map[ModelID]listed) {
	s.engine = engine
	s.held = make(map[ModelID]struct{}, len(engine.Models))
	for _, name := range engine.Models {
		// A server that is not ours may have models of other names.
		if id, ok := parseModelID(name); ok {
			s.held[id] = struct{}{}
		}
	}
	for id := range s.charges {
		if _, ok := s.held[id]; !ok {
			delete(s.charges, id)
		}
	}
	for id := range s.held {
		if m, ok := models[id]; ok {
			s.charges[id] = m.charge()
		}
	}
}

func (s *shelf) holds(id ModelID) bool {
	_, ok := s.held[id]
	return ok
}

// used counts a use of a model.
func (s *shelf) used(id ModelID, now time.Time) {
	s.count++
	s.uses[id] = use{number: s.count, at: now}
}

// arrange orders the models that the engine is to hold, and forgets those that are not followed any more.
func (s *shelf) arrange(models map[ModelID]listed, proven map[ModelID]struct{}) {
	s.order = s.order[:0]
	for id, m := range models {
		if _, ok := proven[id]; ok && m.Usable() {
			s.order = append(s.order, m)
		}
	}
	slices.SortFunc(s.order, func(a, b listed) int {
		return cmp.Or(
			cmp.Compare(s.uses[b.id].number, s.uses[a.id].number),
			cmp.Compare(b.AdmittedHeight, a.AdmittedHeight),
			compareModels(a.id, b.id),
		)
	})
	for id := range s.uses {
		if _, ok := models[id]; !ok && !s.holds(id) {
			delete(s.uses, id)
		}
	}
	for id := range s.retries {
		if _, ok := models[id]; !ok {
			delete(s.retries, id)
		}
	}
}

// taken is the memory that the models held are counted with.
func (s *shelf) taken() (bytes uint64) {
	for _, charge := range s.charges {
		bytes += charge
	}
	return bytes
}

// fits tells whether a model fits beside those that are held.
func (s *shelf) fits(m listed) bool {
	return len(s.held) < schedulingtypes.MaxNodeModels && s.taken() <= s.engine.ModelBudget && m.charge() <= s.engine.ModelBudget-s.taken()
}

// makeRoom lists the models to unload so that a model fits: of those that may go, the ones used longest ago. Ok is false when
// they are not enough.
func (s *shelf) makeRoom(m listed, mayGo func(ModelID) bool) (evict []ModelID, ok bool) {
	taken, count := s.taken(), len(s.held)
	full := func() bool {
		return count >= schedulingtypes.MaxNodeModels || taken+m.charge() > s.engine.ModelBudget
	}
	if !full() {
		return nil, true
	}
	var candidates []ModelID
	for id := range s.charges {
		if mayGo(id) {
			candidates = append(candidates, id)
		}
	}
	slices.SortFunc(candidates, func(a, b ModelID) int {
		return cmp.Or(cmp.Compare(s.uses[a].number, s.uses[b].number), compareModels(a, b))
	})
	for _, id := range candidates {
		evict = append(evict, id)
		taken -= s.charges[id]
		count--
		if !full() {
			return evict, true
		}
	}
	return nil, false
}

// demand are the models that requests wait for: those of duties without an outcome, the most urgent first, then those at the
// head of the queue.
func (l *loop) demand() []ModelID {
	var demand []ModelID
	seen := make(map[ModelID]struct{})
	add := func(id ModelID) {
		if _, again := seen[id]; !again {
			seen[id] = struct{}{}
			demand = append(demand, id)
		}
	}
	for _, d := range l.wanted {
		add(d.Model)
	}
	for _, id := range l.admissions.queued {
		add(id)
	}
	return demand
}

// roomFor lists what is to be unloaded for the model of a duty. When all that is held is wanted as well, the engine decides.
func (l *loop) roomFor(id ModelID) []ModelID {
	m, ok := l.admissions.models[id]
	if !ok || l.shelf.holds(id) {
		return nil
	}
	demand := l.demand()
	evict, _ := l.shelf.makeRoom(m, func(other ModelID) bool { return !slices.Contains(demand, other) })
	return evict
}

// startWarm begins to load the model that is wanted most and not loaded, while no duty can be run.
func (l *loop) startWarm() {
	if l.active != nil || l.operator == "" || len(l.admissions.provers) == 0 {
		return
	}
	if a := l.admissions.active; a != nil && a.prover.Shared {
		return
	}
	s, serving := l.shelf, l.admissions.provers[0]
	if !s.engine.Ready || checkEnvironment(l.opts.Engine, serving.class) != nil {
		return
	}
	demand := l.demand()
	for i, id := range demand {
		m, ok := l.admissions.models[id]
		if _, proven := serving.proven[id]; !ok || !proven || !l.loadable(m) {
			continue
		}
		// What is waited for longer stays. What is waited for since later makes room, or a request for a model that is not loaded
		// would wait in vain beside others that are always asked for.
		if evict, ok := s.makeRoom(m, func(other ModelID) bool { return !slices.Contains(demand[:i], other) }); ok {
			l.beginWarm(m, evict)
			return
		}
	}
	for _, m := range s.order {
		if !l.loadable(m) {
			continue
		}
		// What is neither followed nor waited for has no claim to its room.
		dead := func(other ModelID) bool {
			_, followed := l.admissions.models[other]
			return !followed && !slices.Contains(demand, other)
		}
		if evict, ok := s.makeRoom(m, dead); ok {
			l.beginWarm(m, evict)
			return
		}
	}
}

// loadable tells whether a model is not loaded and could be now.
func (l *loop) loadable(m listed) bool {
	return !l.shelf.holds(m.id) && m.fits(l.shelf.engine) && (!m.IsReference() || l.fetching.has(m.id)) &&
		!l.shelf.retries[m.id].notBefore.After(l.opts.Clock.Now())
}

// finishWarm takes the result of loading a model ahead of any run.
func (l *loop) finishWarm(m listed, err error) {
	if err == nil {
		delete(l.shelf.retries, m.id)
		l.opts.Metrics.Count(EventWarmed)
		return
	}
	if errors.Is(err, errNoFile) {
		l.fetching.lost(m.id)
	}
	failures := l.shelf.retries[m.id].failures + 1
	delay := trialDelay(failures)
	l.shelf.retries[m.id] = retry{failures: failures, notBefore: l.opts.Clock.Now().Add(delay)}
	l.opts.Metrics.Count(EventWarmError)
	l.opts.Logger.Error("a model could not be loaded; it is tried again", "model", m.id.String(), "failures", failures,
		"delay", delay.String(), "error", err)
}
