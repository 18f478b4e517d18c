// Package proof shows to somebody who holds no state, and trusts one header of the chain, that the chain has recorded a
// request, its answer and its receipt, and derives the verdict again from what is shown.
//
// [Collect] gathers a [File] from a node, which is not trusted; [File.Verify] checks it without any node. The bytes of a
// file have one form: [Parse] takes nothing else. What a file holds, what each check shows and what has to be believed is
// in docs/proofs.md.
//
// Addresses in requests and receipts carry the prefixes of the chain. A program outside the daemon calls
// app.SetAddressPrefixes once before it uses this package.
package proof
