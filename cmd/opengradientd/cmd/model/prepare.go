// Package model holds the commands around models.
package model

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/opengradient/opengradient/internal/modelcompare"
	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/onnxprep"
)

// prepareFlags are the flags of model prepare.
type prepareFlags struct {
	out      string
	fix      map[string]int64
	metadata bool
	worker   string
	library  string
	noRun    bool
	samples  int
	seed     uint64
	sizes    map[string]int64
	output   string
}

// NewPrepareCommand returns the command that rewrites a model file for bit stability.
func NewPrepareCommand() *cobra.Command {
	var f prepareFlags
	cmd := &cobra.Command{
		Use:   "prepare IN -o OUT",
		Short: "Rewrite a model so that different machines compute the same bits",
		Long: `Rewrite the ONNX model in file IN, and write it to OUT.

Machines with different instruction sets sum in different orders. The rewritten model computes the same by operators whose
results agree bit by bit on more machines: Softmax and LogSoftmax are decomposed, operators that some machines compute in
16-bit floats are computed in 32 bits, and factors of integer products get the same signedness. Functions are inlined,
documentation and training information are removed. What needs no change keeps its bytes; preparing twice changes nothing.

When the worker and the ONNX Runtime library are installed, both models run on sample inputs, and the report says how far
each output moved, relative to its largest element.`,
		Example: `  opengradientd model prepare bert.onnx -o bert.prepared.onnx --fix batch=1 --fix sequence=128
  opengradientd model prepare net.onnx -o net.prepared.onnx --samples 32 --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "`FILE` to write the prepared model to (required)")
	flags.StringToInt64Var(&f.fix, "fix", nil, "give a symbolic dimension of the model a size, as `NAME=SIZE`")
	flags.BoolVar(&f.metadata, "drop-metadata", false, "remove key-value pairs of the model, its nodes and values")
	flags.IntVar(&f.samples, "samples", 4, "`NUMBER` of sample inputs to compare outputs on")
	flags.Uint64Var(&f.seed, "seed", 1, "`NUMBER` that sample inputs are derived from")
	flags.StringToInt64Var(&f.sizes, "size", nil, fmt.Sprintf("size of a symbolic dimension in sample inputs, as `NAME=SIZE` (default %d)", modelcompare.DefaultSize))
	flags.BoolVar(&f.noRun, "no-run", false, "do not run the models")
	flags.StringVar(&f.worker, "worker", "", "`PATH` of the worker (default: beside this program, then on PATH)")
	flags.StringVar(&f.library, "library", "", "`PATH` of the ONNX Runtime library (default: $OPENGRADIENT_ONNXRUNTIME, then <home>/lib)")
	flags.StringVar(&f.output, "output", "text", "form of the report, `text|json`")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func (f *prepareFlags) run(cmd *cobra.Command, in string) error {
	switch {
	case f.output != "text" && f.output != "json":
		return fmt.Errorf("--output: expected text or json, got %q", f.output)
	case f.samples < 1 || f.samples > 1000:
		return fmt.Errorf("--samples: expected 1 to 1000, got %d", f.samples)
	}
	onnx, err := readModel(in)
	if err != nil {
		return err
	}
	prepared, changes, err := onnxprep.Prepare(onnx, onnxprep.Options{Fix: f.fix, DropMetadata: f.metadata})
	if err != nil {
		return err
	}
	if err := writeModel(in, f.out, prepared); err != nil {
		return err
	}
	report := prepareReport{Report: changes, In: in, Out: f.out}
	// How large a model may be is for a network to say; the worker below takes this one.
	inspected, err := onnxfile.Inspect(prepared, onnxfile.DefaultLimits.Sized(int64(len(prepared))))
	if err != nil {
		report.Refused = err.Error()
	}
	switch {
	case f.noRun:
		report.NotCompared = "--no-run was given"
	case inspected == nil:
		report.NotCompared = "a worker takes only models that pass inspection"
	default:
		home := ""
		if flag := cmd.Flag("home"); flag != nil {
			home = flag.Value.String()
		}
		f.compare(cmd.Context(), &report, home, onnx, prepared, inspected)
	}
	if f.output == "json" {
		return report.writeJSON(cmd.OutOrStdout())
	}
	return report.writeText(cmd.OutOrStdout())
}

// readModel reads a file within the limit.
func readModel(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if most := onnxprep.DefaultLimits.MaxBytes; info.Size() > most {
		return nil, fmt.Errorf("model %s: expected at most %d bytes, got %d", path, most, info.Size())
	}
	onnx, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return onnx, nil
}

// writeModel writes a file whole or not at all. It never replaces the original.
func writeModel(in, out string, onnx []byte) error {
	before, err := os.Stat(in)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if there, err := os.Stat(out); err == nil && os.SameFile(before, there) {
		return fmt.Errorf("--out: expected another file than the original, got %s", out)
	}
	file, err := os.CreateTemp(filepath.Dir(out), ".prepare-*")
	if err != nil {
		return fmt.Errorf("prepared model: %w", err)
	}
	_, err = file.Write(onnx)
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), out)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("prepared model: %w", err)
	}
	return nil
}

// compare runs both models in a worker of its own. What keeps it from doing so is noted in the report.
func (f *prepareFlags) compare(ctx context.Context, report *prepareReport, home string, onnx, prepared []byte, inspected *onnxfile.Report) {
	supervisor, err := StartWorker(ctx, f.worker, f.library, home, max(len(onnx), len(prepared)))
	if err != nil {
		report.NotCompared = err.Error()
		return
	}
	defer supervisor.Close()
	report.Environment = supervisor.Status().Environment.String()
	result, err := modelcompare.Compare(ctx, modelcompare.On(supervisor), onnx, prepared, inspected.Inputs, f.sizes, f.samples, f.seed)
	if err != nil {
		report.NotCompared = err.Error()
		return
	}
	report.Comparison = newComparison(result)
}
