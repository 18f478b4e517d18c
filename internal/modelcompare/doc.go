// Package modelcompare runs two versions of a model on the same inputs and measures how far apart their outputs are. It
// shows an owner what preparing a model has changed. Nothing of it is consensus: verification has rules of its own.
package modelcompare
