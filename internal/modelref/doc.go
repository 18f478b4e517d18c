// Package modelref says which model files are meant and where they may be found: a hash, a size, and sources on the
// network. It is pure and reads text by a grammar of its own, so that every validator, whatever it was built with,
// accepts the same references. Nothing here reaches the network; internal/modelstore does.
package modelref
