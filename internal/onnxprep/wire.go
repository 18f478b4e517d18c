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

// kinds says which fields of a message are strings or messages, and which are integers, as sets of bits. The others may
// be anything.
type kinds struct{ bytes, varint uint64 }

// fields is a set of field numbers.
func fields(numbers ...int) uint64 {
	var set uint64
	for _, n := range numbers {
		set |= 1 << n
	}
	return set
}

// What this package reads of the messages of onnx.proto.
var (
	anyMessage       = kinds{}
	modelMessage     = kinds{bytes: fields(7, 8, 25)}
	opsetMessage     = kinds{bytes: fields(1), varint: fields(2)}
	graphMessage     = kinds{bytes: fields(1, 5, 11, 12, 13, 14)}
	nodeMessage      = kinds{bytes: fields(1, 2, 3, 4, 5, 7, 8, 9)}
	attributeMessage = kinds{bytes: fields(1, 5, 6, 11, 21), varint: fields(3)}
	tensorMessage    = kinds{bytes: fields(8, 9), varint: fields(2, 14)}
	functionMessage  = kinds{bytes: fields(1, 4, 5, 7, 9, 10, 11, 13)}
	valueMessage     = kinds{bytes: fields(1, 2)}
	typeMessage      = kinds{bytes: fields(1)}
	tensorType       = kinds{varint: fields(1)}
	dimMessage       = kinds{bytes: fields(2)}
)

// each calls f for every field of a message, in order. Fields of another wire type than kinds says are refused, and so
// are groups, which no writer of ONNX knows.
func each(where string, kind kinds, b []byte, f func(field) error) error {
	for len(b) > 0 {
		num, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return refuse(where, "a message", "bytes that are no field")
		}
		fl := field{num: int(num), typ: typ}
		var n int
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
		if bit := uint64(1) << min(num, 63); num < 63 &&
			(kind.bytes&bit != 0 && typ != protowire.BytesType || kind.varint&bit != 0 && typ != protowire.VarintType) {
			return refuse(where, "fields of their type", "field %d of wire type %d", num, typ)
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
