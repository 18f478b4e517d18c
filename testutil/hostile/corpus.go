// Package hostile makes ONNX files that attack whoever reads or runs them: their bytes lie, their graphs expand, loop or
// reach outside, and some look harmless until they run. The bytes are the same on every machine. It is never shipped.
package hostile

import (
	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Passes is the Want of a file that inspection accepts: only running it reveals it.
const Passes onnxfile.Reason = 0

// Effect is what a file that passes inspection does to a worker.
type Effect uint8

// The effects.
const (
	None      Effect = iota // it never gets there: inspection refuses it
	Unloaded                // the runtime refuses to load it
	Fails                   // every run fails, alike on every node
	Crashes                 // the worker's process dies
	Overstays               // a run takes longer than a worker's deadline of seconds allows
	Exhausts                // it takes more memory than a worker with a limit of 512 MiB has
)

// String names the effect.
func (e Effect) String() string {
	return [...]string{"none", "unloaded", "fails", "crashes", "overstays", "exhausts"}[e]
}

// File is one hostile file.
type File struct {
	Name  string // unique, of lower-case letters, digits and dashes
	Class string
	Bytes []byte
	// Want is the reason of the refusal, or Passes.
	Want onnxfile.Reason
	// Effect and Execution say, for files that pass, what running them does. Any inputs of the signature do.
	Effect    Effect
	Execution string
	// Inputs makes inputs that fit the signature; nil for files that are refused.
	Inputs func() []tensor.Tensor
}

// Corpus gives all files, in a fixed order.
func Corpus() []File {
	c := &corpus{}
	c.truncations()
	c.lies()
	c.wireTypes()
	c.texts()
	c.shapes()
	c.expansions()
	c.cycles()
	c.names()
	c.nesting()
	c.functions()
	c.externalData()
	c.domains()
	c.random()
	c.oversized()
	c.unsupported()
	c.trees()
	c.executions()
	return c.files
}

type corpus struct{ files []File }

func (c *corpus) add(class, name string, want onnxfile.Reason, file []byte) {
	c.files = append(c.files, File{Name: class + "-" + name, Class: class, Bytes: file, Want: want})
}
