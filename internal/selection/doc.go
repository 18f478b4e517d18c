// Package selection draws the leader of an attempt: the member that publishes the output bytes first.
//
// Everything here is a pure function of its arguments, in integers only: the same seed and the same members give the
// same leader on every machine. The package holds no state, reads no clock and does no I/O.
package selection
