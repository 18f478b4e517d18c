// Package wire holds what the worker process and the node agree on beside the Open Inference Protocol itself: how a
// server describes its environment, how it marks deterministic failures, how it exits, and where the runtime library
// is found.
package wire

// Name is the server name a worker gives in its metadata.
const Name = "opengradient-worker"

// ModelVersion is the one version a model has: a model's name is the SHA-256 of its bytes, so its content never
// changes.
const ModelVersion = "1"

// SessionFactor is the memory a loaded model is counted with, as a multiple of the size of its file.
const SessionFactor = 5

// ModelFile is the parameter of a load request that carries the model's bytes.
const ModelFile = "file:" + ModelVersion + "/model.onnx"

// ModelPath is the parameter of a load request that names the model's file in its place: a path within the worker's model
// folder. Only a worker that was given a model folder takes it.
const ModelPath = "og-model-path"

// OutcomeTrailer is the key of the trailing metadata by which a worker marks an answer. A failed call without it is a
// failure of the infrastructure and says nothing about the model.
const OutcomeTrailer = "og-outcome"

// Values of OutcomeTrailer.
const (
	OutcomeOK             = "ok"              // outputs follow
	OutcomeExecutionError = "execution_error" // the model fails on these inputs, on every node
	OutcomeOutputLimit    = "output_limit"    // the outputs asked for exceed the limit, on every node
	OutcomeModelRefused   = "model_refused"   // the model cannot be loaded, on any node
	OutcomeTooLarge       = "too_large"       // the model or its run needs more memory than this worker gives
)

// Exit codes of the worker process. Zero follows a request to stop.
const (
	ExitUsage        = 64 // wrong flags
	ExitLibrary      = 65 // the runtime library is missing or unusable
	ExitSocket       = 66 // the socket cannot be opened
	ExitLoadDeadline = 67 // loading a model took too long
	ExitRunDeadline  = 68 // running a model took too long
	ExitFailure      = 69 // anything else
	ExitStalled      = 70 // a load or a run got too little time of the processor for its deadline to be judged
)
