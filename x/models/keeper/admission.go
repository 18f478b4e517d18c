package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/admission"
	"github.com/opengradient/opengradient/x/models/types"
)

// openAdmission asks the nodes to run a model. It fails with ErrTooManyAdmissions.
func (k Keeper) openAdmission(ctx sdk.Context, params types.Params, id []byte, m *types.Model) error {
	open, err := number(ctx, k.OpenAdmissions)
	if err != nil {
		return err
	}
	if open >= uint64(params.MaxAdmissions) {
		return types.ErrTooManyAdmissions.Wrapf("expected at most %d to be open, got one more", params.MaxAdmissions)
	}
	m.Verdict = types.Verdict{}
	m.Deadline = ctx.BlockHeight() + int64(params.AdmissionBlocks)
	if err := k.AdmissionDeadlines.Set(ctx, collections.Join(m.Deadline, id)); err != nil {
		return err
	}
	if err := k.OpenAdmissions.Set(ctx, open+1); err != nil {
		return err
	}
	return k.move(ctx, id, m, types.MODEL_STATUS_ADMITTING)
}

// closeAdmission ends the admission of a model with a verdict.
func (k Keeper) closeAdmission(ctx sdk.Context, id []byte, m *types.Model, to types.ModelStatus, verdict types.Verdict) error {
	if err := k.AdmissionDeadlines.Remove(ctx, collections.Join(m.Deadline, id)); err != nil {
		return err
	}
	if err := subtract(ctx, k.OpenAdmissions, 1); err != nil {
		return err
	}
	verdict.Height = ctx.BlockHeight()
	m.Verdict, m.Deadline = verdict, 0
	if to != types.MODEL_STATUS_ACTIVE {
		return k.move(ctx, id, m, to)
	}
	m.AdmittedHeight = ctx.BlockHeight()
	if err := k.move(ctx, id, m, to); err != nil {
		return err
	}
	return k.advanceLatest(ctx, *m)
}

// RequestAdmission opens another admission of a model that nodes rejected or whose admission has expired, as the owner of
// its name wishes and pays for. Nodes that failed try again; roots stand.
func (k Keeper) RequestAdmission(ctx sdk.Context, signer sdk.AccAddress, reference string) error {
	m, id, err := k.ownModel(ctx, signer, reference)
	if err != nil {
		return err
	}
	if err := m.MayReadmit(); err != nil {
		return err
	}
	params, err := k.params(ctx)
	if err != nil {
		return err
	}
	if err := k.pay(ctx, signer, params.AdmissionFee, "admission fee"); err != nil {
		return err
	}
	failed := func(p types.NodeProof) bool { return p.Failure != types.MODEL_FAILURE_NONE }
	if err := k.removeProofs(ctx, id, failed); err != nil {
		return err
	}
	if err := k.openAdmission(ctx, params, id, &m); err != nil {
		return err
	}
	return k.markForJudgement(ctx, id)
}

// decide applies the rule of admission to a model that is ADMITTING.
func (k Keeper) decide(ctx sdk.Context, e *electorates, id []byte, m types.Model, due bool) error {
	voters, err := e.of(ctx, id, m)
	if err != nil {
		return err
	}
	ballot := admission.Ballot{Total: voters.total, Due: due, Voters: make([]admission.Voter, len(voters.members))}
	for i, v := range voters.members {
		if ballot.Voters[i], err = k.voter(ctx, id, v); err != nil {
			return err
		}
	}
	compare, failed := k.comparison(ctx, id, m)
	ballot.Compare = compare
	v := admission.Decide(ballot)
	if *failed != nil {
		return *failed
	}
	switch {
	case voters.short && v.Outcome != admission.Rejected:
		// Even if they can run it, too few give the memory that requests for it take.
		if !due {
			return nil
		}
		return k.closeAdmission(ctx, id, &m, types.MODEL_STATUS_EXPIRED, types.Verdict{
			Reason: types.ReasonNoQuorum, Detail: "nodes that give the memory it needs hold no more than half of all power",
		})
	case v.Outcome == admission.Active:
		return k.certify(ctx, voters, id, m, v)
	case v.Outcome == admission.Rejected:
		reason := types.ReasonDisagreement
		if v.Failure != 0 {
			reason = types.ModelFailure(v.Failure).Reason()
		}
		return k.closeAdmission(ctx, id, &m, types.MODEL_STATUS_REJECTED, types.Verdict{
			Reason: reason, Detail: fmt.Sprintf("nodes with %d of %d power failed or disagree", v.Against, v.Voters),
		})
	case v.Outcome == admission.Expired:
		return k.closeAdmission(ctx, id, &m, types.MODEL_STATUS_EXPIRED, types.Verdict{
			Reason: types.ReasonNoQuorum, Detail: fmt.Sprintf("nodes with %d of %d power agree, %d said nothing that could be compared", v.Agree, v.Voters, v.Open),
		})
	default:
		return nil
	}
}

// voter is what a node has said of a model in its present environment class.
func (k Keeper) voter(ctx context.Context, id []byte, v elector) (admission.Voter, error) {
	voter := admission.Voter{Power: v.power, Class: v.class}
	p, found, err := k.proof(ctx, collections.Join3(id, []byte(v.operator), v.class))
	switch {
	case err != nil:
		return voter, err
	case !found:
	case p.Failure != types.MODEL_FAILURE_NONE:
		voter.Word, voter.Failure = admission.Failed, uint32(p.Failure)
	default:
		voter.Word, voter.Root = admission.Ran, admission.Root(p.OutputRoot)
	}
	return voter, nil
}

// expireAdmissions ends the admissions whose deadline has come. One that cannot be judged ends as well.
func (k Keeper) expireAdmissions(ctx sdk.Context, e *electorates) error {
	var due [][]byte
	err := k.AdmissionDeadlines.Walk(ctx, nil, func(key heightKey) (bool, error) {
		if key.K1() > ctx.BlockHeight() {
			return true, nil
		}
		due = append(due, key.K2())
		return false, nil
	})
	if err != nil {
		return err
	}
	for _, id := range due {
		m, err := k.Get(ctx, id)
		if err != nil {
			return err
		}
		err = isolated(ctx, func(ctx sdk.Context) error { return k.decide(ctx, e, id, m, true) })
		if err == nil {
			continue
		}
		err = k.closeAdmission(ctx, id, &m, types.MODEL_STATUS_EXPIRED, types.Verdict{
			Reason: types.ReasonNoQuorum, Detail: "the nodes could not be counted",
		})
		if err != nil {
			return err
		}
	}
	return nil
}
