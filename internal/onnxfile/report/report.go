// Package report writes what inspection finds out about a model: as a table for people and as JSON for programs. The
// bytes depend on the arguments alone, on every architecture.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Document is the JSON form. Names of fields are stable; later versions only add to them. Integers of 64 bits that
// may exceed what JavaScript holds exactly are numbers all the same.
type Document struct {
	SHA256         string     `json:"sha256"`
	SizeBytes      int        `json:"size_bytes"`
	IRVersion      int64      `json:"ir_version"`
	OperatorSets   []OpSet    `json:"operator_sets"`
	Producer       string     `json:"producer"`
	Symbols        []string   `json:"symbols"`
	Inputs         []Tensor   `json:"inputs"`
	Outputs        []Tensor   `json:"outputs"`
	Nodes          int        `json:"nodes"`
	Operators      []OpCount  `json:"operators"`
	Parameters     uint64     `json:"parameters"`
	WeightBytes    uint64     `json:"weight_bytes"`
	SessionBytes   uint64     `json:"session_bytes"`
	Cost           []CostTerm `json:"cost"`
	PeakActivation []ByteTerm `json:"peak_activation"`
	WithSymbolsAt1 AtOne      `json:"with_symbols_at_1"`
}

// OpSet is a version of a domain of operators.
type OpSet struct {
	Domain  string `json:"domain"`
	Version int64  `json:"version"`
}

// Tensor is an input or output. Each dimension is its text: a number, a symbol, or a number times a symbol.
type Tensor struct {
	Name     string   `json:"name"`
	Datatype string   `json:"datatype"`
	Shape    []string `json:"shape"`
}

// OpCount says how many nodes use an operator.
type OpCount struct {
	Operator string `json:"operator"`
	Count    int    `json:"count"`
}

// CostTerm is work times the product of symbols.
type CostTerm struct {
	Symbols  []string `json:"symbols"`
	MACs     uint64   `json:"macs"`
	Elements uint64   `json:"elements"`
}

// ByteTerm is a number of bytes times the product of symbols.
type ByteTerm struct {
	Symbols []string `json:"symbols"`
	Bytes   uint64   `json:"bytes"`
}

// AtOne are the sums when every symbol is 1. A sum that does not fit 64 bits is absent.
type AtOne struct {
	ComputeUnits        *uint64 `json:"compute_units,omitempty"`
	PeakActivationBytes *uint64 `json:"peak_activation_bytes,omitempty"`
}

// New makes the document of a report. sha256 and size are those of the file.
func New(sha256 string, size int, r *onnxfile.Report) Document {
	d := Document{
		SHA256: sha256, SizeBytes: size, IRVersion: r.IRVersion, Producer: r.Producer, Nodes: r.Nodes,
		OperatorSets: []OpSet{{"ai.onnx", r.Opset}}, Symbols: []string{}, Inputs: tensors(r.Inputs), Outputs: tensors(r.Outputs),
		Parameters: r.Parameters, WeightBytes: r.WeightBytes, SessionBytes: r.SessionBytes,
		Operators: []OpCount{}, Cost: []CostTerm{}, PeakActivation: []ByteTerm{},
	}
	if r.MLOpset != 0 {
		d.OperatorSets = append(d.OperatorSets, OpSet{"ai.onnx.ml", r.MLOpset})
	}
	ones := make(map[string]int64)
	for _, s := range r.Inputs {
		for _, dim := range s.Dims {
			if _, seen := ones[dim.Symbol]; dim.Symbol != "" && !seen {
				ones[dim.Symbol] = 1
				d.Symbols = append(d.Symbols, dim.Symbol)
			}
		}
	}
	for _, o := range r.Ops {
		d.Operators = append(d.Operators, OpCount{o.Op, o.Count})
	}
	for _, c := range r.Cost {
		d.Cost = append(d.Cost, CostTerm{append([]string{}, c.Symbols...), c.MACs, c.Elements})
	}
	for _, p := range r.PeakActivation {
		d.PeakActivation = append(d.PeakActivation, ByteTerm{append([]string{}, p.Symbols...), p.Bytes})
	}
	if units, err := r.ComputeUnits(ones); err == nil {
		d.WithSymbolsAt1.ComputeUnits = &units
	}
	if peak, err := r.PeakActivationBytes(ones); err == nil {
		d.WithSymbolsAt1.PeakActivationBytes = &peak
	}
	return d
}

func tensors(specs []tensor.Spec) []Tensor {
	out := make([]Tensor, 0, len(specs))
	for _, s := range specs {
		t := Tensor{Name: s.Name, Datatype: s.Datatype.String(), Shape: []string{}}
		for _, d := range s.Dims {
			t.Shape = append(t.Shape, d.String())
		}
		out = append(out, t)
	}
	return out
}

// JSON gives the [Document] of a report, indented, with a line end.
func JSON(sha256 string, size int, r *onnxfile.Report) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(New(sha256, size, r)); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

// Text writes a report for people. Texts of the model are shown without control characters.
func Text(w io.Writer, sha256 string, size int, r *onnxfile.Report) error {
	d := New(sha256, size, r)
	p := &page{}
	p.row("Model", d.SHA256)
	p.row("File", bytesText(uint64(d.SizeBytes)))
	for i, s := range d.OperatorSets {
		p.row(first(i, "Operator sets"), fmt.Sprintf("%s %d", s.Domain, s.Version))
	}
	p.row("IR version", fmt.Sprint(d.IRVersion))
	if d.Producer != "" {
		p.row("Producer", plain(d.Producer))
	}
	for i, t := range d.Inputs {
		p.row(first(i, "Inputs"), tensorText(t))
	}
	for i, t := range d.Outputs {
		p.row(first(i, "Outputs"), tensorText(t))
	}
	p.row("Nodes", number(uint64(d.Nodes)))
	for i, line := range operatorLines(d.Operators) {
		p.row(first(i, "Operators"), line)
	}
	p.row("Parameters", fmt.Sprintf("%s (%s)", number(d.Parameters), bytesText(d.WeightBytes)))
	for i, c := range d.Cost {
		p.row(first(i, "Work"), fmt.Sprintf("%s MACs + %s elements%s", number(c.MACs), number(c.Elements), times(c.Symbols)))
	}
	for i, t := range d.PeakActivation {
		p.row(first(i, "Peak activation"), bytesText(t.Bytes)+times(t.Symbols))
	}
	p.row("Session memory", "about "+bytesText(d.SessionBytes))
	at := ""
	if len(d.Symbols) > 0 {
		at = " with every symbol at 1"
	}
	p.row("Compute units", orTooMany(d.WithSymbolsAt1.ComputeUnits, number)+at)
	p.row("Activation bytes", orTooMany(d.WithSymbolsAt1.PeakActivationBytes, bytesText)+at)
	_, err := w.Write(p.b.Bytes())
	return err
}

// page is lines of a label and a text.
type page struct{ b bytes.Buffer }

func (p *page) row(label, text string) { fmt.Fprintf(&p.b, "%-17s%s\n", label, text) }

// first is the label of the first of several lines.
func first(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

// lineWidth is where a list of operators goes on in the next line.
const lineWidth = 90

func operatorLines(ops []OpCount) []string {
	var lines []string
	line := ""
	for _, o := range ops {
		item := fmt.Sprintf("%s × %d", o.Operator, o.Count)
		switch {
		case line == "":
			line = item
		case len(line)+2+len(item) > lineWidth:
			lines = append(lines, line+",")
			line = item
		default:
			line += ", " + item
		}
	}
	return append(lines, line)
}

func tensorText(t Tensor) string {
	dims := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = plain(d)
	}
	return fmt.Sprintf("%s: %s [%s]", plain(t.Name), t.Datatype, strings.Join(dims, ", "))
}

func times(symbols []string) string {
	var b strings.Builder
	for _, s := range symbols {
		b.WriteString(" × " + plain(s))
	}
	return b.String()
}

func orTooMany(v *uint64, text func(uint64) string) string {
	if v == nil {
		return "more than 64 bits hold"
	}
	return text(*v)
}

// plain replaces what could move a terminal's cursor or hide text.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// number groups digits by commas.
func number(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bytesText is a size, above 1 KiB also in the next unit with one decimal, cut off.
func bytesText(n uint64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	unit := -1
	size := uint64(1)
	for unit+1 < len(units) && n/size >= 1024 {
		size *= 1024
		unit++
	}
	if unit < 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	tenths := n % size / (size / 1024) * 10 / 1024
	return fmt.Sprintf("%s bytes (%d.%d %s)", number(n), n/size, tenths, units[unit])
}
