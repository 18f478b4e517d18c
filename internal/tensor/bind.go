package tensor

import (
	"fmt"
	"strconv"
)

// Fields that a [SignatureError] names.
const (
	FieldName     = "name"
	FieldDatatype = "datatype"
	FieldRank     = "rank"
	FieldShape    = "shape"
)

// SignatureError says where tensors differ from a signature.
type SignatureError struct {
	Tensor   string // name of the tensor
	Field    string // FieldName, FieldDatatype, FieldRank or FieldShape
	Expected string
	Got      string
}

// Error implements error.
func (e *SignatureError) Error() string {
	return fmt.Sprintf("tensor %q does not match the signature: %s: expected %s, got %s", e.Tensor, e.Field, e.Expected, e.Got)
}

// Bind checks tensors against a signature and returns the values of its
// symbols. The names must be exactly those of specs, in any order; datatypes
// and ranks must be equal; a dimension without symbol must have its size; one
// with a symbol must be its size times a value of at least 1, the same value
// wherever the symbol occurs. The first difference, in the order of specs and
// dimensions, is returned as a [*SignatureError]. Data is not looked at: use
// [Tensor.Validate] or [Decode] for that.
func Bind(specs []Spec, ts []Tensor) (map[string]int64, error) {
	byName := make(map[string]int, len(ts))
	for i := range ts {
		if _, dup := byName[ts[i].Name]; dup {
			return nil, &SignatureError{ts[i].Name, FieldName, "one tensor of this name", "two"}
		}
		byName[ts[i].Name] = i
	}
	bindings := make(map[string]int64)
	for _, s := range specs {
		i, ok := byName[s.Name]
		if !ok {
			return nil, &SignatureError{s.Name, FieldName, s.String(), "no tensor of this name"}
		}
		if err := bindOne(s, ts[i], bindings); err != nil {
			return nil, err
		}
		delete(byName, s.Name)
	}
	for i := range ts {
		if _, left := byName[ts[i].Name]; left {
			return nil, &SignatureError{ts[i].Name, FieldName, "only the tensors of the signature", "an extra tensor"}
		}
	}
	return bindings, nil
}

func bindOne(s Spec, t Tensor, bindings map[string]int64) error {
	if t.Datatype != s.Datatype {
		return &SignatureError{s.Name, FieldDatatype, s.Datatype.String(), t.Datatype.String()}
	}
	if len(t.Shape) != len(s.Dims) {
		return &SignatureError{s.Name, FieldRank, strconv.Itoa(len(s.Dims)), strconv.Itoa(len(t.Shape))}
	}
	for i, d := range s.Dims {
		got := t.Shape[i]
		where := "dimension " + strconv.Itoa(i) + " = "
		if d.Symbol == "" {
			if got != d.Size {
				return &SignatureError{s.Name, FieldShape, where + d.String(), strconv.FormatInt(got, 10)}
			}
			continue
		}
		if d.Size < 1 || got < d.Size || got%d.Size != 0 {
			return &SignatureError{s.Name, FieldShape, where + d.String() + " with " + d.Symbol + " at least 1", strconv.FormatInt(got, 10)}
		}
		value := got / d.Size
		if bound, ok := bindings[d.Symbol]; ok && bound != value {
			return &SignatureError{s.Name, FieldShape, where + d.String() + " with " + d.Symbol + " = " + strconv.FormatInt(bound, 10), strconv.FormatInt(got, 10)}
		}
		bindings[d.Symbol] = value
	}
	return nil
}
