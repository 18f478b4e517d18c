package modelcompare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
)

// On runs models in a worker, which gets each one when it does not hold it.
func On(engine worker.Engine) Runner { return engineRunner{engine} }

type engineRunner struct{ engine worker.Engine }

// Run implements Runner.
func (r engineRunner) Run(ctx context.Context, onnx []byte, inputs []tensor.Tensor) ([]tensor.Tensor, error) {
	digest := sha256.Sum256(onnx)
	name := hex.EncodeToString(digest[:])
	if err := r.engine.Load(ctx, name, onnx); err != nil {
		return nil, err
	}
	outcome, err := r.engine.Infer(ctx, name, inputs, nil)
	if err != nil {
		return nil, err
	}
	if outcome.Failure != worker.FailureNone {
		return nil, fmt.Errorf("%w: %s", ErrFailed, outcome.Failure)
	}
	return outcome.Outputs, nil
}
