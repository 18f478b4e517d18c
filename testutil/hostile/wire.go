package hostile

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// message names the fields of a message that hold messages.
type message map[protowire.Number]string

// messages are those of onnx.proto that a plain model has.
var messages = map[string]message{
	"model":      {7: "graph", 8: "opset", 14: "entry"},
	"opset":      {},
	"entry":      {},
	"graph":      {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value"},
	"node":       {5: "attribute"},
	"attribute":  {5: "tensor"},
	"tensor":     {},
	"value":      {2: "type"},
	"type":       {1: "tensortype"},
	"tensortype": {2: "shape"},
	"shape":      {1: "dim"},
	"dim":        {},
}

// fieldAt is one occurrence of a field in a message.
type fieldAt struct {
	num         protowire.Number
	typ         protowire.Type
	begin, data int // offsets of the tag, and of what follows tag and length
	end         int
}

func fields(b []byte) []fieldAt {
	var out []fieldAt
	for at := 0; at < len(b); {
		num, typ, n := protowire.ConsumeTag(b[at:])
		size := protowire.ConsumeFieldValue(num, typ, b[at+n:])
		f := fieldAt{num: num, typ: typ, begin: at, data: at + n, end: at + n + size}
		if typ == protowire.BytesType {
			payload, _ := protowire.ConsumeBytes(b[at+n:])
			f.data = f.end - len(payload)
		}
		out = append(out, f)
		at = f.end
	}
	return out
}

// cut is a file that ends inside one kind of field, although all lengths around that field are right.
type cut struct {
	field string // message and number, such as "node-4"
	file  []byte
}

// cuts ends a message inside the first occurrence of each of its fields, and of those of messages in it.
func cuts(b []byte, name string, seen map[string]bool) []cut {
	var out []cut
	for _, f := range fields(b) {
		label := name + "-" + itoa(int(f.num))
		if !seen[label] {
			seen[label] = true
			tag := protowire.AppendTag(slices.Clone(b[:f.begin]), f.num, f.typ)
			switch f.typ {
			case protowire.VarintType:
				tag = append(tag, 0x80)
			case protowire.BytesType:
				tag = protowire.AppendVarint(tag, uint64(max(2, f.end-f.data)))
				tag = append(tag, b[f.data:f.data+(f.end-f.data)/2]...)
			default:
				tag = append(tag, 0)
			}
			out = append(out, cut{label, tag})
		}
		if child, ok := messages[name][f.num]; ok {
			for _, inner := range cuts(b[f.data:f.end], child, seen) {
				out = append(out, cut{inner.field, replaced(b, f, inner.file)})
			}
		}
	}
	return out
}

// replaced puts another payload into a field.
func replaced(b []byte, f fieldAt, payload []byte) []byte {
	out := protowire.AppendTag(slices.Clone(b[:f.begin]), f.num, protowire.BytesType)
	out = protowire.AppendBytes(out, payload)
	return append(out, b[f.end:]...)
}

// edit changes the payload of the first field num of a message.
func edit(b []byte, num protowire.Number, change func([]byte) []byte) []byte {
	for _, f := range fields(b) {
		if f.num == num {
			return replaced(b, f, change(slices.Clone(b[f.data:f.end])))
		}
	}
	panic("hostile: no field " + itoa(int(num)))
}

// graphOf changes the graph of a model.
func graphOf(b []byte, change func([]byte) []byte) []byte { return edit(b, 7, change) }

func varint(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func text(b []byte, num protowire.Number, v string) []byte { return raw(b, num, []byte(v)) }

func raw(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

// claim is a field whose length says more than its payload holds.
func claim(b []byte, num protowire.Number, length uint64, payload string) []byte {
	b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), length)
	return append(b, payload...)
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}
