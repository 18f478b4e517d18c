package inputs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"

	"github.com/opengradient/opengradient/internal/imagein"
	"github.com/opengradient/opengradient/internal/npz"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

// value is what a word gives for an input: a tensor, or only its elements.
type value struct {
	tensor tensor.Tensor // without a shape when it is flat
	flat   bool
	count  int64 // of the elements
}

// read makes the value of one input out of a word.
func (w word) read(spec tensor.Spec, o Options) (value, error) {
	switch {
	case w.file != "" && spec.Datatype == tensor.Bytes && !w.array():
		return textValue(spec, w.text)
	case w.file != "" && npz.IsArray(w.text):
		t, err := npz.ReadArray(spec.Name, w.text, maxBytes)
		if err != nil {
			return value{}, because(input(spec.Name), err)
		}
		return array(spec, t)
	case w.file != "" && npz.IsArchive(w.text):
		t, err := member(spec, w.text)
		if err != nil {
			return value{}, err
		}
		return array(spec, t)
	case w.file != "" && imagein.Known(w.text):
		t, err := imagein.Tensor(spec, w.text, o.Image, maxBytes)
		if err != nil {
			return value{}, because(input(spec.Name), err)
		}
		return value{tensor: t}, nil
	default:
		return textValue(spec, w.text)
	}
}

// member takes the array of an archive that is meant for an input: the one of its name, or the only one.
func member(spec tensor.Spec, file []byte) (tensor.Tensor, error) {
	list, err := npz.Read(file, maxBytes)
	if err != nil {
		return tensor.Tensor{}, because(input(spec.Name), err)
	}
	names := make([]string, len(list))
	for i, t := range list {
		if t.Name == spec.Name || len(list) == 1 {
			t.Name = spec.Name
			return t, nil
		}
		names[i] = t.Name
	}
	return tensor.Tensor{}, refuse(input(spec.Name), "an array of this name, or one alone", strings.Join(names, ", "))
}

// numpy are the names of datatypes in NumPy.
var numpy = map[tensor.Datatype]string{
	tensor.Bool: "bool", tensor.Uint8: "uint8", tensor.Uint16: "uint16", tensor.Uint32: "uint32", tensor.Uint64: "uint64",
	tensor.Int8: "int8", tensor.Int16: "int16", tensor.Int32: "int32", tensor.Int64: "int64",
	tensor.FP16: "float16", tensor.FP32: "float32", tensor.FP64: "float64",
}

// array checks the datatype of an array here, where it can be said how another is saved.
func array(spec tensor.Spec, t tensor.Tensor) (value, error) {
	if t.Datatype != spec.Datatype {
		got := t.Datatype.String()
		if name := numpy[spec.Datatype]; name != "" {
			got += fmt.Sprintf(" (save it as x.astype(%q))", name)
		}
		return value{}, refuse(input(spec.Name)+".datatype", spec.Datatype.String(), got)
	}
	return value{tensor: t}, nil
}

// textValue reads a value that is typed.
func textValue(spec tensor.Spec, text []byte) (value, error) {
	v := value{tensor: tensor.Tensor{Name: spec.Name, Datatype: spec.Datatype}}
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '[' {
		lengths, data, err := oipjson.ParseArray(spec.Datatype, trimmed)
		if err != nil {
			return value{}, because(input(spec.Name)+".data", err)
		}
		v.tensor.Data = data
		switch len(lengths) {
		case len(spec.Dims):
			v.tensor.Shape = lengths
		case 1:
			v.flat, v.count = true, lengths[0]
		default:
			return value{}, refuse(input(spec.Name)+".shape", fmt.Sprintf("a flat array, or one nested %d deep as in %s", len(spec.Dims), form(spec)),
				fmt.Sprintf("one nested %d deep, %v", len(lengths), lengths))
		}
		return v, nil
	}
	v.flat = true
	if spec.Datatype == tensor.Bytes {
		v.count = 1
		v.tensor.Data = append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
		return v, nil
	}
	list, count, err := elements(spec, string(text))
	if err != nil {
		return value{}, err
	}
	v.count = count
	if _, v.tensor.Data, err = oipjson.ParseArray(spec.Datatype, list); err != nil {
		return value{}, because(input(spec.Name)+".data", err)
	}
	return v, nil
}

// form writes datatype and shape of a signature: FP32[N,4].
func form(s tensor.Spec) string { return strings.TrimPrefix(s.String(), s.Name+" ") }

var (
	number  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	special = regexp.MustCompile(`^(NaN|-?Infinity)$`)
)

// elements turns "1, 2.5, NaN" into an array in JSON.
func elements(spec tensor.Spec, text string) (list []byte, count int64, err error) {
	list = make([]byte, 0, len(text)+2)
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		separator := byte(',')
		if count++; count == 1 {
			separator = '['
		}
		list = append(list, separator)
		switch {
		case number.MatchString(part), spec.Datatype == tensor.Bool && (part == "true" || part == "false"):
			list = append(list, part...)
		case spec.Datatype.IsFloat() && special.MatchString(part):
			list = append(append(append(list, '"'), part...), '"')
		default:
			return nil, 0, refuse(input(spec.Name)+".data", words(spec.Datatype), fmt.Sprintf("%.40q as element %d", part, count))
		}
	}
	return append(list, ']'), count, nil
}

// words says how elements of a datatype are written.
func words(d tensor.Datatype) string {
	switch {
	case d == tensor.Bool:
		return "true or false, with commas between them"
	case d.IsFloat():
		return "numbers such as 0.5, NaN, Infinity or -Infinity, with commas between them"
	default:
		return "integers such as 5, with commas between them"
	}
}
