package gatewaytest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Golden is a body of the binary tensor extension, written for people:
//
//	# what it is
//	json: {"inputs": ...}
//	bytes: 00 00 80 3f
//	length: 71
//	want: ...
//
// The JSON is one line, without the space around it. bytes may be given more than once; they follow each other. length is the value of
// the header that says where the JSON ends; without it there is no header. want lines say what reading gives.
type Golden struct {
	Body   []byte
	Length string
	Want   string
}

// ParseGolden reads such a text.
func ParseGolden(text string) (Golden, error) {
	var g Golden
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		var err error
		switch {
		case strings.HasPrefix(line, "#"):
		case !ok:
			err = errors.New("expected name: value")
		case name == "json":
			g.Body = append(g.Body, value...)
		case name == "bytes":
			var b []byte
			b, err = hex.DecodeString(strings.ReplaceAll(value, " ", ""))
			g.Body = append(g.Body, b...)
		case name == "length":
			g.Length = value
		case name == "want":
			g.Want += value + "\n"
		default:
			err = fmt.Errorf("expected json, bytes, length or want, got %q", name)
		}
		if err != nil {
			return g, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return g, nil
}
