package executor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/modelref"
	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/worker/workertest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// store is a folder of model files, and a source of others.
type store struct {
	mu      sync.Mutex
	dir     string
	remote  map[ModelID][]byte
	fail    error
	hang    chan struct{}
	fetched []modelref.Reference
	open    int
}

func newStore(t *testing.T) *store { return &store{dir: t.TempDir(), remote: make(map[ModelID][]byte)} }

// offer makes a file one that can be fetched.
func (s *store) offer(onnx string) { s.remote[idOf([]byte(onnx))] = []byte(onnx) }

type storedFile struct {
	store *store
	path  string
}

func (f storedFile) Path() string { return f.path }
func (f storedFile) Close() error {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	f.store.open--
	return nil
}

func (s *store) Local(id ModelID) (ModelFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := filepath.Join(s.dir, id.String())
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	s.open++
	return storedFile{s, path}, nil
}

func (s *store) Fetch(ctx context.Context, ref modelref.Reference) (ModelFile, error) {
	s.mu.Lock()
	s.fetched = append(s.fetched, ref)
	onnx, ok := s.remote[ref.SHA256]
	fail, hang := s.fail, s.hang
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if fail != nil {
		return nil, fail
	}
	if !ok {
		return nil, fs.ErrNotExist
	}
	if err := os.WriteFile(filepath.Join(s.dir, ModelID(ref.SHA256).String()), onnx, 0o600); err != nil {
		return nil, err
	}
	return s.Local(ref.SHA256)
}

func (s *store) fetches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.fetched)
}

// lose removes a file from the machine.
func (s *store) lose(t *testing.T, id ModelID) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(s.dir, id.String())))
}

// referenced registers an ONNX file that the chain does not hold, with what its inspection finds. The engine of the tests
// answers it with a vector of three, so that it fails with its outputs once it was inspected and run.
func referenced(t *testing.T, b *bench, edits ...func(*modelstypes.Model)) (id ModelID, onnx string) {
	t.Helper()
	model, _ := workertest.Marshal(t, workertest.Network())
	report, err := onnxfile.Inspect(model, onnxfile.DefaultLimits)
	require.NoError(t, err)
	stated := func(m *modelstypes.Model) { m.Inspection = modelstypes.NewInspection(report) }
	return b.chain.register(string(model), append([]func(*modelstypes.Model){elsewhere, stated}, edits...)...), string(model)
}

func withStore(b *bench) {
	withProver(b)
	b.files = newStore(b.t)
	delete(b.chain.catalog, modelName)
}

func TestAFileIsFetchedBeforeItsTrial(t *testing.T) {
	b := newBench(t, withStore)
	s := b.files.(*store)
	id, onnx := referenced(t, b, admitting(150), func(m *modelstypes.Model) { m.Sources = []string{"https://models.example.org/m.onnx"} })
	b.block()
	require.Equal(t, 1, s.fetches())
	require.Equal(t, modelref.Reference{SHA256: id, Size: uint64(len(onnx)), Sources: []string{"https://models.example.org/m.onnx"}}, s.fetched[0])
	require.Empty(t, b.Pending().Models, "nothing is said of a file that cannot be had")
	require.Empty(t, b.tries(0).loaded)
	b.block()
	require.Equal(t, 1, s.fetches(), "not before its time")

	s.offer(onnx)
	b.clock.move(trialDelay(1))
	b.block()
	require.Equal(t, 2, s.fetches())
	require.Equal(t, []string{id.String()}, b.tries(0).loaded)
	require.Len(t, b.Pending().Models, 1)
	require.Zero(t, s.open, "no file is held")
}

func TestAFileThatIsNotAsStated(t *testing.T) {
	cases := map[string]func(*testing.T, *bench){
		"another inspection": func(t *testing.T, b *bench) {
			_, onnx := referenced(t, b, admitting(150), func(m *modelstypes.Model) { m.Inspection.Parameters++ })
			b.files.(*store).offer(onnx)
		},
		"no model at all": func(t *testing.T, b *bench) {
			b.chain.register("no model", elsewhere, admitting(150))
			b.files.(*store).offer("no model")
		},
	}
	for reason, set := range cases {
		t.Run(reason, func(t *testing.T) {
			b := newBench(t, withStore)
			set(t, b)
			b.block()
			require.Len(t, b.Pending().Models, 1)
			require.Equal(t, modelstypes.MODEL_FAILURE_INSPECTION, b.Pending().Models[0].Failure)
			require.Empty(t, b.tries(0).loaded, "it is not run")
		})
	}
}

// A file that was removed to make room is fetched again when it is wanted.
func TestAFileThatIsGoneIsFetchedAgain(t *testing.T) {
	b := newBench(t, withStore)
	s := b.files.(*store)
	id, onnx := referenced(t, b)
	s.offer(onnx)
	b.chain.proofs[proofKey{id, 4}] = modelstypes.NodeProof{OutputRoot: digest(1)}
	b.block()
	require.Equal(t, []string{id.String()}, b.engine.loaded)
	require.Equal(t, 1, s.fetches())

	s.lose(t, id)
	b.engine.set(func(e *engine) { e.status.Models = nil }) // the worker was restarted
	b.block()
	require.Len(t, b.engine.loaded, 1)
	require.Equal(t, 2, s.fetches())
	b.clock.move(trialDelay(1))
	b.block()
	require.Len(t, b.engine.loaded, 2)
}

// What takes long to get holds up no other model, and ends with the node.
func TestSlowSourcesHoldNothingUp(t *testing.T) {
	b := newBench(t, withStore)
	s := b.files.(*store)
	s.hang = make(chan struct{})
	for _, onnx := range []string{"1", "2", "3", "4", "5", "6"} {
		b.chain.register(onnx, elsewhere, admitting(150))
	}
	held := b.chain.register("held", admitting(190))
	b.commit()
	require.Len(t, b.fetching.active, maxFetches)
	require.NotNil(t, b.admissions.active)
	b.finishTrial(<-b.admissions.results)
	b.settle()
	require.Contains(t, b.words(), proofKey{held, 4})
	require.NoError(t, b.Executor.Close())
	b.stop()
	for range maxFetches {
		r := <-b.fetching.results
		require.ErrorIs(t, r.err, context.Canceled)
		b.finishFetch(r)
	}
	require.Zero(t, b.counter.of(EventFetchError))
}

// TestFilesThatCannotBeHadHoldNothingUp: however many wait for another try, the next one is fetched.
func TestFilesThatCannotBeHadHoldNothingUp(t *testing.T) {
	b := newBench(t, withStore)
	s := b.files.(*store)
	const gone = 4*maxFetches + 1
	for i := range gone {
		b.chain.register(fmt.Sprintf("gone %d", i), elsewhere, admitting(150))
	}
	for range gone {
		b.block()
	}
	require.Equal(t, gone, s.fetches(), "each is asked for once before its time comes again")

	id, onnx := referenced(t, b, admitting(190))
	s.offer(onnx)
	b.block()
	require.Equal(t, gone+1, s.fetches())
	require.Equal(t, []string{id.String()}, b.tries(0).loaded)
}

// The file of a duty's model is fetched while its run is tried again.
func TestADutyWaitsForItsFile(t *testing.T) {
	b := newBench(t, withStore)
	s := b.files.(*store)
	id, onnx := referenced(t, b)
	b.chain.proofs[proofKey{id, 4}] = modelstypes.NodeProof{OutputRoot: digest(1)}
	key := b.chain.open(1, func(d *Duty) { d.Model = id })
	s.fail = errors.New("no route")
	b.block()
	require.Equal(t, 1, s.fetches())
	_, ok := b.say(key)
	require.False(t, ok)
	s.offer(onnx)
	s.fail = nil
	b.clock.move(time.Minute)
	b.block()
	b.clock.move(time.Minute)
	b.block()
	_, ok = b.say(key)
	require.True(t, ok)
}

func TestFetchesThatPanic(t *testing.T) {
	require.ErrorContains(t, fetch(t.Context(), panicking{}, listed{}), "panic")
}

type panicking struct{ Files }

func (panicking) Fetch(context.Context, modelref.Reference) (ModelFile, error) { panic("surprise") }
