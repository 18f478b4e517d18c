package keeper_test

import (
	"context"
	"fmt"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// fakeModels is x/models as far as requests see it: versions by reference, and owners by name. Every version moves the tag
// latest.
type fakeModels struct {
	key storetypes.StoreKey
}

func (m *fakeModels) store(ctx context.Context) storetypes.KVStore {
	return sdk.UnwrapSDKContext(ctx).KVStore(m.key)
}

// add makes a model the next version of its name.
func (m *fakeModels) add(ctx context.Context, model modelstypes.Model, owner sdk.AccAddress) modelstypes.Model {
	for model.Version = 1; m.store(ctx).Has(versionKey(model.Name, model.Version)); model.Version++ {
	}
	m.store(ctx).Set(versionKey(model.Name, model.Version), []byte(model.Sha256))
	m.store(ctx).Set(tagKey(model.Name, modelstypes.TagLatest), []byte(model.Sha256))
	m.transfer(ctx, model.Name, owner)
	m.set(ctx, model)
	return model
}

func (m *fakeModels) set(ctx context.Context, model modelstypes.Model) {
	raw, err := model.Marshal()
	if err != nil {
		panic(err)
	}
	m.store(ctx).Set([]byte("model/"+model.Sha256), raw)
}

// move gives the model of a reference another status.
func (m *fakeModels) move(ctx context.Context, reference string, to modelstypes.ModelStatus) {
	model, err := m.Find(ctx, reference)
	if err != nil {
		panic(err)
	}
	model.Status = to
	m.set(ctx, model)
}

func (m *fakeModels) transfer(ctx context.Context, name string, owner sdk.AccAddress) {
	m.store(ctx).Set([]byte("owner/"+name), owner)
}

// copyTo gives another chain the same models.
func (m *fakeModels) copyTo(ctx context.Context, to *fixture) {
	it := m.store(ctx).Iterator(nil, nil)
	defer it.Close()
	for ; it.Valid(); it.Next() {
		to.models.store(to.ctx).Set(it.Key(), it.Value())
	}
}

func versionKey(name string, version uint32) []byte {
	return fmt.Appendf(nil, "version/%s:%d", name, version)
}
func tagKey(name, tag string) []byte { return fmt.Appendf(nil, "tag/%s:%s", name, tag) }

func (m *fakeModels) Find(ctx context.Context, reference string) (modelstypes.Model, error) {
	ref, err := modelstypes.ParseReference(reference)
	if err != nil {
		return modelstypes.Model{}, err
	}
	if len(ref.ID) > 0 {
		return m.Get(ctx, ref.ID)
	}
	key := tagKey(ref.Name, ref.Tag)
	if ref.Version > 0 {
		key = versionKey(ref.Name, ref.Version)
	}
	return m.load(ctx, string(m.store(ctx).Get(key)))
}

func (m *fakeModels) Get(ctx context.Context, id []byte) (modelstypes.Model, error) {
	return m.load(ctx, fmt.Sprintf("%x", id))
}

func (m *fakeModels) load(ctx context.Context, sha256 string) (model modelstypes.Model, err error) {
	raw := m.store(ctx).Get([]byte("model/" + sha256))
	if raw == nil {
		return model, modelstypes.ErrModelNotFound.Wrap(sha256)
	}
	return model, model.Unmarshal(raw)
}

func (m *fakeModels) Owner(ctx context.Context, model modelstypes.Model) (sdk.AccAddress, error) {
	owner := m.store(ctx).Get([]byte("owner/" + model.Name))
	if owner == nil {
		return nil, modelstypes.ErrNameNotFound.Wrap(model.Name)
	}
	return owner, nil
}
