// Package binary reads inference requests and writes responses as they travel over HTTP in the Open Inference Protocol:
// JSON, or JSON followed by the bytes of tensors, which is the binary tensor extension. The header
// Inference-Header-Content-Length then tells where the JSON ends.
//
// The package is pure. What it reads comes from outside: it is checked in full, never makes the package panic, and the
// memory it takes is a small multiple of the body's.
package binary
