package onnxfile

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// CostTerm is a part of the work of one run: MACs and Elements, times the
// product of the values of Symbols.
type CostTerm struct {
	Symbols  []string // sorted, repeated for powers; empty for the constant part
	MACs     uint64   // multiply-accumulate operations of linear algebra
	Elements uint64   // elements of all other work, with the weight of the operator
}

// ByteTerm is a number of bytes times the product of the values of Symbols.
type ByteTerm struct {
	Symbols []string // sorted, repeated for powers
	Bytes   uint64
}

const (
	// NodeElements is charged for every node: about the time an executor needs
	// to run one that has nothing to do.
	NodeElements = 4096
	// FreeEdges is the number of inputs and outputs of a node that NodeElements
	// covers; each further one is charged NodeElements again.
	FreeEdges = 16
	// ProductElements is charged for each matrix of a batch of products, and for
	// each group of a convolution: a call that costs as much however small it is.
	ProductElements = 512
	// WorkPerElement is the work of one element in MACs.
	WorkPerElement = 8
	// WorkPerUnit is the work of one compute unit in MACs: a cost is
	// ceil((MACs + WorkPerElement·Elements) / WorkPerUnit) units.
	WorkPerUnit = 1_000_000
)

// Errors of evaluation under bindings; use errors.Is.
var (
	ErrOverflow = errors.New("cost overflows")
	ErrBinding  = errors.New("invalid symbol binding")
)

// ComputeUnits is max(1, ceil((MACs + 8·elements) / 1,000,000)) over all
// terms under bindings. It fails with ErrBinding when a symbol has no value or
// one below 1, and with ErrOverflow when the work does not fit 64 bits.
func ComputeUnits(cost []CostTerm, bindings map[string]int64) (uint64, error) {
	var work uint64
	for _, t := range cost {
		elements, ok := mul(t.Elements, WorkPerElement)
		sum, ok2 := add(t.MACs, elements)
		if !ok || !ok2 {
			return 0, ErrOverflow
		}
		term, err := evaluate(sum, t.Symbols, bindings)
		if err != nil {
			return 0, err
		}
		if work, ok = add(work, term); !ok {
			return 0, ErrOverflow
		}
	}
	units := work / WorkPerUnit
	if work%WorkPerUnit != 0 {
		units++
	}
	return max(1, units), nil
}

// ComputeUnits is [ComputeUnits] of the model's cost.
func (r Report) ComputeUnits(bindings map[string]int64) (uint64, error) {
	return ComputeUnits(r.Cost, bindings)
}

// PeakActivationBytes evaluates r.PeakActivation; errors as [ComputeUnits].
func (r Report) PeakActivationBytes(bindings map[string]int64) (uint64, error) {
	var total uint64
	for _, t := range r.PeakActivation {
		term, err := evaluate(t.Bytes, t.Symbols, bindings)
		if err != nil {
			return 0, err
		}
		var ok bool
		if total, ok = add(total, term); !ok {
			return 0, ErrOverflow
		}
	}
	return total, nil
}

func evaluate(coef uint64, symbols []string, bindings map[string]int64) (uint64, error) {
	for _, s := range symbols {
		v, found := bindings[s]
		if !found || v < 1 {
			return 0, fmt.Errorf("%w: expected a value of at least 1 for symbol %s, got %d", ErrBinding, quote(s), v)
		}
		var ok bool
		if coef, ok = mul(coef, uint64(v)); !ok {
			return 0, ErrOverflow
		}
	}
	return coef, nil
}

func mul(a, b uint64) (uint64, bool) {
	hi, lo := bits.Mul64(a, b)
	return lo, hi == 0
}

func add(a, b uint64) (uint64, bool) {
	sum, carry := bits.Add64(a, b, 0)
	return sum, carry == 0
}

// ledger adds up the cost of a model and follows the memory of its values.
type ledger struct {
	cost  map[string]*work
	bytes map[string]*live
}

type work struct{ macs, elements uint64 }

// live is the memory of the values alive now, and the most there was.
type live struct{ now, peak uint64 }

func newLedger() *ledger {
	return &ledger{cost: make(map[string]*work), bytes: make(map[string]*live)}
}

func (l *ledger) entry(m monomial, most int) (*work, bool) {
	w := l.cost[m.syms]
	if w == nil {
		if len(l.cost) >= most {
			return nil, false
		}
		w = &work{}
		l.cost[m.syms] = w
	}
	return w, true
}

func (l *ledger) hold(m monomial, most int) bool {
	v := l.bytes[m.syms]
	if v == nil {
		if len(l.bytes) >= most {
			return false
		}
		v = &live{}
		l.bytes[m.syms] = v
	}
	var ok bool
	v.now, ok = add(v.now, m.coef)
	v.peak = max(v.peak, v.now)
	return ok
}

func (l *ledger) release(m monomial) { l.bytes[m.syms].now -= m.coef }

// workAtOne is the work with every symbol at 1; false if it overflows.
func (l *ledger) workAtOne() (uint64, bool) {
	sum, fits := uint64(0), true
	for _, w := range l.cost {
		elements, ok := mul(w.elements, WorkPerElement)
		part, ok2 := add(w.macs, elements)
		total, ok3 := add(sum, part)
		sum, fits = total, fits && ok && ok2 && ok3
	}
	return sum, fits
}

// peakAtOne is the most bytes alive with every symbol at 1, or a little more:
// the peaks of different products may be at different times.
func (l *ledger) peakAtOne() (uint64, bool) {
	sum, fits := uint64(0), true
	for _, v := range l.bytes {
		total, ok := add(sum, v.peak)
		sum, fits = total, fits && ok
	}
	return sum, fits
}

func (l *ledger) costTerms(s *symbols) []CostTerm {
	out := make([]CostTerm, 0, len(l.cost))
	for syms, w := range l.cost {
		out = append(out, CostTerm{s.sorted(syms), w.macs, w.elements})
	}
	slices.SortFunc(out, func(a, b CostTerm) int { return slices.Compare(a.Symbols, b.Symbols) })
	return out
}

func (l *ledger) byteTerms(s *symbols) []ByteTerm {
	out := make([]ByteTerm, 0, len(l.bytes))
	for syms, v := range l.bytes {
		if v.peak > 0 {
			out = append(out, ByteTerm{s.sorted(syms), v.peak})
		}
	}
	slices.SortFunc(out, func(a, b ByteTerm) int { return slices.Compare(a.Symbols, b.Symbols) })
	return out
}

// sorted gives the names of symbols in the order of names, not of indexes.
func (s *symbols) sorted(syms string) []string {
	out := make([]string, 0, len(syms))
	for i := range len(syms) {
		out = append(out, s.names[syms[i]])
	}
	slices.Sort(out)
	return out
}
