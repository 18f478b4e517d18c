package onnxprep

import (
	"errors"
	"fmt"

	"github.com/opengradient/opengradient/internal/tensor"
)

// Values of TensorProto.DataType that rules know.
const (
	typeUnknown  = 0
	typeFloat    = 1
	typeUint8    = 2
	typeInt8     = 3
	typeInt32    = 6
	typeInt64    = 7
	typeString   = 8
	typeBool     = 9
	typeFloat16  = 10
	typeDouble   = 11
	typeBfloat16 = 16
)

// constant is a TensorProto whose value never changes: an initializer, or the value of a Constant node.
type constant struct {
	name string // of the value in the graph
	typ  int64
	dims []int64
	at   int // the graph's field of an initializer, -1 for a node's value
	body []byte

	flipped []byte // see flip
}

// parseConstant reads what identifies a tensor; the data are left for later.
func parseConstant(where string, b []byte) (*constant, error) {
	c := &constant{at: -1, body: b}
	var seen once
	err := each(where, tensorMessage, b, func(fl field) error {
		switch fl.num {
		case 1:
			return fl.integers(where, func(v int64) error {
				if len(c.dims) >= tensor.MaxRank {
					return refuse(where, fmt.Sprintf("a rank of at most %d", tensor.MaxRank), "more dimensions")
				}
				c.dims = append(c.dims, v)
				return nil
			})
		case 2:
			c.typ = int64(fl.value)
		case 8:
			c.name = string(fl.bytes)
		default:
			return nil
		}
		return seen.see(where, fl.num)
	})
	return c, err
}

// elements is the number of elements, at most one for each byte of the message.
func (c *constant) elements() (int64, *Refusal) {
	n, err := (tensor.Tensor{Shape: c.dims}).Elements()
	if err != nil || n > int64(len(c.body)) {
		return 0, refuse("tensor "+quote(c.name), "as much data as the shape holds", "dimensions %v and %d bytes", c.dims, len(c.body))
	}
	return n, nil
}

func (c *constant) plausible() bool {
	_, err := c.elements()
	return err == nil
}

// flip fills flipped: the elements of an 8-bit tensor with their highest bit inverted, which is 128 more for signed
// values that become unsigned, and 128 less for unsigned ones that become signed.
func (c *constant) flip() *Refusal {
	if c.flipped != nil {
		return nil
	}
	n, refusal := c.elements()
	if refusal != nil {
		return refusal
	}
	where := "tensor " + quote(c.name)
	data := make([]byte, 0, n)
	var seen once
	err := each(where, tensorMessage, c.body, func(fl field) error {
		switch fl.num {
		case 9:
			data = append(data, fl.bytes...)
			return seen.see(where, fl.num)
		case 5:
			return fl.integers(where, func(v int64) error {
				data = append(data, byte(v))
				return nil
			})
		case 3, 13:
			return refuse(where, "data inside the file", "field %d", fl.num)
		case 14:
			if fl.value != 0 {
				return refuse(where, "data inside the file", "data location %d", fl.value)
			}
		}
		return nil
	})
	if errors.As(err, &refusal) {
		return refusal
	}
	if int64(len(data)) != n {
		return refuse(where, fmt.Sprintf("%d elements", n), "%d", len(data))
	}
	for i := range data {
		data[i] ^= 0x80
	}
	c.flipped = data
	return nil
}

// tensorBody writes a TensorProto with raw data; a name is optional.
func tensorBody(name string, typ int64, dims []int64, data []byte) []byte {
	var b []byte
	for _, d := range dims {
		b = appendVarint(b, 1, d)
	}
	b = appendVarint(b, 2, typ)
	if name != "" {
		b = appendText(b, 8, name)
	}
	return appendBytes(b, 9, data)
}

// typeName names the types in notes.
func typeName(typ int64) string {
	switch typ {
	case typeUint8:
		return "UINT8"
	case typeInt8:
		return "INT8"
	case typeUnknown:
		return "an unknown type"
	}
	return fmt.Sprintf("type %d", typ)
}
