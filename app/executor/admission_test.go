package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/tensor"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// withProver gives the bench a worker of its own for trials, and an engine that keeps models.
func withProver(b *bench) {
	tries := newEngine()
	tries.keeps, b.engine.keeps = true, true
	b.provers = []Prover{{Engine: tries}}
}

// tries is the engine of the nth prover.
func (b *bench) tries(n int) *engine { return b.provers[n].Engine.(*engine) }

// words are what the node has to say of models, by model and class.
func (b *bench) words() map[proofKey]modelstypes.ModelAttestation {
	words := make(map[proofKey]modelstypes.ModelAttestation)
	for _, w := range b.Pending().Models {
		words[proofKey{ModelID(w.Model), w.EnvironmentClass}] = w
	}
	return words
}

// goldenOutputs are what the engine of these tests answers to the derived golden vectors of a model.
func goldenOutputs(t *testing.T, m modelstypes.Model) []byte {
	t.Helper()
	vectors, err := m.GoldenVectors(modelstypes.Golden{})
	require.NoError(t, err)
	require.Len(t, vectors, golden.MaxVectors)
	parts := make([][]byte, len(vectors))
	for i, inputs := range vectors {
		parts[i], err = tensor.EncodeOutputs(double(inputs, "y").Outputs)
		require.NoError(t, err)
	}
	return golden.Join(parts)
}

// A model that waits for a verdict is tried on the engine for trials, attested with its golden outputs until the chain
// has both, and then loaded into the engine that serves.
func TestAModelIsTriedAndAttested(t *testing.T) {
	b := newBench(t, withProver, func(b *bench) { delete(b.chain.catalog, modelName) })
	id := b.chain.register("new", admitting(150))
	b.block()

	outputs := goldenOutputs(t, b.chain.catalog[id])
	root := tensor.MerkleRoot(outputs)
	want := modelstypes.ModelAttestation{Model: id[:], EnvironmentClass: 4, OutputRoot: root[:], Outputs: outputs}
	require.Equal(t, []modelstypes.ModelAttestation{want}, b.Pending().Models)
	require.NoError(t, want.Validate())
	require.True(t, want.Shows())
	require.Equal(t, []string{id.String()}, b.tries(0).loaded)
	require.Equal(t, []string{id.String()}, b.tries(0).unloaded, "the engine is left empty")
	require.Empty(t, b.engine.loaded, "no request can come yet")

	b.block()
	require.Len(t, b.Pending().Models, 1, "until the chain has it")
	require.Len(t, b.tries(0).loaded, 1, "it is tried once")

	word := b.Pending().Models[0]
	word.Outputs = nil // the proposer, or the room, left them out
	b.chain.takeWords([]modelstypes.ModelAttestation{word})
	b.block()
	require.Equal(t, []modelstypes.ModelAttestation{want}, b.Pending().Models, "the outputs are not there yet")
	b.chain.takeWords(b.Pending().Models)
	b.block()
	require.Empty(t, b.Pending().Models)
	require.Empty(t, b.admissions.provers[0].found, "nothing is kept that the chain has")

	require.Empty(t, b.engine.loaded)
	b.chain.edit(id, func(m *modelstypes.Model) {
		m.Status, m.Deadline, m.AdmittedHeight = modelstypes.MODEL_STATUS_ACTIVE, 0, 120
	})
	b.block()
	require.Equal(t, []string{id.String()}, b.engine.loaded, "it is loaded as soon as it can be asked for")
	b.block()
	require.Equal(t, [][]byte{id[:]}, b.Pending().Status.ModelsReady)
}

func TestFailuresOfTrials(t *testing.T) {
	const file = "new"
	name := idOf([]byte(file)).String()
	behave := func(what string, err error) func(*bench) {
		return func(b *bench) { b.tries(0).behave = map[string]error{what + " " + name: err} }
	}
	answer := func(run Run) func(*bench) {
		return func(b *bench) {
			b.tries(0).infer = func(context.Context, []tensor.Tensor) (Run, error) { return run, nil }
		}
	}
	cases := []struct {
		reason string
		set    func(*bench)
		edits  []func(*modelstypes.Model)
		want   modelstypes.ModelFailure
		trials int
	}{
		{"the runtime refuses it", behave("load", ErrModelRefused), nil, modelstypes.MODEL_FAILURE_LOAD, 1},
		{"loading takes too long", behave("load", ErrTooSlow), nil, modelstypes.MODEL_FAILURE_TIMEOUT, 1},
		{"loading takes too much memory", behave("load", ErrDoesNotFit), nil, modelstypes.MODEL_FAILURE_RESOURCES, 1},
		{"loading ends the worker twice", behave("load", ErrCrashed), nil, modelstypes.MODEL_FAILURE_CRASH, 2},
		{"a run takes too long", behave("run", ErrTooSlow), nil, modelstypes.MODEL_FAILURE_TIMEOUT, 1},
		{"a run takes too much memory", behave("run", ErrDoesNotFit), nil, modelstypes.MODEL_FAILURE_RESOURCES, 1},
		{"a run ends the worker twice", behave("run", ErrCrashed), nil, modelstypes.MODEL_FAILURE_CRASH, 2},
		{"a run fails", answer(Run{Failure: verificationtypes.FAILURE_EXECUTION}), nil, modelstypes.MODEL_FAILURE_EXECUTION, 1},
		{"the outputs are too large", answer(Run{Failure: verificationtypes.FAILURE_OUTPUT_LIMIT}), nil, modelstypes.MODEL_FAILURE_OUTPUT, 1},
		{"an output has another name", answer(Run{Outputs: []tensor.Tensor{vector("z", 1)}}), nil, modelstypes.MODEL_FAILURE_OUTPUT, 1},
		{"an output has another datatype", answer(Run{Outputs: []tensor.Tensor{{Name: "y", Datatype: tensor.Int8, Shape: []int64{1}, Data: []byte{1}}}}),
			nil, modelstypes.MODEL_FAILURE_OUTPUT, 1},
		{"the loaded model exceeds the budget", func(b *bench) { b.tries(0).status.ModelBudget = 5*uint64(len(file)) - 1 },
			nil, modelstypes.MODEL_FAILURE_RESOURCES, 0},
		{"the file is too large for the engine", func(b *bench) { b.tries(0).status.MaxModelBytes = uint64(len(file)) - 1 },
			[]func(*modelstypes.Model){elsewhere}, modelstypes.MODEL_FAILURE_RESOURCES, 0},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			b := newBench(t, withProver, func(b *bench) { delete(b.chain.catalog, modelName) })
			id := b.chain.register(file, append([]func(*modelstypes.Model){admitting(150)}, c.edits...)...)
			c.set(b)
			for range max(c.trials, 1) {
				require.Empty(t, b.Pending().Models)
				b.clock.move(lastTrialRetry)
				b.block()
			}
			want := modelstypes.ModelAttestation{Model: id[:], EnvironmentClass: 4, Failure: c.want}
			require.Equal(t, []modelstypes.ModelAttestation{want}, b.Pending().Models)
			require.NoError(t, want.Validate())
			loads, _ := b.tries(0).counts()
			require.Equal(t, c.trials, loads)
			b.chain.takeWords(b.Pending().Models)
			b.clock.move(time.Hour)
			b.block()
			require.Empty(t, b.Pending().Models, "the chain has it")
			after, _ := b.tries(0).counts()
			require.Equal(t, loads, after, "it is not tried again")
		})
	}
}

// A crash says something when it comes twice in a row: the first may be the machine's.
func TestOneCrashSaysNothing(t *testing.T) {
	b := newBench(t, withProver, func(b *bench) { delete(b.chain.catalog, modelName) })
	id := b.chain.register("new", admitting(150))
	for _, err := range []error{ErrCrashed, errors.New("gone"), ErrCrashed, nil} {
		b.tries(0).set(func(e *engine) { e.behave = map[string]error{"load " + id.String(): err} })
		require.Empty(t, b.Pending().Models)
		b.clock.move(lastTrialRetry)
		b.block()
	}
	require.Len(t, b.Pending().Models, 1)
	require.NotEmpty(t, b.Pending().Models[0].OutputRoot)
}

// What says nothing of the model is tried again, later and later, and nothing is said meanwhile.
func TestTrialsThatSayNothingAreRepeated(t *testing.T) {
	b := newBench(t, withProver, func(b *bench) { delete(b.chain.catalog, modelName) })
	id := b.chain.register("new", admitting(1000))
	b.tries(0).behave = map[string]error{"load " + id.String(): errors.New("the disk is on fire")}
	b.block()
	loads := func() int { n, _ := b.tries(0).counts(); return n }
	require.Equal(t, 1, loads())
	b.block()
	require.Equal(t, 1, loads(), "not before its time")
	for failures := 1; failures < 15; failures++ {
		require.Empty(t, b.Pending().Models)
		b.clock.move(trialDelay(failures))
		b.block()
		require.Equal(t, failures+1, loads())
	}
	require.Equal(t, lastTrialRetry, trialDelay(15))
}

// The worker for trials has another class than the node knows it in: what it finds is for that class alone.
func TestAFindingNeedsItsClass(t *testing.T) {
	b := newBench(t, withProver, func(b *bench) { delete(b.chain.catalog, modelName) })
	b.chain.register("new", admitting(150))
	b.tries(0).infer = func(_ context.Context, inputs []tensor.Tensor) (Run, error) {
		class := nextEnvironment()
		b.tries(0).set(func(e *engine) { e.status.Environment = &class })
		return double(inputs, "y"), nil
	}
	b.block()
	require.Empty(t, b.Pending().Models, "it changed its class meanwhile")
	b.block()
	require.Empty(t, b.Pending().Models, "the class is not registered")
	b.chain.set(func(c *chain) { class := nextEnvironment(); c.classes[string(class.Identity())] = 5 })
	b.clock.move(time.Hour)
	b.block()
	require.Len(t, b.Pending().Models, 1)
	require.Equal(t, uint32(5), b.Pending().Models[0].EnvironmentClass)
}

func TestNothingIsTriedWhile(t *testing.T) {
	for reason, set := range map[string]func(*bench){
		"the worker is not ready":     func(b *bench) { b.tries(0).status.Ready = false },
		"its class is not known":      func(b *bench) { b.tries(0).status.Environment = nil },
		"its class is not registered": func(b *bench) { b.chain.classes = map[string]uint32{} },
		"the node is not registered":  func(b *bench) { b.chain.node = nil },
		"the node has left":           func(b *bench) { b.chain.node.State = schedulingtypes.NODE_STATE_LEFT },
		"nobody is the operator":      func(b *bench) { b.loop.opts.Operator, b.chain.operator = "", "" },
		"the node is behind":          func(b *bench) { b.syncing = true },
		"there are no models":         func(b *bench) { b.chain.catalog = map[ModelID]modelstypes.Model{} },
		"the chain has the root": func(b *bench) {
			b.chain.proofs[proofKey{modelName, 4}] = modelstypes.NodeProof{OutputRoot: digest(1)}
		},
		"the chain has a failure that lasts": func(b *bench) {
			b.chain.proofs[proofKey{modelName, 4}] = modelstypes.NodeProof{Failure: modelstypes.MODEL_FAILURE_LOAD}
		},
	} {
		t.Run(reason, func(t *testing.T) {
			b := newBench(t, withProver)
			set(b)
			b.block()
			loads, _ := b.tries(0).counts()
			require.Zero(t, loads)
			require.Empty(t, b.Pending().Models)
		})
	}
}

// Results are not kept on disk: what the chain does not hold is found again, and a failure that depends on the machine is
// tried once more by each process.
func TestAfterARestart(t *testing.T) {
	b := newBench(t, withProver)
	b.block()
	first := b.Pending().Models
	require.Len(t, first, 1)
	b.restart()
	b.block()
	require.Equal(t, first, b.Pending().Models)

	b.chain.proofs[proofKey{modelName, 4}] = modelstypes.NodeProof{Failure: modelstypes.MODEL_FAILURE_TIMEOUT}
	b.restart()
	b.block()
	require.Equal(t, first, b.Pending().Models, "a root follows the failure")
}

func TestARootThatIsNotTheStoredOne(t *testing.T) {
	b := newBench(t, withProver)
	b.commit() // the trial begins
	b.chain.proofs[proofKey{modelName, 4}] = modelstypes.NodeProof{OutputRoot: digest(9)}
	b.drain()
	b.block()
	require.Empty(t, b.Pending().Models, "a root never changes")
	require.Equal(t, 1, b.counter.of(EventContradicted))
	b.block()
	require.Equal(t, 1, b.counter.of(EventContradicted), "it is told once")
}

// Findings do not outlive the registration and the admission that they were made for.
func TestFindingsEndWithTheAdmission(t *testing.T) {
	b := newBench(t, withProver, func(b *bench) { delete(b.chain.catalog, modelName) })
	id := b.chain.register("new", admitting(150))
	b.tries(0).behave = map[string]error{"load " + id.String(): ErrTooSlow}
	b.block()
	require.Equal(t, modelstypes.MODEL_FAILURE_TIMEOUT, b.Pending().Models[0].Failure)
	b.chain.edit(id, func(m *modelstypes.Model) { m.Status = modelstypes.MODEL_STATUS_REJECTED })
	b.block()
	require.Empty(t, b.Pending().Models)

	b.tries(0).set(func(e *engine) { e.behave = nil })
	b.chain.edit(id, admitting(180))
	b.block()
	require.NotEmpty(t, b.Pending().Models[0].OutputRoot, "another admission is another trial")

	b.tries(0).set(func(e *engine) { e.behave = map[string]error{"load " + id.String(): ErrModelRefused} })
	b.chain.edit(id, func(m *modelstypes.Model) { m.RegisteredHeight = 170 })
	b.block()
	require.Equal(t, modelstypes.MODEL_FAILURE_LOAD, b.Pending().Models[0].Failure, "and so is another registration")
}

// Those that wait for a verdict come first, by their deadline; then those in use, the oldest first.
func TestOrderOfTrials(t *testing.T) {
	b := newBench(t, withProver, func(b *bench) { delete(b.chain.catalog, modelName) })
	old := func(height int64) func(*modelstypes.Model) {
		return func(m *modelstypes.Model) { m.AdmittedHeight = height }
	}
	deprecated := func(m *modelstypes.Model) { m.Status = modelstypes.MODEL_STATUS_DEPRECATED }
	disabled := func(m *modelstypes.Model) { m.Status = modelstypes.MODEL_STATUS_DISABLED }
	ids := []ModelID{
		b.chain.register("d", old(9)),
		b.chain.register("c", old(3), deprecated),
		b.chain.register("b", admitting(200)),
		b.chain.register("a", admitting(150)),
	}
	b.chain.register("e", disabled)
	b.block()
	require.Equal(t, []string{ids[3].String(), ids[2].String(), ids[1].String(), ids[0].String()}, b.tries(0).loaded)
	var said []ModelID
	for _, w := range b.Pending().Models {
		said = append(said, ModelID(w.Model))
	}
	require.Equal(t, []ModelID{ids[3], ids[2], ids[1], ids[0]}, said)
}

// The models in use are walked rarely, but for one whose admission just ended.
func TestModelsInUseAreWalkedRarely(t *testing.T) {
	b := newBench(t, withProver, func(b *bench) { delete(b.chain.catalog, modelName) })
	walks := func() int { return b.chain.walks }
	b.block()
	require.Equal(t, 1, walks())
	fresh := b.chain.register("fresh", admitting(190))
	b.block()
	require.Contains(t, b.words(), proofKey{fresh, 4}, "what waits for a verdict is seen at once")
	b.chain.edit(fresh, func(m *modelstypes.Model) { m.Status, m.Deadline = modelstypes.MODEL_STATUS_ACTIVE, 0 })
	late := b.chain.register("late")
	for range walkBlocks - 2 {
		b.block()
		require.Equal(t, 1, walks())
		require.Contains(t, b.words(), proofKey{fresh, 4})
		require.NotContains(t, b.words(), proofKey{late, 4})
	}
	b.block()
	require.Equal(t, 2, walks())
	require.Contains(t, b.words(), proofKey{late, 4})

	class := nextEnvironment()
	b.tries(0).set(func(e *engine) { e.status.Environment = &class })
	b.chain.set(func(c *chain) { c.classes[string(class.Identity())] = 5 })
	b.block()
	require.Equal(t, 3, walks(), "another class is another proof")
	require.Contains(t, b.words(), proofKey{late, 5})
}

// Trials have an engine of their own: a request waits for none of them.
func TestRequestsDoNotWaitForTrials(t *testing.T) {
	b := newBench(t, withProver)
	hang := make(chan struct{})
	b.tries(0).infer = func(ctx context.Context, inputs []tensor.Tensor) (Run, error) {
		select {
		case <-hang:
			return double(inputs, "y"), nil
		case <-ctx.Done():
			return Run{}, ctx.Err()
		}
	}
	b.commit()
	require.NotNil(t, b.admissions.active)
	key := b.chain.open(1)
	b.commit()
	require.NotNil(t, b.active, "while the trial goes on")
	b.finish(<-b.results)
	b.settle()
	_, ok := b.say(key)
	require.True(t, ok)
	require.NotNil(t, b.admissions.active)
	close(hang)
	b.drain()
	require.Len(t, b.Pending().Models, 1)
}

// On an engine that serves as well, a trial begins when there is nothing to run, and is stopped for what comes.
func TestTrialsOnTheEngineThatServes(t *testing.T) {
	b := newBench(t, func(b *bench) {
		b.engine.keeps = true
		b.provers = []Prover{{Engine: b.engine, Shared: true, Timeout: time.Hour}}
	})
	entered := make(chan struct{})
	var calls atomic.Int32
	b.engine.infer = func(ctx context.Context, inputs []tensor.Tensor) (Run, error) {
		if calls.Add(1) == 1 {
			close(entered)
			<-ctx.Done()
			return Run{}, ctx.Err()
		}
		return double(inputs, "y"), nil
	}
	b.commit()
	require.NotNil(t, b.admissions.active)
	<-entered
	key := b.chain.open(1)
	b.commit()
	b.drain()
	_, ok := b.say(key)
	require.True(t, ok)
	require.Zero(t, b.counter.of(EventTrialRetry), "a trial that made way is not at fault")
	require.Len(t, b.Pending().Models, 1, "and is made up for")
}

// The node proves the models in use in the class it prepares for, tells the chain of the class until it is registered, and
// says how far it is.
func TestPreparingTheNextClass(t *testing.T) {
	class := nextEnvironment()
	b := newBench(t, withProver, func(b *bench) {
		next := newEngine()
		next.keeps, next.status.Environment = true, &class
		b.provers = append(b.provers, Prover{Engine: next, Next: true})
	})
	other := b.chain.register("other")
	waiting := b.chain.register("waiting", admitting(150))
	b.chain.node.StatusHeight = 0 // a heartbeat is due
	b.block()
	require.Equal(t, &class, b.Pending().Status.NextEnvironment)
	require.Len(t, b.words(), 3, "in the class of today")
	require.Empty(t, b.tries(1).loaded)

	b.chain.set(func(c *chain) { c.classes[string(class.Identity())] = 5 })
	b.block()
	require.Nil(t, b.Pending().Status.NextEnvironment, "the chain knows it")
	require.Equal(t, waiting.String(), b.tries(1).loaded[0])
	require.Len(t, b.words(), 6)
	require.Equal(t, progress{0, 2}, b.prepared)
	b.chain.takeWords([]modelstypes.ModelAttestation{b.words()[proofKey{other, 5}]})
	b.block()
	require.Equal(t, progress{1, 2}, b.prepared)
	require.Equal(t, uint64(1), b.counter.levels[LevelNextProven])
	require.Equal(t, uint64(2), b.counter.levels[LevelNextTotal])
	b.chain.takeWords(b.Pending().Models)
	b.block()
	require.Equal(t, progress{2, 2}, b.prepared)

	// The restart: the next class is that of today, and everything is proven in it.
	b.engine.set(func(e *engine) { e.status.Environment, e.loaded, e.status.Models = &class, nil, nil })
	b.provers = []Prover{{Engine: b.tries(1)}}
	b.restart()
	b.block()
	require.Empty(t, b.Pending().Models)
	require.ElementsMatch(t, []string{modelName.String(), other.String()}, b.engine.loaded, "all in use is loaded at once")
	require.Equal(t, &class, b.Pending().Status.Environment)
}

// A next class that is the one of today is no work.
func TestTheNextClassIsTheOneOfToday(t *testing.T) {
	b := newBench(t, withProver, func(b *bench) {
		next := newEngine()
		next.keeps = true
		b.provers = append(b.provers, Prover{Engine: next, Next: true})
		b.chain.node.StatusHeight = 0
	})
	b.block()
	require.Empty(t, b.tries(1).loaded)
	require.Nil(t, b.Pending().Status.NextEnvironment)
	require.Len(t, b.Pending().Models, 1)
}

func TestWordsAreBounded(t *testing.T) {
	b := newBench(t, withProver)
	for i := range 70 {
		b.chain.register(fmt.Sprint(i))
	}
	urgent := b.chain.register("urgent", admitting(150))
	b.block()
	require.Len(t, b.Pending().Models, 64)
	require.Equal(t, urgent[:], b.Pending().Models[0].Model)
	require.True(t, slices.IsSortedFunc(b.Pending().Models, func(x, y modelstypes.ModelAttestation) int {
		return compareTrials(b.admissions.models[ModelID(x.Model)], b.admissions.models[ModelID(y.Model)])
	}))
}

// TestHeavyTrialsWait: what costs more by orders comes after what is light, whatever the deadlines; among the light ones, and
// among the equally heavy, the deadline counts.
func TestHeavyTrialsWait(t *testing.T) {
	model := func(units uint64, deadline int64) listed {
		return newListed(ModelID{}, modelstypes.Model{Status: modelstypes.MODEL_STATUS_ADMITTING, Deadline: deadline, Inspection: modelstypes.Inspection{
			Inputs: []modelstypes.TensorSpec{{Name: "x", Dims: []modelstypes.Dim{{Size_: 1, Symbol: "N"}}}},
			Cost:   []modelstypes.CostTerm{{Symbols: []string{"N"}, Macs: units * 1_000_000}},
		}})
	}
	ordered := []listed{model(900, 120), model(1, 150), model(1500, 110), model(1_000_000, 100), model(1_000_001, 101)}
	for i := range ordered {
		for j := range ordered {
			require.Equal(t, cmp.Compare(i, j), compareTrials(ordered[i], ordered[j]), "%d and %d", i, j)
		}
	}
	unknown := model(1, 1).Model
	unknown.Inspection.Cost[0].Symbols = []string{"M"}
	require.Positive(t, compareTrials(newListed(ModelID{}, unknown), ordered[4]), "what cannot be counted comes last")
}
