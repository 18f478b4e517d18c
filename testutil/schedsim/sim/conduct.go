package sim

// maxWindow is the most rounds that a window remembers.
const maxWindow = 1_000

// conduct is the window of the rounds that a node met and missed last, as internal/conduct keeps it. Nothing is
// contradicted here, so that a bit is enough for each.
type conduct struct {
	ring   [(maxWindow + 63) / 64]uint64
	next   int64
	missed int64
}

// count takes in a round of a window of so many, and reports whether more are missed than allowed: the window is then
// empty again.
func (c *conduct) count(missed bool, size, most int64) (jailed bool) {
	if !missed && c.missed == 0 {
		return false // met after met: no place in the window differs from another
	}
	word, bit := c.next/64, uint64(1)<<(c.next%64)
	if c.ring[word]&bit != 0 {
		c.ring[word] &^= bit
		c.missed--
	}
	if missed {
		c.ring[word] |= bit
		c.missed++
	}
	c.next = (c.next + 1) % size
	if c.missed > most {
		*c = conduct{}
		return true
	}
	return false
}

// reliability is what the window makes of the node's weight.
func (c *conduct) reliability(size int64) uint32 { return uint32(10_000 * (size - c.missed) / size) }
