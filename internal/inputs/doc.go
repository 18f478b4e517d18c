// Package inputs makes the input tensors of requests out of what somebody types at a command line, by the signature of a model.
//
// A word is the name of a file, "-" for standard input, or NAME=VALUE for one input of the model. Files are told apart by how they
// begin:
//
//	JSON   a request of the Open Inference Protocol, or an array of them
//	.npz   one array for each input, by name; arr_0, arr_1, … stand for the inputs in order
//	.npy   the array of the only input
//	image  of the only input that can be a picture; see package imagein
//
// A value is
//
//	1,2.5,NaN    elements; the shape is that of the signature, and one symbol of it follows from their number
//	[[1,2],…]    an array in JSON, nested as the shape, or flat
//	some text    of an input of BYTES: one element
//	@FILE        a file: .npy, .npz, an image, or the text of a value; @- is standard input
//
// The package is pure: whoever uses it reads the files.
package inputs
