// Package voteext is what a validator adds to its precommit: the canonical
// codec of the vote extension, and the two ABCI handlers around it.
//
// Nothing here computes, waits, or reads anything but memory. Extending a vote
// always succeeds, at worst with nothing to say; verifying one refuses only what
// is too large. The content of an extension is judged when it is tallied.
package voteext
