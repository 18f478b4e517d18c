package view

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
)

// NewTable is a table without lines.
func NewTable(columns ...any) table.Writer {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	if len(columns) > 0 {
		t.AppendHeader(columns)
	}
	return t
}

func write(w io.Writer, t table.Writer) error {
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// Plain keeps control characters of a text that strangers wrote away from a terminal; line ends and tabs stay when it has lines.
func Plain(text string, lines bool) string {
	return strings.Map(func(r rune) rune {
		if lines && (r == '\n' || r == '\t') {
			return r
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// Size is a number of bytes for people.
func Size(bytes uint64) string {
	value, unit := float64(bytes), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// Short is the beginning of a hash.
func Short(hash string) string { return hash[:min(len(hash), 12)] }

func units(m Model) string {
	if m.ComputeUnits == nil {
		return "-"
	}
	return strconv.FormatUint(*m.ComputeUnits, 10)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// ModelList writes models as a table.
func ModelList(w io.Writer, models []Model) error {
	t := NewTable("MODEL", "SHA256", "TASK", "STATUS", "SIZE", "UNITS", "ROYALTY")
	for _, m := range models {
		t.AppendRow(table.Row{m.Reference, Short(m.SHA256), m.Task, m.Status, Size(m.SizeBytes), units(m), m.Royalty})
	}
	return write(w, t)
}

// UploadList writes uploads as a table.
func UploadList(w io.Writer, uploads []Upload) error {
	t := NewTable("UPLOAD", "NAME", "SHA256", "SIZE", "CHUNKS", "DEPOSIT", "EXPIRES")
	for _, u := range uploads {
		t.AppendRow(table.Row{u.ID, u.Name, Short(u.SHA256), Size(u.SizeBytes), fmt.Sprintf("%d of %d", u.Received, u.Chunks), u.Deposit, u.ExpiresHeight})
	}
	return write(w, t)
}

// Show writes all that is known of a model.
func Show(w io.Writer, d Details) error {
	t := NewTable()
	row := func(name string, value any) { t.AppendRow(table.Row{name, value}) }
	row("Model", d.Reference)
	row("SHA-256", d.SHA256)
	row("Owner", d.Owner)
	row("Tags", dash(strings.Join(d.Tags, ", ")))
	row("Task", d.Task)
	row("Status", status(d.Model))
	row("Size", Size(d.SizeBytes)+place(d.Model))
	row("Parameters", d.Parameters)
	row("Memory", Size(d.SessionBytes))
	row("Compute units", units(d.Model)+" a run, with every symbol 1")
	row("Royalty", d.Royalty+" uopg a request")
	row("License", dash(Plain(d.License, false)))
	row("Labels", dash(Plain(strings.Join(d.Labels, ", "), false)))
	row("Registered", fmt.Sprintf("height %d", d.RegisteredHeight))
	row("Nodes ready", d.NodesReady)
	if err := write(w, t); err != nil {
		return err
	}
	for _, part := range []struct {
		title string
		table table.Writer
	}{
		{"Signature", signature(d.Model)}, {"Certificate", certificate(d.Certificate)}, {"Nodes", proofs(d.Proofs)},
		{"Versions", versions(d)},
	} {
		if part.table.Length() == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "\n%s\n", part.title); err != nil {
			return err
		}
		if err := write(w, part.table); err != nil {
			return err
		}
	}
	return nil
}

func status(m Model) string {
	text := m.Status
	if m.Verdict != nil && m.Verdict.Reason != "" {
		text += ": " + m.Verdict.Reason
		if m.Verdict.Detail != "" {
			text += ", " + Plain(m.Verdict.Detail, false)
		}
	}
	if m.DeadlineHeight != 0 {
		text += fmt.Sprintf(" (until height %d)", m.DeadlineHeight)
	}
	return text
}

func place(m Model) string {
	switch {
	case m.OnChain:
		return ", on the chain"
	case len(m.Sources) > 0:
		return ", at " + Plain(strings.Join(m.Sources, ", "), false)
	default:
		return ""
	}
}

func signature(m Model) table.Writer {
	t := NewTable("", "NAME", "DATATYPE", "SHAPE")
	for _, side := range []struct {
		name    string
		tensors []Tensor
	}{{"input", m.Inputs}, {"output", m.Outputs}} {
		for _, s := range side.tensors {
			t.AppendRow(table.Row{side.name, Plain(s.Name, false), s.Datatype, Plain("["+strings.Join(s.Shape, ", ")+"]", false)})
		}
	}
	return t
}

func certificate(c *Certificate) table.Writer {
	t := NewTable("CLASS", "OUTPUT ROOT", "PROVEN AT")
	if c == nil {
		return t
	}
	for _, class := range c.Classes {
		t.AppendRow(table.Row{class.EnvironmentClass, class.OutputRoot, class.ProvenHeight})
	}
	return t
}

func proofs(list []Proof) table.Writer {
	t := NewTable("OPERATOR", "CLASS", "SAYS", "HEIGHT")
	for _, p := range list {
		says := p.Failure
		if p.OutputRoot != "" {
			says = Short(p.OutputRoot)
		}
		t.AppendRow(table.Row{p.Operator, p.EnvironmentClass, says, p.Height})
	}
	return t
}

func versions(d Details) table.Writer {
	t := NewTable("VERSION", "SHA256", "STATUS", "TAGS")
	list := slices.Clone(d.Versions)
	slices.Reverse(list)
	for _, v := range list {
		t.AppendRow(table.Row{v.Version, Short(v.SHA256), v.Status, dash(strings.Join(v.Tags, ", "))})
	}
	return t
}

// Quoted writes a cost.
func Quoted(w io.Writer, q Quote) error {
	t := NewTable()
	t.AppendRow(table.Row{"Bytes", q.ByteFee + "uopg"})
	t.AppendRow(table.Row{"Admission", q.AdmissionFee + "uopg"})
	t.AppendRow(table.Row{"Gas", fmt.Sprintf("%s for %d in %d transactions", q.GasFee, q.Gas, q.Transactions)})
	t.AppendRow(table.Row{"Total", q.Total})
	return write(w, t)
}
