package onnxfile

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	ow "github.com/opengradient/opengradient/internal/onnxwrite"
)

func bytesField(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func varintField(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// withTensor is a model whose initializer "w" is written by hand.
func withTensor(fields []byte) []byte {
	weight := bytesField(fields, 8, []byte("w"))
	return extended(model(17, oneNode(op("Relu", "y", in("x")))), bytesField(nil, 5, weight))
}

// extended appends fields to the graph of a model.
func extended(b, fields []byte) []byte {
	var out []byte
	for len(b) > 0 {
		num, _, n := protowire.ConsumeField(b)
		if num == 7 {
			_, _, tag := protowire.ConsumeTag(b)
			graph, _ := protowire.ConsumeBytes(b[tag:])
			out = bytesField(out, 7, append(append([]byte{}, graph...), fields...))
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

func TestStrictReading(t *testing.T) {
	good := model(17, oneNode(op("Relu", "y", in("x"))))
	add := func(f func([]byte) []byte) []byte { return f(append([]byte{}, good...)) }
	packed := func(vs ...uint64) (b []byte) {
		for _, v := range vs {
			b = protowire.AppendVarint(b, v)
		}
		return b
	}
	dims2 := varintField(nil, 1, 2)
	for name, tc := range map[string]struct {
		file []byte
		want Reason // 0: accepted
	}{
		"metadata is passed over": {add(func(b []byte) []byte {
			return bytesField(b, 14, bytesField(bytesField(nil, 1, []byte("k")), 2, []byte("v")))
		}), 0},
		"metadata that is none":             {add(func(b []byte) []byte { return bytesField(b, 14, []byte("any")) }), ReasonMalformed},
		"an unknown field":                  {add(func(b []byte) []byte { return varintField(b, 30, 1) }), ReasonMalformed},
		"a field number that is huge":       {add(func(b []byte) []byte { return varintField(b, protowire.MaxValidNumber, 1) }), ReasonMalformed},
		"a known field of another type":     {add(func(b []byte) []byte { return bytesField(b, 5, nil) }), ReasonMalformed},
		"a group":                           {add(func(b []byte) []byte { return protowire.AppendTag(b, 14, protowire.StartGroupType) }), ReasonMalformed},
		"a second graph":                    {add(func(b []byte) []byte { return bytesField(b, 7, nil) }), ReasonMalformed},
		"a second IR version":               {add(func(b []byte) []byte { return varintField(b, 1, 8) }), ReasonMalformed},
		"a length beyond the end":           {add(func(b []byte) []byte { return append(b, 0x72, 0x7f) }), ReasonMalformed},
		"training information":              {add(func(b []byte) []byte { return bytesField(b, 20, nil) }), ReasonTraining},
		"a function":                        {add(func(b []byte) []byte { return bytesField(b, 25, nil) }), ReasonFunction},
		"a sparse initializer":              {extended(good, bytesField(nil, 15, nil)), ReasonSparseTensor},
		"data in another file":              {withTensor(varintField(varintField(dims2, 2, 1), 14, 1)), ReasonExternalData},
		"an entry for another file":         {withTensor(bytesField(varintField(dims2, 2, 1), 13, nil)), ReasonExternalData},
		"a data location of nothing":        {withTensor(varintField(bytesField(varintField(dims2, 2, 7), 7, packed(1, 2)), 14, 0)), 0},
		"packed integers":                   {withTensor(bytesField(varintField(dims2, 2, 7), 7, packed(1, 2))), 0},
		"integers one by one":               {withTensor(varintField(varintField(varintField(dims2, 2, 7), 7, 1), 7, 2)), 0},
		"packed dimensions":                 {withTensor(bytesField(varintField(bytesField(nil, 1, packed(2, 1)), 2, 7), 7, packed(1, 2))), 0},
		"too few integers":                  {withTensor(bytesField(varintField(dims2, 2, 7), 7, packed(1))), ReasonMalformed},
		"a truncated packed integer":        {withTensor(bytesField(varintField(dims2, 2, 7), 7, []byte{1, 0x80})), ReasonMalformed},
		"integers in the field of floats":   {withTensor(bytesField(varintField(dims2, 2, 7), 4, make([]byte, 8))), ReasonMalformed},
		"floats":                            {withTensor(bytesField(varintField(dims2, 2, 1), 4, make([]byte, 8))), 0},
		"a broken float":                    {withTensor(bytesField(varintField(dims2, 2, 1), 4, make([]byte, 7))), ReasonMalformed},
		"doubles":                           {withTensor(bytesField(varintField(dims2, 2, 11), 10, make([]byte, 16))), 0},
		"a broken double":                   {withTensor(bytesField(varintField(dims2, 2, 11), 10, make([]byte, 15))), ReasonMalformed},
		"half floats as integers":           {withTensor(bytesField(varintField(dims2, 2, 10), 5, packed(1, 2))), 0},
		"unsigned integers":                 {withTensor(bytesField(varintField(dims2, 2, 12), 11, packed(1, 2))), 0},
		"raw and typed data":                {withTensor(bytesField(bytesField(varintField(dims2, 2, 7), 7, packed(1, 2)), 9, make([]byte, 16))), ReasonMalformed},
		"strings":                           {withTensor(bytesField(varintField(dims2, 2, 8), 6, nil)), ReasonUnsupportedDatatype},
		"a segment":                         {withTensor(bytesField(varintField(dims2, 2, 1), 3, nil)), ReasonMalformed},
		"an element type of 33 bits":        {withTensor(varintField(dims2, 2, 1<<32|1)), ReasonMalformed},
		"4-bit integers":                    {withTensor(bytesField(varintField(dims2, 2, 22), 9, make([]byte, 1))), ReasonUnsupportedDatatype},
		"an attribute without type":         {graphWithAttr(bytesField(nil, 1, []byte("axis"))), ReasonUnsupportedAttribute},
		"an attribute of two values":        {graphWithAttr(varintField(varintField(varintField(bytesField(nil, 1, []byte("axis")), 3, 1), 20, 2), 8, 1)), ReasonMalformed},
		"an attribute that refers to one":   {graphWithAttr(bytesField(bytesField(nil, 1, []byte("axis")), 21, []byte("a"))), ReasonFunction},
		"an attribute of sparse data":       {graphWithAttr(bytesField(bytesField(nil, 1, []byte("axis")), 22, nil)), ReasonSparseTensor},
		"an attribute of a type":            {graphWithAttr(bytesField(bytesField(nil, 1, []byte("axis")), 14, nil)), ReasonUnsupportedType},
		"an attribute of many tensors":      {graphWithAttr(bytesField(bytesField(nil, 1, []byte("axis")), 10, nil)), ReasonUnsupportedAttribute},
		"an attribute list without end":     {graphWithAttr(varintField(bytesField(bytesField(nil, 1, []byte("axis")), 8, make([]byte, maxListItems+1)), 20, 7)), ReasonTooLarge},
		"a sequence as input":               {extended(good, bytesField(nil, 11, bytesField(bytesField(nil, 1, []byte("s")), 2, bytesField(nil, 4, nil)))), ReasonUnsupportedType},
		"a dimension with number and name":  {extended(good, bytesField(nil, 11, inputOf(bytesField(varintField(nil, 1, 2), 2, []byte("N"))))), ReasonMalformed},
		"a negative dimension says nothing": {extended(good, bytesField(nil, 11, inputOf(varintField(nil, 1, 1<<63)))), ReasonUnknownShape},
		"an input written by hand":          {extended(good, bytesField(nil, 11, inputOf(varintField(nil, 1, 2)))), 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Inspect(tc.file, DefaultLimits)
			if tc.want == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantRefusal(t, err, tc.want)
		})
	}
}

// inputOf is the ValueInfo of FLOAT[dim].
func inputOf(dim []byte) []byte {
	tensorType := bytesField(varintField(nil, 1, 1), 2, bytesField(nil, 1, dim))
	return bytesField(bytesField(nil, 1, []byte("hand")), 2, bytesField(nil, 1, tensorType))
}

// graphWithAttr adds a Softmax node with an attribute written by hand.
func graphWithAttr(attr []byte) []byte {
	n := bytesField(bytesField(nil, 1, []byte("x")), 2, []byte("s"))
	n = bytesField(bytesField(n, 4, []byte("Softmax")), 5, attr)
	return extended(model(17, oneNode(op("Relu", "y", in("x")))), bytesField(nil, 1, n))
}

// TestEveryPrefixAndFlipIsSafe cuts and mutates a model at every byte.
func TestEveryPrefixAndFlipIsSafe(t *testing.T) {
	for _, g := range []ow.Graph{attention(), oneNode(op("Relu", "y", in("x")))} {
		b := model(17, g)
		for n := range b {
			if _, err := Inspect(b[:n], DefaultLimits); err == nil {
				t.Fatalf("%s: the first %d of %d bytes were accepted", g.Name, n, len(b))
			}
		}
		for i := range b {
			for _, mask := range []byte{1, 0x10, 0x80, 0xff} {
				c := append([]byte{}, b...)
				c[i] ^= mask
				checkInspect(t, c)
			}
		}
	}
}
