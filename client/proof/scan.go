package proof

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// shape says how often the fields of a message may occur, and what is inside them. Fields that are not in it are bounded
// by the file.
type shape map[protowire.Number]field

type field struct {
	name string
	most int
	in   shape
}

// The numbers are those of proto/opengradient/proof/v1/proof.proto. A decoder allocates far more for a repeated message than
// the two bytes that an empty one takes, so the bounds are checked before anything is decoded.
var (
	storeShape = shape{
		3: {name: "path of a store", most: maxSteps},
		4: {name: "values of a store", most: maxValues, in: shape{4: {name: "path of a value", most: maxSteps}}},
	}
	blockShape = shape{
		2: {name: "commit of a block", most: 1, in: shape{4: {name: "signatures of a commit", most: MaxValidators}}},
		3: {name: "validators of a block", most: MaxValidators},
	}
	proofShape = shape{
		3: {name: "blocks", most: MaxBlocks, in: blockShape},
		4: {name: "stores", most: maxStores, in: storeShape},
	}
)

// scan checks the bounds of an encoding.
func scan(content []byte) error { return scanMessage(content, proofShape) }

func scanMessage(b []byte, s shape) error {
	seen := make(map[protowire.Number]int, len(s))
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fails(PartEncoding, "", protowire.ParseError(n))
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return fails(PartEncoding, "", protowire.ParseError(n))
		}
		value := b[:n]
		b = b[n:]
		f, ok := s[number]
		if !ok {
			continue
		}
		if seen[number]++; seen[number] > f.most {
			return &Error{Part: PartLimits, Expected: fmt.Sprintf("at most %d %s", f.most, f.name), Got: "more"}
		}
		if f.in == nil || kind != protowire.BytesType {
			continue
		}
		inner, m := protowire.ConsumeBytes(value)
		if m < 0 {
			return fails(PartEncoding, "", protowire.ParseError(m))
		}
		if err := scanMessage(inner, f.in); err != nil {
			return err
		}
	}
	return nil
}
