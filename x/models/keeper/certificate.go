package keeper

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/admission"
	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/x/models/types"
)

// certify admits a model: it writes the certificate, tells x/scheduling who has proved it, and closes the admission.
func (k Keeper) certify(ctx sdk.Context, e electorate, id []byte, m types.Model, v admission.Verdict) error {
	cert := types.Certificate{Model: m.Sha256, OutputRoot: bytes.Clone(v.Canonical[:])}
	for _, c := range v.Proven {
		cert.Classes = append(cert.Classes, types.ClassProof{
			EnvironmentClass: c.Class, OutputRoot: bytes.Clone(c.Root[:]), ProvenHeight: ctx.BlockHeight(),
		})
	}
	for _, c := range cert.Classes {
		if err := emitClassProven(ctx, m.Sha256, c); err != nil {
			return err
		}
	}
	if err := k.closeAdmission(ctx, id, &m, types.MODEL_STATUS_ACTIVE, types.Verdict{}); err != nil {
		return err
	}
	proofs, err := k.proofs(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range proofs {
		if !cert.Proves(p) {
			continue
		}
		if err := k.scheduling.Prove(ctx, id, p.Operator, p.EnvironmentClass); err != nil {
			return err
		}
	}
	return k.extend(ctx, e, id, m, cert, proofs)
}

// grow adds to the certificate of an admitted model what has come since.
func (k Keeper) grow(ctx sdk.Context, electorates *electorates, id []byte, m types.Model) error {
	cert, err := k.Certificates.Get(ctx, id)
	if err != nil {
		return err
	}
	e, err := electorates.of(ctx, id, m)
	if err != nil {
		return err
	}
	proofs, err := k.proofs(ctx, id)
	if err != nil {
		return err
	}
	return k.extend(ctx, e, id, m, cert, proofs)
}

// extend proves the classes of a model in which nodes have run it, by the rule of its admission: within a class the root
// with most power counts, ties to the one that is proven and then to the smaller one. A class that has a root gets another
// only when more power stands behind it, so that nobody can keep a class out by being the first in it. Then it stores the
// certificate.
func (k Keeper) extend(ctx sdk.Context, e electorate, id []byte, m types.Model, cert types.Certificate, proofs []types.NodeProof) error {
	var err error
	if len(cert.Outputs) == 0 {
		if cert.Outputs, err = k.outputs(ctx, id, cert.OutputRoot); err != nil {
			return err
		}
	}
	compare, failed := k.comparison(ctx, id, m)
	for _, c := range contenders(e, proofs) {
		present, proven := cert.ClassRoot(c.class)
		if proven && c.power(present) >= c.lead.Power {
			continue
		}
		if !bytes.Equal(c.lead.Root[:], cert.OutputRoot) && compare(admission.Root(cert.OutputRoot), c.lead.Root) != admission.Within {
			continue
		}
		proof := types.ClassProof{EnvironmentClass: c.class, OutputRoot: bytes.Clone(c.lead.Root[:]), ProvenHeight: ctx.BlockHeight()}
		cert.Classes = withClass(cert.Classes, proof)
		if err := emitClassProven(ctx, m.Sha256, proof); err != nil {
			return err
		}
		for _, p := range proofs {
			if p.EnvironmentClass != c.class || !cert.Proves(p) {
				continue
			}
			if err := k.scheduling.Prove(ctx, id, p.Operator, p.EnvironmentClass); err != nil {
				return err
			}
		}
	}
	if *failed != nil {
		return *failed
	}
	return k.Certificates.Set(ctx, id, cert)
}

// contender is an environment class with the roots that nodes have attested in it.
type contender struct {
	class uint32
	votes []admission.Vote
	lead  admission.Vote
}

// power is that behind a root.
func (c contender) power(root []byte) (sum int64) {
	for _, v := range c.votes {
		if bytes.Equal(v.Root[:], root) {
			sum += v.Power
		}
	}
	return sum
}

// contenders are the classes in which nodes have run a model, ascending. A node counts in each class that it has attested,
// also in one that it only prepares.
func contenders(e electorate, proofs []types.NodeProof) []contender {
	var found []contender
	for _, p := range proofs {
		if p.Failure != types.MODEL_FAILURE_NONE {
			continue
		}
		i, known := slices.BinarySearchFunc(found, p.EnvironmentClass, func(c contender, class uint32) int { return cmp.Compare(c.class, class) })
		if !known {
			found = slices.Insert(found, i, contender{class: p.EnvironmentClass})
		}
		operator, err := sdk.ValAddressFromBech32(p.Operator)
		if err != nil {
			continue // none that has a say
		}
		found[i].votes = append(found[i].votes, admission.Vote{Root: admission.Root(p.OutputRoot), Power: e.powerOf(operator)})
	}
	for i := range found {
		found[i].lead = admission.Lead(found[i].votes)
	}
	return found
}

// withClass sets the proof of a class in a list that is ascending by class.
func withClass(classes []types.ClassProof, proof types.ClassProof) []types.ClassProof {
	i, known := slices.BinarySearchFunc(classes, proof.EnvironmentClass,
		func(c types.ClassProof, class uint32) int { return cmp.Compare(c.EnvironmentClass, class) })
	if known {
		classes = slices.Clone(classes)
		classes[i] = proof
		return classes
	}
	return slices.Insert(slices.Clone(classes), i, proof)
}

// comparison relates golden outputs of a model by the tolerances of x/verification. What keeps it from reading the state
// is left in failed, for the caller to look at before it uses an answer.
func (k Keeper) comparison(ctx sdk.Context, id []byte, m types.Model) (compare func(canonical, other admission.Root) admission.Relation, failed *error) {
	failed = new(error)
	return func(canonical, other admission.Root) admission.Relation {
		relation, err := k.relate(ctx, id, m, canonical, other)
		*failed = errors.Join(*failed, err)
		return relation
	}, failed
}

// relate compares the outputs of each golden vector. The work is bounded by the bytes of both, which are within a
// parameter.
func (k Keeper) relate(ctx sdk.Context, id []byte, m types.Model, canonical, other admission.Root) (admission.Relation, error) {
	golden, err := k.Golden(ctx, id)
	if err != nil {
		return admission.Unknown, err
	}
	taus, err := k.verification.Taus(ctx)
	if err != nil {
		return admission.Unknown, err
	}
	var parts [2][][]byte
	for i, root := range []admission.Root{canonical, other} {
		shown, err := k.outputs(ctx, id, root[:])
		if err != nil || len(shown) == 0 {
			return admission.Unknown, err
		}
		if parts[i], err = m.CheckGoldenOutputs(golden, shown); err != nil {
			return admission.Unknown, err
		}
	}
	for i, part := range parts[0] {
		c, err := agreement.Compare(part, parts[1][i], taus, int64(len(part)))
		if err != nil {
			return admission.Unknown, err
		}
		if c.Relation != agreement.Within {
			return admission.Beyond, nil
		}
	}
	return admission.Within, nil
}

// outputs are the golden outputs of a model with this root; none when nobody has shown them.
func (k Keeper) outputs(ctx context.Context, id, root []byte) ([]byte, error) {
	b, err := k.Outputs.Get(ctx, collections.Join(id, root))
	if errors.Is(err, collections.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

// proofs are all that nodes attest of a model, ascending by operator address bytes and class.
func (k Keeper) proofs(ctx context.Context, id []byte) (proofs []types.NodeProof, err error) {
	err = k.Proofs.Walk(ctx, collections.NewPrefixedTripleRange[[]byte, []byte, uint32](id),
		func(_ proofKey, p types.NodeProof) (bool, error) {
			proofs = append(proofs, p)
			return false, nil
		})
	return proofs, err
}

// proof is what a node attests of a model in a class.
func (k Keeper) proof(ctx context.Context, key proofKey) (p types.NodeProof, found bool, err error) {
	p, err = k.Proofs.Get(ctx, key)
	if errors.Is(err, collections.ErrNotFound) {
		return p, false, nil
	}
	return p, err == nil, err
}
