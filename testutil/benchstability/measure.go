package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/modelcompare"
	"github.com/opengradient/opengradient/internal/onnxprep"
	"github.com/opengradient/opengradient/internal/tensor"
)

// distance is how far the outputs of a model are from the reference: the largest over outputs and samples.
type distance struct {
	norm   float64
	beyond bool // an output is further away than its tolerance
}

func (d distance) text() string {
	switch {
	case d.norm == 0:
		return "="
	case math.IsInf(d.norm, 0):
		return "∞"
	case d.beyond:
		return fmt.Sprintf("**%.1e**", d.norm)
	}
	return fmt.Sprintf("%.1e", d.norm)
}

// row is what was measured of one model.
type row struct {
	model
	rules         []string   // that changed it
	moved         distance   // from the model as it is to the prepared one, on the reference
	before, after []distance // of each processor but the reference
}

func (r row) text() string {
	s := fmt.Sprintf("%-24s", r.name)
	for i := range r.before {
		s += fmt.Sprintf("  %s -> %s", r.before[i].text(), r.after[i].text())
	}
	return s
}

func measure(ctx context.Context, all []*processor, m model, samples int) (row, error) {
	prepared, report, err := onnxprep.Prepare(m.onnx, onnxprep.Options{})
	if err != nil {
		return row{}, err
	}
	r := row{model: m, before: make([]distance, len(all)-1), after: make([]distance, len(all)-1)}
	for _, c := range report.Changes {
		if !slices.Contains(r.rules, c.Rule) {
			r.rules = append(r.rules, c.Rule)
		}
	}
	for seed := range uint64(samples) {
		inputs, err := m.inputs(seed + 1)
		if err != nil {
			return row{}, err
		}
		var before, after []tensor.Tensor // of the reference
		for i, p := range all {
			was, err := p.runner.Run(ctx, m.onnx, inputs)
			if err != nil {
				return row{}, fmt.Errorf("%s: %w", p.name, err)
			}
			is := was
			if len(r.rules) > 0 {
				if is, err = p.runner.Run(ctx, prepared, inputs); err != nil {
					return row{}, fmt.Errorf("%s, prepared: %w", p.name, err)
				}
			}
			if i == 0 {
				before, after = was, is
				r.moved.widen(was, is)
				continue
			}
			r.before[i-1].widen(before, was)
			r.after[i-1].widen(after, is)
		}
	}
	return r, nil
}

// widen takes the distance of outputs from others into account.
func (d *distance) widen(from, to []tensor.Tensor) {
	for i, a := range from {
		norm := modelcompare.Distance(a, to[i])
		d.norm = max(d.norm, norm)
		d.beyond = d.beyond || norm > float64(agreement.DefaultTaus().Of(a.Datatype))/agreement.TauUnit
	}
}

// check verifies what the document promises of prepared models.
func check(all []*processor, rows []row) error {
	for _, r := range rows {
		for i, p := range all[1:] {
			d := r.after[i]
			switch {
			case d.beyond:
				return fmt.Errorf("%s prepared: expected outputs within tolerance on %s, got %.2g from %s", r.name, p.name, d.norm, all[0].name)
			case d.norm != 0 && (wide(p.isa) && wide(all[0].isa) || r.exact):
				return fmt.Errorf("%s prepared: expected equal bits on %s, got %.2g from %s", r.name, p.name, d.norm, all[0].name)
			}
		}
	}
	return nil
}

// wide tells whether an instruction set class has AVX2 and FMA.
func wide(isa string) bool { return isa == "avx2" || isa == "avx512" || isa == "vnni" }
