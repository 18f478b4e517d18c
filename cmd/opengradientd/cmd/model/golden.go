package model

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/modelcompare"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	"github.com/opengradient/opengradient/x/models/types"
)

// goldenRun is what a model computed on this machine.
type goldenRun struct {
	environment string
	outputs     [][]tensor.Tensor // of each vector, in the order of the signature
	packed      []byte
}

// runGolden runs the golden inputs of a model in a worker of this command's own.
func runGolden(cmd *cobra.Command, home string, file []byte, m types.Model, g types.Golden) (goldenRun, error) {
	binary, err := cmd.Flags().GetString("worker")
	if err != nil {
		return goldenRun{}, err
	}
	library, err := cmd.Flags().GetString("library")
	if err != nil {
		return goldenRun{}, err
	}
	vectors, err := m.GoldenVectors(g)
	if err != nil {
		return goldenRun{}, err
	}
	engine, err := StartWorker(cmd.Context(), binary, library, home, len(file))
	if err != nil {
		return goldenRun{}, fmt.Errorf("--run: %w", err)
	}
	defer engine.Close()
	if err := engine.Load(cmd.Context(), m.Sha256, file); err != nil {
		return goldenRun{}, fmt.Errorf("load the model: %w", err)
	}
	specs, err := m.OutputSpecs(nil)
	if err != nil {
		return goldenRun{}, err
	}
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	run := goldenRun{environment: engine.Status().Environment.String()}
	packed := make([][]byte, len(vectors))
	for i, inputs := range vectors {
		outcome, err := engine.Infer(cmd.Context(), m.Sha256, inputs, names)
		if err != nil {
			return goldenRun{}, fmt.Errorf("golden vector %d: %w", i+1, err)
		}
		if outcome.Failure != worker.FailureNone {
			return goldenRun{}, fmt.Errorf("golden vector %d: the model fails: %s", i+1, outcome.Failure)
		}
		// As the nodes do: in the order of the signature, whatever the worker's is.
		outputs, err := tensor.Select(outcome.Outputs, names)
		if err != nil {
			return goldenRun{}, fmt.Errorf("golden vector %d: outputs of the worker: %w", i+1, err)
		}
		if packed[i], err = tensor.EncodeOutputs(outputs); err != nil {
			return goldenRun{}, fmt.Errorf("golden vector %d: %w", i+1, err)
		}
		run.outputs = append(run.outputs, outputs)
	}
	run.packed = golden.Join(packed)
	return run, nil
}

// judge compares what was computed here with the certificate.
func judge(result *view.Verification, m types.Model, g types.Golden, c types.Certificate, run goldenRun) error {
	root := tensor.MerkleRoot(run.packed)
	result.Run = &view.Run{Environment: run.environment, OutputRoot: hex.EncodeToString(root[:]), EqualClasses: []uint32{}, Distances: []view.Distance{}}
	for _, class := range c.Classes {
		if bytes.Equal(class.OutputRoot, root[:]) {
			result.Run.EqualClasses = append(result.Run.EqualClasses, class.EnvironmentClass)
		}
	}
	check := view.Check{Name: "run", OK: len(result.Run.EqualClasses) > 0}
	switch {
	case check.OK:
		check.Detail = fmt.Sprintf("equal, bit by bit, to what environment class %v computes", result.Run.EqualClasses)
	case len(c.Outputs) == 0:
		check.Detail = "other outputs than any proven class; how far off is not known, as the chain does not hold the certified ones"
	default:
		var err error
		if result.Run.Distances, err = distances(m, g, c, run); err != nil {
			return err
		}
		check.OK, check.Detail = within(result.Run.Distances)
	}
	result.Checks = append(result.Checks, check)
	return nil
}

// distances measures how far each output is from the certified one, at most, over all vectors.
func distances(m types.Model, g types.Golden, c types.Certificate, run goldenRun) ([]view.Distance, error) {
	parts, err := m.CheckGoldenOutputs(g, c.Outputs)
	if err != nil {
		return nil, fmt.Errorf("certified outputs: %w", err)
	}
	var list []view.Distance
	for i, part := range parts {
		certified, err := tensor.Decode(part, tensor.DefaultLimits)
		if err != nil {
			return nil, fmt.Errorf("certified outputs: %w", err)
		}
		for j, want := range certified {
			d := modelcompare.Distance(want, run.outputs[i][j])
			if i == 0 {
				list = append(list, view.NewDistance(want.Name, want.Datatype))
			}
			list[j].Add(d)
		}
	}
	return list, nil
}

func within(list []view.Distance) (bool, string) {
	for _, d := range list {
		if !d.Within() {
			return false, fmt.Sprintf("output %s is farther from the certified one than the tolerance a network starts with", view.Plain(d.Output, false))
		}
	}
	return true, "within the tolerance that a network starts with, not bit by bit"
}
