// Package sequencer sends the jobs of many callers as transactions of one account, one transaction each, with many in flight.
//
// The transactions of an account carry consecutive sequence numbers, and the chain takes them in that order only. Whatever
// holds transactions for the next block may drop or reorder them, answers may be lost, another process may use the same key,
// and this one may be killed at any moment. Two rules make every job be executed once:
//
// A sequence number that was signed for a job stays bound to it until the chain has passed the number, or the transaction has
// expired, or the node has refused it before anybody could have it. Until then handing it over again means the same bytes, of
// which the chain takes one copy.
//
// A transaction is in the journal before it is handed over. A process that starts finds there what the one before has signed,
// and goes on with the same bytes.
//
// What the chain has executed is known by then: a job is done when its own transaction is in a block. When the chain has passed
// a number and some other transaction has used it, the job gets a new one.
package sequencer
