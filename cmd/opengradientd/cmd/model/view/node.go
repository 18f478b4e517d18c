package view

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/opengradient/opengradient/app/nodeapi"
)

// Node writes the models of a node as a table. now is the time from which ages are counted.
func Node(w io.Writer, n nodeapi.Models, now time.Time) error {
	t := NewTable("MODEL", "SHA256", "STATE", "MEMORY", "LAST USED", "DETAIL")
	for _, m := range n.Models {
		name := "-"
		if m.Name != "" {
			name = fmt.Sprintf("%s:%d", Plain(m.Name, false), m.Version)
		}
		t.AppendRow(table.Row{name, Short(m.SHA256), m.State, Size(m.MemoryBytes), age(m.LastUsed, now), detail(m)})
	}
	if err := write(w, t); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s of %s for models in use, worker %s, height %d\n", Size(n.UsedBytes), Size(n.BudgetBytes), worker(n), n.Height)
	if err != nil || n.Next == nil {
		return err
	}
	_, err = fmt.Fprintf(w, "next environment: %d of %d models proven\n", n.Next.Proven, n.Next.Total)
	return err
}

func worker(n nodeapi.Models) string {
	switch {
	case n.Ready:
		return "ready"
	case n.Error != "":
		return "not ready: " + Plain(n.Error, false)
	default:
		return "not ready"
	}
}

func detail(m nodeapi.Model) string {
	text := Plain(m.Failure, false)
	if m.Detail != "" {
		if text != "" {
			text += ": "
		}
		text += Plain(m.Detail, false)
	}
	if m.Pinned {
		text = "pinned " + text
	}
	return dash(text)
}

func age(used *time.Time, now time.Time) string {
	if used == nil {
		return "-"
	}
	return now.Sub(*used).Round(time.Second).String() + " ago"
}
