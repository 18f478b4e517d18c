package oipjson

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/opengradient/opengradient/internal/tensor"
)

// MarshalTensors writes an array of tensor objects with flat data. Floats have
// the fewest digits that read back to the same value. It fails when a tensor
// is not valid.
func MarshalTensors(ts []tensor.Tensor) ([]byte, error) {
	b := []byte{'['}
	for i, t := range ts {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendTensor(b, t); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// MarshalData writes the data of one tensor as a flat array.
func MarshalData(t tensor.Tensor) ([]byte, error) {
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJSON, err)
	}
	return appendData(nil, t), nil
}

func appendTensor(b []byte, t tensor.Tensor) ([]byte, error) {
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJSON, err)
	}
	b = append(b, `{"name":`...)
	b = appendString(b, t.Name)
	b = append(b, `,"datatype":"`...)
	b = append(b, t.Datatype.String()...)
	b = append(b, `","shape":[`...)
	for i, d := range t.Shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, d, 10)
	}
	b = append(b, `],"data":`...)
	b = appendData(b, t)
	return append(b, '}'), nil
}

// appendData relies on the tensor being valid.
func appendData(b []byte, t tensor.Tensor) []byte {
	b = append(b, '[')
	data, size := t.Data, t.Datatype.Size()
	for first := true; len(data) > 0; first = false {
		if !first {
			b = append(b, ',')
		}
		if t.Datatype == tensor.Bytes {
			n := binary.LittleEndian.Uint32(data)
			b = appendBytes(b, data[4:4+n])
			data = data[4+n:]
			continue
		}
		var bits uint64
		for i := range size {
			bits |= uint64(data[i]) << (8 * i)
		}
		b = appendNumber(b, t.Datatype, bits)
		data = data[size:]
	}
	return append(b, ']')
}

func appendNumber(b []byte, d tensor.Datatype, bits uint64) []byte {
	switch d {
	case tensor.Bool:
		return strconv.AppendBool(b, bits != 0)
	case tensor.Int8:
		return strconv.AppendInt(b, int64(int8(bits)), 10)
	case tensor.Int16:
		return strconv.AppendInt(b, int64(int16(bits)), 10)
	case tensor.Int32:
		return strconv.AppendInt(b, int64(int32(bits)), 10)
	case tensor.Int64:
		return strconv.AppendInt(b, int64(bits), 10)
	case tensor.FP64:
		return appendFloat(b, math.Float64frombits(bits), 64)
	case tensor.FP32:
		return appendFloat(b, float64(math.Float32frombits(uint32(bits))), 32)
	case tensor.FP16, tensor.BF16:
		// Every 16-bit value is an FP32 value, so this reads back exactly.
		return appendFloat(b, halfValue(formats[d], bits), 32)
	default:
		return strconv.AppendUint(b, bits, 10)
	}
}

func appendFloat(b []byte, v float64, size int) []byte {
	switch abs := math.Abs(v); {
	case math.IsNaN(v):
		return append(b, nan...)
	case math.IsInf(v, 1):
		return append(b, infinity...)
	case math.IsInf(v, -1):
		return append(b, negInfinity...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		return strconv.AppendFloat(b, v, 'e', -1, size)
	default:
		return strconv.AppendFloat(b, v, 'f', -1, size)
	}
}

func appendBytes(b, value []byte) []byte {
	if utf8.Valid(value) {
		return appendString(b, string(value))
	}
	b = append(b, `{"b64":"`...)
	b = base64.StdEncoding.AppendEncode(b, value)
	return append(b, `"}`...)
}

// appendString relies on s being UTF-8, of which every string has a JSON form.
func appendString(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...)
	}
	return append(b, quoted...)
}
