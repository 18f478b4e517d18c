package types

import (
	"google.golang.org/grpc/codes"

	"cosmossdk.io/errors"
)

// Errors of the module. Each is wrapped with what was expected and what came.
var (
	// ErrInvalidParams: a parameter is out of its bounds.
	ErrInvalidParams = errors.Register(ModuleName, 2, "invalid parameters")
	// ErrInvalidAttestation: an attestation is not well-formed.
	ErrInvalidAttestation = errors.Register(ModuleName, 3, "invalid attestation")
	// ErrInvalidSnapshot: a snapshot is not well-formed.
	ErrInvalidSnapshot = errors.Register(ModuleName, 4, "invalid snapshot")
	// ErrInvalidRound: a round or the opening of one is not well-formed.
	ErrInvalidRound = errors.Register(ModuleName, 5, "invalid round")
	// ErrRoundExists: the request already has a round.
	ErrRoundExists = errors.Register(ModuleName, 6, "round exists")
	// ErrRoundNotFound: the request has no round.
	ErrRoundNotFound = errors.RegisterWithGRPCCode(ModuleName, 7, codes.NotFound, "round not found")
	// ErrSnapshotNotFound: no snapshot has this id.
	ErrSnapshotNotFound = errors.RegisterWithGRPCCode(ModuleName, 8, codes.NotFound, "snapshot not found")
	// ErrNoQuorum: the members together cannot reach the threshold.
	ErrNoQuorum = errors.Register(ModuleName, 9, "quorum out of reach")
	// ErrInvalidGenesis: the genesis state contradicts itself.
	ErrInvalidGenesis = errors.Register(ModuleName, 10, "invalid genesis state")
	// ErrInvalidOutput: published bytes are not the canonical output that was attested.
	ErrInvalidOutput = errors.Register(ModuleName, 11, "invalid output")
	// ErrInvalidEvidence: bytes are no canonical evidence.
	ErrInvalidEvidence = errors.Register(ModuleName, 12, "invalid evidence")
	// ErrReplay: a verdict does not follow from what is given.
	ErrReplay = errors.Register(ModuleName, 13, "verdict does not follow")
	// ErrParamsNotFound: the parameters have no such version.
	ErrParamsNotFound = errors.RegisterWithGRPCCode(ModuleName, 14, codes.NotFound, "version of the parameters not found")
	// ErrConductNotFound: nothing is remembered of the operator.
	ErrConductNotFound = errors.RegisterWithGRPCCode(ModuleName, 15, codes.NotFound, "conduct not found")
	// ErrEvidenceNotFound: there is no evidence of the request, or no more.
	ErrEvidenceNotFound = errors.RegisterWithGRPCCode(ModuleName, 16, codes.NotFound, "evidence not found")
)
