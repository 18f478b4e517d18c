// Package wish reads what somebody asks a model for at a command line: inputs in every form, and how they are to be computed and
// paid for. Every command that makes requests has its flags.
package wish
