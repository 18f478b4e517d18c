package executor

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// modelStores holds the one model of the tests, which is in use, with a proof of the node in class 4.
func modelStores() ModelStores {
	bySum := func(id []byte) string { return string(id) }
	model := catalogued(modelFile, func(m *modelstypes.Model) { m.Name = "iris" })
	address := operatorBytes(self)
	proofKey := func(k collections.Triple[[]byte, []byte, uint32]) string {
		return string(k.K1()) + string(k.K2()) + string(rune(k.K3()))
	}
	return ModelStores{
		WithStatus: func(_ context.Context, status modelstypes.ModelStatus, visit func([]byte) (bool, error)) error {
			if status != modelstypes.MODEL_STATUS_ACTIVE {
				return nil
			}
			_, err := visit(modelName[:])
			return err
		},
		Models:  table[[]byte, modelstypes.Model]{name: bySum, rows: map[string]modelstypes.Model{string(modelName[:]): model}},
		File:    func(context.Context, modelstypes.Model) ([]byte, error) { return modelFile, nil },
		Goldens: table[[]byte, modelstypes.Golden]{name: bySum, rows: map[string]modelstypes.Golden{string(modelName[:]): {}}},
		Proofs: table[collections.Triple[[]byte, []byte, uint32], modelstypes.NodeProof]{name: proofKey, rows: map[string]modelstypes.NodeProof{
			proofKey(collections.Join3(modelName[:], address, uint32(4))): {OutputRoot: digest(1)},
		}},
		HasOutputs: func(_ context.Context, model, root []byte) (bool, error) {
			return string(root) == string(digest(1)), nil
		},
		Params: func(context.Context) (modelstypes.Params, error) {
			return modelstypes.Params{MaxGoldenOutputBytes: 99}, nil
		},
	}
}

func TestViewReadsModels(t *testing.T) {
	s := stores()
	v := view(t, s)

	active, err := v.ModelsWith(modelstypes.MODEL_STATUS_ACTIVE)
	require.NoError(t, err)
	require.Equal(t, []ModelID{modelName}, active)
	none, err := v.ModelsWith(modelstypes.MODEL_STATUS_ADMITTING)
	require.NoError(t, err)
	require.Empty(t, none)

	model, ok, err := v.Model(modelName)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "iris", model.Name)
	_, ok, err = v.Model(ModelID{1})
	require.NoError(t, err)
	require.False(t, ok)

	file, err := v.ModelFile(model)
	require.NoError(t, err)
	require.Equal(t, modelFile, file)
	_, err = v.Golden(modelName)
	require.NoError(t, err)
	_, err = v.Golden(ModelID{1})
	require.ErrorIs(t, err, collections.ErrNotFound)

	proof, ok, err := v.Proof(modelName, self, 4)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, digest(1), proof.OutputRoot)
	_, ok, err = v.Proof(modelName, self, 5)
	require.NoError(t, err)
	require.False(t, ok)
	_, _, err = v.Proof(modelName, "x", 4)
	require.Error(t, err)

	shown, err := v.Shown(modelName, digest(1))
	require.NoError(t, err)
	require.True(t, shown)
	most, err := v.MaxGoldenOutput()
	require.NoError(t, err)
	require.Equal(t, uint64(99), most)

	index, ok, err := v.Environment(environment())
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, uint32(4), index)
	_, ok, err = v.Environment(nextEnvironment())
	require.NoError(t, err)
	require.False(t, ok)
}

func TestViewReadsTheModelsOfTheQueue(t *testing.T) {
	v := view(t, stores())
	queued, err := v.QueuedModels(2)
	require.NoError(t, err)
	require.Equal(t, []ModelID{modelName}, queued, "each once")
	_, err = v.QueuedModels(3)
	require.ErrorIs(t, err, collections.ErrNotFound, "the third task is not there")

	s := stores()
	s.Models.WithStatus = func(context.Context, modelstypes.ModelStatus, func([]byte) (bool, error)) error {
		return errors.New("disk")
	}
	_, err = view(t, s).ModelsWith(modelstypes.MODEL_STATUS_ACTIVE)
	require.Error(t, err)
}
