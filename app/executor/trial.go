package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// finding is what a trial found out about a model: a root with the golden outputs behind it, or a failure.
type finding struct {
	root    []byte
	outputs []byte
	failure modelstypes.ModelFailure
	// detail says why it failed.
	detail string
}

// lasting tells whether another trial of the same file in the same class must end alike. The others depend on what this
// machine gives to models.
func (f finding) lasting() bool {
	switch f.failure {
	case modelstypes.MODEL_FAILURE_CRASH, modelstypes.MODEL_FAILURE_TIMEOUT, modelstypes.MODEL_FAILURE_RESOURCES:
		return false
	default:
		return true
	}
}

func failed(failure modelstypes.ModelFailure, why error) (finding, error) {
	return finding{failure: failure, detail: why.Error()}, nil
}

// unloadTimeout bounds the unloading of a model whose trial is over.
const unloadTimeout = 5 * time.Second

// trial tries models on an engine, one at a time.
type trial struct {
	committed Committed
	files     Files
	engine    Engine
	// alone is true for an engine that nothing else uses: it is emptied for each model.
	alone bool
	// timeout bounds the whole, on an engine that may have no deadlines of its own; 0 for none.
	timeout time.Duration
}

// run tries a model in an environment class. Every error is one of the infrastructure: nothing may be said of the model.
// It does not panic.
func (t trial) run(ctx context.Context, m listed, class schedulingtypes.EnvironmentClass) (found finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = finding{}, fmt.Errorf("trying model %s panicked: %v", m.id, p)
		}
	}()
	if t.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.timeout)
		defer cancel()
	}
	if err := t.checkEnvironment(class); err != nil {
		return finding{}, err
	}
	if status := t.engine.Status(); !m.fits(status) {
		return failed(modelstypes.MODEL_FAILURE_RESOURCES, fmt.Errorf("expected a file of up to %d bytes that takes up to %d loaded, got %d and %d",
			status.MaxModelBytes, status.ModelBudget, m.Size_, m.charge()))
	}
	found, err = t.try(ctx, m)
	if err != nil {
		return finding{}, err
	}
	// It counts only when it was found in the class it is attested for.
	return found, t.checkEnvironment(class)
}

func (t trial) checkEnvironment(class schedulingtypes.EnvironmentClass) error {
	return checkEnvironment(t.engine, class)
}

func (t trial) try(ctx context.Context, m listed) (finding, error) {
	view, err := t.committed.View()
	if err != nil {
		return finding{}, fmt.Errorf("read committed state: %w", err)
	}
	source, err := openModel(view, t.files, m)
	if err != nil {
		return finding{}, err
	}
	defer source.close()
	if m.IsReference() {
		if found, err := inspect(source); err != nil || found.failure != modelstypes.MODEL_FAILURE_NONE {
			return found, err
		}
	}
	vectors, recipe, err := goldenVectors(view, m)
	if err != nil {
		return finding{}, err
	}
	done, err := t.load(ctx, source)
	defer done()
	if err != nil {
		return judgeLoad(err)
	}
	outputs, found, err := t.infer(ctx, m, vectors)
	if err != nil || found.failure != modelstypes.MODEL_FAILURE_NONE {
		return found, err
	}
	if _, err := m.CheckGoldenOutputs(recipe, outputs); err != nil {
		return failed(modelstypes.MODEL_FAILURE_OUTPUT, err)
	}
	root := tensor.MerkleRoot(outputs)
	return finding{root: root[:], outputs: outputs}, nil
}

// inspect compares what the owner of a model by reference stated with what is in the file.
func inspect(source modelSource) (finding, error) {
	content, release, err := source.content()
	if err != nil {
		return finding{}, fmt.Errorf("read model %s: %w", source.id, err)
	}
	defer release()
	report, err := onnxfile.Inspect(content, onnxfile.DefaultLimits.Sized(int64(source.Size_)))
	if err != nil {
		return failed(modelstypes.MODEL_FAILURE_INSPECTION, err)
	}
	inspection := modelstypes.NewInspection(report)
	got, err := inspection.Marshal()
	if err != nil {
		return finding{}, err
	}
	stated, err := source.Inspection.Marshal()
	if err != nil {
		return finding{}, err
	}
	if !bytes.Equal(got, stated) {
		return failed(modelstypes.MODEL_FAILURE_INSPECTION, errors.New("the inspection of the file is not the one stated"))
	}
	return finding{}, nil
}

// goldenVectors are the inputs on which a model is tried.
func goldenVectors(view View, m listed) ([][]tensor.Tensor, modelstypes.Golden, error) {
	recipe, err := view.Golden(m.id)
	if err != nil {
		return nil, recipe, fmt.Errorf("golden vectors of model %s: %w", m.id, err)
	}
	vectors, err := m.GoldenVectors(recipe)
	if err != nil {
		return nil, recipe, fmt.Errorf("golden vectors of model %s: %w", m.id, err)
	}
	return vectors, recipe, nil
}

// load loads a model into the engine, which it empties if nothing else uses it. What it loaded is unloaded when it is done.
func (t trial) load(ctx context.Context, source modelSource) (done func(), err error) {
	nothing := func() {}
	held := t.engine.Status().Models
	name := source.id.String()
	if t.alone {
		for _, other := range held {
			if err := t.engine.Unload(ctx, other); err != nil {
				return nothing, err
			}
		}
	} else if slices.Contains(held, name) {
		return nothing, nil
	}
	if err := source.load(ctx, t.engine); err != nil {
		return nothing, err
	}
	return func() {
		// Also when the trial was stopped: its model must not stay in the way of the requests it made room for. An engine that does
		// not let go of it is emptied before the next one.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unloadTimeout)
		defer cancel()
		_ = t.engine.Unload(ctx, name)
	}, nil
}

// infer runs the vectors and packs their outputs, or tells how the model failed.
func (t trial) infer(ctx context.Context, m listed, vectors [][]tensor.Tensor) ([]byte, finding, error) {
	specs, err := m.OutputSpecs(nil)
	if err != nil {
		return nil, finding{}, err
	}
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	packed := make([][]byte, len(vectors))
	for i, inputs := range vectors {
		run, err := t.engine.Infer(ctx, m.id.String(), inputs, names)
		if err != nil {
			found, err := judgeRun(fmt.Errorf("golden vector %d of model %s: %w", i+1, m.id, err))
			return nil, found, err
		}
		switch run.Failure {
		case verificationtypes.FAILURE_NONE:
		case verificationtypes.FAILURE_OUTPUT_LIMIT:
			found, err := failed(modelstypes.MODEL_FAILURE_OUTPUT, fmt.Errorf("the outputs of golden vector %d exceed the limit", i+1))
			return nil, found, err
		default:
			found, err := failed(modelstypes.MODEL_FAILURE_EXECUTION, fmt.Errorf("the model fails on golden vector %d", i+1))
			return nil, found, err
		}
		if packed[i], err = encodeOutputs(run.Outputs, names); err != nil {
			found, err := failed(modelstypes.MODEL_FAILURE_OUTPUT, err)
			return nil, found, err
		}
	}
	return golden.Join(packed), finding{}, nil
}

// judgeLoad tells what an error of loading says of the model.
func judgeLoad(err error) (finding, error) {
	if errors.Is(err, ErrModelRefused) {
		return failed(modelstypes.MODEL_FAILURE_LOAD, err)
	}
	return judgeRun(err)
}

// judgeRun tells what an error of the engine says of the model. A crash is an error: it counts when it comes again.
func judgeRun(err error) (finding, error) {
	switch {
	case errors.Is(err, ErrTooSlow):
		return failed(modelstypes.MODEL_FAILURE_TIMEOUT, err)
	case errors.Is(err, ErrDoesNotFit):
		return failed(modelstypes.MODEL_FAILURE_RESOURCES, err)
	default:
		return finding{}, err
	}
}
