package queue

// basisPoints is one whole in basis points.
const basisPoints = 10_000

// Limits is what the attempts that begin in one block may take together.
type Limits struct {
	// Tasks is the number of attempts, at least 1.
	Tasks uint32
	// Units is in compute units, Bytes in bytes of output, each at least 1.
	Units, Bytes uint64
}

// Need is what one attempt takes.
type Need struct {
	// Units is at least 1.
	Units, Bytes uint64
}

// Budget is what a block may still begin.
type Budget struct {
	limits, left Limits
	begun        bool
}

// NewBudget returns the budget of a block that has begun nothing.
func NewBudget(limits Limits) Budget { return Budget{limits: limits, left: limits} }

// Fits reports whether an attempt can begin in this block. The first one always fits: a task accepted before governance
// lowered the limits below its needs is run alone and not left to die in the queue.
func (b Budget) Fits(n Need) bool {
	if b.left.Tasks == 0 {
		return false
	}
	return !b.begun || (n.Units <= b.left.Units && n.Bytes <= b.left.Bytes)
}

// IsSpent reports whether nothing at all can begin any more: each attempt needs a place and a compute unit.
func (b Budget) IsSpent() bool { return b.left.Tasks == 0 || (b.begun && b.left.Units == 0) }

// Take charges an attempt that begins. It must fit.
func (b *Budget) Take(n Need) {
	b.begun = true
	b.left.Tasks--
	b.left.Units -= min(b.left.Units, n.Units)
	b.left.Bytes -= min(b.left.Bytes, n.Bytes)
}

// Utilisation is the part of the scarcest limit that was taken, in basis points rounded down, 0 to 10,000.
func (b Budget) Utilisation() uint32 {
	return max(
		share(uint64(b.limits.Tasks-b.left.Tasks), uint64(b.limits.Tasks)),
		share(b.limits.Units-b.left.Units, b.limits.Units),
		share(b.limits.Bytes-b.left.Bytes, b.limits.Bytes),
	)
}
