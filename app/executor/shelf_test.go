package executor

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// proven registers a model in use that the node has proved.
func (b *bench) proven(onnx string, height int64) ModelID {
	id := b.chain.register(onnx, func(m *modelstypes.Model) { m.AdmittedHeight = height })
	b.chain.proofs[proofKey{id, 4}] = modelstypes.NodeProof{OutputRoot: digest(1)}
	return id
}

// withBudget gives the serving engine room for files of this many bytes together.
func withBudget(bytes uint64) func(*bench) {
	return func(b *bench) {
		withProver(b)
		b.engine.status.ModelBudget = 5 * bytes
		delete(b.chain.catalog, modelName)
	}
}

func held(b *bench) []string {
	models := b.engine.Status().Models
	slices.Sort(models)
	return models
}

func sorted(ids ...ModelID) (list []string) {
	for _, id := range ids {
		list = append(list, id.String())
	}
	slices.Sort(list)
	return list
}

func TestProvenModelsAreLoadedWhileThereIsRoom(t *testing.T) {
	b := newBench(t, withBudget(6))
	oldest, middle, newest := b.proven("aa", 1), b.proven("bbb", 2), b.proven("ccc", 3)
	b.block()
	require.Equal(t, []string{newest.String(), middle.String()}, b.engine.loaded, "the newest first, until there is no room")
	require.Empty(t, b.engine.unloaded, "none makes room for another that nobody asked for")
	require.NotContains(t, held(b), oldest.String())
	for range 3 {
		b.block()
	}
	require.Len(t, b.engine.loaded, 2)
}

func TestModelsThatAreNotProvenAreNotLoaded(t *testing.T) {
	b := newBench(t, withBudget(100))
	b.chain.register("aa", admitting(150))
	failed := b.chain.register("bb")
	b.chain.proofs[proofKey{failed, 4}] = modelstypes.NodeProof{Failure: modelstypes.MODEL_FAILURE_LOAD}
	b.chain.queue = []ModelID{failed, {7}}
	b.block()
	require.Empty(t, b.engine.loaded)
}

func TestQueuedModelsTakeThePlaceOfThoseUsedLongestAgo(t *testing.T) {
	b := newBench(t, withBudget(6))
	used, unused, asked := b.proven("aaa", 3), b.proven("bbb", 2), b.proven("ccc", 1)
	b.chain.open(1, func(d *Duty) { d.Model = used })
	b.block()
	require.Equal(t, sorted(used, unused), held(b))
	b.chain.queue = []ModelID{asked}
	b.block()
	require.Equal(t, sorted(used, asked), held(b))

	b.chain.queue = []ModelID{asked, unused}
	b.block()
	require.Equal(t, sorted(unused, asked), held(b), "what is asked for makes no room for what is asked for")

	b.chain.queue = []ModelID{asked, unused, used}
	for range 3 {
		b.block()
	}
	require.Equal(t, sorted(unused, asked), held(b), "nothing goes round in circles")

	b.chain.queue = []ModelID{used, asked, unused}
	for range 3 {
		b.block()
	}
	require.Equal(t, sorted(used, asked), held(b), "who waits longest gets its model, whatever is asked for since")
}

func TestADutyMakesRoomForItsModel(t *testing.T) {
	b := newBench(t, withBudget(6))
	first, second, third := b.proven("aaa", 3), b.proven("bbb", 2), b.proven("ccc", 1)
	b.block()
	require.Equal(t, sorted(first, second), held(b))
	b.chain.queue = []ModelID{first}
	key := b.chain.open(1, func(d *Duty) { d.Model = third })
	b.block()
	_, ok := b.say(key)
	require.True(t, ok)
	require.Equal(t, sorted(first, third), held(b))
	require.Equal(t, []string{second.String()}, b.engine.unloaded)
}

// After a restart of the worker what was used last is loaded first.
func TestARestartedWorkerIsFilledAgain(t *testing.T) {
	b := newBench(t, withBudget(6))
	newest, middle, used := b.proven("aaa", 3), b.proven("bbb", 2), b.proven("ccc", 1)
	b.chain.open(1, func(d *Duty) { d.Model = used })
	b.block()
	require.Equal(t, []string{used.String(), newest.String()}, b.engine.loaded)
	b.engine.set(func(e *engine) { e.status.Models, e.loaded = nil, nil })
	b.block()
	require.Equal(t, []string{used.String(), newest.String()}, b.engine.loaded)
	require.NotContains(t, held(b), middle.String())
}

func TestWhatIsNoModelOfTheChainAnyMoreMakesRoom(t *testing.T) {
	b := newBench(t, withBudget(3))
	gone, next := b.proven("aaa", 2), b.proven("bbb", 1)
	b.block()
	require.Equal(t, sorted(gone), held(b))
	b.chain.edit(gone, func(m *modelstypes.Model) { m.Status = modelstypes.MODEL_STATUS_DISABLED })
	for range walkBlocks {
		b.block()
	}
	require.Equal(t, sorted(next), held(b))
}

// On a server that others use as well, models that the node knows nothing of are left alone.
func TestModelsOfOthersAreLeftAlone(t *testing.T) {
	b := newBench(t, withBudget(3))
	b.proven("aaa", 1)
	b.engine.status.Models = append(names(sums(1)...), "resnet")
	b.chain.queue = []ModelID{{9}}
	b.block()
	require.Empty(t, b.engine.unloaded)
	require.Len(t, b.engine.loaded, 1)
}

func TestAModelThatCannotBeLoadedIsTriedLaterAndLater(t *testing.T) {
	b := newBench(t, withBudget(6))
	bad, good := b.proven("aaa", 2), b.proven("bbb", 1)
	b.engine.behave = map[string]error{"load " + bad.String(): errors.New("no memory")}
	b.block()
	require.Equal(t, sorted(good), held(b), "another one is loaded")
	require.Equal(t, 1, b.counter.of(EventWarmError))
	b.block()
	require.Equal(t, 1, b.counter.of(EventWarmError))
	b.engine.set(func(e *engine) { e.behave = nil })
	b.clock.move(trialDelay(1))
	b.block()
	require.Equal(t, sorted(bad, good), held(b))
}

// Duties go before models that are loaded ahead.
func TestDutiesGoBeforeWarmUp(t *testing.T) {
	b := newBench(t, withBudget(100))
	for i := range 5 {
		b.proven(fmt.Sprint("m", i), int64(i))
	}
	last := b.proven("last", 0)
	b.chain.open(1, func(d *Duty) { d.Model = last })
	b.block()
	require.Equal(t, last.String(), b.engine.loaded[0])
	require.Len(t, b.engine.loaded, 6)
}

// Whatever is asked for, the models held fit the budget, one that is asked for makes no room, and what fits besides is
// loaded in the end.
func TestRoomOnTheShelf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const budget = 50
		s := newShelf()
		s.engine.ModelBudget = budget
		models := make(map[ModelID]listed)
		for i := range rapid.IntRange(1, 8).Draw(t, "models") {
			m := listed{id: ModelID{byte(i + 1)}}
			m.Size_ = rapid.Uint64Range(1, 12).Draw(t, "size")
			models[m.id] = m
		}
		ids := make([]ModelID, 0, len(models))
		for id := range models {
			ids = append(ids, id)
		}
		slices.SortFunc(ids, compareModels)
		var names []string
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			m := models[rapid.SampledFrom(ids).Draw(t, "model")]
			demand := rapid.SliceOf(rapid.SampledFrom(ids)).Draw(t, "demand")
			s.look(EngineStatus{ModelBudget: budget, Models: names}, models)
			if s.holds(m.id) {
				s.used(m.id, time.Unix(0, 0))
				continue
			}
			evict, ok := s.makeRoom(m, func(id ModelID) bool { return !slices.Contains(demand, id) })
			free := budget - s.taken()
			for _, id := range evict {
				if slices.Contains(demand, id) || !s.holds(id) {
					t.Fatalf("%s may not go", id)
				}
				for other := range s.held {
					spared := !slices.Contains(evict, other) && !slices.Contains(demand, other)
					if spared && s.uses[other].number < s.uses[id].number {
						t.Fatalf("%s was used longer ago than %s", other, id)
					}
				}
				free += models[id].charge()
			}
			if ok != (free >= m.charge()) && (ok || len(evict) > 0) {
				t.Fatalf("ok %v with %d free for %d", ok, free, m.charge())
			}
			if !ok {
				// All that may go together would not do.
				for id := range s.held {
					if !slices.Contains(demand, id) {
						free += models[id].charge()
					}
				}
				if free >= m.charge() {
					t.Fatalf("%d could be free for %d", free, m.charge())
				}
				continue
			}
			for _, id := range evict {
				names = slices.DeleteFunc(names, func(name string) bool { return name == id.String() })
			}
			names = append(names, m.id.String())
		}
	})
}
