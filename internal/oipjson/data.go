package oipjson

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/tensor"
)

// scanner walks the data of one tensor. Its text is known to be sound JSON.
type scanner struct {
	text     []byte
	at       int
	datatype tensor.Datatype
	out      []byte
}

// parseData reads an array that is flat, or nested exactly as the shape.
func parseData(d tensor.Datatype, shape []int64, raw json.RawMessage) ([]byte, error) {
	s := &scanner{text: raw, datatype: d, out: make([]byte, 0, len(raw)/4)}
	if s.peek() != '[' {
		return nil, fmt.Errorf("data: expected an array, got %s", sample(raw))
	}
	// A flat array has the same form whatever the rank; the count of its
	// elements is left to the tensor's own check.
	if depth := s.depth(); depth == 1 {
		if err := s.flat(); err != nil {
			return nil, err
		}
		return s.out, nil
	} else if depth != len(shape) {
		return nil, fmt.Errorf("data: expected a flat array or one nested %d deep, got %d", len(shape), depth)
	}
	if err := s.nested(shape); err != nil {
		return nil, err
	}
	return s.out, nil
}

// depth is the number of arrays that open before the first element.
func (s *scanner) depth() int {
	n := 0
	for at := s.at; at < len(s.text); at++ {
		switch s.text[at] {
		case '[':
			n++
		case ' ', '\t', '\r', '\n':
		default:
			return n
		}
	}
	return n
}

func (s *scanner) nested(shape []int64) error {
	if len(shape) == 0 {
		return s.element()
	}
	if s.peek() != '[' {
		return fmt.Errorf("data: expected an array of %d, got %s", shape[0], sample(s.text[s.at:]))
	}
	s.at++
	count := int64(0)
	for first := true; s.peek() != ']'; first = false {
		if !first {
			s.at++ // the comma
		}
		s.peek()
		if count++; count > shape[0] {
			break
		}
		if err := s.nested(shape[1:]); err != nil {
			return err
		}
	}
	if count != shape[0] {
		return fmt.Errorf("data: expected an array of %d, got another length", shape[0])
	}
	s.at++
	return nil
}

func (s *scanner) flat() error {
	s.at++
	for first := true; s.peek() != ']'; first = false {
		if !first {
			s.at++ // the comma
		}
		s.peek()
		if err := s.element(); err != nil {
			return err
		}
	}
	s.at++
	return nil
}

// peek skips space and gives the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// token cuts the next scalar or object out of the text.
func (s *scanner) token() ([]byte, error) {
	first := s.peek()
	start := s.at
	switch first {
	case '"':
		s.skipString()
	case '{':
		for s.at++; s.peek() != '}'; {
			switch c := s.text[s.at]; c {
			case '"':
				s.skipString()
			case '{', '[':
				return nil, fmt.Errorf("data: expected an element, got %s", sample(s.text[start:]))
			default:
				s.at++
			}
		}
		s.at++
	case '[':
		return nil, fmt.Errorf("data: expected an element, got %s", sample(s.text[s.at:]))
	default:
		for s.at < len(s.text) && !delimits(s.text[s.at]) {
			s.at++
		}
	}
	return s.text[start:s.at], nil
}

func (s *scanner) skipString() {
	for s.at++; s.at < len(s.text) && s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

func delimits(c byte) bool {
	switch c {
	case ',', ']', ' ', '\t', '\r', '\n':
		return true
	default:
		return false
	}
}

func (s *scanner) element() error {
	token, err := s.token()
	if err != nil {
		return err
	}
	switch d := s.datatype; {
	case d == tensor.Bool:
		return s.boolean(token)
	case d == tensor.Bytes:
		return s.bytes(token)
	case d.IsFloat():
		bits, err := parseFloat(d, token)
		if err != nil {
			return err
		}
		s.appendBits(bits)
	default:
		bits, err := parseInteger(d, token)
		if err != nil {
			return err
		}
		s.appendBits(bits)
	}
	return nil
}

func (s *scanner) boolean(token []byte) error {
	switch string(token) {
	case "true":
		s.out = append(s.out, 1)
	case "false":
		s.out = append(s.out, 0)
	default:
		return fmt.Errorf("data: expected true or false, got %s", sample(token))
	}
	return nil
}

func (s *scanner) bytes(token []byte) error {
	value, err := parseBytes(token)
	if err != nil {
		return err
	}
	if uint64(len(value)) > math.MaxUint32 {
		return errors.New("data: expected an element below 4 GiB")
	}
	s.out = binary.LittleEndian.AppendUint32(s.out, uint32(len(value)))
	s.out = append(s.out, value...)
	return nil
}

// appendBits writes the low bytes of a value, as many as the datatype has.
func (s *scanner) appendBits(bits uint64) {
	for i := 0; i < s.datatype.Size(); i++ {
		s.out = append(s.out, byte(bits>>(8*i)))
	}
}

func parseBytes(token []byte) ([]byte, error) {
	if len(token) > 0 && token[0] == '{' {
		var (
			encoded string
			given   bool
		)
		err := members("data", token, func(name string, value json.RawMessage) (err error) {
			if name != "b64" {
				return refuse("data: expected b64, got %.64q", name)
			}
			given = true
			encoded, err = text("data: b64", value)
			return err
		})
		if err != nil {
			return nil, err
		}
		if !given {
			return nil, errors.New("data: expected a string or {\"b64\": \"...\"}, got {}")
		}
		return decodeBase64(encoded)
	}
	value, err := text("data", token)
	return []byte(value), err
}

// checkCount refuses a shape whose elements cannot be counted. Package tensor refuses it too, in words that name no bound: verdicts on
// models, which are state, repeat those, so that they have to stay as they are.
func checkCount(shape []int64) error {
	n := int64(1)
	for _, d := range shape {
		if d > 0 && n > math.MaxInt64/d {
			return fmt.Errorf("%w: expected at most %d elements, got the shape %v", tensor.ErrShape, int64(math.MaxInt64), shape)
		}
		n *= max(d, 1)
	}
	return nil
}
