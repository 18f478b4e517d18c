package model

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/modelcompare"
	"github.com/opengradient/opengradient/internal/onnxprep"
)

// prepareReport is what model prepare prints. Its JSON form is for programs.
type prepareReport struct {
	*onnxprep.Report

	In  string `json:"in"`
	Out string `json:"out"`
	// Refused is why inspection refuses the prepared model.
	Refused string `json:"refused,omitempty"`
	// NotCompared is why outputs were not compared.
	NotCompared string      `json:"not_compared,omitempty"`
	Environment string      `json:"environment,omitempty"`
	Comparison  *comparison `json:"comparison,omitempty"`
}

// comparison says how far outputs moved.
type comparison struct {
	Samples int            `json:"samples"`
	Failed  int            `json:"failed"` // samples on which both models fail
	Outputs []outputReport `json:"outputs"`
}

type outputReport struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Equal    int    `json:"equal"` // samples with equal bits
	// Distance is max|a-b| / max|a| of the sample that moved most; null where there is no such number, because NaN,
	// infinities or text differ, or the original is zero.
	Distance *float64 `json:"distance"`
	// Tolerance is the one a network starts with; integers have none.
	Tolerance float64 `json:"tolerance"`
}

func newComparison(r modelcompare.Result) *comparison {
	c := &comparison{Samples: r.Samples, Failed: r.Failed, Outputs: []outputReport{}}
	for _, o := range r.Outputs {
		report := outputReport{
			Name: o.Name, Datatype: o.Datatype.String(), Equal: o.Equal,
			Tolerance: float64(agreement.DefaultTaus().Of(o.Datatype)) / agreement.TauUnit,
		}
		if !math.IsInf(o.Distance, 0) {
			report.Distance = &o.Distance
		}
		c.Outputs = append(c.Outputs, report)
	}
	return c
}

func (r *prepareReport) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func (r *prepareReport) writeText(w io.Writer) error {
	fmt.Fprintf(w, "%s  %d bytes  sha256 %s\n", r.In, r.Before.Bytes, r.Before.SHA256)
	fmt.Fprintf(w, "%s  %d bytes  sha256 %s\n", r.Out, r.After.Bytes, r.After.SHA256)
	if len(r.Changes) == 0 {
		fmt.Fprintln(w, "\nNothing to change: no rule concerns this model.")
	} else {
		fmt.Fprintln(w, "\nChanged")
		rows := [][]string{{"RULE", "WHERE", "WHAT", "COUNT"}}
		for _, c := range r.Changes {
			rows = append(rows, []string{c.Rule, c.Where, c.What, fmt.Sprint(c.Count)})
		}
		writeRows(w, rows)
	}
	if len(r.Left) > 0 {
		fmt.Fprintln(w, "\nLeft as it is")
		rows := [][]string{{"RULE", "WHERE", "EXPECTED", "GOT"}}
		for _, n := range r.Left {
			rows = append(rows, []string{n.Rule, n.Where, n.Expected, n.Got})
		}
		writeRows(w, rows)
	}
	if r.Refused != "" {
		fmt.Fprintf(w, "\nThe network refuses this model: %s\n", r.Refused)
	}
	if r.NotCompared != "" {
		fmt.Fprintf(w, "\nOutputs were not compared: %s\n", r.NotCompared)
	}
	if c := r.Comparison; c != nil {
		fmt.Fprintf(w, "\nOutputs before and after, on %d sample inputs (%s)\n", c.Samples, r.Environment)
		if c.Failed > 0 {
			fmt.Fprintf(w, "On %d more, both models fail: give sizes that fit the model by --size.\n", c.Failed)
		}
		rows := [][]string{{"OUTPUT", "DATATYPE", "EQUAL BITS", "LARGEST DIFFERENCE", "TOLERANCE"}}
		for _, o := range c.Outputs {
			distance := "without bound"
			if o.Distance != nil {
				distance = fmt.Sprintf("%.2g", *o.Distance)
			}
			rows = append(rows, []string{strconv.Quote(o.Name), o.Datatype, fmt.Sprintf("%d of %d", o.Equal, c.Samples), distance, fmt.Sprintf("%g", o.Tolerance)})
		}
		writeRows(w, rows)
	}
	return nil
}

func writeRows(w io.Writer, rows [][]string) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(table, "\t")
			}
			fmt.Fprint(table, cell)
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // an error to write to a terminal has nobody to be told to
}
