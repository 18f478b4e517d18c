package types

// NewNode returns a node as it stands right after its registration: with full reliability, nothing observed and no status
// yet.
func NewNode(operator string, capacity, memoryBytes uint64, classes []TaskClass) Node {
	return Node{
		Operator: operator, Capacity: capacity, MemoryBytes: memoryBytes, TaskClasses: classes, Reliability: MaxReliability,
	}
}

// AllTaskClasses returns every class a node can serve, ascending.
func AllTaskClasses() []TaskClass {
	classes := make([]TaskClass, 0, len(TaskClass_name)-1)
	for c := TASK_CLASS_UNSPECIFIED + 1; c.IsKnown(); c++ {
		classes = append(classes, c)
	}
	return classes
}
