// Package guide runs what a document tells its readers to type, and compares what comes out with what the document shows.
//
// A document is Markdown. Its fenced blocks are
//
//	```sh            commands, run one block after the other in one shell
//	```text          what the commands of the block before print, see Match
//	```go PATH       a file that is written to PATH; other languages work the same
//
// Blocks of other kinds are for reading only.
package guide

import (
	"fmt"
	"strings"
)

// Block is a fenced block of a document.
type Block struct {
	// Document is the name of the document, for errors; Parse leaves it empty.
	Document string
	// Language is the first word behind the fence.
	Language string
	// Path is the rest behind the fence: the file that the block is written to.
	Path string
	// Text is what is between the fences, with its last line break.
	Text string
	// Line is the number of the line of the opening fence, from 1.
	Line int
}

func (b Block) String() string {
	if b.Document == "" {
		return fmt.Sprintf("line %d", b.Line)
	}
	return fmt.Sprintf("%s:%d", b.Document, b.Line)
}

const fence = "```"

// Parse finds the fenced blocks of a document. It fails when the last one is not closed.
func Parse(markdown string) ([]Block, error) {
	var blocks []Block
	var open *Block
	for i, line := range strings.Split(markdown, "\n") {
		switch {
		case open != nil && strings.TrimRight(line, " ") == fence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Text += line + "\n"
		case strings.HasPrefix(line, fence):
			language, path, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, fence)), " ")
			open = &Block{Language: language, Path: strings.TrimSpace(path), Line: i + 1}
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: expected the block to be closed, got the end of the document", open.Line)
	}
	return blocks, nil
}
