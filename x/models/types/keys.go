// Package types holds the values, messages and errors of the models module, and what it expects of other modules.
package types

import (
	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/internal/modelref"
)

const (
	// ModuleName names the module, its account that holds the deposits of uploads, and its routes.
	ModuleName = "models"
	// StoreKey is the key of the store that holds everything but files.
	StoreKey = ModuleName
	// FileStoreKey is the key of the store that holds the chunks of files, apart from the rest so that its big values do
	// not deepen the tree that is read in every block. No store key may be the prefix of another.
	FileStoreKey = "model_chunks"
	// Denom is the base denomination in which every amount of this module is counted.
	Denom = "uopg"
	// TagLatest is the tag that moves by itself to each newer version that is admitted.
	TagLatest = "latest"
	// ChunkBytes is the length of every chunk of a file but the last, which may be shorter.
	ChunkBytes = modelref.ChunkBytes
)

// Prefixes in the main store. Keys: model is the 32 bytes of the SHA-256, root 32 bytes, numbers are big-endian, parts of
// pairs and triples are length-prefixed or end with a zero byte. Never renumber.
var (
	ParamsPrefix             = collections.NewPrefix(0)  // -> Params
	NamesPrefix              = collections.NewPrefix(1)  // name -> ModelName
	VersionsPrefix           = collections.NewPrefix(2)  // (name, version) -> model
	TagsPrefix               = collections.NewPrefix(3)  // (name, tag) -> version
	ModelsPrefix             = collections.NewPrefix(4)  // model -> Model
	ModelsByStatusPrefix     = collections.NewPrefix(5)  // (status, model)
	ModelsByOwnerPrefix      = collections.NewPrefix(6)  // (owner of the name, model)
	ModelsByTaskPrefix       = collections.NewPrefix(7)  // (task class, model)
	CardsPrefix              = collections.NewPrefix(8)  // model -> card, absent for none
	GoldensPrefix            = collections.NewPrefix(9)  // model -> Golden
	ProofsPrefix             = collections.NewPrefix(10) // (model, operator, environment class) -> NodeProof
	OutputsPrefix            = collections.NewPrefix(11) // (model, root) -> golden outputs
	CertificatesPrefix       = collections.NewPrefix(12) // model -> Certificate
	UploadsPrefix            = collections.NewPrefix(13) // upload -> Upload
	UploadsByOwnerPrefix     = collections.NewPrefix(14) // (owner, upload)
	UploadExpiriesPrefix     = collections.NewPrefix(15) // (height, upload)
	OpenUploadsPrefix        = collections.NewPrefix(16) // -> number of uploads
	NextFileIDPrefix         = collections.NewPrefix(17) // -> id of the next file
	StoredBytesPrefix        = collections.NewPrefix(18) // -> bytes of all files, with those reserved and those that wait to be dropped
	InspectionsPrefix        = collections.NewPrefix(19) // file -> model, in the order of inspection
	InspectionCreditPrefix   = collections.NewPrefix(20) // -> bytes saved up for the first inspection
	AdmissionDeadlinesPrefix = collections.NewPrefix(21) // (height, model)
	OpenAdmissionsPrefix     = collections.NewPrefix(22) // -> number of models that are ADMITTING
	JudgementsPrefix         = collections.NewPrefix(23) // (height, model) with something new to judge
	DroppedFilesPrefix       = collections.NewPrefix(24) // file whose chunks are dropped
	ReceivedPrefix           = collections.NewPrefix(25) // upload -> bitmap of the chunks that have come, bit i of byte i/8
)

// ChunksPrefix is the only prefix in the file store: (file, index) -> chunk.
var ChunksPrefix = collections.NewPrefix(0)

// ModelKey is the key of a model in the main store, for proofs to those who hold no state. The id is the 32 bytes of the
// SHA-256.
func ModelKey(id []byte) ([]byte, error) {
	return collections.EncodeKeyWithPrefix(ModelsPrefix, collections.BytesKey, id)
}
