package onnxfile

import (
	"errors"
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/tensor"
)

// declared is a ValueInfoProto. A dimension that says nothing is the zero Dim.
type declared struct {
	tensor.Spec
	hasShape bool
	where    string
}

func (p *parser) parseDeclared(where string, b []byte) (declared, error) {
	d := declared{where: where}
	var typ []byte
	err := valueInfoSchema.each(where, b, func(fl field) (err error) {
		switch fl.num {
		case 1:
			d.Name, err = fl.text(where)
		case 2:
			typ = fl.bytes
		case 4:
			err = checkEntry(where, fl.bytes)
		}
		return err
	})
	if err != nil {
		return d, err
	}
	d.where = where + " " + quote(d.Name)
	var tensorType []byte
	err = typeSchema.each(d.where, typ, func(fl field) error {
		switch fl.num {
		case 1:
			tensorType = fl.bytes
		case 6: // denotation
		default:
			return refuse(ReasonUnsupportedType, d.where, "a tensor", "a sequence, map, optional, sparse or opaque value")
		}
		return nil
	})
	if err != nil {
		return d, err
	}
	elem, shape := int32(0), []byte(nil)
	err = tensorTypeSchema.each(d.where, tensorType, func(fl field) (err error) {
		if fl.num == 1 {
			elem, err = fl.enum(d.where)
		} else {
			shape, d.hasShape = fl.bytes, true
		}
		return err
	})
	if err != nil {
		return d, err
	}
	if d.Datatype, err = datatypeOf(d.where, int64(elem)); err != nil {
		return d, err
	}
	err = shapeSchema.each(d.where, shape, func(fl field) error {
		if len(d.Dims) >= p.lim.MaxRank {
			return refuse(ReasonTooLarge, d.where, fmt.Sprintf("a rank of at most %d", p.lim.MaxRank), "more")
		}
		dim, err := parseDim(d.where, fl.bytes)
		d.Dims = append(d.Dims, dim)
		return err
	})
	if err != nil {
		return d, err
	}
	if err := d.Spec.Validate(); err != nil {
		return d, refuse(ReasonSignature, d.where, "a sound name and shape", "%.160s", err.Error())
	}
	return d, nil
}

// checkValueInfo reads the declaration of an intermediate value, of which only
// the form matters: a runtime refuses one that is malformed.
func checkValueInfo(p *parser, b []byte) error {
	_, err := p.parseDeclared("value info", b)
	if r := (*Refusal)(nil); errors.As(err, &r) && r.Reason == ReasonMalformed {
		return err
	}
	return nil
}

// parseDim reads a Dimension; zero or negative numbers say nothing, as some
// exporters write them for unknown dimensions.
func parseDim(where string, b []byte) (tensor.Dim, error) {
	var d tensor.Dim
	hasValue := false
	err := dimSchema.each(where, b, func(fl field) (err error) {
		switch fl.num {
		case 1:
			hasValue = true
			if fl.value <= math.MaxInt64 {
				d.Size = int64(fl.value)
			}
		case 2:
			d.Symbol, err = fl.text(where)
		}
		return err
	})
	if err != nil {
		return d, err
	}
	if d.Symbol != "" {
		if hasValue {
			return d, refuse(ReasonMalformed, where, "a dimension with a number or a name", "both")
		}
		d.Size = 1
	}
	return d, nil
}
