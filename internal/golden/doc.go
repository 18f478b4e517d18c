// Package golden makes the inputs on which a model is tried, and packs and reads what the model answers.
//
// Golden vectors are either the owner's or derived: [Recipe.Vectors] draws every element from hashes of the model's
// SHA-256, the number of the vector and the place of the input, within ranges that the owner states. The same recipe
// gives the same bytes on every machine: floating-point operations are written such that no compiler may fuse them, and
// 16-bit floats are rounded in integers. Ranges of small integers make inputs work that are indexes into tables.
//
// The golden output of a model is the output of each vector, in the canonical encoding, preceded by its length: see
// [Join] and [Split].
package golden
