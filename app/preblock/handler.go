package preblock

import (
	"context"
	"errors"
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Scheduling takes the statuses of nodes.
type Scheduling interface {
	SetStatus(ctx context.Context, operator sdk.ValAddress, status schedulingtypes.NodeStatus) error
}

// Inference takes what was said of rounds, and acts on the verdicts it brings. Every operator whose extension the block
// carries is among the votes, also with nothing to say: that is its attendance.
type Inference interface {
	RecordVotes(ctx context.Context, votes []verificationtypes.OperatorVotes) error
}

// Models takes what nodes have found out about models. It ignores what makes no sense.
type Models interface {
	RecordAttestations(ctx context.Context, votes []modelstypes.OperatorAttestations) error
}

// Validators resolves consensus addresses in the state of ctx.
type Validators interface {
	OperatorByConsAddr(ctx sdk.Context, consAddr []byte) (sdk.ValAddress, bool)
}

// Handler is the application's PreBlocker.
type Handler struct {
	modules    func(sdk.Context) (*sdk.ResponsePreBlock, error)
	validators Validators
	scheduling Scheduling
	inference  Inference
	models     Models
}

// NewHandler returns a PreBlocker that runs the modules' pre-blockers first.
func NewHandler(modules func(sdk.Context) (*sdk.ResponsePreBlock, error), v Validators, s Scheduling, i Inference, m Models) *Handler {
	return &Handler{modules: modules, validators: v, scheduling: s, inference: i, models: m}
}

// PreBlock runs the modules' pre-blockers and then applies the block's injection. Applying it happens in one
// cached context: should it meet an inconsistent state, nothing of it remains, an event says so, and the chain
// goes on, since nodes send again whatever committed state does not acknowledge.
func (h *Handler) PreBlock(ctx sdk.Context, req *abci.RequestFinalizeBlock) (*sdk.ResponsePreBlock, error) {
	resp, err := h.modules(ctx)
	if err != nil {
		return resp, err
	}
	if len(req.Txs) == 0 || !proposal.Required(ctx, req.Height, len(req.DecidedLastCommit.Votes)) {
		return resp, nil
	}
	injected, err := proposal.Decode(req.Txs[0])
	if err != nil {
		// ProcessProposal of more than two thirds of the power accepted the block, so this cannot happen among
		// honest validators; it is an event rather than a halt all the same.
		return resp, emitDropped(ctx, err)
	}
	if err := h.applyCached(ctx, injected, req.DecidedLastCommit); err != nil {
		ctx.Logger().Error("vote extensions not applied", "height", req.Height, "err", err)
		return resp, emitDropped(ctx, err)
	}
	return resp, nil
}

func (h *Handler) applyCached(ctx sdk.Context, injected abcitypes.InjectedCommit, last abci.CommitInfo) (err error) {
	cached, write := ctx.CacheContext()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("applying vote extensions panicked: %v", r)
		}
	}()
	if err := h.apply(cached, injected, last); err != nil {
		return err
	}
	write()
	return nil
}

func (h *Handler) apply(ctx sdk.Context, injected abcitypes.InjectedCommit, last abci.CommitInfo) error {
	operators := func(addr []byte) (sdk.ValAddress, bool) { return h.validators.OperatorByConsAddr(ctx, addr) }
	votes, ignored := Parse(injected, last, operators)
	batch := make([]verificationtypes.OperatorVotes, 0, len(votes))
	var tried []modelstypes.OperatorAttestations
	for _, v := range votes {
		reason, err := h.applyStatus(ctx, v)
		if err != nil {
			return err
		}
		if reason != "" {
			ignored = append(ignored, Ignored{ConsAddr: v.ConsAddr, Reason: reason})
		}
		batch = append(batch, verificationtypes.OperatorVotes{
			Operator:     v.Operator.String(),
			Commitments:  v.Extension.Commitments,
			Attestations: v.Extension.Attestations,
			Reveals:      v.Extension.Reveals,
			Outputs:      v.Extension.Outputs,
		})
		if len(v.Extension.Models) > 0 {
			tried = append(tried, modelstypes.OperatorAttestations{Operator: v.Operator.String(), Attestations: v.Extension.Models})
		}
	}
	for _, ig := range ignored {
		if err := ctx.EventManager().EmitTypedEvent(&abcitypes.EventExtensionIgnored{
			Validator: consAddrString(ig.ConsAddr), Reason: ig.Reason,
		}); err != nil {
			return err
		}
	}
	// The statuses come first: a class that one of them brings in can be attested in the same extension.
	if err := h.models.RecordAttestations(ctx, tried); err != nil {
		return fmt.Errorf("attestations of models: %w", err)
	}
	return h.inference.RecordVotes(ctx, batch)
}

// applyStatus stores the status in a vote. A status that the node's owner could have sent, but that the module
// refuses, is a reason and not an error.
func (h *Handler) applyStatus(ctx sdk.Context, v Vote) (string, error) {
	if v.Extension.Status == nil {
		return "", nil
	}
	cached, write := ctx.CacheContext()
	err := h.scheduling.SetStatus(cached, v.Operator, *v.Extension.Status)
	switch {
	case err == nil:
		write()
		return "", nil
	case errors.Is(err, schedulingtypes.ErrNodeNotFound):
		return ReasonUnknownNode, nil
	case errors.Is(err, schedulingtypes.ErrTooManyEnvironmentClasses), errors.Is(err, schedulingtypes.ErrInvalidStatus):
		return ReasonRefusedStatus, nil
	default:
		return "", fmt.Errorf("status of %s: %w", v.Operator, err)
	}
}

func emitDropped(ctx sdk.Context, cause error) error {
	return ctx.EventManager().EmitTypedEvent(&abcitypes.EventInjectionDropped{Cause: cause.Error()})
}
