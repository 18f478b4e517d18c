package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *object) UnmarshalJSON(b []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		return fmt.Errorf("expected an object, got %.32s", b)
	}
	*o = object{}
	for decoder.More() {
		if token, err = decoder.Token(); err != nil {
			return err
		}
		m := member{name: token.(string)} // the name of a member is a string
		if err := decoder.Decode(&m.value); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
//
//nolint:unparam // The interface has the error.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, quote(m.name)...), ':')
		b = append(b, m.value...)
	}
	return append(b, '}'), nil
}

// get gives the member of a name; nil when there is none.
func (o object) get(name string) *member {
	for i := range o {
		if o[i].name == name {
			return &o[i]
		}
	}
	return nil
}

// read decodes the member of a name; it leaves into as it is when there is none.
func (o object) read(name string, into any) error {
	m := o.get(name)
	if m == nil {
		return nil
	}
	if err := json.Unmarshal(m.value, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// set replaces the member of a name, which must be there: another one would not reach whoever holds the object.
func (o object) set(name string, value any) error {
	m := o.get(name)
	if m == nil {
		return fmt.Errorf("expected a member %s", name)
	}
	var err error
	m.value, err = encode(value)
	return err
}

// without gives the object without the member of a name.
func (o object) without(name string) object {
	rest := make(object, 0, len(o))
	for _, m := range o {
		if m.name != name {
			rest = append(rest, m)
		}
	}
	return rest
}

// quote writes a string as JSON; every string has such a form.
func quote(s string) json.RawMessage {
	raw, err := encode(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return raw
}

// encode writes JSON that keeps <, > and & as they are.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
