package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// errEnvironment: the engine is not in the class that is registered for the node.
var errEnvironment = errors.New("the engine left the environment class of the node")

// maxLoaded bounds the models that a runner remembers as loaded.
const maxLoaded = 4096

// runner runs one duty, or loads one model, at a time.
type runner struct {
	committed Committed
	engine    Engine
	files     Files
	metrics   Metrics
	// loaded are the models that were handed to the engine; it may have dropped some.
	loaded map[ModelID]struct{}
}

// compute runs a duty in an environment class, having unloaded what has to make
// room for its model if that is not loaded. A deterministic failure is a
// result; every error is one of the infrastructure, which may go away. It does not
// panic.
func (r *runner) compute(ctx context.Context, d Duty, class schedulingtypes.EnvironmentClass, evict []ModelID) (result computed, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = computed{}, fmt.Errorf("running request %s panicked: %v", d.Key(), p)
		}
	}()
	if err := r.checkEnvironment(class); err != nil {
		return computed{}, err
	}
	view, err := r.committed.View()
	if err != nil {
		return computed{}, fmt.Errorf("read committed state: %w", err)
	}
	inputs, err := readInputs(view, d)
	if err != nil {
		return computed{}, err
	}
	run, err := r.run(ctx, view, d, inputs, evict)
	if err != nil {
		return computed{}, err
	}
	// The run counts only when it was made in the class it is attested for.
	if err := r.checkEnvironment(class); err != nil {
		return computed{}, err
	}
	if err := r.checkFailure(run.Failure, d); err != nil {
		return computed{}, err
	}
	if run.Failure != verificationtypes.FAILURE_NONE {
		return computed{failure: run.Failure}, nil
	}
	output, err := encodeOutputs(run.Outputs, d.Outputs)
	if err != nil {
		return computed{}, err
	}
	return computed{output: output}, nil
}

func (r *runner) checkEnvironment(class schedulingtypes.EnvironmentClass) error {
	return checkEnvironment(r.engine, class)
}

// checkEnvironment checks that an engine is in a class.
func checkEnvironment(engine Engine, class schedulingtypes.EnvironmentClass) error {
	status := engine.Status()
	if !voteext.SameEnvironment(status.Environment, &class) {
		return fmt.Errorf("%w: expected %s, got %s", errEnvironment, class.String(), status.Environment.String())
	}
	return nil
}

// run infers, having loaded the model if it is not known to be loaded.
func (r *runner) run(ctx context.Context, view View, d Duty, inputs []tensor.Tensor, evict []ModelID) (Run, error) {
	if _, ok := r.loaded[d.Model]; ok {
		run, err := r.infer(ctx, d, inputs)
		if !errors.Is(err, ErrNotLoaded) {
			return run, err
		}
		delete(r.loaded, d.Model)
	}
	if err := r.load(ctx, view, d.Model, evict); err != nil {
		if errors.Is(err, ErrModelRefused) {
			return Run{Failure: verificationtypes.FAILURE_EXECUTION}, nil
		}
		return Run{}, err
	}
	return r.infer(ctx, d, inputs)
}

func (r *runner) infer(ctx context.Context, d Duty, inputs []tensor.Tensor) (Run, error) {
	run, err := r.engine.Infer(ctx, d.Model.String(), inputs, d.Outputs)
	if err != nil {
		return Run{}, fmt.Errorf("run request %s: %w", d.Key(), err)
	}
	return run, nil
}

// warm loads a model that no duty waits for yet. It does not panic.
func (r *runner) warm(ctx context.Context, id ModelID, evict []ModelID) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("loading model %s panicked: %v", id, p)
		}
	}()
	view, err := r.committed.View()
	if err != nil {
		return fmt.Errorf("read committed state: %w", err)
	}
	return r.load(ctx, view, id, evict)
}

// load makes room for a model and loads it.
func (r *runner) load(ctx context.Context, view View, id ModelID, evict []ModelID) error {
	model, ok, err := view.Model(id)
	if err != nil {
		return fmt.Errorf("read model %s: %w", id, err)
	}
	if !ok {
		return fmt.Errorf("expected model %s in committed state, got none", id)
	}
	source, err := openModel(view, r.files, listed{id: id, Model: model})
	if err != nil {
		return err
	}
	defer source.close()
	for _, other := range evict {
		if err := r.engine.Unload(ctx, other.String()); err != nil {
			return fmt.Errorf("unload model %s: %w", other, err)
		}
		delete(r.loaded, other)
		r.metrics.Count(EventModelUnloaded)
	}
	if err := source.load(ctx, r.engine); err != nil {
		return err
	}
	if len(r.loaded) >= maxLoaded {
		clear(r.loaded)
	}
	r.loaded[id] = struct{}{}
	r.metrics.Count(EventModelLoaded)
	return nil
}

// checkFailure refuses a failure that says nothing about other nodes.
func (r *runner) checkFailure(f verificationtypes.Failure, d Duty) error {
	switch f {
	case verificationtypes.FAILURE_NONE, verificationtypes.FAILURE_EXECUTION:
		return nil
	case verificationtypes.FAILURE_OUTPUT_LIMIT:
		if limit := r.engine.Status().MaxOutputBytes; limit < d.Round.MaxOutputBytes {
			return fmt.Errorf("expected an engine that gives %d output bytes, got one that stops at %d", d.Round.MaxOutputBytes, limit)
		}
		return nil
	default:
		return fmt.Errorf("expected a known failure from the engine, got %d", f)
	}
}

func readInputs(view View, d Duty) ([]tensor.Tensor, error) {
	encoded, err := view.Inputs(d.Round.RequestId)
	if err != nil {
		return nil, fmt.Errorf("read the inputs of request %s: %w", d.Key(), err)
	}
	if root := tensor.MerkleRoot(encoded); !bytes.Equal(root[:], d.InputRoot) {
		return nil, fmt.Errorf("expected inputs of request %s with root %x, got %x", d.Key(), d.InputRoot, root)
	}
	// The length already bounds the count of tensors.
	limits := tensor.Limits{MaxTensors: len(encoded), MaxRank: tensor.MaxRank, MaxBytes: int64(len(encoded))}
	inputs, err := tensor.Decode(encoded, limits)
	if err != nil {
		return nil, fmt.Errorf("read the inputs of request %s: %w", d.Key(), err)
	}
	return inputs, nil
}

// encodeOutputs is the canonical encoding of exactly the wanted outputs, in their
// order.
func encodeOutputs(outputs []tensor.Tensor, wanted []string) ([]byte, error) {
	ordered, err := tensor.Select(outputs, wanted)
	if err != nil {
		return nil, fmt.Errorf("outputs of the engine: %w", err)
	}
	encoded, err := tensor.EncodeOutputs(ordered)
	if err != nil {
		return nil, fmt.Errorf("outputs of the engine: %w", err)
	}
	return encoded, nil
}

// outboxEntry is the outcome of a duty under the limit of its request.
func outboxEntry(d Duty, result computed, class uint32) abcitypes.OutboxEntry {
	entry := abcitypes.OutboxEntry{
		RequestId:        d.Round.RequestId,
		Attempt:          d.Round.Attempt,
		Digest:           d.Digest,
		EnvironmentClass: class,
		Deadline:         d.Deadline,
	}
	switch {
	case result.failure != verificationtypes.FAILURE_NONE:
		entry.Outcome = verificationtypes.NewFailureOutcome(result.failure)
	case uint64(len(result.output)) > d.Round.MaxOutputBytes:
		entry.Outcome = verificationtypes.NewFailureOutcome(verificationtypes.FAILURE_OUTPUT_LIMIT)
	default:
		entry.Outcome = verificationtypes.NewRootOutcome(tensor.MerkleRoot(result.output))
		entry.Output = result.output
	}
	return entry
}
