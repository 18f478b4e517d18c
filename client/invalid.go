package client

import "fmt"

// InvalidError is a request that the chain would refuse: found before anything was signed. Its text is for the person who made
// the request.
type InvalidError struct {
	// Field is the part of the request that is wrong, such as inputs["x"].shape or max_fee.
	Field string
	// Expected and Got say what the field has to be and what it is.
	Expected, Got string
	// Err is the error of the chain that the request would meet with, for errors.Is; it may be nil.
	Err error
}

// Error implements error.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s: expected %s, got %s", e.Field, e.Expected, e.Got)
}

// Unwrap gives the error of the chain.
func (e *InvalidError) Unwrap() error { return e.Err }

func invalid(err error, field, expected, got string) *InvalidError {
	return &InvalidError{Field: field, Expected: expected, Got: got, Err: err}
}
