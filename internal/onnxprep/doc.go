// Package onnxprep rewrites ONNX models so that machines with different instruction sets compute the same bits.
//
// [Prepare] takes the bytes of a model and gives those of one that computes the same, to within rounding, by operators
// whose bits depend less on the machine. Each rule answers a difference that was measured; docs/model-stability.md has
// the figures. The rules:
//
//   - strip: documentation, training information and unused operator sets go.
//   - inline: calls of model-local functions become the nodes of the function.
//   - fix: symbolic dimensions the owner names become numbers.
//   - softmax: Softmax and LogSoftmax become ReduceMax, Sub, Exp, ReduceSum and Div or Log and Sub, because the fused
//     kernels sum in an order that depends on the width of vector registers. 16-bit floats are computed as 32-bit ones.
//   - half: operators that some machines compute in 16-bit floats throughout, and others in 32-bit ones, are computed
//     in 32 bits, and so is what follows them up to the next cast or graph output.
//   - signed: operands of integer products get the signedness of the other operand, by adding 128 to, or subtracting
//     it from, values and zero point. Products of unsigned and signed bytes saturate on some machines.
//
// What no rule touches keeps its bytes and order, so a model that needs nothing comes out as it went in. Preparing is
// deterministic, and preparing twice gives what preparing once gives. Time and memory are bounded by [Limits], whatever
// the bytes; nothing here recurses over the file.
package onnxprep
