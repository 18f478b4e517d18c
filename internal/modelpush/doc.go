// Package modelpush brings a file to the chain in chunks, one transaction each, with several in flight.
//
// The transactions of an account carry consecutive sequence numbers, and the chain takes them in that order only. Whatever
// holds transactions for the next block may drop or reorder them, another process may use the same key, and this one may
// be killed at any moment. So nothing is kept on disk: what is missing, and the sequence number, are read from the chain, and
// a chunk is never signed a second time while an earlier transaction with it could still be executed.
//
// That is the one rule here. A sequence number that was signed for a chunk is bound to it until the chain has passed the
// number or the transaction has expired; only then, and only if the chunk is still missing, is it signed again. Sending
// the same number again means sending the same bytes, of which the chain takes one copy. A chunk is thus paid for once.
package modelpush
