package agreement

// PublisherOrder lists the members that agreed in the order in which they are to publish the winning bytes: the leader
// first if it agreed, then the others in snapshot order starting after the leader's position and going round. Agreed
// has one entry per member in snapshot order. A leader outside the snapshot (for example -1) gives plain snapshot order.
func PublisherOrder(agreed []bool, leader int) []int {
	n := len(agreed)
	if leader < 0 || leader >= n {
		leader = 0
	}
	order := make([]int, 0, n)
	for i := range n {
		if position := (leader + i) % n; agreed[position] {
			order = append(order, position)
		}
	}
	return order
}

// PublisherTurn is the entry of order whose turn it is at a height. The first turn begins at the height of the
// decision; every turn lasts turnBlocks blocks (0 counts as 1) and the last is followed by the first again. There is no
// turn before the decision or when nobody agreed.
func PublisherTurn(order []int, decidedHeight, height int64, turnBlocks uint32) (position int, ok bool) {
	if len(order) == 0 || height < decidedHeight {
		return 0, false
	}
	turn := uint64(height-decidedHeight) / uint64(max(turnBlocks, 1))
	return order[turn%uint64(len(order))], true
}
