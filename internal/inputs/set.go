package inputs

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/imagein"
	"github.com/opengradient/opengradient/internal/npz"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

const (
	// MaxWords bounds the words of one command.
	MaxWords = 256
	// maxBytes bounds a tensor that is read from a file, and all arrays of an archive together. It is more than any chain takes.
	maxBytes = 16 << 20
	// stdin is the name of standard input.
	stdin = "-"
)

// Error is a word that cannot be read, or does not fit the signature.
type Error struct {
	// Field is the input, or the word, that is wrong.
	Field string
	// Expected and Got say what it has to be and what it is.
	Expected, Got string
	// Err is the reason in full, where there is one.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s", e.Field, e.Err)
	}
	return fmt.Sprintf("%s: expected %s, got %s", e.Field, e.Expected, e.Got)
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Err }

func refuse(field, expected, got string) error {
	return &Error{Field: field, Expected: expected, Got: got}
}

// because refuses for a reason that another package gives.
func because(field string, err error) error { return &Error{Field: field, Err: err} }

func input(name string) string { return fmt.Sprintf("inputs[%.64q]", name) }

// Set is what the words of a command say, with the files that they name.
type Set struct{ words []word }

// word is one of them.
type word struct {
	name string // the input that it is for; empty for a whole file
	file string // name of the file; empty without one
	text []byte // the value, or the content of the file
}

// Read takes words apart and reads the files that they name with open, which bounds them.
func Read(words []string, open func(name string) ([]byte, error)) (Set, error) {
	if len(words) == 0 || len(words) > MaxWords {
		return Set{}, refuse("input", fmt.Sprintf("1 to %d words", MaxWords), fmt.Sprint(len(words)))
	}
	s := Set{words: make([]word, len(words))}
	standard := false
	for i, text := range words {
		w := word{}
		if name, value, assigned := strings.Cut(text, "="); assigned && !strings.HasPrefix(text, "@") {
			w.name, w.text = name, []byte(value)
			if w.name == "" {
				return Set{}, refuse(fmt.Sprintf("input %.80q", text), "NAME=VALUE", "no name")
			}
			w.file, _ = strings.CutPrefix(value, "@")
			if w.file == value {
				w.file = ""
			} else if w.file == "" {
				return Set{}, refuse(input(name), "the name of a file after @", "none")
			}
		} else {
			w.file = strings.TrimPrefix(text, "@")
			if w.file == "" {
				return Set{}, refuse("input", "a file, - or NAME=VALUE", "nothing")
			}
		}
		if w.file == stdin {
			if standard {
				return Set{}, refuse("input", "standard input once", "it twice")
			}
			standard = true
		}
		if w.file != "" {
			var err error
			if w.text, err = open(w.file); err != nil {
				return Set{}, err
			}
		}
		s.words[i] = w
	}
	return s, nil
}

// whole says whether a word is a file with requests in JSON.
func (w word) whole() bool { return w.name == "" && !w.array() && !imagein.Known(w.text) }

// array says whether a word is a file of NumPy.
func (w word) array() bool {
	return w.file != "" && (npz.IsArray(w.text) || npz.IsArchive(w.text))
}

// NeedsSignature says whether the requests depend on the signature of the model. Requests in JSON say everything themselves.
func (s Set) NeedsSignature() bool {
	for _, w := range s.words {
		if !w.whole() {
			return true
		}
	}
	return false
}

// Options are what is stated beside the words.
type Options struct {
	// Image says how images become inputs.
	Image imagein.Options
	// Symbols are values of the signature's symbols; those that are left out follow from the inputs.
	Symbols map[string]int64
}

// Requests fits the words to the signature of the inputs of a model. It gives one request, or those of the JSON files. The inputs
// are sound tensors; whether they match the signature in everything is left to the check of a request.
func (s Set) Requests(specs []tensor.Spec, o Options) ([]oipjson.Request, error) {
	var requests []oipjson.Request
	for _, w := range s.words {
		if !w.whole() {
			continue
		}
		if trimmed := bytes.TrimSpace(w.text); len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
			return nil, refuse(fmt.Sprintf("file %s", w.file), "requests in JSON, .npy, .npz, or an image (PNG, JPEG, GIF, BMP, WebP)", start(w.text))
		}
		list, err := oipjson.ParseRequests(w.text)
		if err != nil {
			return nil, because(fmt.Sprintf("file %s", w.file), err)
		}
		requests = append(requests, list...)
	}
	switch {
	case len(requests) == 0:
		ts, err := fit(specs, s.words, o)
		return []oipjson.Request{{Inputs: ts}}, err
	case s.NeedsSignature():
		return nil, refuse("input", "either requests in JSON or inputs by themselves", "both")
	default:
		return requests, nil
	}
}

// start is how a file begins, for messages.
func start(content []byte) string {
	const most = 16
	if len(content) == 0 {
		return "an empty file"
	}
	if len(content) > most {
		return fmt.Sprintf("%q…", content[:most])
	}
	return fmt.Sprintf("%q", content)
}
