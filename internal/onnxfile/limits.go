package onnxfile

// Limits bound what [Inspect] accepts. Every count above a limit is a
// [Refusal] with [ReasonTooLarge].
type Limits struct {
	MaxBytes          int64  // bytes of the file
	MaxNodes          int    // nodes of the graph
	MaxEdges          int    // inputs and outputs of all nodes together
	MaxAttributes     int    // attributes of all nodes together
	MaxAttributeItems int    // items of the lists in all attributes together
	MaxInitializers   int    // initializers of the graph
	MaxParameters     uint64 // elements of all initializers and constants together
	MaxSignature      int    // graph inputs, and graph outputs
	MaxRank           int    // dimensions of any value; at most tensor.MaxRank
	MaxSymbols        int    // different symbols in the input shapes; at most 255
	MaxCostTerms      int    // different products of symbols in the cost, and in the memory
	MaxWork           uint64 // MACs + WorkPerElement·elements of one run, with every symbol at 1
	MaxActivation     uint64 // bytes of values alive at one time, with every symbol at 1
}

// DefaultLimits allow models of up to 32 MiB. A model that exceeds MaxWork or
// MaxActivation with the smallest inputs can not run with any.
var DefaultLimits = Limits{
	MaxBytes:          32 << 20,
	MaxNodes:          8192,
	MaxEdges:          65536,
	MaxAttributes:     32768,
	MaxAttributeItems: 2 << 20,
	MaxInitializers:   8192,
	MaxParameters:     64 << 20,
	MaxSignature:      64,
	MaxRank:           8,
	MaxSymbols:        8,
	MaxCostTerms:      32,
	MaxWork:           1 << 40, // some 1,100,000 units: half a minute and more of a core
	MaxActivation:     4 << 30,
}

// Sized are the limits for files of up to maxBytes, with as many parameters as they can hold: two of 4 bits in a byte.
// DefaultLimits are those of 32 MiB.
func (l Limits) Sized(maxBytes int64) Limits {
	l.MaxBytes, l.MaxParameters = maxBytes, 2*uint64(max(maxBytes, 0))
	return l
}

const (
	minIRVersion, maxIRVersion = 3, 11
	minOpset, maxOpset         = 13, 21
	minMLOpset, maxMLOpset     = 1, 4

	// maxListItems bounds lists in attributes such as strides, permutations and
	// axes; those that hold parameters are bounded by Limits.MaxAttributeItems.
	maxListItems = 1024
	// maxKnownValues is the longest tensor whose values are folded.
	maxKnownValues = 64
	// maxDim bounds every dimension, or the multiple of its symbol, and
	// maxWindow kernel sizes, strides, dilations and pads: sums and products
	// of the few of them that meet in a formula can then not overflow.
	maxWindow = 1 << 24
	maxDim    = 1 << 40
	// maxValueNameBytes bounds names inside the graph; those of the signature
	// are bounded by tensor.MaxNameBytes.
	maxValueNameBytes = 1024
)
