package tensor

import "fmt"

// Datatype is the element type of a tensor. The numeric values are written
// into the canonical encoding and must never be renumbered.
type Datatype uint8

// The datatypes of the Open Inference Protocol, and BF16.
const (
	Invalid Datatype = 0
	Bool    Datatype = 1
	Uint8   Datatype = 2
	Uint16  Datatype = 3
	Uint32  Datatype = 4
	Uint64  Datatype = 5
	Int8    Datatype = 6
	Int16   Datatype = 7
	Int32   Datatype = 8
	Int64   Datatype = 9
	FP16    Datatype = 10
	FP32    Datatype = 11
	FP64    Datatype = 12
	BF16    Datatype = 13
	Bytes   Datatype = 14
)

var datatypes = [...]struct {
	name string
	size int
}{
	Invalid: {"INVALID", 0},
	Bool:    {"BOOL", 1},
	Uint8:   {"UINT8", 1},
	Uint16:  {"UINT16", 2},
	Uint32:  {"UINT32", 4},
	Uint64:  {"UINT64", 8},
	Int8:    {"INT8", 1},
	Int16:   {"INT16", 2},
	Int32:   {"INT32", 4},
	Int64:   {"INT64", 8},
	FP16:    {"FP16", 2},
	FP32:    {"FP32", 4},
	FP64:    {"FP64", 8},
	BF16:    {"BF16", 2},
	Bytes:   {"BYTES", 0},
}

// ParseDatatype reads an Open Inference Protocol name such as "FP32". Names
// are upper case; anything else is an error.
func ParseDatatype(s string) (Datatype, error) {
	for d := Bool; d <= Bytes; d++ {
		if datatypes[d].name == s {
			return d, nil
		}
	}
	return Invalid, fmt.Errorf("%w: expected BOOL, UINT8..UINT64, INT8..INT64, FP16, FP32, FP64, BF16 or BYTES, got %.32q", ErrDatatype, s)
}

// String gives the Open Inference Protocol name.
func (d Datatype) String() string {
	if int(d) < len(datatypes) {
		return datatypes[d].name
	}
	return fmt.Sprintf("DATATYPE(%d)", uint8(d))
}

// Valid reports whether d is one of the named datatypes other than Invalid.
func (d Datatype) Valid() bool { return d >= Bool && d <= Bytes }

// Size is the number of bytes of one element, 0 for Bytes (whose elements
// differ in length) and for anything that is not a datatype.
func (d Datatype) Size() int {
	if int(d) < len(datatypes) {
		return datatypes[d].size
	}
	return 0
}

// IsFloat reports whether elements are floating-point numbers.
func (d Datatype) IsFloat() bool {
	return d == FP16 || d == FP32 || d == FP64 || d == BF16
}
