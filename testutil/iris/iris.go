// Package iris is a complete small model with real data: Fisher's Iris measurements, a network trained on them in
// plain Go, and its export to ONNX. Tests and the demonstration run the exported file end to end and hold its answers
// against labels botanists gave and against this package's own forward pass.
//
// Training gives the same bytes on every architecture. All sums run in a fixed order; every product is rounded by an
// explicit conversion before it is added, so that no compiler may fuse the two; the exponential is computed here,
// because the standard library's differs between architectures; the pseudorandom generator has a fixed seed.
package iris

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

const (
	// Features is the number of measurements of a flower.
	Features = 4
	// Classes is the number of species.
	Classes = 3
)

// FeatureNames are the measurements in the order of Row.Features. All are in centimetres.
var FeatureNames = [Features]string{"sepal_length", "sepal_width", "petal_length", "petal_width"}

// SpeciesNames are the species in the order of their labels: Row.Label is an index into it.
var SpeciesNames = [Classes]string{"setosa", "versicolor", "virginica"}

// Row is one measured flower.
type Row struct {
	// Features are the measurements in centimetres, in the order of FeatureNames.
	Features [Features]float32 `json:"features"`
	// Label is the flower's species, an index into SpeciesNames.
	Label int64 `json:"label"`
	// Species is the name for Label.
	Species string `json:"species"`
}

// DataSet is the Iris data, divided once and for all.
type DataSet struct {
	// Train holds the 100 rows the network is trained on.
	Train []Row
	// HeldOut holds the 50 rows the network never sees in training.
	HeldOut []Row
}

// heldOutEvery holds out every third row. The data lists 50 flowers of one species after the other, so the held-out
// rows have 16, 17 and 17 of them.
const heldOutEvery = 3

//go:embed iris.csv
var source string

// Load reads the embedded data: 150 flowers, 100 to train on and 50 held out. The rows keep the order of the source.
func Load() (DataSet, error) {
	rows, err := parse(source)
	if err != nil {
		return DataSet{}, fmt.Errorf("iris data: %w", err)
	}
	var d DataSet
	for i, row := range rows {
		if i%heldOutEvery == heldOutEvery-1 {
			d.HeldOut = append(d.HeldOut, row)
		} else {
			d.Train = append(d.Train, row)
		}
	}
	return d, nil
}

func parse(text string) ([]Row, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	r.FieldsPerRecord = Features + 1
	records, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	header := strings.Join(FeatureNames[:], ",") + ",species"
	if len(records) == 0 {
		return nil, fmt.Errorf("expected the header %s, got an empty file", header)
	}
	if got := strings.Join(records[0], ","); got != header {
		return nil, fmt.Errorf("expected the header %s, got %q", header, got)
	}
	rows := make([]Row, 0, len(records)-1)
	for i, record := range records[1:] {
		row, err := parseRow(record)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func parseRow(record []string) (Row, error) {
	row := Row{Label: -1, Species: record[Features]}
	for i := range row.Features {
		v, err := strconv.ParseFloat(record[i], 32)
		if err != nil {
			return Row{}, fmt.Errorf("%s: %w", FeatureNames[i], err)
		}
		if !(v > 0 && v < 100) {
			return Row{}, fmt.Errorf("%s: expected a length in centimetres between 0 and 100, got %q", FeatureNames[i], record[i])
		}
		row.Features[i] = float32(v)
	}
	for label, name := range SpeciesNames {
		if row.Species == name {
			row.Label = int64(label)
		}
	}
	if row.Label < 0 {
		return Row{}, fmt.Errorf("species: expected one of %v, got %q", SpeciesNames, row.Species)
	}
	return row, nil
}
