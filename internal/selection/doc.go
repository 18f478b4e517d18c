// Package selection draws who makes an attempt: the leader, the member that publishes the output bytes first, and the
// seats of a committee.
//
// Everything here is a pure function of its arguments, in integers only: the same seed and the same members give the
// same leader and the same seats on every machine. The package holds no state, reads no clock and does no I/O.
package selection
