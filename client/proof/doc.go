// Package proof shows to somebody who holds no state, and trusts one header of the chain, that the chain has recorded a
// request, its answer and its receipt, and derives the verdict again from what is shown.
//
// [Collect] gathers a [File] from a node, which is not trusted; [File.Verify] checks it without any node. The bytes of a
// file have one form: [Parse] takes nothing else. What a file holds, what each check shows and what has to be believed is
// in docs/proofs.md.
//
// The global configuration of the SDK has no part in it: addresses are read with the prefixes of this chain.
package proof
