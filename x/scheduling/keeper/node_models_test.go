package keeper_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

// model is the sum of a model; their order is that of n.
func model(n int) []byte {
	return append([]byte{byte(n >> 8), byte(n)}, bytes.Repeat([]byte{0xcd}, 30)...)
}

func modelsFrom(first, count int) [][]byte {
	var models [][]byte
	for n := range count {
		models = append(models, model(first+n))
	}
	return models
}

func (f *fixture) models(t check, i int) [][]byte {
	t.Helper()
	models, err := f.ModelsOf(f.ctx, operator(i))
	require.NoError(t, err)
	return models
}

// TestReportedModels: a status tells what has changed since the last one.
func TestReportedModels(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	report := func(i int, isReady, dropped [][]byte) {
		status := ready()
		status.ModelsReady, status.ModelsDropped = isReady, dropped
		require.NoError(t, f.SetStatus(f.ctx, operator(i), status))
		stored := f.node(t, i).Status
		require.Empty(t, stored.ModelsReady, "the status of a node stays small")
		require.Empty(t, stored.ModelsDropped)
	}
	require.Equal(t, [][]byte{model(0)}, f.models(t, 0), "as the fixture has it")
	report(0, nil, [][]byte{model(0)})
	report(1, nil, [][]byte{model(0)})
	require.Empty(t, f.models(t, 0))
	report(0, [][]byte{model(2), model(5)}, nil)
	report(1, [][]byte{model(1), model(2)}, nil)
	require.Equal(t, [][]byte{model(2), model(5)}, f.models(t, 0))
	require.Equal(t, [][]byte{model(1), model(2)}, f.models(t, 1))
	report(0, nil, nil)
	require.Equal(t, [][]byte{model(2), model(5)}, f.models(t, 0), "a status without lists changes nothing")
	report(0, [][]byte{model(3), model(5)}, [][]byte{model(2), model(9)})
	require.Equal(t, [][]byte{model(3), model(5)}, f.models(t, 0), "what is there already, or was never there, is no error")
	report(0, nil, [][]byte{model(3), model(5)})
	require.Empty(t, f.models(t, 0))
	require.Equal(t, [][]byte{model(1), model(2)}, f.models(t, 1), "that of another node stays")
	requireRoundTrip(t, f)
}

func TestReportedModelsAreBounded(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	report := func(isReady, dropped [][]byte) error {
		status := ready()
		status.ModelsReady, status.ModelsDropped = isReady, dropped
		cached, write := f.ctx.CacheContext()
		err := f.SetStatus(cached, operator(0), status)
		if err == nil { // The caller undoes what fails.
			write()
		}
		return err
	}
	for at := 0; at < types.MaxNodeModels; at += types.MaxModelDeltas {
		require.NoError(t, report(modelsFrom(at, types.MaxModelDeltas), nil))
	}
	require.Len(t, f.models(t, 0), types.MaxNodeModels)
	before := f.dump()
	err := report(modelsFrom(900, 1), nil)
	require.ErrorIs(t, err, types.ErrInvalidStatus)
	require.ErrorContains(t, err, "models_ready: expected at most 256 models of a node, got 257")
	require.Equal(t, before, f.dump())
	require.NoError(t, report(modelsFrom(900, 2), modelsFrom(0, 2)), "as many as were dropped")
	require.Len(t, f.models(t, 0), types.MaxNodeModels)
	require.NoError(t, report(modelsFrom(900, 2), nil), "those that are known")
	require.NoError(t, f.SetStatus(f.ctx, operator(0), ready()), "a status without any")
	requireRoundTrip(t, f)
}

func TestModelsAreForgottenWithTheNode(t *testing.T) {
	f := newFixture(t, types.DefaultParams(), 10, 20)
	for i := range 2 {
		status := ready()
		status.ModelsReady = modelsFrom(i+1, 3)
		require.NoError(t, f.SetStatus(f.ctx, operator(i), status))
	}
	_, err := f.LeaveNode(f.ctx, operator(0).String())
	require.NoError(t, err)
	require.Len(t, f.models(t, 0), 4, "on its way out it still has them")
	f.review(t)
	require.Empty(t, f.models(t, 0))
	require.Len(t, f.models(t, 1), 4)
}
