package sim

// item is the part of a node in an attempt: so many compute units are left of its run.
type item struct {
	attempt *attempt
	seat    int32
	left    uint32
}

// give adds an attempt to what the node has to do.
func (n *node) give(a *attempt, seat int) {
	n.queue = append(n.queue, item{attempt: a, seat: int32(seat), left: uint32(a.task.need.Units)})
}

// backlog is the compute units of the runs that the node has before it.
func (n *node) backlog() uint64 {
	var units uint64
	for _, it := range n.queue {
		if it.attempt.phase == over {
			continue
		}
		units += uint64(it.left)
	}
	return units
}

// work computes for the time from one block to the next: first what still looks for a verdict, in the order of deadlines,
// which is that of the queue; then what is decided and not settled. What is over is not worked on, nor what could not be
// heard in time.
func (n *node) work(height int64, spec NodeSpec) {
	able := n.speed
	switch n.trouble {
	case failed, gone:
		able = 0
	case slow:
		able = uint64(float64(n.speed) / spec.Slowness)
	}
	kept := n.queue[:0]
	settling := false
	for _, it := range n.queue {
		if it.attempt.lastUse() < height+2 {
			continue
		}
		if it.attempt.phase == open && able > 0 {
			if n.run(&it, &able, height) {
				continue
			}
		}
		settling = settling || it.attempt.phase == settled
		kept = append(kept, it)
	}
	n.queue = kept
	if !settling || able == 0 {
		return
	}
	kept = n.queue[:0]
	for _, it := range n.queue {
		if it.attempt.phase == settled && able > 0 && n.run(&it, &able, height) {
			continue
		}
		kept = append(kept, it)
	}
	n.queue = kept
}

// run works on an item with what the node is able to do yet, and tells whether it is done: the word of the node is then
// counted by the block after the next.
func (n *node) run(it *item, able *uint64, height int64) (done bool) {
	part := min(uint64(it.left), *able)
	*able -= part
	it.left -= uint32(part)
	if it.left > 0 {
		return false
	}
	it.attempt.attest(int(it.seat), n.power, height+2)
	return true
}
