package types

// IsHealthy reports whether a node can be expected to end what it has begun: it has not left, says that it is ready, and
// its status is younger than window blocks at height. It is not asked whether the node takes new work.
func (n Node) IsHealthy(height int64, window uint32) bool {
	return n.State != NODE_STATE_LEFT && n.Status != nil && n.Status.Ready && n.IsFresh(height, window)
}

// Review is what is to be looked at because a node turned unhealthy.
type Review struct {
	// Attempts are those under way that are to be looked at in this block.
	Attempts []ReviewedAttempt
	// Healthy holds the operators of bonded validators whose nodes are healthy. It is there to be asked, not walked.
	Healthy map[string]bool
	// Workers are those of whom another leader can be drawn.
	Workers Workers
}

// ReviewedAttempt is one attempt under way.
type ReviewedAttempt struct {
	RequestID uint64
	// Again is true when another attempt can follow, and could begin now.
	Again bool
}
