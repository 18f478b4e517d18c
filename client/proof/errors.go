package proof

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Part is what a check is about, and what an [Error] says does not hold. The words are stable.
type Part string

// The parts, in the order in which they are checked.
const (
	PartSize           Part = "file size"
	PartMagic          Part = "magic"
	PartVersion        Part = "format version"
	PartChecksum       Part = "checksum"
	PartEncoding       Part = "encoding"
	PartLimits         Part = "limits"
	PartChainID        Part = "chain id"
	PartHeader         Part = "header"
	PartValidators     Part = "validator set"
	PartSignatures     Part = "commit signature"
	PartTrustedHeader  Part = "trusted header"
	PartHeaderChain    Part = "header chain"
	PartTrustingPeriod Part = "trusting period"
	PartWitness        Part = "witness"
	PartStores         Part = "stores"
	PartAppHash        Part = "app hash"
	PartStoreProof     Part = "store proof"
	PartValue          Part = "stored value"
	PartRequest        Part = "request"
	PartDigest         Part = "digest"
	PartReceipt        Part = "receipt"
	PartModel          Part = "model"
	PartInputRoot      Part = "input root"
	PartInputs         Part = "inputs"
	PartResult         Part = "result"
	PartOutputRoot     Part = "output root"
	PartSnapshot       Part = "snapshot"
	PartEvidenceRoot   Part = "evidence root"
	PartEvidence       Part = "evidence"
	PartParams         Part = "params"
	PartVerdict        Part = "verdict"
	PartRecomputation  Part = "recomputation"
	PartNotOnChain     Part = "not on the chain"
	PartNotSettled     Part = "not settled"
	PartNotAvailable   Part = "not available"
)

// Error says what of a proof does not hold.
type Error struct {
	Part Part
	// Subject narrows the part down: the height of a block, the name of a value; may be empty.
	Subject string
	// Expected and Got say what should be there and what is; both empty when Err says it.
	Expected, Got string
	// Err is the cause; may be nil.
	Err error
	// Help says what to do next; may be empty.
	Help string
}

// Error implements error. Files and nodes have a say in the words, so there is nothing in them that a terminal obeys.
func (e *Error) Error() string {
	text := string(e.Part)
	if e.Subject != "" {
		text += " of " + shorten(e.Subject)
	}
	if e.Expected != "" || e.Got != "" {
		text += fmt.Sprintf(": expected %s, got %s", shorten(e.Expected), shorten(e.Got))
	}
	if e.Err != nil {
		text += ": " + shorten(e.Err.Error())
	}
	if e.Help != "" {
		text += ". " + e.Help
	}
	return plain(text)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// PartOf is the part that an error of this package names; empty for other errors.
func PartOf(err error) Part {
	var e *Error
	if errors.As(err, &e) {
		return e.Part
	}
	return ""
}

// differs is the error of a value that is not the expected one.
func differs(part Part, subject string, expected, got any) *Error {
	return &Error{Part: part, Subject: subject, Expected: show(expected), Got: show(got)}
}

// fails is the error of a part for a reason.
func fails(part Part, subject string, err error) *Error {
	return &Error{Part: part, Subject: subject, Err: err}
}

func show(v any) string {
	switch v := v.(type) {
	case []byte:
		if len(v) == 0 {
			return "nothing"
		}
		return fmt.Sprintf("%X", v)
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

// maxText bounds what is repeated of the words of a file or a node.
const maxText = 600

// plain replaces what is no text: control characters, marks that turn or hide text, and bytes that are no UTF-8.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func shorten(text string) string {
	if len(text) <= maxText {
		return text
	}
	return text[:maxText] + "…"
}
