package model

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/push"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/modelcard"
	"github.com/opengradient/opengradient/internal/npz"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/models/types"
)

// Bounds of files that are read whole; the chain's own bounds are tighter.
const (
	maxCardFile   = 1 << 20
	maxGoldenFile = 16 << 20
)

// addManifestFlags adds what an owner states of a model.
func addManifestFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("name", "", "`NAME` of the model (required)")
	f.String("task", "", "`CLASS` of the task, or a task of Hugging Face; without it that of the card")
	f.String("royalty", "0", "`AMOUNT` in uopg that the owner gets for each request")
	f.String("card", "", "`FILE` with the model card: Markdown with a YAML front matter")
	f.StringArray("golden", nil, "`FILE` with inputs on which the model is tried: JSON (one request or an array of them), or .npz (one run); may be repeated")
	f.StringArray("range", nil, "values of an input in derived golden inputs, as `INPUT=LOW:HIGH`; may be repeated")
	f.StringArray("symbol", nil, "value of a symbolic dimension in derived golden inputs, as `NAME=VALUE`; may be repeated")
	if err := cmd.MarkFlagRequired("name"); err != nil {
		panic(err)
	}
	session.Complete(cmd, "task", modelcard.Classes()...)
	cmd.MarkFlagsMutuallyExclusive("golden", "range")
	cmd.MarkFlagsMutuallyExclusive("golden", "symbol")
}

// readManifest reads the flags and the files that they name.
func readManifest(cmd *cobra.Command) (types.Manifest, error) {
	f := cmd.Flags()
	var m types.Manifest
	var err error
	if m.Name, err = f.GetString("name"); err != nil {
		return m, err
	}
	if err := types.ValidateName(m.Name); err != nil {
		return m, fmt.Errorf("--name: %w", err)
	}
	royalty, err := f.GetString("royalty")
	if err != nil {
		return m, err
	}
	amount, ok := sdkmath.NewIntFromString(strings.TrimSuffix(royalty, types.Denom))
	if !ok || amount.IsNegative() {
		return m, fmt.Errorf("--royalty: expected an amount of at least 0 %s, got %q", types.Denom, royalty)
	}
	m.Royalty = amount
	card, err := readCard(cmd, &m)
	if err != nil {
		return m, err
	}
	if err := readTask(cmd, &m, card); err != nil {
		return m, err
	}
	return m, readGolden(cmd, &m.Golden)
}

func readCard(cmd *cobra.Command, m *types.Manifest) (modelcard.Card, error) {
	path, err := cmd.Flags().GetString("card")
	if err != nil || path == "" {
		return modelcard.Card{}, err
	}
	text, err := readBounded(path, maxCardFile)
	if err != nil {
		return modelcard.Card{}, fmt.Errorf("--card: %w", err)
	}
	card, err := modelcard.Read(string(text), maxCardFile)
	if err != nil {
		return modelcard.Card{}, fmt.Errorf("--card %s: %w", path, err)
	}
	m.Card, m.License, m.Labels = string(text), card.License, card.Labels
	return card, nil
}

func readTask(cmd *cobra.Command, m *types.Manifest, card modelcard.Card) error {
	task, err := cmd.Flags().GetString("task")
	if err != nil {
		return err
	}
	from := "--task"
	if task == "" {
		task, from = card.Task, "front matter of the card"
	}
	if task == "" {
		return fmt.Errorf("--task: expected one of %s, here or in the front matter of the card (pipeline_tag), got none", strings.Join(modelcard.Classes(), ", "))
	}
	if m.TaskClass, err = push.Task(task); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return nil
}

// readGolden reads with which inputs the model is tried.
func readGolden(cmd *cobra.Command, g *types.Golden) error {
	f := cmd.Flags()
	files, err := f.GetStringArray("golden")
	if err != nil {
		return err
	}
	for _, path := range files {
		vectors, err := readVectors(path)
		if err != nil {
			return fmt.Errorf("--golden %s: %w", path, err)
		}
		g.Vectors = append(g.Vectors, vectors...)
	}
	ranges, err := f.GetStringArray("range")
	if err != nil {
		return err
	}
	for _, text := range ranges {
		// Names of inputs may hold anything; bounds do not.
		at := strings.LastIndex(text, "=")
		low, high, found := strings.Cut(text[at+1:], ":")
		if at < 1 || !found || low == "" || high == "" {
			return fmt.Errorf("--range: expected INPUT=LOW:HIGH, got %q", text)
		}
		g.Ranges = append(g.Ranges, types.InputRange{Input: text[:at], Low: low, High: high})
	}
	symbols, err := f.GetStringArray("symbol")
	if err != nil {
		return err
	}
	for _, text := range symbols {
		at := strings.LastIndex(text, "=")
		value, err := strconv.ParseInt(text[at+1:], 10, 64)
		if at < 1 || err != nil || value < 1 {
			return fmt.Errorf("--symbol: expected NAME=VALUE with a value from 1, got %q", text)
		}
		g.Symbols = append(g.Symbols, types.SymbolValue{Symbol: text[:at], Value: value})
	}
	return nil
}

// readVectors reads the runs of one file, each in its canonical encoding.
func readVectors(path string) ([][]byte, error) {
	content, err := readBounded(path, maxGoldenFile)
	if err != nil {
		return nil, err
	}
	var runs [][]tensor.Tensor
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npz":
		run, err := npz.Read(content, maxGoldenFile)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	case ".json":
		requests, err := oipjson.ParseRequests(content)
		if err != nil {
			return nil, err
		}
		for _, r := range requests {
			runs = append(runs, r.Inputs)
		}
	default:
		return nil, errors.New("expected a file named .json or .npz")
	}
	vectors := make([][]byte, len(runs))
	for i, run := range runs {
		if vectors[i], err = tensor.Encode(run); err != nil {
			return nil, fmt.Errorf("run %d: %w", i+1, err)
		}
	}
	return vectors, nil
}

// readBounded reads a file of at most most bytes.
func readBounded(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("expected at most %d bytes, got more", most)
	}
	return content, nil
}
