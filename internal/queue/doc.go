// Package queue decides which waiting tasks begin in a block, in which order, and whether one more may wait.
//
// Everything here is a pure function of its arguments, in integers. The keeper of x/scheduling and the simulator run the
// same rules: the one over its store, the other over a heap.
package queue
