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
	// least is the length from which one is taken, in bytes: what the smallest that can be verified has.
	least int
	// entry counts towards MaxEntries.
	entry bool
	in    shape
}

// The numbers are those of proto/opengradient/proof/v1/proof.proto. A decoder allocates far more for a repeated message than
// the two bytes that an empty one takes, so the bounds are checked before anything is decoded.
var (
	storeShape = shape{
		3: {name: "path of a store", most: maxSteps},
		4: {name: "values of a store", most: maxValues, in: shape{4: {name: "path of a value", most: maxSteps}}},
	}
	blockShape = shape{
		2: {name: "commit of a block", most: 1, in: shape{4: {name: "signatures of a commit", most: MaxValidators, least: 2, entry: true}}},
		3: {name: "validators of a block", most: MaxValidators, least: 36, entry: true},
	}
	proofShape = shape{
		3: {name: "blocks", most: MaxBlocks, in: blockShape},
		4: {name: "stores", most: maxStores, in: storeShape},
	}
)

// scan checks the bounds of an encoding.
func scan(content []byte) error { return new(scanner).message(content, proofShape) }

// scanner counts entries over all blocks: within each they are few, together they may be far more than a file of their length is worth.
type scanner struct{ entries int }

func (c *scanner) message(b []byte, s shape) error {
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
		if kind != protowire.BytesType {
			continue
		}
		inner, m := protowire.ConsumeBytes(value)
		if m < 0 {
			return fails(PartEncoding, "", protowire.ParseError(m))
		}
		if err := c.count(f, inner); err != nil {
			return err
		}
		if f.in == nil {
			continue
		}
		if err := c.message(inner, f.in); err != nil {
			return err
		}
	}
	return nil
}

// count checks the length of a field, and how many entries there are so far.
func (c *scanner) count(f field, b []byte) error {
	if len(b) < f.least {
		return &Error{Part: PartLimits, Expected: fmt.Sprintf("%s of at least %d bytes each", f.name, f.least), Got: fmt.Sprint(len(b))}
	}
	if !f.entry {
		return nil
	}
	if c.entries++; c.entries > MaxEntries {
		return &Error{
			Part: PartLimits, Expected: fmt.Sprintf("at most %d validators and signatures together", MaxEntries), Got: "more",
			Help: "Trust a header that is closer to the proof, so that there are fewer blocks between",
		}
	}
	return nil
}
