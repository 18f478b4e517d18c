package view

import (
	"fmt"
	"io"
	"math"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Verification says how a file compares with what the chain says of a model.
type Verification struct {
	Reference string  `json:"reference"`
	SHA256    string  `json:"sha256"`
	Checks    []Check `json:"checks"`
	// Run is null unless the model was run.
	Run *Run `json:"run"`
}

// Good says that no check failed.
func (v Verification) Good() bool {
	for _, c := range v.Checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// Check is one comparison.
type Check struct {
	Name   string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Run is what this machine computed from the golden inputs.
type Run struct {
	Environment string `json:"environment"`
	OutputRoot  string `json:"output_root"`
	// EqualClasses are the environment classes whose certified outputs are equal bit by bit.
	EqualClasses []uint32 `json:"equal_classes"`
	// Distances are given when there are none.
	Distances []Distance `json:"distances"`
}

// Distance is how far an output is from the certified one, at most, over all golden inputs: max|a-b| / max|a|.
type Distance struct {
	Output   string `json:"output"`
	Datatype string `json:"datatype"`
	// Distance is null where there is no such number: shapes, NaN, infinities or text differ, or the certified output is zero.
	Distance *float64 `json:"distance"`
	// Tolerance is the one that a network starts with; 0 for what has to be equal.
	Tolerance float64 `json:"tolerance"`
}

// NewDistance is no distance yet.
func NewDistance(output string, datatype tensor.Datatype) Distance {
	zero := 0.0
	return Distance{
		Output: output, Datatype: datatype.String(), Distance: &zero,
		Tolerance: float64(agreement.DefaultTaus().Of(datatype)) / agreement.TauUnit,
	}
}

// Add takes the distance of another vector.
func (d *Distance) Add(distance float64) {
	switch {
	case math.IsInf(distance, 0) || math.IsNaN(distance):
		d.Distance = nil
	case d.Distance != nil && distance > *d.Distance:
		d.Distance = &distance
	}
}

// Within says that the distance does not exceed the tolerance.
func (d Distance) Within() bool { return d.Distance != nil && *d.Distance <= d.Tolerance }

// Verified writes a verification as a table.
func Verified(w io.Writer, v Verification) error {
	if _, err := fmt.Fprintf(w, "%s  sha256 %s\n\n", v.Reference, v.SHA256); err != nil {
		return err
	}
	t := NewTable("CHECK", "RESULT", "DETAIL")
	for _, c := range v.Checks {
		result := "ok"
		if !c.OK {
			result = "DIFFERS"
		}
		t.AppendRow(table.Row{c.Name, result, c.Detail})
	}
	if err := write(w, t); err != nil || v.Run == nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "\nrun in %s\noutput root %s\n", v.Run.Environment, v.Run.OutputRoot); err != nil || len(v.Run.Distances) == 0 {
		return err
	}
	d := NewTable("OUTPUT", "DATATYPE", "DISTANCE", "TOLERANCE")
	for _, row := range v.Run.Distances {
		distance := "none"
		if row.Distance != nil {
			distance = fmt.Sprintf("%.3g", *row.Distance)
		}
		d.AppendRow(table.Row{Plain(row.Output, false), row.Datatype, distance, fmt.Sprintf("%.3g", row.Tolerance)})
	}
	return write(w, d)
}
