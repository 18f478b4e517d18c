package run

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
)

// show tells how requests come along, on standard error: in one line that changes on a terminal, else in a line for each stage.
type show struct {
	out      io.Writer
	terminal bool
	quiet    bool
	many     int
	now      func() time.Time

	mu      sync.Mutex
	begin   time.Time
	reached []client.Stage // by request
	drawn   bool
}

func newShow(cmd *cobra.Command, quiet bool, requests int) *show {
	out := cmd.ErrOrStderr()
	return &show{
		out: out, terminal: session.IsTerminal(out), quiet: quiet, many: requests, now: time.Now, begin: time.Now(),
		reached: make([]client.Stage, requests),
	}
}

// event tells of a stage of a request.
func (s *show) event(i int, r *oneRun, e client.Event) {
	text := fmt.Sprintf("request %d: %s", r.submission.RequestID, e.Stage)
	if e.Height > 0 {
		text += fmt.Sprintf(" at height %d", e.Height)
	}
	switch {
	case e.Stage == client.StageAccepted && r.submission.AnsweredBefore:
		text += ", answered before under this key"
	case e.Stage == client.StageAccepted && r.submission.Reused:
		text += ", a receipt stands for it"
	case e.Stage == client.StageAssigned && e.Attempt > 1:
		text += fmt.Sprintf(", attempt %d", e.Attempt)
	}
	s.stage(i, text, e.Stage)
}

// stage shows a text about a request, and counts the stage that it has reached.
func (s *show) stage(i int, text string, reached client.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached[i] = max(s.reached[i], reached)
	switch {
	case s.quiet:
	case s.terminal:
		if s.many > 1 {
			text = s.counts()
		}
		// Back to the beginning of the line, which is cleared.
		fmt.Fprintf(s.out, "\r\x1b[K%s  %.1f s", text, s.now().Sub(s.begin).Seconds())
		s.drawn = true
	case reached > 0:
		fmt.Fprintln(s.out, text)
	}
}

// counts says how many requests are where.
func (s *show) counts() string {
	count := make(map[client.Stage]int)
	for _, r := range s.reached {
		count[r]++
	}
	var parts []string
	for stage := client.StageSettled; stage >= client.StageAccepted; stage-- {
		if count[stage] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[stage], stage))
		}
	}
	if count[0] > 0 {
		parts = append(parts, fmt.Sprintf("%d to send", count[0]))
	}
	return strings.Join(parts, ", ")
}

// end leaves the terminal as it was.
func (s *show) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drawn {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}
