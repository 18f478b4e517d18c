package types

// Voter is a node that has a say on whether the network can run a model.
type Voter struct {
	// Operator is the validator's operator address.
	Operator string
	// Power is its consensus power.
	Power int64
	// EnvironmentClass is the index of the class that the node runs in.
	EnvironmentClass uint32
}
