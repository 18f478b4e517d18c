package types

import (
	"google.golang.org/grpc/codes"

	errorsmod "cosmossdk.io/errors"
)

// Errors of the module. The codes are part of the interface: never renumber.
var (
	ErrInvalidParams  = errorsmod.Register(ModuleName, 2, "invalid parameters")
	ErrInvalidGenesis = errorsmod.Register(ModuleName, 3, "invalid genesis")
	// 4 to 11 were about the registration of models.

	ErrInputName        = errorsmod.RegisterWithGRPCCode(ModuleName, 12, codes.InvalidArgument, "input name does not match the signature")
	ErrInputDatatype    = errorsmod.RegisterWithGRPCCode(ModuleName, 13, codes.InvalidArgument, "input datatype does not match the signature")
	ErrInputShape       = errorsmod.RegisterWithGRPCCode(ModuleName, 14, codes.InvalidArgument, "input shape does not match the signature")
	ErrInputMalformed   = errorsmod.RegisterWithGRPCCode(ModuleName, 15, codes.InvalidArgument, "malformed input tensor")
	ErrInputTooLarge    = errorsmod.RegisterWithGRPCCode(ModuleName, 16, codes.InvalidArgument, "inputs too large")
	ErrOutputTooLarge   = errorsmod.RegisterWithGRPCCode(ModuleName, 18, codes.InvalidArgument, "outputs too large")
	ErrComputeTooLarge  = errorsmod.RegisterWithGRPCCode(ModuleName, 19, codes.InvalidArgument, "too much computation")
	ErrTierUnavailable  = errorsmod.RegisterWithGRPCCode(ModuleName, 20, codes.InvalidArgument, "tier not available")
	ErrEligiblePower    = errorsmod.RegisterWithGRPCCode(ModuleName, 21, codes.FailedPrecondition, "too little eligible power")
	ErrMaxFee           = errorsmod.RegisterWithGRPCCode(ModuleName, 22, codes.FailedPrecondition, "maximum fee below the quote")
	ErrTooManyRequests  = errorsmod.RegisterWithGRPCCode(ModuleName, 23, codes.InvalidArgument, "invalid number of requests")
	ErrRequestNotFound  = errorsmod.RegisterWithGRPCCode(ModuleName, 24, codes.NotFound, "request not found")
	ErrNotRequester     = errorsmod.RegisterWithGRPCCode(ModuleName, 25, codes.PermissionDenied, "not the requester")
	ErrNotCancellable   = errorsmod.RegisterWithGRPCCode(ModuleName, 26, codes.FailedPrecondition, "request can no longer be cancelled")
	ErrNotFinal         = errorsmod.RegisterWithGRPCCode(ModuleName, 27, codes.FailedPrecondition, "request is not final")
	ErrNotSettled       = errorsmod.RegisterWithGRPCCode(ModuleName, 28, codes.FailedPrecondition, "request is not settled")
	ErrUnexpectedStatus = errorsmod.Register(ModuleName, 29, "unexpected request status")
	ErrEscrow           = errorsmod.Register(ModuleName, 30, "escrow does not match the balance")
	ErrSymbol           = errorsmod.RegisterWithGRPCCode(ModuleName, 31, codes.InvalidArgument, "invalid symbol value")
	ErrSealing          = errorsmod.RegisterWithGRPCCode(ModuleName, 32, codes.InvalidArgument, "invalid sealing")
	ErrInputsPruned     = errorsmod.RegisterWithGRPCCode(ModuleName, 33, codes.NotFound, "inputs are no longer kept")
	ErrFeeClass         = errorsmod.RegisterWithGRPCCode(ModuleName, 34, codes.InvalidArgument, "invalid fee class")

	ErrIdempotencyKey         = errorsmod.RegisterWithGRPCCode(ModuleName, 35, codes.InvalidArgument, "invalid idempotency key")
	ErrIdempotencyContent     = errorsmod.RegisterWithGRPCCode(ModuleName, 36, codes.AlreadyExists, "idempotency key was used with other content")
	ErrIdempotencyKeyNotFound = errorsmod.RegisterWithGRPCCode(ModuleName, 37, codes.NotFound, "idempotency key not found")
	ErrScheduleNotFound       = errorsmod.RegisterWithGRPCCode(ModuleName, 38, codes.NotFound, "schedule not found")
	ErrNotScheduleOwner       = errorsmod.RegisterWithGRPCCode(ModuleName, 39, codes.PermissionDenied, "not the owner of the schedule")
	ErrScheduleStatus         = errorsmod.RegisterWithGRPCCode(ModuleName, 40, codes.FailedPrecondition, "status of the schedule does not allow it")
	ErrScheduleTerms          = errorsmod.RegisterWithGRPCCode(ModuleName, 41, codes.InvalidArgument, "invalid terms of a schedule")
	ErrDeposit                = errorsmod.RegisterWithGRPCCode(ModuleName, 42, codes.InvalidArgument, "deposit too small")
	ErrTooManySchedules       = errorsmod.RegisterWithGRPCCode(ModuleName, 43, codes.ResourceExhausted, "too many schedules")
	ErrModelNotUsable         = errorsmod.RegisterWithGRPCCode(ModuleName, 44, codes.FailedPrecondition, "model takes no requests")
)
