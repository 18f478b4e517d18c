package keeper_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"

	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
)

func TestRegisterModel(t *testing.T) {
	f := newFixture(t)
	file := pairModel(1)
	sum := sha256.Sum256(file)

	m, err := f.k.FindModel(f.ctx, "pair")
	require.NoError(t, err)
	require.Equal(t, hex.EncodeToString(sum[:]), m.Sha256)
	require.Equal(t, owner.String(), m.Owner)
	require.Equal(t, uint64(len(file)), m.Size_)
	require.Equal(t, uint64(6), m.Parameters)
	require.Equal(t, int64(10), m.RegisteredHeight)
	require.Equal(t, []types.TensorSpec{
		{Name: "x", Datatype: "FP32", Dims: []types.Dim{{Size_: 1, Symbol: "N"}, {Size_: 2}}},
		{Name: "k", Datatype: "INT64", Dims: []types.Dim{{Size_: 1}}},
	}, m.Inputs)
	require.Equal(t, "sum", m.Outputs[0].Name)
	require.NotEmpty(t, m.Cost)
	require.NotEmpty(t, m.Activation)
	require.NoError(t, m.Validate())

	byID, err := f.k.FindModel(f.ctx, m.Sha256)
	require.NoError(t, err)
	require.Equal(t, m, byID)
	stored, err := f.k.ModelFile(f.ctx, sum[:])
	require.NoError(t, err)
	require.Equal(t, file, stored)
	total, err := f.k.ModelBytes.Get(f.ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(len(file)), total)
}

// TestRegisterModelCostsItsBytes: the room for models is bounded, so that nobody may fill it for nothing.
func TestRegisterModelCostsItsBytes(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.BytePrice = math.NewInt(3) })
	msg := registration("priced", 0)
	msg.Onnx = pairModel(2)
	price := 3 * int64(len(msg.Onnx))

	f.bank.set(f.ctx, owner.String(), math.NewInt(price-1))
	_, err := f.k.RegisterModel(f.ctx, msg)
	require.ErrorContains(t, err, "byte fee")
	_, err = f.k.FindModel(f.ctx, "priced")
	require.ErrorIs(t, err, types.ErrModelNotFound)

	f.bank.set(f.ctx, owner.String(), math.NewInt(price+1))
	_, err = f.k.RegisterModel(f.ctx, msg)
	require.NoError(t, err)
	require.Equal(t, int64(1), f.balance(owner.String()))
	require.Equal(t, price, f.balance(communityPool))
	require.Zero(t, f.escrowed())
}

func TestRegisterModelWithoutRoyaltyIsFree(t *testing.T) {
	f := newFixture(t)
	f.fundModel()
	msg := registration("free", 0)
	msg.Onnx, msg.Royalty = pairModel(2), math.Int{}
	_, err := f.msgs.RegisterModel(f.ctx, msg)
	require.NoError(t, err)
	m, err := f.k.FindModel(f.ctx, "free")
	require.NoError(t, err)
	require.True(t, m.Royalty.IsZero())
}

func TestRegisterModelRefuses(t *testing.T) {
	external, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:    "text",
		Nodes:   []onnxwrite.Node{{Op: "RandomNormalLike", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnxwrite.ValueInfo{{Name: "x", Type: elementOf(tensor.FP32), Dims: onnxwrite.Shape(1)}},
		Outputs: []onnxwrite.ValueInfo{{Name: "y", Type: elementOf(tensor.FP32), Dims: onnxwrite.Shape(1)}},
	}}.Marshal()
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		change func(f *fixture, m *types.MsgRegisterModel)
		want   error
	}{
		"bad owner":            {func(_ *fixture, m *types.MsgRegisterModel) { m.Owner = "x" }, nil},
		"no name":              {func(_ *fixture, m *types.MsgRegisterModel) { m.Name = "" }, types.ErrInvalidName},
		"long name":            {func(_ *fixture, m *types.MsgRegisterModel) { m.Name = strings.Repeat("a", 65) }, types.ErrInvalidName},
		"name like a sha256":   {func(_ *fixture, m *types.MsgRegisterModel) { m.Name = strings.Repeat("a", 64) }, types.ErrInvalidName},
		"name with capital":    {func(_ *fixture, m *types.MsgRegisterModel) { m.Name = "Iris" }, types.ErrInvalidName},
		"name begins with dot": {func(_ *fixture, m *types.MsgRegisterModel) { m.Name = ".iris" }, types.ErrInvalidName},
		"taken name":           {func(_ *fixture, m *types.MsgRegisterModel) { m.Name = "pair" }, types.ErrNameTaken},
		"same file":            {func(_ *fixture, m *types.MsgRegisterModel) { m.Onnx = pairModel(1) }, types.ErrModelExists},
		"no class":             {func(_ *fixture, m *types.MsgRegisterModel) { m.TaskClass = 0 }, types.ErrTaskClass},
		"unknown class":        {func(_ *fixture, m *types.MsgRegisterModel) { m.TaskClass = 99 }, types.ErrTaskClass},
		"negative royalty":     {func(_ *fixture, m *types.MsgRegisterModel) { m.Royalty = math.NewInt(-1) }, types.ErrRoyalty},
		"royalty above bound":  {func(_ *fixture, m *types.MsgRegisterModel) { m.Royalty = types.MaxAmount.AddRaw(1) }, types.ErrRoyalty},
		"no file":              {func(_ *fixture, m *types.MsgRegisterModel) { m.Onnx = nil }, types.ErrModelTooLarge},
		"file above limit": {func(f *fixture, m *types.MsgRegisterModel) {
			f.setParams(func(p *types.Params) { p.MaxModelBytes = uint64(len(m.Onnx)) - 1 })
		}, types.ErrModelTooLarge},
		"total above limit": {func(f *fixture, m *types.MsgRegisterModel) {
			f.setParams(func(p *types.Params) {
				p.MaxModelBytes, p.MaxTotalModelBytes = uint64(len(m.Onnx)), 2*uint64(len(m.Onnx))-1
			})
		}, types.ErrModelTooLarge},
		"not a model":     {func(_ *fixture, m *types.MsgRegisterModel) { m.Onnx = []byte("ONNX") }, types.ErrModelRefused},
		"random operator": {func(_ *fixture, m *types.MsgRegisterModel) { m.Onnx = external }, types.ErrModelRefused},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			msg := registration("other", 0)
			msg.Onnx = pairModel(2)
			tc.change(f, msg)
			f.requireUnchanged(func() {
				_, err := f.msgs.RegisterModel(f.ctx, msg)
				require.Error(t, err)
				if tc.want != nil {
					require.ErrorIs(t, err, tc.want)
				}
			})
		})
	}
}

func TestRegisterModelChargesGasBeforeInspection(t *testing.T) {
	f := newFixture(t)
	msg := registration("other", 0)
	msg.Onnx = []byte(strings.Repeat("x", 1000)) // would be refused
	f.ctx = f.ctx.WithGasMeter(storetypes.NewGasMeter(20_000))
	require.PanicsWithValue(t, storetypes.ErrorOutOfGas{Descriptor: "model inspection"}, func() {
		_, _ = f.msgs.RegisterModel(f.ctx, msg)
	})
}

func TestFindModelTellsAbsence(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"", "none", strings.Repeat("0", 64), strings.Repeat("A", 64)} {
		_, err := f.k.FindModel(f.ctx, name)
		require.ErrorIs(t, err, types.ErrModelNotFound, name)
	}
	_, err := f.k.ModelFile(f.ctx, []byte("none"))
	require.ErrorIs(t, err, types.ErrModelNotFound)
}

// setParams stores a new version with a change.
func (f *fixture) setParams(change func(*types.Params)) {
	f.Helper()
	p, _, err := f.k.CurrentParams(f.ctx)
	require.NoError(f, err)
	change(&p)
	_, err = f.msgs.UpdateParams(f.ctx, &types.MsgUpdateParams{Authority: f.k.Authority(), Params: p})
	require.NoError(f, err)
}

func TestUpdateParams(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.BytePrice = math.NewInt(9) })
	p, version, err := f.k.CurrentParams(f.ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(2), version)
	require.Equal(t, int64(9), p.BytePrice.Int64())
	first, err := f.k.ParamsAt(f.ctx, 1)
	require.NoError(t, err)
	require.Equal(t, types.DefaultParams(), first)

	f.requireUnchanged(func() {
		_, err = f.msgs.UpdateParams(f.ctx, &types.MsgUpdateParams{Authority: alice.String(), Params: p})
		require.ErrorContains(t, err, "invalid authority")
		p.MaxOutputBytes = 0
		_, err = f.msgs.UpdateParams(f.ctx, &types.MsgUpdateParams{Authority: f.k.Authority(), Params: p})
		require.ErrorIs(t, err, types.ErrInvalidParams)
	})
}
