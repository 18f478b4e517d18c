package onnxprep

import (
	"fmt"
	"unicode/utf8"
)

// Limits bound what [Prepare] reads and writes. More than a limit is a [Refusal].
type Limits struct {
	MaxBytes     int64 // bytes of the file, before and after
	MaxFields    int   // fields of the model, its graph, functions and nodes together, before and after
	MaxNodes     int   // nodes, before and after
	MaxCallDepth int   // functions that call functions
}

// DefaultLimits allow files of up to 1 GiB.
var DefaultLimits = Limits{MaxBytes: 1 << 30, MaxFields: 1 << 20, MaxNodes: 1 << 16, MaxCallDepth: 16}

const (
	// maxDim is the largest size that a dimension can be fixed to.
	maxDim = 1 << 40
	// maxStem bounds the part of a new name that comes from an old one, in bytes.
	maxStem = 128
	// maxShown bounds text of the model in messages, in bytes.
	maxShown = 64
)

// Refusal says why a model cannot be prepared at all.
type Refusal struct {
	Where    string // the place, for example `node 3 (If "branch")`
	Expected string
	Got      string
}

// Error implements error.
func (r *Refusal) Error() string {
	return fmt.Sprintf("model cannot be prepared: %s: expected %s, got %s", r.Where, r.Expected, r.Got)
}

func refuse(where, expected, got string, args ...any) *Refusal {
	return &Refusal{Where: where, Expected: expected, Got: fmt.Sprintf(got, args...)}
}

// quote shows text of the model within bounds.
func quote(s string) string {
	if len(s) > maxShown {
		return fmt.Sprintf("%q...", s[:maxShown])
	}
	return fmt.Sprintf("%q", s)
}

// stem is the beginning of a name, cut between characters.
func stem(s string) string {
	if len(s) <= maxStem {
		return s
	}
	end := maxStem
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
