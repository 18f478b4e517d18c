package main

import (
	"fmt"
	"os"
	"strings"
)

const (
	begin = "<!-- begin table: written by benchstability -->\n"
	end   = "<!-- end table -->"
)

// insert puts text between the markers of a document. No document: nothing to do.
func insert(file, text string) error {
	if file == "" {
		return nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(b), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s: expected the markers %q and %q", file, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(file, []byte(head+begin+text+end+tail), 0o644)
}

// render writes the table.
func render(all []*processor, rows []row, samples int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nReference: %s (%s). %d inputs for each model, one for those above %d compute units.\n\n| Model | Family | Rules | Moved |", all[0].name, all[0].isa, samples, largeUnits)
	for _, p := range all[1:] {
		fmt.Fprintf(&b, " %s (%s) |", p.name, p.isa)
	}
	b.WriteString("\n|---|---|---|---|" + strings.Repeat("---|", len(all)-1) + "\n")
	for _, r := range rows {
		rules, moved := strings.Join(r.rules, ", "), r.moved.text()
		if rules == "" {
			rules, moved = "–", "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |", r.name, r.family, rules, strings.Trim(moved, "*"))
		for i := range r.before {
			cell := r.after[i].text()
			if len(r.rules) > 0 {
				cell = r.before[i].text() + " → " + cell
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	before := make([]int, len(all)-1)
	after := make([]int, len(all)-1)
	for _, r := range rows {
		for i := range r.before {
			if r.before[i].norm == 0 {
				before[i]++
			}
			if r.after[i].norm == 0 {
				after[i]++
			}
		}
	}
	fmt.Fprintf(&b, "\nModels of %d with equal bits:", len(rows))
	for i, p := range all[1:] {
		sep := ","
		if i == 0 {
			sep = ""
		}
		fmt.Fprintf(&b, "%s on %s %d as they are, %d prepared", sep, p.name, before[i], after[i])
	}
	b.WriteString(".\n\n")
	return b.String()
}
