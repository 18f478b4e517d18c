// Package pricing computes what a request costs and how its fee is divided.
//
// Both are consensus arithmetic: exact integers without bound, no floats, no
// map order. Amounts are in the base denomination (uopg) and never negative.
//
// A fee has three parts:
//
//	compute = ceil(units × base price × tier multiplier × class multiplier / 10,000²)
//	bytes   = (input bytes + output bytes) × byte price
//	royalty = what the model's owner asks per request
//
// The base price follows the utilisation of blocks, see [NextBase].
//
// The bytes part is spent at submission. The other two are divided by [Split]
// once the round of the request is settled.
package pricing
