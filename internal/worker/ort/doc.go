// Package ort runs ONNX models with ONNX Runtime under the canonical profile. It is the only package that uses cgo;
// nothing but the worker's command imports it.
//
// Canonical profile, version 1: the pinned library, graph optimisation off, one intra-op and one inter-op thread,
// sequential execution, memory arena and memory pattern off, the CPU provider alone, models loaded from memory, and
// input and output buffers aligned to 64 bytes (a vectorised kernel may order its sums by a buffer's alignment). A
// change to any of it changes result bits on some machine and needs a new profile version.
package ort

// Profile is the version of the canonical profile this package implements.
const Profile uint32 = 1

// Provider is the name of the execution provider of the canonical profile.
const Provider = "CPUExecutionProvider"
