// The command costbench compares the static cost of models with the time they take: it runs the models of
// testutil/modelzoo in ONNX Runtime, one thread, canonical profile, and fails when the ranks of work and time
// correlate by less than 0.9 (Spearman).
//
//	costbench [-library PATH] [-document FILE] [-time DURATION]
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/ort"
	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/testutil/modelzoo"
)

// least is the rank correlation that must be reached.
const least = 0.9

func main() {
	library := flag.String("library", "build/lib", "the ONNX Runtime library, or its folder")
	document := flag.String("document", "", "file whose section between the bench-cost marks is rewritten; none if empty")
	each := flag.Duration("time", time.Second, "time to measure each model for, after 3 runs to warm up")
	flag.Parse()
	if err := run(*library, *document, *each); err != nil {
		fmt.Fprintln(os.Stderr, "costbench:", err)
		os.Exit(1)
	}
}

func run(library, document string, each time.Duration) error {
	path, err := wire.LibraryFile(library)
	if err != nil {
		return err
	}
	env, err := ort.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = env.Close() }()
	runtime.LockOSThread()
	var rows []row
	for _, m := range modelzoo.Models() {
		r, err := measure(env, m, each)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		rows = append(rows, r)
	}
	rho := spearman(rows)
	text := table(rows, rho)
	fmt.Print(text)
	if rho < least {
		return fmt.Errorf("expected a rank correlation of at least %.2f, got %.3f", least, rho)
	}
	if document == "" {
		return nil
	}
	return rewrite(document, text)
}

// row is the work and the time of one model.
type row struct {
	name, family   string
	macs, elements uint64
	median         time.Duration
}

func (r row) work() uint64 { return r.macs + onnxfile.WorkPerElement*r.elements }

func measure(env *ort.Environment, m modelzoo.Model, each time.Duration) (row, error) {
	report, err := onnxfile.Inspect(m.ONNX, onnxfile.DefaultLimits)
	if err != nil {
		return row{}, err
	}
	inputs := m.Inputs(1)
	bindings, err := tensor.Bind(report.Inputs, inputs)
	if err != nil {
		return row{}, err
	}
	r := row{name: m.Name, family: m.Family}
	for _, t := range report.Cost {
		n := uint64(1)
		for _, s := range t.Symbols {
			n *= uint64(bindings[s])
		}
		r.macs += n * t.MACs
		r.elements += n * t.Elements
	}
	session, err := env.Load(m.ONNX)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = session.Close() }()
	outputs := resolve(report.Outputs, bindings)
	var times []time.Duration
	for begin := time.Now(); time.Since(begin) < each || len(times) < 8; {
		start := time.Now()
		if _, err := session.Run(inputs, outputs); err != nil {
			return row{}, err
		}
		times = append(times, time.Since(start))
	}
	times = times[3:]
	slices.Sort(times)
	r.median = times[len(times)/2]
	return r, nil
}

func resolve(specs []tensor.Spec, bindings map[string]int64) []tensor.Tensor {
	var out []tensor.Tensor
	for _, s := range specs {
		t := tensor.Tensor{Name: s.Name, Datatype: s.Datatype, Shape: make([]int64, len(s.Dims))}
		for i, d := range s.Dims {
			if t.Shape[i] = d.Size; d.Symbol != "" {
				t.Shape[i] *= bindings[d.Symbol]
			}
		}
		out = append(out, t)
	}
	return out
}

func table(rows []row, rho float64) string {
	var b strings.Builder
	b.WriteString("| Model | Family | MACs | Elements | Work | Median | ns per 1,000 work |\n|---|---|---:|---:|---:|---:|---:|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %.1f µs | %.0f |\n", r.name, r.family, r.macs, r.elements, r.work(),
			float64(r.median)/1e3, float64(r.median)*1e3/float64(r.work()))
	}
	fmt.Fprintf(&b, "\nSpearman's rank correlation of work and median time over %d models: **%.3f** (at least %.1f is asked for).\n", len(rows), rho, least)
	return b.String()
}

// The section of the document that this command writes.
const (
	startMark = "<!-- bench-cost: written by make bench-cost -->\n"
	endMark   = "<!-- end of bench-cost -->\n"
)

func rewrite(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), startMark)
	_, after, ok2 := strings.Cut(rest, endMark)
	if !ok || !ok2 {
		return fmt.Errorf("%s: expected a section between %q and %q", path, startMark, endMark)
	}
	return os.WriteFile(path, []byte(before+startMark+"\n"+text+"\n"+endMark+after), 0o644)
}
