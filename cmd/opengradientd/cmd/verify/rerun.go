package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/cosmos/cosmos-sdk/client"

	"github.com/opengradient/opengradient/client/proof"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model"
	"github.com/opengradient/opengradient/internal/worker"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// maxModelFile bounds a model that is read into memory.
const maxModelFile = 4 << 30

// rerun is what a run on this machine gave.
type rerun struct {
	Environment string `json:"environment"`
	proof.Recomputation
}

// rerun runs the model on the inputs of a proof, in a worker of this command's own, and compares.
func (s *settings) rerun(ctx context.Context, clientCtx client.Context, r *proof.Record, online bool) (*rerun, error) {
	if r.Inputs == nil {
		return nil, fmt.Errorf("--%s: expected a proof that carries the inputs, got their root alone; give them with --%s when the proof is collected",
			flagRecompute, flagInputs)
	}
	onnx, err := s.modelBytes(ctx, clientCtx, r.Model, online)
	if err != nil {
		return nil, known(ctx, err)
	}
	engine, err := model.StartWorker(ctx, s.worker, s.library, clientCtx.HomeDir, len(onnx))
	if err != nil {
		return nil, known(ctx, fmt.Errorf("--%s: %w", flagRecompute, err))
	}
	defer engine.Close()
	if err := engine.Load(ctx, r.Model.Sha256, onnx); err != nil {
		return nil, known(ctx, fmt.Errorf("load the model: %w", err))
	}
	outcome, err := engine.Infer(ctx, r.Model.Sha256, r.Inputs, r.Request.Outputs)
	if err != nil {
		return nil, known(ctx, fmt.Errorf("run the model: %w", err))
	}
	done := &rerun{Environment: engine.Status().Environment.String()}
	done.Recomputation, err = r.Compare(computed(outcome))
	return done, err
}

func computed(o worker.Outcome) proof.Computed {
	switch o.Failure {
	case worker.FailureExecution:
		return proof.Computed{Failure: verificationtypes.FAILURE_EXECUTION}
	case worker.FailureOutputLimit:
		return proof.Computed{Failure: verificationtypes.FAILURE_OUTPUT_LIMIT}
	default:
		return proof.Computed{Outputs: o.Outputs}
	}
}

// modelBytes reads the file of the model, and checks its SHA-256 against the one that is proved.
func (s *settings) modelBytes(ctx context.Context, clientCtx client.Context, m modelstypes.Model, online bool) ([]byte, error) {
	if s.modelFile == "" {
		if !online {
			return nil, fmt.Errorf("--%s: expected --%s with the file of %s:%d (SHA-256 %s): a proof file is checked without a node",
				flagRecompute, flagModelFile, m.Name, m.Version, m.Sha256)
		}
		return model.Download(ctx, modelstypes.NewQueryClient(clientCtx), m)
	}
	onnx, err := readBounded(s.modelFile, maxModelFile)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(onnx); hex.EncodeToString(sum[:]) != m.Sha256 {
		return nil, &proof.Error{
			Part: proof.PartModel, Subject: s.modelFile, Expected: "SHA-256 " + m.Sha256, Got: hex.EncodeToString(sum[:]),
			Help: fmt.Sprintf("Get the file with \"opengradientd model pull %s:%d\"", m.Name, m.Version),
		}
	}
	return onnx, nil
}
