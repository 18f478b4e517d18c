package pipelinetest

// afterVotes looks at the state after the votes of a block.
func (n *Network) afterVotes() {}

// checkConduct holds what is remembered of honest nodes against what they did.
func (n *Network) checkConduct() {}
