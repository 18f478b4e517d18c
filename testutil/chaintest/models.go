package chaintest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/tensor"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Trial is what a validator finds out about a model. The zero value is silence.
type Trial struct {
	// Outputs are golden outputs, whose root is attested.
	Outputs []byte
	// Failure is attested when it is set.
	Failure modelstypes.ModelFailure
}

// Golden are the golden outputs of a model that every validator computes, moved by a part of their scale when moved is not
// zero. What they are has nothing to do with the model but its signature, which must be one of floating-point numbers.
func (c *Chain) Golden(m modelstypes.Model, moved float64) []byte {
	c.t.Helper()
	id, err := m.ID()
	require.NoError(c.t, err)
	with, err := c.App.ModelsKeeper.Golden(c.Ctx(), id)
	require.NoError(c.t, err)
	vectors, err := m.GoldenVectors(with)
	require.NoError(c.t, err)
	inputs, err := m.InputSpecs()
	require.NoError(c.t, err)
	specs, err := m.OutputSpecs(nil)
	require.NoError(c.t, err)
	var outputs [][]byte
	for _, vector := range vectors {
		bindings, err := tensor.Bind(inputs, vector)
		require.NoError(c.t, err)
		output := make([]tensor.Tensor, len(specs))
		for i, spec := range specs {
			output[i] = c.ones(spec, bindings, 1+moved)
		}
		encoded, err := tensor.EncodeOutputs(output)
		require.NoError(c.t, err)
		outputs = append(outputs, encoded)
	}
	return golden.Join(outputs)
}

// ones is a tensor of a specification, full of ones but for the first element.
func (c *Chain) ones(spec tensor.Spec, bindings map[string]int64, first float64) tensor.Tensor {
	c.t.Helper()
	require.Equal(c.t, tensor.FP32, spec.Datatype, "the datatype of output %s", spec.Name)
	t := tensor.Tensor{Name: spec.Name, Datatype: spec.Datatype}
	elements := int64(1)
	for _, d := range spec.Dims {
		size := d.Size
		if d.Symbol != "" {
			size *= bindings[d.Symbol]
		}
		t.Shape = append(t.Shape, size)
		elements *= size
	}
	for i := range elements {
		v := float32(1)
		if i == 0 {
			v = float32(first)
		}
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

// Registration is the message that registers a file under a name of an account.
func Registration(owner sdk.AccAddress, name string, onnx []byte, royalty int64) *modelstypes.MsgRegisterModel {
	return &modelstypes.MsgRegisterModel{
		Owner: owner.String(), Onnx: onnx,
		Manifest: modelstypes.Manifest{Name: name, TaskClass: schedulingtypes.TASK_CLASS_REGRESSION, Royalty: sdkmath.NewInt(royalty)},
	}
}

// Model looks a model up in committed state.
func (c *Chain) Model(reference string) modelstypes.Model {
	c.t.Helper()
	m, err := c.App.ModelsKeeper.Find(c.Ctx(), reference)
	require.NoError(c.t, err)
	return m
}

// maxAdmission is the number of blocks that validators which attest at once take to admit a model.
const maxAdmission = 5

// Admitted lets blocks pass until the validators have admitted a model that is registered, and have it loaded.
func (c *Chain) Admitted(reference string) modelstypes.Model {
	c.t.Helper()
	for range maxAdmission {
		m, err := c.App.ModelsKeeper.Find(c.Ctx(), reference)
		if err == nil && m.Usable() {
			return m
		}
		c.Next()
	}
	require.Fail(c.t, "not admitted", "model %s after %d blocks", reference, maxAdmission)
	return modelstypes.Model{}
}

// classes are the registered environment classes that validator i runs and prepares.
func (c *Chain) classes(i int, a *Attester) (found []uint32) {
	c.t.Helper()
	for _, environment := range []*schedulingtypes.EnvironmentClass{a.environment(i), a.next(i)} {
		if environment == nil {
			continue
		}
		index, err := c.App.SchedulingKeeper.EnvironmentIndex.Get(c.Ctx(), environment.Identity())
		if errors.Is(err, collections.ErrNotFound) {
			continue
		}
		require.NoError(c.t, err)
		found = append(found, index)
	}
	return found
}

// attestable are the models that nodes attest, by their sums.
func (c *Chain) attestable() (found []modelstypes.Model) {
	c.t.Helper()
	err := c.App.ModelsKeeper.Models.Walk(c.Ctx(), nil, func(_ []byte, m modelstypes.Model) (bool, error) {
		if m.Status.Attestable() {
			found = append(found, m)
		}
		return false, nil
	})
	require.NoError(c.t, err)
	return found
}

// trials are the attestations of models that validator i has to give: those that committed state does not hold.
func (c *Chain) trials(i int, a *Attester) (found []modelstypes.ModelAttestation) {
	c.t.Helper()
	for _, m := range c.attestable() {
		for _, class := range c.classes(i, a) {
			id, err := m.ID()
			require.NoError(c.t, err)
			trial := a.try(c, i, m, class)
			said, err := c.App.ModelsKeeper.Proofs.Get(c.Ctx(), collections.Join3(id, []byte(c.Validators[i].Operator), class))
			known := err == nil
			if !known {
				require.ErrorIs(c.t, err, collections.ErrNotFound)
			}
			attestation := modelstypes.ModelAttestation{Model: id, EnvironmentClass: class, Failure: trial.Failure}
			if trial.Failure == modelstypes.MODEL_FAILURE_NONE {
				if len(trial.Outputs) == 0 {
					continue
				}
				root := tensor.MerkleRoot(trial.Outputs)
				attestation.OutputRoot = root[:]
				if has, err := c.App.ModelsKeeper.Outputs.Has(c.Ctx(), collections.Join(id, attestation.OutputRoot)); err == nil && !has &&
					len(trial.Outputs) <= voteext.MaxGoldenOutput {
					attestation.Outputs = trial.Outputs
				}
			}
			if known && said.Failure == attestation.Failure && bytes.Equal(said.OutputRoot, attestation.OutputRoot) {
				continue
			}
			found = append(found, attestation)
		}
	}
	return found
}

// loads sets what validator i says of loaded models in a status: those that changed by committed state, a bounded number.
func (c *Chain) loads(i int, a *Attester, status *schedulingtypes.NodeStatus) {
	c.t.Helper()
	loaded, err := c.App.SchedulingKeeper.ModelsOf(c.Ctx(), c.Validators[i].Operator)
	require.NoError(c.t, err)
	for _, m := range c.attestable() {
		id, err := m.ID()
		require.NoError(c.t, err)
		known := slices.ContainsFunc(loaded, func(other []byte) bool { return bytes.Equal(id, other) })
		switch wanted := a.Unloaded == nil || !a.Unloaded(i, m); {
		case wanted && !known && len(status.ModelsReady) < schedulingtypes.MaxModelDeltas:
			status.ModelsReady = append(status.ModelsReady, id)
		case !wanted && known && len(status.ModelsDropped) < schedulingtypes.MaxModelDeltas:
			status.ModelsDropped = append(status.ModelsDropped, id)
		}
	}
}

func (a *Attester) environment(i int) *schedulingtypes.EnvironmentClass {
	if a.Environment == nil {
		return Environment()
	}
	return a.Environment(i)
}

func (a *Attester) next(i int) *schedulingtypes.EnvironmentClass {
	if a.Next == nil {
		return nil
	}
	return a.Next(i)
}

func (a *Attester) try(c *Chain, i int, m modelstypes.Model, class uint32) Trial {
	if a.Try == nil {
		return Trial{Outputs: c.Golden(m, 0)}
	}
	return a.Try(i, m, class)
}
