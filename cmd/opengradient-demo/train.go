package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/opengradient/opengradient/testutil/iris"
)

func trainCommand() command {
	return command{name: "train", summary: "train the Iris classifier and write it as an ONNX file", run: runTrain}
}

func runTrain(_ context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	flags.SetOutput(errOut)
	model := flags.String("o", filepath.Join("build", "iris.onnx"), "`FILE` to write the ONNX model to")
	rows := flags.String("rows", "", "`FILE` to write the held-out rows and their labels to, as JSON")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	data, err := iris.Load()
	if err != nil {
		return err
	}
	network, err := iris.Train(data.Train)
	if err != nil {
		return err
	}
	onnx, err := network.ONNX()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := writeFile(*model, onnx); err != nil {
		return err
	}
	if *rows != "" {
		if err := writeRows(*rows, data.HeldOut); err != nil {
			return err
		}
	}
	return report(out, *model, *rows, onnx, network, data)
}

// report prints what was trained and written. Its text is the same on every run and machine, but for the file names.
func report(out io.Writer, model, rows string, onnx []byte, network *iris.Network, data iris.DataSet) error {
	e := network.Evaluate(data.HeldOut)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "model\t%s\n", model)
	if rows != "" {
		fmt.Fprintf(w, "held-out rows\t%s\n", rows)
	}
	fmt.Fprintf(w, "size\t%d bytes\n", len(onnx))
	fmt.Fprintf(w, "sha256\t%x\n", sha256.Sum256(onnx))
	fmt.Fprintf(w, "parameters\t%d\n", network.Parameters())
	fmt.Fprintf(w, "trained on\t%d rows\n", len(data.Train))
	fmt.Fprintf(w, "held-out accuracy\t%.4f (%d of %d)\n", e.Accuracy(), e.Correct, e.Rows)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	fmt.Fprint(w, "true \\ predicted")
	for _, name := range iris.SpeciesNames {
		fmt.Fprintf(w, "\t%s", name)
	}
	fmt.Fprintln(w)
	for label, name := range iris.SpeciesNames {
		fmt.Fprint(w, name)
		for _, n := range e.Confusion[label] {
			fmt.Fprintf(w, "\t%d", n)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// writeRows writes a JSON array with one row a line.
func writeRows(path string, rows []iris.Row) error {
	b := []byte("[\n")
	for i, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		b = append(append(b, "  "...), line...)
		if i < len(rows)-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	return writeFile(path, append(b, "]\n"...))
}

// writeFile writes a file, and makes its folder when there is none.
func writeFile(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}
