// Package nodeapi is what a node tells of itself on its API server, beside what the chain tells: which models it holds and
// what it does with them. Nothing in it is part of consensus, and other nodes may tell otherwise.
package nodeapi

import "time"

// ModelsPath is the route of [Models].
const ModelsPath = "/opengradient/node/v1/models"

// State is what a node does with a model.
type State string

// The states. A model that is loaded has been tried.
const (
	// StateWaiting: the model waits for its turn to be tried or loaded.
	StateWaiting State = "waiting"
	// StateFetching: the node gets the file.
	StateFetching State = "fetching"
	// StateAdmitting: the node tries the model.
	StateAdmitting State = "admitting"
	// StateProven: the model was tried and is not loaded.
	StateProven State = "proven"
	// StateLoading: the node loads the model.
	StateLoading State = "loading"
	// StateLoaded: requests for the model can be run now.
	StateLoaded State = "loaded"
	// StateFailed: the model failed when it was tried, or could not be fetched, tried or loaded when that was done last.
	StateFailed State = "failed"
)

// Models is the JSON document of a node's models. Fields are added and never renamed; sizes are in bytes.
type Models struct {
	// Operator is the operator address; empty while it is not known.
	Operator string `json:"operator"`
	// Height is that of the last block that was looked at.
	Height int64 `json:"height"`
	// Ready is true when the worker answers.
	Ready bool `json:"ready"`
	// Error is why the worker was last not ready; empty if it never failed.
	Error string `json:"error,omitempty"`
	// Environment is the class of the worker; null while it is not known.
	Environment *Environment `json:"environment"`
	// BudgetBytes is the memory for loaded models, UsedBytes what those that are loaded are counted with.
	BudgetBytes uint64 `json:"budget_bytes"`
	UsedBytes   uint64 `json:"used_bytes"`
	// Models are those that are loaded and those that the node follows, ascending by SHA-256.
	Models []Model `json:"models"`
	// Next is the class that the node prepares to move to; null when it prepares none.
	Next *Preparation `json:"next"`
	// Cache is the folder of model files; null when the node keeps none.
	Cache *Cache `json:"cache"`
}

// Environment is an environment class.
type Environment struct {
	// Index is the index by which the chain refers to it; 0 while it is not registered.
	Index          uint32 `json:"index"`
	RuntimeVersion string `json:"runtime_version"`
	LibrarySHA256  string `json:"library_sha256"`
	Provider       string `json:"provider"`
	Profile        uint32 `json:"profile"`
	ISA            string `json:"isa"`
}

// Model is one model on this node.
type Model struct {
	SHA256 string `json:"sha256"`
	// Name, Version and Status are those of the chain: empty and 0 for a model that it does not list any more.
	Name    string `json:"name"`
	Version uint32 `json:"version"`
	Status  string `json:"status"`
	// SizeBytes is the size of the file, MemoryBytes what the loaded model is counted with.
	SizeBytes   uint64 `json:"size_bytes"`
	MemoryBytes uint64 `json:"memory_bytes"`
	// Reference is true when the chain does not hold the file.
	Reference bool `json:"reference"`
	// Pinned is true while requests wait for the model: it makes room for no other.
	Pinned bool  `json:"pinned"`
	State  State `json:"state"`
	// LastUsed is when this process ran the model last; null when it has not.
	LastUsed *time.Time `json:"last_used"`
	// OutputRoot is what the node found its golden outputs to be, in hexadecimal, once the node has tried it; Failure the
	// word for how it failed.
	OutputRoot string `json:"output_root,omitempty"`
	Failure    string `json:"failure,omitempty"`
	// Detail says more of a failure.
	Detail string `json:"detail,omitempty"`
}

// Preparation is how far the node is in proving the models in use in another environment class.
type Preparation struct {
	Environment *Environment `json:"environment"`
	Ready       bool         `json:"ready"`
	Error       string       `json:"error,omitempty"`
	// Proven of Total models in use are proven in the class by the state of the chain.
	Proven int `json:"proven"`
	Total  int `json:"total"`
}

// Cache is the folder of model files.
type Cache struct {
	// Files are those used longest ago first.
	Files     []CacheFile `json:"files"`
	UsedBytes uint64      `json:"used_bytes"`
	MaxBytes  uint64      `json:"max_bytes"`
}

// CacheFile is a file in the cache.
type CacheFile struct {
	SHA256    string    `json:"sha256"`
	SizeBytes uint64    `json:"size_bytes"`
	LastUsed  time.Time `json:"last_used"`
	// Complete is false for the beginning of a download.
	Complete bool `json:"complete"`
	InUse    bool `json:"in_use"`
}
