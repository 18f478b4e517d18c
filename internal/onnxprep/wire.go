package onnxprep

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// field is one occurrence of a field. The slices alias the file.
type field struct {
	num   int
	typ   protowire.Type
	value uint64 // of varint, fixed32 and fixed64
	bytes []byte // of strings and messages
	raw   []byte // tag and value as written
}

// each calls f for every field of a message, in order. Groups are refused: no reader of ONNX writes them.
func each(where string, b []byte, f func(field) error) error {
	for len(b) > 0 {
		num, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return refuse(where, "a message", "bytes that are no field")
		}
		fl := field{num: int(num), typ: typ}
		n := 0
		switch typ {
		case protowire.VarintType:
			fl.value, n = protowire.ConsumeVarint(b[tag:])
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b[tag:])
			fl.value = uint64(v)
		case protowire.Fixed64Type:
			fl.value, n = protowire.ConsumeFixed64(b[tag:])
		case protowire.BytesType:
			fl.bytes, n = protowire.ConsumeBytes(b[tag:])
		default:
			return refuse(where, "fields without groups", "field %d of wire type %d", num, typ)
		}
		if n < 0 {
			return refuse(where, "a whole field", "a truncated field %d", num)
		}
		fl.raw = b[: tag+n : tag+n]
		b = b[tag+n:]
		if err := f(fl); err != nil {
			return err
		}
	}
	return nil
}

// integers calls f for every integer of one occurrence of a repeated field, packed or not.
func (fl field) integers(where string, f func(int64) error) error {
	if fl.typ == protowire.VarintType {
		return f(int64(fl.value))
	}
	for b := fl.bytes; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return refuse(where, "packed integers", "a truncated one")
		}
		b = b[n:]
		if err := f(int64(v)); err != nil {
			return err
		}
	}
	return nil
}

// once refuses the second occurrence of a field that a message has at most once: readers differ in what they make of it.
type once uint64

func (o *once) see(where string, num int) error {
	if num < 1 || num > 63 {
		return nil
	}
	if *o&(1<<num) != 0 {
		return refuse(where, "fields that occur once", "field %d twice", num)
	}
	*o |= 1 << num
	return nil
}

func appendVarint(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func appendText(b []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}
