// Package executor is a validator's inference duty: it follows committed state,
// has the worker run what the node is a member for, keeps every outcome on disk
// until committed state no longer needs it, and tells vote extensions what there
// is to say.
//
// It is local to the node. Nothing in it takes part in consensus, and nothing in
// it may be waited for there: the commit only signals, and a vote extension reads
// a finished value from memory.
package executor
