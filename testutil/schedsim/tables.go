package main

import (
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/queue"
	"github.com/opengradient/opengradient/testutil/schedsim/sim"
)

// classes are the fee classes, highest first, as tables list them.
var classes = []queue.Class{queue.Priority, queue.Standard, queue.Economy}

// section is what is written between two markers of the document.
type section struct{ name, text string }

func (f figures) sections() []section {
	var steady strings.Builder
	for _, c := range f.steady {
		fmt.Fprintf(&steady, "\n### %s nodes\n\n%s", thousands(c[0].Spec.Nodes.Count), c.table())
	}
	return []section{
		{"steady", steady.String()},
		{"overload", "\n" + table([]*sim.Result{f.overload, f.flood}, func(r *sim.Result) string { return r.Spec.Name }, common, loads) +
			fmt.Sprintf("\nThe first refusal of the flood: `%s`.\n", f.flood.Refusal)},
		{"burst", "\n" + burstTable(f.burst)},
	}
}

// row is a line of a table: its title, and what it says of a result.
type row struct {
	title string
	of    func(r *sim.Result) string
}

func (c comparison) table() string {
	over := []row{{"delay to the verdict: p99 over the chain's", func(r *sim.Result) string {
		return fmt.Sprintf("%.2f", r.Verdict.Quantile(0.99)/c[0].Verdict.Quantile(0.99))
	}}}
	return table(c, func(r *sim.Result) string { return r.Policy }, common, over, fairness, loads)
}

// common are the rows of every table.
var common = []row{
	{"submitted", func(r *sim.Result) string { return thousands(r.Submitted) }},
	{"not submitted: too dear", func(r *sim.Result) string { return thousands(r.PricedOut) }},
	{"accepted", func(r *sim.Result) string { return thousands(r.Accepted) }},
	{"refused: queue full, by class", func(r *sim.Result) string {
		return byClass(func(c queue.Class) string { return thousands(r.Refused[c]) })
	}},
	{"refused: no deadline slot, too little power", func(r *sim.Result) string { return thousands(r.NoSlot) + ", " + thousands(r.NoPower) }},
	{"ended: verdict, without one", func(r *sim.Result) string { return thousands(r.Verdicts) + ", " + thousands(r.Failed) }},
	{"never began", func(r *sim.Result) string { return thousands(r.NeverBegan) }},
	{"budget used", func(r *sim.Result) string { return percent(r.Used) }},
	{"queue delay: p50, p99", func(r *sim.Result) string { return quantiles(&r.Queue) }},
	{"longest wait, by class", func(r *sim.Result) string {
		return byClass(func(c queue.Class) string { return fmt.Sprint(r.LongestWait[c]) }) + fmt.Sprintf(" of %d", r.Spec.Params.Rule.MaxBlocks)
	}},
	{"acceptance to end: p50, p99", func(r *sim.Result) string { return quantiles(&r.End) }},
	{"committees without a verdict", func(r *sim.Result) string { return percent(float64(r.Again) / float64(r.Committees)) }},
	{"delay to the verdict: p50, p99", func(r *sim.Result) string { return quantiles(&r.Verdict) }},
	{"delay to the verdict: mean", func(r *sim.Result) string { return fmt.Sprintf("%.3f", r.Verdict.Mean()) }},
	{"delay to the verdict: above 2 blocks", func(r *sim.Result) string { return percent(r.Verdict.Above(2)) }},
}

// fairness are the rows on who leads.
var fairness = []row{
	{"leadership, Jain index: useful capacity", func(r *sim.Result) string { return fmt.Sprintf("%.3f", r.Jain(sim.Useful)) }},
	{"leadership, Jain index: delivered capacity", func(r *sim.Result) string { return fmt.Sprintf("%.3f", r.Jain(sim.Delivered)) }},
	{"leadership, Jain index: true capacity", func(r *sim.Result) string { return fmt.Sprintf("%.3f", r.Jain(sim.True)) }},
	{"liars lead; useful, true capacity entitles them to", func(r *sim.Result) string {
		led, useful := r.Liars(sim.Useful)
		_, truly := r.Liars(sim.True)
		return fmt.Sprintf("%s; %s, %s", finePercent(led), finePercent(useful), finePercent(truly))
	}},
	{"nodes jailed for missed rounds, times", func(r *sim.Result) string { return thousands(r.Jailed) }},
}

// loads are the rows on the base price.
var loads = []row{
	{"base price, second half: least, median, most", func(r *sim.Result) string {
		p := r.Price()
		return fmt.Sprintf("%.0f, %.0f, %.0f", p.Min, p.Median, p.Max)
	}},
	{"base price, second half: variation, drift", func(r *sim.Result) string {
		p := r.Price()
		settles := "moves on"
		if p.Settles() {
			settles = "settles"
		}
		return fmt.Sprintf("%s, %s: %s", percent(p.Variation), percent(p.Drift), settles)
	}},
}

// table is a table with a column for each result.
func table(results []*sim.Result, head func(r *sim.Result) string, groups ...[]row) string {
	var b strings.Builder
	b.WriteString("| |")
	for _, r := range results {
		fmt.Fprintf(&b, " %s |", head(r))
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(results)) + "\n")
	for _, group := range groups {
		for _, row := range group {
			fmt.Fprintf(&b, "| %s |", row.title)
			for _, r := range results {
				fmt.Fprintf(&b, " %s |", row.of(r))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func burstTable(r *sim.Result) string {
	before, peak, back := r.PriceResponse()
	return table([]*sim.Result{r}, func(r *sim.Result) string { return r.Spec.Name }, []row{
		{"requests of the burst: submitted, accepted, with a verdict", func(r *sim.Result) string {
			return fmt.Sprintf("%s, %s, %s", thousands(r.Spec.Load.Burst), thousands(r.BurstAccepted), thousands(r.BurstVerdicts))
		}},
		{"begun out of order", func(r *sim.Result) string { return thousands(r.BurstDisorder) }},
		{"all requests: accepted, with a verdict, never began", func(r *sim.Result) string {
			return fmt.Sprintf("%s, %s, %s", thousands(r.Accepted), thousands(r.Verdicts), thousands(r.NeverBegan))
		}},
		{"longest wait, by class", func(r *sim.Result) string {
			return byClass(func(c queue.Class) string { return fmt.Sprint(r.LongestWait[c]) }) + fmt.Sprintf(" of %d", r.Spec.Params.Rule.MaxBlocks)
		}},
		{"base price before, at its highest", func(*sim.Result) string { return fmt.Sprintf("%.0f, %.0f", before, peak) }},
		{"blocks from the burst until it is back within a tenth", func(*sim.Result) string { return fmt.Sprint(back) }},
	})
}

func byClass(of func(c queue.Class) string) string {
	var parts []string
	for _, class := range classes {
		parts = append(parts, of(class))
	}
	return strings.Join(parts, " / ")
}

func quantiles(h *sim.Histogram) string {
	return fmt.Sprintf("%d, %.2f", h.Median(), h.Quantile(0.99))
}

func percent(part float64) string     { return fmt.Sprintf("%.1f %%", 100*part) }
func finePercent(part float64) string { return fmt.Sprintf("%.2f %%", 100*part) }

// thousands writes a number in groups of three digits.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
