package keeper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// move gives a model another status and stores it with all else that has changed in it.
func (k Keeper) move(ctx sdk.Context, id []byte, m *types.Model, to types.ModelStatus) error {
	if err := m.Status.Next(to); err != nil {
		return err
	}
	if m.Status != types.MODEL_STATUS_UNSPECIFIED {
		if err := k.ModelsByStatus.Remove(ctx, collections.Join(uint64(m.Status), id)); err != nil {
			return err
		}
	}
	m.Status = to
	if err := k.ModelsByStatus.Set(ctx, collections.Join(uint64(to), id)); err != nil {
		return err
	}
	if err := k.Models.Set(ctx, id, *m); err != nil {
		return err
	}
	return emitStatus(ctx, *m)
}

// newModel is a version with what its manifest says.
func newModel(ctx sdk.Context, id []byte, size uint64, manifest types.Manifest) types.Model {
	m := types.Model{
		Sha256: hex.EncodeToString(id), Name: manifest.Name, TaskClass: manifest.TaskClass, Size_: size,
		Royalty: manifest.Royalty, License: manifest.License, Labels: manifest.Labels, RegisteredHeight: ctx.BlockHeight(),
	}
	if m.Royalty.IsNil() {
		m.Royalty = math.ZeroInt()
	}
	if manifest.Card != "" {
		sum := sha256.Sum256([]byte(manifest.Card))
		m.CardSha256 = hex.EncodeToString(sum[:])
	}
	return m
}

// insert makes a model the next version of a name, in place of an earlier registration of the same file that came to
// nothing. The caller moves it to its first status.
func (k Keeper) insert(ctx sdk.Context, n types.ModelName, id []byte, m *types.Model, manifest types.Manifest) error {
	if err := k.giveWay(ctx, id); err != nil {
		return err
	}
	owner, err := ownerOf(n)
	if err != nil {
		return err
	}
	n.Versions++
	m.Version = n.Versions
	if err := k.Names.Set(ctx, n.Name, n); err != nil {
		return err
	}
	if err := k.index(ctx, owner, id, *m); err != nil {
		return err
	}
	if manifest.Card != "" {
		if err := k.Cards.Set(ctx, id, manifest.Card); err != nil {
			return err
		}
	}
	if err := k.Goldens.Set(ctx, id, manifest.Golden); err != nil {
		return err
	}
	return emitRegistered(ctx, *m, n.Owner)
}

// index writes the entries by which a model is found, but for that of its status.
func (k Keeper) index(ctx context.Context, owner sdk.AccAddress, id []byte, m types.Model) error {
	if err := k.Versions.Set(ctx, collections.Join(m.Name, m.Version), id); err != nil {
		return err
	}
	if err := k.ModelsByOwner.Set(ctx, collections.Join([]byte(owner), id)); err != nil {
		return err
	}
	return k.ModelsByTask.Set(ctx, collections.Join(uint64(m.TaskClass), id))
}

// checkFree checks that a file can be registered: it is not, or only by a version that was never admitted and whose
// inspection or admission is over. It fails with ErrModelExists.
func (k Keeper) checkFree(ctx context.Context, id []byte) error {
	m, err := k.Models.Get(ctx, id)
	switch {
	case errors.Is(err, collections.ErrNotFound):
		return nil
	case err != nil:
		return err
	case m.Status.Over():
		return nil
	default:
		return types.ErrModelExists.Wrapf("sha256 %s is %s:%d, %s", m.Sha256, m.Name, m.Version, m.Status)
	}
}

// giveWay removes a version that came to nothing, with all that belongs to it. Its number is not given again.
func (k Keeper) giveWay(ctx sdk.Context, id []byte) error {
	if err := k.checkFree(ctx, id); err != nil {
		return err
	}
	m, err := k.Models.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	owner, err := k.Owner(ctx, m)
	if err != nil {
		return err
	}
	if err := k.removeTagsOf(ctx, m); err != nil {
		return err
	}
	for _, remove := range []func() error{
		func() error { return k.Models.Remove(ctx, id) },
		func() error { return k.ModelsByStatus.Remove(ctx, collections.Join(uint64(m.Status), id)) },
		func() error { return k.ModelsByOwner.Remove(ctx, collections.Join([]byte(owner), id)) },
		func() error { return k.ModelsByTask.Remove(ctx, collections.Join(uint64(m.TaskClass), id)) },
		func() error { return k.Versions.Remove(ctx, collections.Join(m.Name, m.Version)) },
		func() error { return k.Cards.Remove(ctx, id) },
		func() error { return k.Goldens.Remove(ctx, id) },
		func() error { return k.removeProofs(ctx, id, func(types.NodeProof) bool { return true }) },
		func() error { return k.removeOutputs(ctx, id) },
	} {
		if err := remove(); err != nil {
			return err
		}
	}
	if !m.HasFile() {
		return nil // a refused one is dropped already
	}
	return k.drop(ctx, m.File)
}

func (k Keeper) removeTagsOf(ctx sdk.Context, m types.Model) error {
	tags, err := k.tags(ctx, m.Name)
	if err != nil {
		return err
	}
	for _, t := range tags {
		if t.Version != m.Version {
			continue
		}
		if err := k.removeTag(ctx, t.Name, t.Tag); err != nil {
			return err
		}
	}
	return nil
}

// removeProofs removes those proofs of a model that are meant.
func (k Keeper) removeProofs(ctx context.Context, id []byte, meant func(types.NodeProof) bool) error {
	var keys []proofKey
	err := k.Proofs.Walk(ctx, collections.NewPrefixedTripleRange[[]byte, []byte, uint32](id),
		func(key proofKey, p types.NodeProof) (bool, error) {
			if meant(p) {
				keys = append(keys, key)
			}
			return false, nil
		})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := k.Proofs.Remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (k Keeper) removeOutputs(ctx context.Context, id []byte) error {
	var keys []collections.Pair[[]byte, []byte]
	err := k.Outputs.Walk(ctx, collections.NewPrefixedPairRange[[]byte, []byte](id),
		func(key collections.Pair[[]byte, []byte], _ []byte) (bool, error) {
			keys = append(keys, key)
			return false, nil
		})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := k.Outputs.Remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// Golden says with which inputs a model is tried, by the 32 bytes of its SHA-256. It fails with ErrModelNotFound.
func (k Keeper) Golden(ctx context.Context, id []byte) (types.Golden, error) {
	g, err := k.Goldens.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return g, types.ErrModelNotFound.Wrapf("sha256 %x", id)
	}
	return g, err
}

// SetStatus deprecates, disables or enables an admitted model, as the owner of its name wishes.
func (k Keeper) SetStatus(ctx sdk.Context, signer sdk.AccAddress, reference string, to types.ModelStatus) error {
	m, id, err := k.ownModel(ctx, signer, reference)
	if err != nil {
		return err
	}
	if err := m.OwnerSets(to); err != nil {
		return err
	}
	return k.move(ctx, id, &m, to)
}

// ownModel looks a model up that must be of a name of the signer's.
func (k Keeper) ownModel(ctx context.Context, signer sdk.AccAddress, reference string) (types.Model, []byte, error) {
	m, err := k.Find(ctx, reference)
	if err != nil {
		return m, nil, err
	}
	if _, err := k.ownName(ctx, m.Name, signer); err != nil {
		return m, nil, err
	}
	id, err := m.ID()
	return m, id, err
}

func (k Keeper) params(ctx context.Context) (types.Params, error) {
	p, err := k.Params.Get(ctx)
	if err != nil {
		return p, fmt.Errorf("models params: %w", err)
	}
	return p, nil
}
