package modelcompare

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/tensor"
)

// ErrFailed is a model that fails on its inputs, on every machine. Runners wrap it.
var ErrFailed = errors.New("the model fails on these inputs")

// Runner runs a model once. The outputs are those of the signature, in its order.
type Runner interface {
	Run(ctx context.Context, onnx []byte, inputs []tensor.Tensor) ([]tensor.Tensor, error)
}

// Output says how far one output moved, over all samples.
type Output struct {
	Name     string
	Datatype tensor.Datatype
	// Equal is the number of samples whose bits are equal.
	Equal int
	// Distance is the largest [Distance] of a sample from before to after.
	Distance float64
}

// Result is what [Compare] found.
type Result struct {
	Samples int // that were compared
	Failed  int // on which both models fail
	Outputs []Output
}

// Side is an error of one of the two models; the other error of a comparison is that of its inputs.
type Side struct {
	After bool
	Err   error
}

// Error implements error.
func (s *Side) Error() string {
	if s.After {
		return fmt.Sprintf("the prepared model does not run: %v", s.Err)
	}
	return fmt.Sprintf("the original model does not run: %v", s.Err)
}

// Unwrap gives the cause.
func (s *Side) Unwrap() error { return s.Err }

// Compare runs both models on samples made by [Inputs] with the seeds from seed on. A model that does not run is a
// [*Side].
func Compare(ctx context.Context, r Runner, before, after []byte, signature []tensor.Spec, sizes map[string]int64, samples int, seed uint64) (Result, error) {
	var result Result
	for i := range samples {
		inputs, err := Inputs(signature, sizes, seed+uint64(i))
		if err != nil {
			return Result{}, err
		}
		if err := result.add(ctx, r, before, after, inputs); err != nil {
			return Result{}, fmt.Errorf("sample %d: %w", i+1, err)
		}
	}
	return result, nil
}

func (r *Result) add(ctx context.Context, runner Runner, before, after []byte, inputs []tensor.Tensor) error {
	a, errBefore := runner.Run(ctx, before, inputs)
	if errBefore != nil && !errors.Is(errBefore, ErrFailed) {
		return &Side{false, errBefore}
	}
	b, errAfter := runner.Run(ctx, after, inputs)
	switch {
	case errBefore != nil && errors.Is(errAfter, ErrFailed):
		r.Failed++
		return nil
	case errAfter != nil:
		return &Side{true, errAfter}
	case errBefore != nil:
		return &Side{false, errBefore}
	case len(a) != len(b):
		return &Side{true, fmt.Errorf("expected %d outputs, got %d", len(a), len(b))}
	}
	if r.Outputs == nil {
		for _, t := range a {
			r.Outputs = append(r.Outputs, Output{Name: t.Name, Datatype: t.Datatype})
		}
	}
	if len(a) != len(r.Outputs) {
		return &Side{false, fmt.Errorf("expected %d outputs as before, got %d", len(r.Outputs), len(a))}
	}
	r.Samples++
	for i := range a {
		distance := Distance(a[i], b[i])
		if a[i].Name != b[i].Name {
			distance = math.Inf(1)
		}
		if distance == 0 {
			r.Outputs[i].Equal++
		}
		r.Outputs[i].Distance = max(r.Outputs[i].Distance, distance)
	}
	return nil
}
