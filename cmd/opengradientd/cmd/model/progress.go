package model

import (
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
)

// progress shows how many bytes are done, on standard error when that is a terminal. The zero value shows nothing.
type progress struct{ bar *progressbar.ProgressBar }

func newProgress(cmd *cobra.Command, json bool, title string, size int64) *progress {
	if json || !session.IsTerminal(cmd.ErrOrStderr()) {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(cmd.ErrOrStderr()), progressbar.OptionSetDescription(title), progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth(),
	)}
}

// Write implements io.Writer: it counts.
func (p *progress) Write(b []byte) (int, error) {
	if p.bar != nil {
		_ = p.bar.Add(len(b)) // a bar that cannot be drawn is no failure
	}
	return len(b), nil
}

// set shows a number of bytes.
func (p *progress) set(bytes int64) {
	if p.bar != nil {
		_ = p.bar.Set64(bytes)
	}
}

func (p *progress) restart() { p.set(0) }

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
