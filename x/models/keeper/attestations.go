package keeper

import (
	"bytes"
	"context"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// maxJudgements bounds the models that are judged in one block. It is no less than the admissions that can be open.
const maxJudgements = 256

// RecordAttestations stores what nodes attest of models. What makes no sense, is about a model that is not attested or
// about a class that nobody knows, and what contradicts a root that stands, is ignored; an error means that the state could
// not be read or written. Verdicts follow at the end of the block, so that the order of the votes decides nothing.
func (k Keeper) RecordAttestations(goCtx context.Context, votes []types.OperatorAttestations) error {
	ctx := sdk.UnwrapSDKContext(goCtx)
	params, err := k.params(ctx)
	if err != nil {
		return err
	}
	// Many nodes speak of the same models, whose records do not change before the end of the block.
	models := make(map[string]types.Model)
	for _, vote := range votes {
		operator, err := sdk.ValAddressFromBech32(vote.Operator)
		if err != nil {
			continue
		}
		for _, a := range vote.Attestations[:min(len(vote.Attestations), types.MaxAttestations)] {
			if a.Validate() != nil {
				continue
			}
			m, known := models[string(a.Model)]
			if !known {
				if m, err = k.attested(ctx, a.Model); err != nil {
					return err
				}
				models[string(a.Model)] = m
			}
			if !m.Status.Attestable() {
				continue
			}
			if err := k.record(ctx, params, m, operator, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// attested is the model that a node speaks of; none, which has no status, when there is no such model.
func (k Keeper) attested(ctx context.Context, id []byte) (types.Model, error) {
	known, err := k.Models.Has(ctx, id)
	if err != nil || !known {
		return types.Model{}, err
	}
	return k.Get(ctx, id)
}

func (k Keeper) record(ctx sdk.Context, params types.Params, m types.Model, operator sdk.ValAddress, a types.ModelAttestation) error {
	if known, err := k.scheduling.HasEnvironment(ctx, a.EnvironmentClass); err != nil || !known {
		return err
	}
	fresh, taken, err := k.recordWord(ctx, m, operator, a)
	if err != nil || !taken {
		return err
	}
	shown, err := k.show(ctx, params, m, a)
	if err != nil {
		return err
	}
	if !fresh && !shown {
		return nil
	}
	if m.Status == types.MODEL_STATUS_ADMITTING {
		return k.markForJudgement(ctx, a.Model)
	}
	if a.Failure != types.MODEL_FAILURE_NONE {
		return nil
	}
	cert, err := k.Certificates.Get(ctx, a.Model)
	if err != nil {
		return err
	}
	if root, _ := cert.ClassRoot(a.EnvironmentClass); bytes.Equal(root, a.OutputRoot) {
		if err := k.scheduling.Prove(ctx, a.Model, operator.String(), a.EnvironmentClass); err != nil {
			return err
		}
		if !shown {
			return nil
		}
	}
	return k.markForJudgement(ctx, a.Model)
}

// recordWord stores the word of a node. It is taken unless it contradicts a root that stands or the node has attested the
// model in too many classes, and fresh when it is news.
func (k Keeper) recordWord(ctx sdk.Context, m types.Model, operator sdk.ValAddress, a types.ModelAttestation) (fresh, taken bool, err error) {
	key := collections.Join3(a.Model, []byte(operator), a.EnvironmentClass)
	old, found, err := k.proof(ctx, key)
	if err != nil {
		return false, false, err
	}
	if found && old.Failure == a.Failure && bytes.Equal(old.OutputRoot, a.OutputRoot) {
		return false, true, nil
	}
	// A root stands. A failure stands against other failures: a node that changed its mind in every block would have the model
	// judged in every block.
	if found && (old.Failure == types.MODEL_FAILURE_NONE || a.Failure != types.MODEL_FAILURE_NONE) {
		return false, false, nil
	}
	if !found {
		if full, err := k.hasAllClasses(ctx, a.Model, operator); err != nil || full {
			return false, false, err
		}
	}
	p := types.NodeProof{
		Operator: operator.String(), EnvironmentClass: a.EnvironmentClass, OutputRoot: a.OutputRoot, Failure: a.Failure, Height: ctx.BlockHeight(),
	}
	if err := k.Proofs.Set(ctx, key, p); err != nil {
		return false, false, err
	}
	return true, true, emitProof(ctx, m, p)
}

// hasAllClasses reports whether a node has attested a model in as many classes as it may.
func (k Keeper) hasAllClasses(ctx context.Context, id []byte, operator sdk.ValAddress) (bool, error) {
	count := 0
	err := k.Proofs.Walk(ctx, collections.NewSuperPrefixedTripleRange[[]byte, []byte, uint32](id, operator),
		func(proofKey, types.NodeProof) (bool, error) {
			count++
			return count == types.MaxClasses, nil
		})
	return count == types.MaxClasses, err
}

// show stores golden outputs whose root the node attests, when the chain has none of it and they are what the model can
// give.
func (k Keeper) show(ctx context.Context, params types.Params, m types.Model, a types.ModelAttestation) (bool, error) {
	if len(a.Outputs) == 0 || uint64(len(a.Outputs)) > params.MaxGoldenOutputBytes {
		return false, nil
	}
	key := collections.Join(a.Model, a.OutputRoot)
	if known, err := k.Outputs.Has(ctx, key); err != nil || known {
		return false, err
	}
	if !a.Shows() {
		return false, nil
	}
	golden, err := k.Golden(ctx, a.Model)
	if err != nil {
		return false, err
	}
	if _, err := m.CheckGoldenOutputs(golden, a.Outputs); err != nil {
		return false, nil // what a node sends is no fault of the chain
	}
	return true, k.Outputs.Set(ctx, key, a.Outputs)
}

// markForJudgement has a model judged at the end of this block, or later when there are too many.
func (k Keeper) markForJudgement(ctx sdk.Context, id []byte) error {
	return k.Judgements.Set(ctx, collections.Join(ctx.BlockHeight(), id))
}

// judge looks at the models of which there is news, oldest news first. What fails leaves the model as it is: an admission
// ends at its deadline at the latest.
func (k Keeper) judge(ctx sdk.Context, e *electorates) error {
	var keys []heightKey
	err := k.Judgements.Walk(ctx, nil, func(key heightKey) (bool, error) {
		keys = append(keys, key)
		return len(keys) == maxJudgements, nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := k.Judgements.Remove(ctx, key); err != nil {
			return err
		}
		known, err := k.Models.Has(ctx, key.K2())
		if err != nil {
			return err
		}
		if !known {
			continue // it has given way
		}
		_ = isolated(ctx, func(ctx sdk.Context) error { return k.judgeModel(ctx, e, key.K2()) })
	}
	return nil
}

func (k Keeper) judgeModel(ctx sdk.Context, e *electorates, id []byte) error {
	m, err := k.Get(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case m.Status == types.MODEL_STATUS_ADMITTING:
		return k.decide(ctx, e, id, m, false)
	case m.Status.Admitted():
		return k.grow(ctx, e, id, m)
	default:
		return nil
	}
}
