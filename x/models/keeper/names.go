package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// Find looks a model up by a reference: name (its tag latest), name:version, name:tag or SHA-256 in lower-case
// hexadecimal. It fails with ErrModelNotFound, and with ErrInvalidName or ErrInvalidTag on a text that is no reference.
func (k Keeper) Find(ctx context.Context, reference string) (types.Model, error) {
	ref, err := types.ParseReference(reference)
	if err != nil {
		return types.Model{}, err
	}
	id, err := k.resolve(ctx, ref)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Model{}, types.ErrModelNotFound.Wrapf("%s", ref)
	}
	if err != nil {
		return types.Model{}, err
	}
	return k.Get(ctx, id)
}

func (k Keeper) resolve(ctx context.Context, ref types.Reference) ([]byte, error) {
	if len(ref.ID) > 0 {
		return ref.ID, nil
	}
	version := ref.Version
	if version == 0 {
		var err error
		if version, err = k.Tags.Get(ctx, collections.Join(ref.Name, ref.Tag)); err != nil {
			return nil, err
		}
	}
	return k.Versions.Get(ctx, collections.Join(ref.Name, version))
}

// Get looks a model up by the 32 bytes of its SHA-256. It fails with ErrModelNotFound.
func (k Keeper) Get(ctx context.Context, id []byte) (types.Model, error) {
	m, err := k.Models.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return m, types.ErrModelNotFound.Wrapf("sha256 %x", id)
	}
	return m, err
}

// Owner is the owner of the model's name, who is paid its royalty.
func (k Keeper) Owner(ctx context.Context, m types.Model) (sdk.AccAddress, error) {
	n, err := k.name(ctx, m.Name)
	if err != nil {
		return nil, err
	}
	return ownerOf(n)
}

func ownerOf(n types.ModelName) (sdk.AccAddress, error) {
	owner, err := sdk.AccAddressFromBech32(n.Owner)
	if err != nil {
		return nil, fmt.Errorf("owner of %s: %w", n.Name, err)
	}
	return owner, nil
}

// name looks a name up. It fails with ErrNameNotFound.
func (k Keeper) name(ctx context.Context, name string) (types.ModelName, error) {
	if err := types.ValidateName(name); err != nil {
		return types.ModelName{}, err
	}
	n, err := k.Names.Get(ctx, name)
	if errors.Is(err, collections.ErrNotFound) {
		return n, types.ErrNameNotFound.Wrapf("%q", name)
	}
	return n, err
}

// ownName looks a name up that must be the signer's. It fails with ErrNotOwner.
func (k Keeper) ownName(ctx context.Context, name string, signer sdk.AccAddress) (types.ModelName, error) {
	n, err := k.name(ctx, name)
	if err != nil {
		return n, err
	}
	return n, checkOwner(n, signer)
}

func checkOwner(n types.ModelName, signer sdk.AccAddress) error {
	owner, err := ownerOf(n)
	if err != nil {
		return err
	}
	if !owner.Equals(signer) {
		return types.ErrNotOwner.Wrapf("%s: expected %s, got %s", n.Name, n.Owner, signer)
	}
	return nil
}

// nameFor is the name under which a signer registers a version: the signer's own, or a new one.
func (k Keeper) nameFor(ctx sdk.Context, name string, signer sdk.AccAddress) (types.ModelName, error) {
	n, err := k.ownName(ctx, name, signer)
	if errors.Is(err, types.ErrNameNotFound) {
		return types.ModelName{Name: name, Owner: signer.String(), CreatedHeight: ctx.BlockHeight()}, nil
	}
	return n, err
}

// SetTag points a tag to a version, as the owner of the name wishes.
func (k Keeper) SetTag(ctx sdk.Context, signer sdk.AccAddress, name, tag string, version uint32) error {
	if err := types.ValidateTag(tag); err != nil {
		return err
	}
	if _, err := k.ownName(ctx, name, signer); err != nil {
		return err
	}
	if known, err := k.Versions.Has(ctx, collections.Join(name, version)); err != nil {
		return err
	} else if !known {
		return types.ErrModelNotFound.Wrapf("%s:%d", name, version)
	}
	return k.setTag(ctx, name, tag, version)
}

// setTag points a tag to a version. It fails with ErrTooManyTags when the name has no room for a new one.
func (k Keeper) setTag(ctx sdk.Context, name, tag string, version uint32) error {
	tags, err := k.tags(ctx, name)
	if err != nil {
		return err
	}
	known := false
	for _, t := range tags {
		known = known || t.Tag == tag
	}
	// The last place is kept for latest, which moves by itself.
	most := types.MaxTags - 1
	for _, t := range tags {
		if t.Tag == types.TagLatest {
			most++
		}
	}
	if tag != types.TagLatest && !known && len(tags) >= most {
		return types.ErrTooManyTags.Wrapf("%s: expected at most %d with %s", name, types.MaxTags, types.TagLatest)
	}
	if err := k.Tags.Set(ctx, collections.Join(name, tag), version); err != nil {
		return err
	}
	return emitTagSet(ctx, name, tag, version)
}

// RemoveTag removes a tag, as the owner of the name wishes. It fails with ErrTagNotFound.
func (k Keeper) RemoveTag(ctx sdk.Context, signer sdk.AccAddress, name, tag string) error {
	if err := types.ValidateTag(tag); err != nil {
		return err
	}
	if _, err := k.ownName(ctx, name, signer); err != nil {
		return err
	}
	key := collections.Join(name, tag)
	if known, err := k.Tags.Has(ctx, key); err != nil {
		return err
	} else if !known {
		return types.ErrTagNotFound.Wrapf("%s:%s", name, tag)
	}
	return k.removeTag(ctx, name, tag)
}

func (k Keeper) removeTag(ctx sdk.Context, name, tag string) error {
	if err := k.Tags.Remove(ctx, collections.Join(name, tag)); err != nil {
		return err
	}
	return emitTagSet(ctx, name, tag, 0)
}

// tags are the tags of a name, ascending, at most types.MaxTags.
func (k Keeper) tags(ctx context.Context, name string) (tags []types.Tag, err error) {
	err = k.Tags.Walk(ctx, collections.NewPrefixedPairRange[string, string](name),
		func(key collections.Pair[string, string], version uint32) (bool, error) {
			tags = append(tags, types.Tag{Name: name, Tag: key.K2(), Version: version})
			return false, nil
		})
	return tags, err
}

// advanceLatest moves the tag latest to a version that was just admitted, unless it points to a newer one.
func (k Keeper) advanceLatest(ctx sdk.Context, m types.Model) error {
	latest, err := k.Tags.Get(ctx, collections.Join(m.Name, types.TagLatest))
	switch {
	case errors.Is(err, collections.ErrNotFound):
	case err != nil:
		return err
	case latest >= m.Version:
		return nil
	}
	return k.setTag(ctx, m.Name, types.TagLatest, m.Version)
}

// TransferName gives a name with all its versions to another owner. Uploads under way of the old one end in a conflict.
func (k Keeper) TransferName(ctx sdk.Context, signer, to sdk.AccAddress, name string) error {
	n, err := k.ownName(ctx, name, signer)
	if err != nil {
		return err
	}
	if to.Equals(signer) {
		return types.ErrNotOwner.Wrapf("%s: expected another owner, got the present one", name)
	}
	var ids [][]byte
	err = k.Versions.Walk(ctx, collections.NewPrefixedPairRange[string, uint32](name),
		func(_ collections.Pair[string, uint32], id []byte) (bool, error) {
			ids = append(ids, id)
			return false, nil
		})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := k.ModelsByOwner.Remove(ctx, collections.Join([]byte(signer), id)); err != nil {
			return err
		}
		if err := k.ModelsByOwner.Set(ctx, collections.Join([]byte(to), id)); err != nil {
			return err
		}
	}
	n.Owner = to.String()
	if err := k.Names.Set(ctx, name, n); err != nil {
		return err
	}
	return emitTransferred(ctx, name, signer.String(), n.Owner)
}
