package onnxfile

import (
	"fmt"
	"strings"
)

// Reason is the class of a [Refusal]. Its names are stable: they are stored
// and shown to model owners.
type Reason uint8

// The reasons to refuse a model.
const (
	ReasonMalformed            Reason = iota + 1 // not a well-formed ONNX model, or it contradicts itself
	ReasonTooLarge                               // a limit is exceeded, or a size overflows
	ReasonExternalData                           // tensor data outside the file
	ReasonUnsupportedOp                          // an operator that is not on the allow-list
	ReasonUnsupportedOpset                       // an IR or operator set version out of range, or an operator not in it
	ReasonUnsupportedAttribute                   // an attribute or an attribute value that is not supported
	ReasonUnsupportedDatatype                    // an element type that is not supported
	ReasonUnsupportedType                        // sequence, optional, map, sparse or opaque values
	ReasonCustomDomain                           // an operator set other than the default one and ai.onnx.ml
	ReasonControlFlow                            // Loop, If, Scan
	ReasonNesting                                // a graph inside a node
	ReasonRandomOp                               // an operator with random results, or training mode
	ReasonFunction                               // model-local functions
	ReasonSparseTensor                           // sparse tensors
	ReasonTraining                               // training information
	ReasonUnknownShape                           // a dimension that is not a constant times one symbol
	ReasonSignature                              // inputs or outputs that can not form a signature
)

var reasonNames = [...]string{
	ReasonMalformed:            "malformed",
	ReasonTooLarge:             "too_large",
	ReasonExternalData:         "external_data",
	ReasonUnsupportedOp:        "unsupported_op",
	ReasonUnsupportedOpset:     "unsupported_opset",
	ReasonUnsupportedAttribute: "unsupported_attribute",
	ReasonUnsupportedDatatype:  "unsupported_datatype",
	ReasonUnsupportedType:      "unsupported_type",
	ReasonCustomDomain:         "custom_domain",
	ReasonControlFlow:          "control_flow",
	ReasonNesting:              "nesting",
	ReasonRandomOp:             "random_op",
	ReasonFunction:             "function",
	ReasonSparseTensor:         "sparse_tensor",
	ReasonTraining:             "training",
	ReasonUnknownShape:         "unknown_shape",
	ReasonSignature:            "signature",
}

// Reasons lists all reasons in the order of their numbers.
func Reasons() []Reason {
	out := make([]Reason, 0, len(reasonNames)-1)
	for r := range reasonNames[1:] {
		out = append(out, Reason(r+1))
	}
	return out
}

// String gives the stable name, for example "external_data".
func (r Reason) String() string {
	if r > 0 && int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Refusal says why a model is refused. Texts taken from the model are quoted
// and cut to 64 bytes.
type Refusal struct {
	Reason   Reason
	Where    string // the place, for example `node 3 (Conv "stem")`
	Expected string
	Got      string
}

// Error implements error.
func (r *Refusal) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "model refused: %s", r.Reason)
	if r.Where != "" {
		fmt.Fprintf(&b, ": %s", r.Where)
	}
	return fmt.Sprintf("%s: expected %s, got %s", b.String(), r.Expected, r.Got)
}

func refuse(reason Reason, where, expected, got string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Where: bounded(where), Expected: bounded(expected), Got: bounded(fmt.Sprintf(got, args...))}
}

// bounded keeps texts that lists of the model have gone into short and UTF-8.
func bounded(s string) string {
	if len(s) > maxText {
		s = s[:maxText] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}

// quote shows text of the model within bounds.
func quote(s string) string {
	if len(s) > maxShown {
		return fmt.Sprintf("%q...", s[:maxShown])
	}
	return fmt.Sprintf("%q", s)
}

// cut shows text within bounds as it is.
func cut(s string) string {
	if len(s) > maxShown {
		return s[:maxShown] + "..."
	}
	return s
}

const (
	maxShown = 64   // bytes of one text of the model
	maxText  = 1024 // bytes of each part of a refusal
)
