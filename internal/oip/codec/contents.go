package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/tensor"
)

// flatten lays typed contents out as tensor data. Contents in a field that is not the datatype's are an error.
func flatten(d tensor.Datatype, c *oip.InferTensorContents) ([]byte, error) {
	var (
		data []byte
		own  int // elements in the datatype's field
		err  error
	)
	switch d {
	case tensor.Bool:
		own = len(c.GetBoolContents())
		for _, v := range c.GetBoolContents() {
			if v {
				data = append(data, 1)
			} else {
				data = append(data, 0)
			}
		}
	case tensor.Int8, tensor.Int16, tensor.Int32:
		own = len(c.GetIntContents())
		data, err = flattenSigned(d, c.GetIntContents())
	case tensor.Uint8, tensor.Uint16, tensor.Uint32:
		own = len(c.GetUintContents())
		data, err = flattenUnsigned(d, c.GetUintContents())
	case tensor.Int64:
		own = len(c.GetInt64Contents())
		for _, v := range c.GetInt64Contents() {
			data = binary.LittleEndian.AppendUint64(data, uint64(v))
		}
	case tensor.Uint64:
		own = len(c.GetUint64Contents())
		for _, v := range c.GetUint64Contents() {
			data = binary.LittleEndian.AppendUint64(data, v)
		}
	case tensor.FP32:
		own = len(c.GetFp32Contents())
		for _, v := range c.GetFp32Contents() {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	case tensor.FP64:
		own = len(c.GetFp64Contents())
		for _, v := range c.GetFp64Contents() {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		}
	case tensor.Bytes:
		own = len(c.GetBytesContents())
		for _, v := range c.GetBytesContents() {
			if uint64(len(v)) > math.MaxUint32 {
				return nil, errors.New("expected BYTES elements below 4 GiB")
			}
			data = binary.LittleEndian.AppendUint32(data, uint32(len(v)))
			data = append(data, v...)
		}
	}
	if err != nil {
		return nil, err
	}
	if other := filled(c) - own; other != 0 {
		return nil, fmt.Errorf("expected typed contents for %s only, got %d elements of other datatypes (FP16 and BF16 travel as raw contents)", d, other)
	}
	return data, nil
}

func flattenSigned(d tensor.Datatype, values []int32) ([]byte, error) {
	limit := int64(1) << (8*d.Size() - 1)
	data := make([]byte, 0, len(values)*d.Size())
	for i, v := range values {
		if int64(v) < -limit || int64(v) >= limit {
			return nil, fmt.Errorf("expected element %d to fit %s, got %d", i, d, v)
		}
		data = appendInteger(data, d.Size(), uint32(v))
	}
	return data, nil
}

func flattenUnsigned(d tensor.Datatype, values []uint32) ([]byte, error) {
	limit := uint64(1) << (8 * d.Size())
	data := make([]byte, 0, len(values)*d.Size())
	for i, v := range values {
		if uint64(v) >= limit {
			return nil, fmt.Errorf("expected element %d to fit %s, got %d", i, d, v)
		}
		data = appendInteger(data, d.Size(), v)
	}
	return data, nil
}

func appendInteger(data []byte, size int, v uint32) []byte {
	for range size {
		data = append(data, byte(v))
		v >>= 8
	}
	return data
}

// filled counts the typed elements of every field.
func filled(c *oip.InferTensorContents) int {
	return len(c.GetBoolContents()) + len(c.GetIntContents()) + len(c.GetInt64Contents()) + len(c.GetUintContents()) +
		len(c.GetUint64Contents()) + len(c.GetFp32Contents()) + len(c.GetFp64Contents()) + len(c.GetBytesContents())
}
