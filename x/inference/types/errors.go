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

	ErrInputName        = errorsmod.Register(ModuleName, 12, "input name does not match the signature")
	ErrInputDatatype    = errorsmod.RegisterWithGRPCCode(ModuleName, 13, codes.InvalidArgument, "input datatype does not match the signature")
	ErrInputShape       = errorsmod.Register(ModuleName, 14, "input shape does not match the signature")
	ErrInputMalformed   = errorsmod.Register(ModuleName, 15, "malformed input tensor")
	ErrInputTooLarge    = errorsmod.Register(ModuleName, 16, "inputs too large")
	ErrOutputTooLarge   = errorsmod.Register(ModuleName, 18, "outputs too large")
	ErrComputeTooLarge  = errorsmod.Register(ModuleName, 19, "too much computation")
	ErrTierUnavailable  = errorsmod.RegisterWithGRPCCode(ModuleName, 20, codes.InvalidArgument, "tier not available")
	ErrEligiblePower    = errorsmod.Register(ModuleName, 21, "too little eligible power")
	ErrMaxFee           = errorsmod.Register(ModuleName, 22, "maximum fee below the quote")
	ErrTooManyRequests  = errorsmod.Register(ModuleName, 23, "invalid number of requests")
	ErrRequestNotFound  = errorsmod.RegisterWithGRPCCode(ModuleName, 24, codes.NotFound, "request not found")
	ErrNotRequester     = errorsmod.Register(ModuleName, 25, "not the requester")
	ErrNotCancellable   = errorsmod.Register(ModuleName, 26, "request can no longer be cancelled")
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
	ErrNotScheduleOwner       = errorsmod.Register(ModuleName, 39, "not the owner of the schedule")
	ErrScheduleStatus         = errorsmod.Register(ModuleName, 40, "status of the schedule does not allow it")
	ErrScheduleTerms          = errorsmod.Register(ModuleName, 41, "invalid terms of a schedule")
	ErrDeposit                = errorsmod.Register(ModuleName, 42, "deposit too small")
	ErrTooManySchedules       = errorsmod.Register(ModuleName, 43, "too many schedules")
	ErrModelNotUsable         = errorsmod.RegisterWithGRPCCode(ModuleName, 44, codes.FailedPrecondition, "model takes no requests")
)
