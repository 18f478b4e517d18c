package oipjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// ErrJSON marks every refusal of this package; use errors.Is.
var ErrJSON = errors.New("invalid inference JSON")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrJSON, fmt.Errorf(format, args...))
}

// single checks that b is one JSON value in UTF-8, so that the readers below
// never meet bad syntax, and strips the space around it.
func single(b []byte) (json.RawMessage, error) {
	if !utf8.Valid(b) {
		return nil, refuse("expected UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return nil, refuse("%w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse("expected one value, got more after it")
	}
	return raw, nil
}

// members splits an object into its members and hands each to take, which
// refuses the names it does not know.
func members(what string, raw json.RawMessage, take func(name string, value json.RawMessage) error) error {
	if len(raw) == 0 || raw[0] != '{' {
		return refuse("%s: expected an object, got %s", what, sample(raw))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return refuse("%s: %w", what, err)
	}
	seen := make(map[string]struct{})
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return refuse("%s: %w", what, err)
		}
		name, _ := token.(string)
		if _, twice := seen[name]; twice {
			return refuse("%s: expected member %.64q once, got it twice", what, name)
		}
		seen[name] = struct{}{}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return refuse("%s: %w", what, err)
		}
		if err := take(name, value); err != nil {
			return err
		}
	}
	return nil
}

// elements splits an array into its elements, which may be most. It looks at no more than one beyond.
func elements(what string, raw json.RawMessage, most int) ([]json.RawMessage, error) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, refuse("%s: expected an array, got %s", what, sample(raw))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return nil, refuse("%s: %w", what, err)
	}
	var list []json.RawMessage
	for dec.More() {
		if len(list) == most {
			return nil, refuse("%s: expected at most %d elements, got more", what, most)
		}
		var item json.RawMessage
		if err := dec.Decode(&item); err != nil {
			return nil, refuse("%s: %w", what, err)
		}
		list = append(list, item)
	}
	return list, nil
}

func text(what string, raw json.RawMessage) (string, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", refuse("%s: expected a string, got %s", what, sample(raw))
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", refuse("%s: %w", what, err)
	}
	return s, nil
}

// sample is the beginning of a value, for messages.
func sample(raw []byte) string {
	const most = 40
	if len(raw) > most {
		return string(bytes.ToValidUTF8(raw[:most], nil)) + "..."
	}
	return string(raw)
}
