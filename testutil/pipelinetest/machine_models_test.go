package pipelinetest

import (
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	sdk "github.com/cosmos/cosmos-sdk/types"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// disable has the owner of a model deprecate, disable or enable it. What is open goes on.
func (m *machine) disable(t *rapid.T) {
	name := models[rapid.IntRange(0, len(models)-1).Draw(t, "model")].name
	to := rapid.SampledFrom([]modelstypes.ModelStatus{
		modelstypes.MODEL_STATUS_ACTIVE, modelstypes.MODEL_STATUS_ACTIVE, modelstypes.MODEL_STATUS_ACTIVE,
		modelstypes.MODEL_STATUS_DEPRECATED, modelstypes.MODEL_STATUS_DISABLED,
	}).Draw(t, "status")
	model, err := m.Models.Find(m.Ctx(), name)
	require.NoError(t, err)
	err = m.deliver(func(ctx sdk.Context) error { return m.Models.SetStatus(ctx, Owner, name, to) })
	require.Equal(t, model.Status != to, err == nil, "%s of a model that is %s: %v", to, model.Status, err)
	if to == modelstypes.MODEL_STATUS_DISABLED {
		m.Ends["model disabled"]++
	}
}

// unload has nodes say that they have dropped models. Their next status brings them back.
func (m *machine) unload(t *rapid.T) {
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, MaxNodes-1), 1, MaxNodes, rapid.ID).Draw(t, "nodes") {
		status := NodeStatus(m.Nodes[i].Class)
		status.ModelsReady, status.ModelsDropped = nil, sums()[:rapid.IntRange(1, len(models)).Draw(t, "models")]
		m.RecordVotes([]Status{{Operator: Operator(i), Status: status}}, nil)
	}
	m.Ends["unloaded"]++
}
