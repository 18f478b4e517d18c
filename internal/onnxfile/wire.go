package onnxfile

import (
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// fieldKind is how a field is written on the wire.
type fieldKind uint8

const (
	kindUnknown  fieldKind = iota
	kindVarint             // one integer
	kindFixed32            // one 32-bit float
	kindBytes              // one string or message
	kindRepeated           // strings or messages
	kindVarints            // integers, packed or not
	kindFixed32s           // 32-bit values, packed or not
	kindFixed64s           // 64-bit values, packed or not
)

// schema names the fields of one message; the index is the field number.
type schema struct {
	message string
	fields  [32]fieldKind
}

var (
	modelSchema = schema{"ModelProto", [32]fieldKind{
		1: kindVarint, 2: kindBytes, 3: kindBytes, 4: kindBytes, 5: kindVarint, 6: kindBytes,
		7: kindBytes, 8: kindRepeated, 14: kindRepeated, 20: kindRepeated, 25: kindRepeated,
	}}
	entrySchema      = schema{"StringStringEntryProto", [32]fieldKind{1: kindBytes, 2: kindBytes}}
	annotationSchema = schema{"TensorAnnotation", [32]fieldKind{1: kindBytes, 2: kindRepeated}}
	opsetSchema      = schema{"OperatorSetIdProto", [32]fieldKind{1: kindBytes, 2: kindVarint}}
	graphSchema      = schema{"GraphProto", [32]fieldKind{
		1: kindRepeated, 2: kindBytes, 5: kindRepeated, 10: kindBytes, 11: kindRepeated, 12: kindRepeated,
		13: kindRepeated, 14: kindRepeated, 15: kindRepeated, 16: kindRepeated,
	}}
	nodeSchema = schema{"NodeProto", [32]fieldKind{
		1: kindRepeated, 2: kindRepeated, 3: kindBytes, 4: kindBytes, 5: kindRepeated, 6: kindBytes,
		7: kindBytes, 8: kindBytes, 9: kindRepeated,
	}}
	attributeSchema = schema{"AttributeProto", [32]fieldKind{
		1: kindBytes, 2: kindFixed32, 3: kindVarint, 4: kindBytes, 5: kindBytes, 6: kindBytes,
		7: kindFixed32s, 8: kindVarints, 9: kindRepeated, 10: kindRepeated, 11: kindRepeated, 13: kindBytes,
		14: kindBytes, 15: kindRepeated, 20: kindVarint, 21: kindBytes, 22: kindBytes, 23: kindRepeated,
	}}
	tensorSchema = schema{"TensorProto", [32]fieldKind{
		1: kindVarints, 2: kindVarint, 3: kindBytes, 4: kindFixed32s, 5: kindVarints, 6: kindRepeated,
		7: kindVarints, 8: kindBytes, 9: kindBytes, 10: kindFixed64s, 11: kindVarints, 12: kindBytes,
		13: kindRepeated, 14: kindVarint, 16: kindRepeated,
	}}
	valueInfoSchema  = schema{"ValueInfoProto", [32]fieldKind{1: kindBytes, 2: kindBytes, 3: kindBytes, 4: kindRepeated}}
	typeSchema       = schema{"TypeProto", [32]fieldKind{1: kindBytes, 4: kindBytes, 5: kindBytes, 6: kindBytes, 7: kindBytes, 8: kindBytes, 9: kindBytes}}
	tensorTypeSchema = schema{"TypeProto.Tensor", [32]fieldKind{1: kindVarint, 2: kindBytes}}
	shapeSchema      = schema{"TensorShapeProto", [32]fieldKind{1: kindRepeated}}
	dimSchema        = schema{"TensorShapeProto.Dimension", [32]fieldKind{1: kindVarint, 2: kindBytes, 3: kindBytes}}
)

// field is one occurrence of a field. Packed lists arrive whole, in bytes.
type field struct {
	num   int
	typ   protowire.Type
	value uint64 // of varint, fixed32 and fixed64
	bytes []byte // aliases the file
}

// each calls f for every field of a message, in order. It refuses fields that
// the schema does not name, other wire types, and singular fields that occur
// twice: readers merge or replace those differently.
func (s *schema) each(where string, b []byte, f func(field) error) error {
	var seen uint32
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return refuse(ReasonMalformed, where, "a field of "+s.message, "bytes that are no tag")
		}
		b = b[n:]
		kind := kindUnknown
		if num > 0 && int(num) < len(s.fields) {
			kind = s.fields[num]
		}
		if !kind.takes(typ) {
			return refuse(ReasonMalformed, where, "a field of "+s.message, "field %d of wire type %d", num, typ)
		}
		fl := field{num: int(num), typ: typ}
		switch typ {
		case protowire.VarintType:
			fl.value, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			fl.value = uint64(v)
		case protowire.Fixed64Type:
			fl.value, n = protowire.ConsumeFixed64(b)
		default:
			fl.bytes, n = protowire.ConsumeBytes(b)
		}
		if n < 0 {
			return refuse(ReasonMalformed, where, "the whole of a field of "+s.message, "a truncated field %d", num)
		}
		b = b[n:]
		if kind.singular() {
			if seen&(1<<num) != 0 {
				return refuse(ReasonMalformed, where, "a singular field of "+s.message, "field %d twice", num)
			}
			seen |= 1 << num
		}
		if err := f(fl); err != nil {
			return err
		}
	}
	return nil
}

func (k fieldKind) singular() bool { return k == kindVarint || k == kindFixed32 || k == kindBytes }

func (k fieldKind) takes(t protowire.Type) bool {
	switch k {
	case kindVarint:
		return t == protowire.VarintType
	case kindFixed32:
		return t == protowire.Fixed32Type
	case kindBytes, kindRepeated:
		return t == protowire.BytesType
	case kindVarints:
		return t == protowire.VarintType || t == protowire.BytesType
	case kindFixed32s:
		return t == protowire.Fixed32Type || t == protowire.BytesType
	case kindFixed64s:
		return t == protowire.Fixed64Type || t == protowire.BytesType
	default:
		return false
	}
}

// integers calls f for every integer of one occurrence of a kindVarints field.
func (fl field) integers(where string, f func(int64) error) error {
	if fl.typ == protowire.VarintType {
		return f(int64(fl.value))
	}
	for b := fl.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return refuse(ReasonMalformed, where, "packed integers", "a truncated one")
		}
		b = b[n:]
		if err := f(int64(v)); err != nil {
			return err
		}
	}
	return nil
}

// count is the number of packed integers of one occurrence, if they are
// well-formed.
func (fl field) count() int {
	n := 0
	for _, b := range fl.bytes {
		if b < 0x80 {
			n++
		}
	}
	return n
}

// fixed32s calls f for the bits of every value of a kindFixed32s field.
func (fl field) fixed32s(where string, f func(uint32) error) error {
	if fl.typ == protowire.Fixed32Type {
		return f(uint32(fl.value))
	}
	for b := fl.bytes; len(b) > 0; {
		v, n := protowire.ConsumeFixed32(b)
		if n < 0 {
			return refuse(ReasonMalformed, where, "packed 32-bit values", "a truncated one")
		}
		b = b[n:]
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// checkEntry reads a key and a value that mean nothing here, but that a runtime
// refuses when they are not well-formed.
func checkEntry(where string, b []byte) error {
	return entrySchema.each(where, b, func(fl field) error { return nil })
}

func checkAnnotation(where string, b []byte) error {
	return annotationSchema.each(where, b, func(fl field) error {
		if fl.num == 2 {
			return checkEntry(where, fl.bytes)
		}
		return nil
	})
}

// text is a string field: valid UTF-8 of bounded length.
func (fl field) text(where string) (string, error) {
	if len(fl.bytes) > maxValueNameBytes {
		return "", refuse(ReasonTooLarge, where, "a name of at most 1024 bytes", "%d bytes", len(fl.bytes))
	}
	if !utf8.Valid(fl.bytes) {
		return "", refuse(ReasonMalformed, where, "a name in UTF-8", "other bytes")
	}
	return string(fl.bytes), nil
}

// enum is an integer field that must fit an int32 without truncation.
func (fl field) enum(where string) (int32, error) {
	if fl.value > math.MaxInt32 {
		return 0, refuse(ReasonMalformed, where, "a small integer", "%d", fl.value)
	}
	return int32(fl.value), nil
}
