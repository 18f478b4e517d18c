package types

import "slices"

// Voter is a node that takes work now: it has a say on whether the network can run a model, and is a member of the attempts
// of those that it serves, has the memory for and has proved.
type Voter struct {
	// Operator is the validator's operator address.
	Operator string
	// Power is its consensus power.
	Power int64
	// EnvironmentClass is the index of the class that the node runs in.
	EnvironmentClass uint32
	// MemoryBytes is the memory that it gives to models.
	MemoryBytes uint64
	// TaskClasses are the classes that it serves.
	TaskClasses []TaskClass
}

// Fits tells whether the node serves a task class and has so much memory.
func (v Voter) Fits(class TaskClass, memoryBytes uint64) bool {
	return v.MemoryBytes >= memoryBytes && slices.Contains(v.TaskClasses, class)
}
