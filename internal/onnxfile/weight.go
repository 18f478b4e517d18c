package onnxfile

import (
	"encoding/binary"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opengradient/opengradient/internal/tensor"
)

// weight is what is kept of a TensorProto.
type weight struct {
	name     string
	datatype tensor.Datatype
	dims     []int64
	elements int64
	known    []int64 // the values of a tiny tensor of whole numbers, otherwise nil
}

// tensorData counts the elements in each data field and keeps the first values.
type tensorData struct {
	raw                             []byte
	hasRaw                          bool
	floats, ints32, ints64, doubles int64
	uints64                         int64
	values                          []int64 // of the first maxKnownValues elements
	whole                           bool    // every value so far is a whole number
}

func (d *tensorData) keep(v int64) {
	if len(d.values) < maxKnownValues {
		d.values = append(d.values, v)
	}
}

// keepFloat keeps a float that is a whole number.
func (d *tensorData) keepFloat(bits uint32) {
	v, ok := wholeFloat(bits)
	if !ok {
		d.whole = false
		return
	}
	d.keep(v)
}

// readWeight reads a TensorProto and checks that its data fills its shape.
func (p *parser) readWeight(where string, b []byte) (*weight, error) {
	w := &weight{}
	d := tensorData{whole: true}
	elem := int32(0)
	err := tensorSchema.each(where, b, func(fl field) (err error) {
		switch fl.num {
		case 1:
			return fl.integers(where, func(v int64) error {
				if len(w.dims) >= p.lim.MaxRank {
					return refuse(ReasonTooLarge, where, "a rank within the limit", "more than %d dimensions", p.lim.MaxRank)
				}
				w.dims = append(w.dims, v)
				return nil
			})
		case 2:
			elem, err = fl.enum(where)
		case 3:
			err = refuse(ReasonMalformed, where, "a whole tensor", "a segment")
		case 4:
			err = fl.fixed32s(where, func(v uint32) error { d.floats++; d.keepFloat(v); return nil })
		case 5:
			err = fl.integers(where, func(v int64) error { d.ints32++; d.keep(int64(int32(v))); return nil })
		case 6:
			err = refuse(ReasonUnsupportedDatatype, where, "numbers", "strings")
		case 7:
			err = fl.integers(where, func(v int64) error { d.ints64++; d.keep(v); return nil })
		case 8:
			w.name, err = fl.text(where)
		case 9:
			d.raw, d.hasRaw = fl.bytes, true
		case 10:
			d.whole = false
			if fl.typ == protowire.Fixed64Type {
				d.doubles++
			} else if len(fl.bytes)%8 != 0 {
				err = refuse(ReasonMalformed, where, "packed 64-bit values", "a truncated one")
			}
			d.doubles += int64(len(fl.bytes) / 8)
		case 11:
			d.whole = false
			err = fl.integers(where, func(int64) error { d.uints64++; return nil })
		case 16:
			err = checkEntry(where, fl.bytes)
		case 13:
			err = refuse(ReasonExternalData, where, "data inside the file", "external data")
		case 14:
			if fl.value != 0 {
				err = refuse(ReasonExternalData, where, "data inside the file", "data location %d", fl.value)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if w.datatype, err = datatypeOf(where, int64(elem)); err != nil {
		return nil, err
	}
	if w.elements, err = (tensor.Tensor{Shape: w.dims}).Elements(); err != nil {
		return nil, refuse(ReasonMalformed, where, "dimensions of a tensor", "%v", w.dims)
	}
	if slices.ContainsFunc(w.dims, func(n int64) bool { return n > maxDim }) {
		return nil, refuse(ReasonTooLarge, where, "dimensions of at most 2^40", "%v", w.dims)
	}
	if err := w.checkData(where, &d); err != nil {
		return nil, err
	}
	return w, p.countWeight(where, w)
}

// checkData compares the data with shape and datatype and keeps tiny values.
func (w *weight) checkData(where string, d *tensorData) error {
	typed := [...]int64{d.floats, d.ints32, d.ints64, d.doubles, d.uints64}
	sum := int64(0)
	for _, n := range typed {
		sum += n
	}
	got := d.typedCount(w.datatype)
	if d.hasRaw {
		size := int64(w.datatype.Size())
		if sum != 0 || int64(len(d.raw))%size != 0 {
			return refuse(ReasonMalformed, where, "whole elements of raw data only", "%d bytes and %d typed values", len(d.raw), sum)
		}
		got = int64(len(d.raw)) / size
	} else if got != sum {
		return refuse(ReasonMalformed, where, "data in the field of "+w.datatype.String(), "values in another field")
	}
	if got != w.elements {
		return refuse(ReasonMalformed, where, "as much data as the shape holds", "%d values for %d elements", got, w.elements)
	}
	if w.elements > maxKnownValues || len(w.dims) > 1 {
		return nil
	}
	if d.hasRaw && !d.decodeRaw(w.datatype) {
		return nil
	}
	switch w.datatype {
	case tensor.Int64, tensor.Int32, tensor.Bool, tensor.FP32:
		if d.whole && (w.datatype != tensor.Bool || booleans(d.values)) {
			w.known = append([]int64{}, d.values...)
		}
	}
	return nil
}

func (d *tensorData) typedCount(t tensor.Datatype) int64 {
	switch t {
	case tensor.FP32:
		return d.floats
	case tensor.FP64:
		return d.doubles
	case tensor.Int64:
		return d.ints64
	case tensor.Uint32, tensor.Uint64:
		return d.uints64
	default:
		return d.ints32
	}
}

// decodeRaw keeps the values of tiny raw data; false if they are not kept.
func (d *tensorData) decodeRaw(t tensor.Datatype) bool {
	for b := d.raw; len(b) > 0; b = b[t.Size():] {
		switch t {
		case tensor.Int64:
			d.keep(int64(binary.LittleEndian.Uint64(b)))
		case tensor.Int32:
			d.keep(int64(int32(binary.LittleEndian.Uint32(b))))
		case tensor.Bool:
			d.keep(int64(b[0]))
		case tensor.FP32:
			d.keepFloat(binary.LittleEndian.Uint32(b))
		default:
			return false
		}
	}
	return true
}

func booleans(vs []int64) bool {
	return !slices.ContainsFunc(vs, func(v int64) bool { return v != 0 && v != 1 })
}

// wholeFloat is the whole number of at most 24 bits that float bits stand for,
// if they do.
func wholeFloat(bits uint32) (int64, bool) {
	v := math.Float32frombits(bits)
	if !(v >= -(1<<24) && v <= 1<<24) || v != float32(int64(v)) {
		return 0, false
	}
	return int64(v), true
}
