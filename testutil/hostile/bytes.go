package hostile

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opengradient/opengradient/internal/onnxfile"
	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

// truncations end inside every kind of field of a sound model: cleanly, with lengths that fit what is left, and once
// with the rest of the file gone.
func (c *corpus) truncations() {
	const class = "truncation"
	file := plain()
	for _, v := range cuts(file, "model", map[string]bool{}) {
		c.add(class, v.field, onnxfile.ReasonMalformed, v.file)
	}
	c.add(class, "empty", onnxfile.ReasonUnsupportedOpset, nil)
	c.add(class, "half", onnxfile.ReasonMalformed, file[:len(file)/2])
	c.add(class, "last-byte", onnxfile.ReasonMalformed, file[:len(file)-1])
}

// lies state lengths and counts that are not true.
func (c *corpus) lies() {
	const class = "length-lie"
	bad := onnxfile.ReasonMalformed
	sound := model(relu())
	for _, lie := range []struct {
		name   string
		length uint64
	}{{"one-more", 3}, {"2-31", 1 << 31}, {"2-63", 1 << 63}, {"max", math.MaxUint64}} {
		c.add(class, "of-the-model-"+lie.name, bad, claim(sound, 14, lie.length, "ab"))
		c.add(class, "of-a-node-"+lie.name, bad, graphOf(sound, func(g []byte) []byte { return claim(g, 1, lie.length, "ab") }))
	}
	c.add(class, "varint-of-11-bytes", bad, append(protowire.AppendTag(sound, 5, protowire.VarintType), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1))
	weight := func(change func([]byte) []byte) []byte {
		return graphOf(sound, func(g []byte) []byte { return raw(g, 5, change(text(varint(nil, 2, 1), 8, "w"))) })
	}
	c.add(class, "data-for-half-the-shape", bad, weight(func(b []byte) []byte { return raw(varint(b, 1, 4), 9, make([]byte, 8)) }))
	c.add(class, "data-for-twice-the-shape", bad, weight(func(b []byte) []byte { return raw(varint(b, 1, 1), 9, make([]byte, 8)) }))
	c.add(class, "no-data-for-2-40-elements", bad, weight(func(b []byte) []byte { return raw(varint(b, 1, 1<<40), 9, nil) }))
	c.add(class, "data-in-two-fields", bad, weight(func(b []byte) []byte { return raw(raw(varint(b, 1, 1), 9, make([]byte, 4)), 4, make([]byte, 4)) }))
	c.add(class, "half-an-element", bad, weight(func(b []byte) []byte { return raw(varint(b, 1, 1), 9, make([]byte, 3)) }))
	c.add(class, "negative-dimension", bad, weight(func(b []byte) []byte { return raw(varint(b, 1, math.MaxUint64), 9, nil) }))
}

// wireTypes use groups, unknown fields and fields of another type: parsers differ in what they make of them.
func (c *corpus) wireTypes() {
	bad := onnxfile.ReasonMalformed
	sound := model(relu())
	group := func(b []byte) []byte {
		return protowire.AppendTag(protowire.AppendTag(b, 7, protowire.StartGroupType), 7, protowire.EndGroupType)
	}
	c.add("wire-type", "group", bad, group(sound))
	c.add("wire-type", "group-in-the-graph", bad, graphOf(sound, group))
	c.add("wire-type", "end-of-no-group", bad, protowire.AppendTag(sound, 7, protowire.EndGroupType))
	deep := sound
	for range 100_000 {
		deep = protowire.AppendTag(deep, 1, protowire.StartGroupType)
	}
	c.add("wire-type", "groups-100000-deep", bad, deep)
	c.add("wire-type", "graph-as-a-number", bad, varint(nil, 7, 1))
	c.add("wire-type", "type-7", bad, append(sound, 0x0f))
	c.add("wire-type", "field-0", bad, append(sound, 0x02, 0x00))
	c.add("unknown-field", "in-the-model", bad, varint(sound, 31, 1))
	c.add("unknown-field", "in-a-node", bad, graphOf(sound, func(g []byte) []byte {
		return edit(g, 1, func(n []byte) []byte { return text(n, 30, "hidden") })
	}))
	c.add("unknown-field", "of-the-highest-number", bad, varint(sound, protowire.MaxValidNumber, 1))
	c.add("unknown-field", "second-graph", bad, raw(sound, 7, nil))
	c.add("unknown-field", "second-ir-version", bad, varint(sound, 1, 8))
}

// texts are names that are no text, or too long.
func (c *corpus) texts() {
	const class = "text"
	bad := onnxfile.ReasonMalformed
	c.add(class, "operator-not-utf-8", bad, model(graph(node("Re\xfflu", "y", in("x")))))
	c.add(class, "value-not-utf-8", bad, model(graph(node("Relu", "\xc0\x80", in("x")), node("Relu", "y", in("\xc0\x80")))))
	c.add(class, "producer-not-utf-8", bad, model(relu(), func(m *ow.Model) { m.Producer = "\xed\xa0\x80" }))
	c.add(class, "value-name-of-1-mib", onnxfile.ReasonTooLarge, model(graph(node("Relu", string(make([]byte, 1<<20)), in("x")), node("Relu", "y", in("x")))))
	long := relu()
	long.Inputs[0].Dims[0] = ow.Symbolic(string(make([]byte, 1000)))
	c.add(class, "symbol-of-1000-bytes", onnxfile.ReasonSignature, model(long))
	unnamed := relu()
	unnamed.Inputs[0].Name, unnamed.Nodes[0].Inputs[0] = "", ""
	c.add(class, "input-without-name", onnxfile.ReasonSignature, model(unnamed))
}
