// Package imagein turns an image file into the input tensor of a model.
//
// An image of PNG, JPEG, GIF (its first picture), BMP or WebP is decoded, resized to the height and width of the input, and
// laid out as the input says: channels first or last, in the order that the model was trained with. Each value is
//
//	(pixel × scale − mean) ÷ std
//
// with the pixel from 0 to 255. Resizing takes the mean of the pixels that a new one covers, weighted linearly (a triangle as
// wide as the step, at least two pixels), as most training code does. Transparency is ignored unless the model takes four
// channels; so is the orientation that a camera wrote beside the picture.
//
// Dimensions are checked in the header of a file before anything is decoded. The package is pure.
package imagein
