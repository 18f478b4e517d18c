// Package wire holds what the worker process and the node agree on beside the Open Inference Protocol itself: how a
// server describes its environment, how it marks deterministic failures, how it exits, and where the runtime library
// is found.
package wire

// Name is the server name a worker gives in its metadata.
const Name = "opengradient-worker"

// ModelVersion is the one version a model has: a model's name is the SHA-256 of its bytes, so its content never
// changes.
const ModelVersion = "1"

// ModelFile is the parameter of a load request that carries the model's bytes.
const ModelFile = "file:" + ModelVersion + "/model.onnx"

// OutcomeTrailer is the key of the trailing metadata by which a worker marks an answer. A failed call without it is a
// failure of the infrastructure and says nothing about the model.
const OutcomeTrailer = "og-outcome"

// Values of OutcomeTrailer.
const (
	OutcomeOK             = "ok"              // outputs follow
	OutcomeExecutionError = "execution_error" // the model fails on these inputs, on every node
	OutcomeOutputLimit    = "output_limit"    // the outputs asked for exceed the limit, on every node
	OutcomeModelRefused   = "model_refused"   // the model cannot be loaded, on any node
)

// Exit codes of the worker process. Zero follows a request to stop.
const (
	ExitUsage        = 64 // wrong flags
	ExitLibrary      = 65 // the runtime library is missing or unusable
	ExitSocket       = 66 // the socket cannot be opened
	ExitLoadDeadline = 67 // loading a model took too long
	ExitRunDeadline  = 68 // running a model took too long
	ExitFailure      = 69 // anything else
)
