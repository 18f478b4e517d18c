// Package onnxfile inspects the bytes of an ONNX model without running it.
//
// The chain calls [Inspect] on every registered model before a node loads it,
// so the package decides, deterministically and in time linear in the bytes,
// what a model may be: which operators it may use, the signature clients must
// match, and the static cost that prices a request. It never reads through
// reflection, never recurses and never folds more than tiny shape tensors.
//
// # What is accepted
//
// One graph of allowed operators of the default domain ("" or "ai.onnx"),
// operator set 13 to 21, IR version 3 to 11, dense tensors only. Reading is
// strict where lenient readers differ from each other: an unknown field, a
// singular field that occurs twice, a group, a value used before it is
// produced and a tensor whose data does not fill its shape are all refused.
//
// # Shapes
//
// A dimension is a constant, or a constant times one named symbol (the
// dim_param of a graph input, at least 1). Every operator maps such shapes to
// such shapes. Where the result would need another expression, such as N+1,
// or depends on values, the model is refused with [ReasonUnknownShape] and the
// owner has to fix that dimension. Values computed by a model never have a
// dimension of 0, except lists of dimensions.
//
// A graph input that has an initializer of the same name is a weight: it is
// not part of the signature and can not be overridden by a request. Graph
// inputs and outputs take the shapes that follow from the inputs; shapes
// declared for outputs must not contradict them, and those of intermediate
// values are not read.
package onnxfile
