// Package tensor holds the values a model reads and writes, their one binary
// form, and the root that commits to it.
//
// Everything here is part of consensus: the encoding, the canonical form of
// floats and the Merkle root decide what an outcome is. The package is pure
// (standard library only, no clock, no randomness, no map order) and gives the
// same bytes on every architecture. A change to any of it needs a new version
// byte and a coordinated upgrade.
//
// # Canonical encoding, version 1
//
// All integers are little-endian and unsigned.
//
//	offset  size  field
//	0       4     magic "OGTL"
//	4       1     version, 1
//	5       4     number of tensors
//	then for each tensor, in the order given:
//	        2     name length n, 1..256
//	        n     name, UTF-8, unique in the list
//	        1     datatype, the numeric value of [Datatype]
//	        1     rank r, 0..16
//	        8·r   dimensions
//	        8     data length d
//	        d     data, as in [Tensor.Data]
//
// Nothing follows the last tensor. [Decode] accepts exactly the byte strings
// that [Encode] produces, so one list has one encoding and one root.
package tensor
