package types

import (
	"google.golang.org/grpc/codes"

	errorsmod "cosmossdk.io/errors"
)

// Errors of the module. The codes are part of the interface: never renumber.
var (
	ErrInvalidParams     = errorsmod.Register(ModuleName, 2, "invalid parameters")
	ErrInvalidGenesis    = errorsmod.Register(ModuleName, 3, "invalid genesis")
	ErrModelNotFound     = errorsmod.RegisterWithGRPCCode(ModuleName, 4, codes.NotFound, "model not found")
	ErrModelExists       = errorsmod.RegisterWithGRPCCode(ModuleName, 5, codes.AlreadyExists, "model is already registered")
	ErrNameNotFound      = errorsmod.RegisterWithGRPCCode(ModuleName, 6, codes.NotFound, "model name not found")
	ErrNotOwner          = errorsmod.RegisterWithGRPCCode(ModuleName, 7, codes.PermissionDenied, "not the owner")
	ErrInvalidName       = errorsmod.RegisterWithGRPCCode(ModuleName, 8, codes.InvalidArgument, "invalid model name")
	ErrInvalidTag        = errorsmod.RegisterWithGRPCCode(ModuleName, 9, codes.InvalidArgument, "invalid tag")
	ErrModelRefused      = errorsmod.Register(ModuleName, 10, "model refused")
	ErrModelTooLarge     = errorsmod.RegisterWithGRPCCode(ModuleName, 11, codes.InvalidArgument, "invalid size of a model")
	ErrTaskClass         = errorsmod.RegisterWithGRPCCode(ModuleName, 12, codes.InvalidArgument, "invalid task class")
	ErrRoyalty           = errorsmod.RegisterWithGRPCCode(ModuleName, 13, codes.InvalidArgument, "invalid royalty")
	ErrManifest          = errorsmod.RegisterWithGRPCCode(ModuleName, 14, codes.InvalidArgument, "invalid manifest")
	ErrGolden            = errorsmod.RegisterWithGRPCCode(ModuleName, 15, codes.InvalidArgument, "invalid golden vectors")
	ErrStatus            = errorsmod.RegisterWithGRPCCode(ModuleName, 16, codes.FailedPrecondition, "status of the model does not allow it")
	ErrUploadNotFound    = errorsmod.RegisterWithGRPCCode(ModuleName, 17, codes.NotFound, "upload not found")
	ErrUpload            = errorsmod.RegisterWithGRPCCode(ModuleName, 18, codes.InvalidArgument, "invalid upload")
	ErrChunk             = errorsmod.RegisterWithGRPCCode(ModuleName, 19, codes.InvalidArgument, "invalid chunk")
	ErrChunkExists       = errorsmod.RegisterWithGRPCCode(ModuleName, 20, codes.AlreadyExists, "chunk is already there")
	ErrTooManyUploads    = errorsmod.RegisterWithGRPCCode(ModuleName, 21, codes.ResourceExhausted, "too many uploads")
	ErrTooManyAdmissions = errorsmod.RegisterWithGRPCCode(ModuleName, 22, codes.ResourceExhausted, "too many admissions")
	ErrNoRoom            = errorsmod.RegisterWithGRPCCode(ModuleName, 23, codes.ResourceExhausted, "no room for the file")
	ErrSources           = errorsmod.RegisterWithGRPCCode(ModuleName, 24, codes.InvalidArgument, "invalid sources")
	ErrInspection        = errorsmod.RegisterWithGRPCCode(ModuleName, 25, codes.InvalidArgument, "invalid inspection")
	ErrTagNotFound       = errorsmod.RegisterWithGRPCCode(ModuleName, 26, codes.NotFound, "tag not found")
	ErrTooManyTags       = errorsmod.RegisterWithGRPCCode(ModuleName, 27, codes.ResourceExhausted, "too many tags")
	ErrNoFile            = errorsmod.RegisterWithGRPCCode(ModuleName, 28, codes.NotFound, "the chain does not hold the file")
	ErrNoCertificate     = errorsmod.RegisterWithGRPCCode(ModuleName, 29, codes.NotFound, "the model has no certificate")
	ErrOutputUnknown     = errorsmod.RegisterWithGRPCCode(ModuleName, 30, codes.InvalidArgument, "unknown or repeated output")
	ErrEscrow            = errorsmod.Register(ModuleName, 31, "deposits do not match the balance")
)
