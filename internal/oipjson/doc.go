// Package oipjson reads and writes tensors in the JSON form of the Open
// Inference Protocol: the form people and HTTP clients use.
//
//	{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1]}]}
//
// Numbers are read exactly. An integer must be written as one and fit its
// datatype; a float is rounded once, to the nearest value of its datatype with
// ties to even, and must not overflow. What JSON numbers lack is written as
// the strings "NaN", "Infinity" and "-Infinity". A BYTES element is a string,
// or {"b64": "..."} when it is not UTF-8. Data may be flat or nested as the
// shape says.
//
// Reading is strict: one JSON value, no unknown or repeated members, no
// invalid UTF-8. Every NaN is read and written as one pattern. The package is
// pure and allocates in proportion to its input.
package oipjson
