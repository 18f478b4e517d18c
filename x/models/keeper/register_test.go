package keeper_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/models/types"
)

func registration(name string, file []byte) *types.MsgRegisterModel {
	return &types.MsgRegisterModel{Owner: alice.String(), Manifest: manifest(name), Onnx: file}
}

func TestRegisterModel(t *testing.T) {
	f := newFixture(t)
	file := onnx(1)
	m := f.register("iris", file)
	require.Equal(t, types.MODEL_STATUS_ADMITTING, m.Status)
	require.EqualValues(t, 1, m.Version)
	require.Equal(t, int64(10+200), m.Deadline)
	require.Equal(t, hexHash([]byte("# iris")), m.CardSha256)
	require.False(t, m.Usable())
	require.Len(t, m.Inspection.Inputs, 1)

	got, err := f.k.File(f.ctx, m)
	require.NoError(t, err)
	require.Equal(t, file, got)
	owner, err := f.k.Owner(f.ctx, m)
	require.NoError(t, err)
	require.Equal(t, alice, owner)
	require.EqualValues(t, len(file), f.stored())
	paid := int64(len(file)+len("# iris")) + fee
	require.Equal(t, paid, f.balance(communityPool), "the bytes of file and card, and the admission")
	require.EqualValues(t, startBalance-paid, f.balance(alice.String()))
	require.NoError(t, f.k.CheckEscrow(f.ctx))

	_, err = f.k.Find(f.ctx, "iris")
	require.ErrorIs(t, err, types.ErrModelNotFound, "latest moves when the model is admitted")
	require.Equal(t, m, f.model("iris:1"))
	require.EqualValues(t, 2, f.register("iris", onnx(2)).Version)
}

func TestRegisterModelRefuses(t *testing.T) {
	own := func(vectors ...[]byte) types.Golden { return types.Golden{Vectors: vectors} }
	for _, c := range []struct {
		name   string
		change func(*fixture, *types.MsgRegisterModel)
		want   error
	}{
		{"a file that is registered", func(_ *fixture, m *types.MsgRegisterModel) { m.Onnx = onnx(9) }, types.ErrModelExists},
		{"a file that is registered, under another name", func(_ *fixture, m *types.MsgRegisterModel) { m.Onnx, m.Manifest.Name = onnx(9), "rose" }, types.ErrModelExists},
		{"a name of somebody else", func(_ *fixture, m *types.MsgRegisterModel) { m.Owner = bob.String() }, types.ErrNotOwner},
		{"no file", func(_ *fixture, m *types.MsgRegisterModel) { m.Onnx = nil }, types.ErrModelTooLarge},
		{"a file that is too large", func(f *fixture, _ *types.MsgRegisterModel) {
			f.setParams(func(p *types.Params) { p.MaxInlineBytes = 10 })
		}, types.ErrModelTooLarge},
		{"no room", func(f *fixture, _ *types.MsgRegisterModel) {
			f.setParams(func(p *types.Params) {
				p.MaxInlineBytes, p.MaxModelBytes = 150, 150
				p.MaxTotalBytes = uint64(len(onnx(9)) + len(onnx(1)) - 1)
			})
		}, types.ErrNoRoom},
		{"too many admissions", func(f *fixture, _ *types.MsgRegisterModel) {
			f.setParams(func(p *types.Params) { p.MaxAdmissions = 1 })
		}, types.ErrTooManyAdmissions},
		{"no ONNX file", func(_ *fixture, m *types.MsgRegisterModel) { m.Onnx = []byte("not a model") }, types.ErrModelRefused},
		{"a name that is none", func(_ *fixture, m *types.MsgRegisterModel) { m.Manifest.Name = "Iris" }, types.ErrInvalidName},
		{"no task class", func(_ *fixture, m *types.MsgRegisterModel) { m.Manifest.TaskClass = 0 }, types.ErrTaskClass},
		{"a negative royalty", func(_ *fixture, m *types.MsgRegisterModel) { m.Manifest.Royalty = sdkmath.NewInt(-1) }, types.ErrRoyalty},
		{"a card that is too large", func(_ *fixture, m *types.MsgRegisterModel) { m.Manifest.Card = strings.Repeat("x", 16<<10+1) }, types.ErrManifest},
		{"golden vectors that are no tensors", func(_ *fixture, m *types.MsgRegisterModel) { m.Manifest.Golden = own([]byte("x")) }, types.ErrModelRefused},
		{"golden vectors of another signature", func(_ *fixture, m *types.MsgRegisterModel) {
			b, err := tensor.Encode([]tensor.Tensor{{Name: "z", Datatype: tensor.FP32, Data: make([]byte, 4)}})
			require.NoError(t, err)
			m.Manifest.Golden = own(b)
		}, types.ErrModelRefused},
		{"too many golden bytes", func(_ *fixture, m *types.MsgRegisterModel) { m.Manifest.Golden = own(make([]byte, 64<<10+1)) }, types.ErrGolden},
		{"a range of what is no input", func(_ *fixture, m *types.MsgRegisterModel) {
			m.Manifest.Golden.Ranges = []types.InputRange{{Input: "z", Low: "0", High: "1"}}
		}, types.ErrModelRefused},
		{"an owner that is no address", func(_ *fixture, m *types.MsgRegisterModel) { m.Owner = "alice" }, nil},
		{"an owner without coins", func(f *fixture, _ *types.MsgRegisterModel) {
			f.bank.set(f.ctx, alice.String(), sdkmath.NewInt(fee))
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.register("iris", onnx(9))
			msg := registration("iris", onnx(1))
			c.change(f, msg)
			cached, _ := f.ctx.CacheContext()
			_, err := f.msgs.RegisterModel(cached, msg)
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

// TestGasIsByTheByte: each byte costs what the parameter says, and the store charges nothing on top of it.
func TestGasIsByTheByte(t *testing.T) {
	small, large := onnx(1), onnxOf(1, 10_000)
	gas := func(file []byte, perByte uint64) uint64 {
		f := newFixture(t)
		f.setParams(func(p *types.Params) { p.GasPerByte = perByte })
		ctx := f.ctx.WithGasMeter(storetypes.NewGasMeter(1 << 40))
		_, err := f.msgs.RegisterModel(ctx, registration("iris", file))
		require.NoError(t, err)
		return ctx.GasMeter().GasConsumed()
	}
	require.InDelta(t, 20*len(large), gas(large, 20)-gas(large, 0), 10, "but for reading the parameter itself")
	require.InDelta(t, gas(small, 0), gas(large, 0), 2_000, "of the file itself, only its description")

	f := newFixture(t)
	ctx := f.ctx.WithGasMeter(storetypes.NewGasMeter(uint64(len(large))))
	require.Panics(t, func() { _, _ = f.msgs.RegisterModel(ctx, registration("iris", large)) }, "out of gas")
}

func reference(name string) *types.MsgRegisterReference {
	return &types.MsgRegisterReference{
		Owner: alice.String(), Manifest: manifest(name), Sha256: hexHash([]byte("far away")), Size_: 100 << 20,
		Sources: []string{"https://models.example.org/big.onnx"},
		Inspection: types.Inspection{
			Opset: 17, SessionBytes: 500 << 20, Parameters: 25 << 20,
			Inputs:  []types.TensorSpec{{Name: "x", Datatype: "FP32", Dims: []types.Dim{{Size_: 1, Symbol: "N"}}}},
			Outputs: []types.TensorSpec{{Name: "y", Datatype: "FP32", Dims: []types.Dim{{Size_: 1, Symbol: "N"}, {Size_: 1}}}},
			Cost:    []types.CostTerm{{Symbols: []string{"N"}, Macs: 5}},
		},
	}
}

func TestRegisterReference(t *testing.T) {
	f := newFixture(t)
	msg := reference("big")
	res, err := f.msgs.RegisterReference(f.ctx, msg)
	require.NoError(t, err)
	require.EqualValues(t, 1, res.Version)
	m := f.model("big:1")
	require.Equal(t, types.MODEL_STATUS_ADMITTING, m.Status)
	require.Equal(t, msg.Inspection, m.Inspection)
	require.Equal(t, msg.Sources, m.Sources)
	require.True(t, m.IsReference())
	_, err = f.k.File(f.ctx, m)
	require.ErrorIs(t, err, types.ErrNoFile)
	require.EqualValues(t, len("# big")+fee, f.balance(communityPool), "the chain keeps only the card")
	require.Equal(t, types.MODEL_STATUS_ACTIVE, f.admit(m).Status)

	for _, c := range []struct {
		name   string
		change func(*types.MsgRegisterReference)
		want   error
	}{
		{"the same file", func(*types.MsgRegisterReference) {}, types.ErrModelExists},
		{"a hash that is none", func(m *types.MsgRegisterReference) { m.Sha256 = "abc" }, types.ErrSources},
		{"no size", func(m *types.MsgRegisterReference) { m.Size_ = 0 }, types.ErrModelTooLarge},
		{"a size beyond the parameter", func(m *types.MsgRegisterReference) { m.Size_ = 512<<20 + 1 }, types.ErrModelTooLarge},
		{"a source that is an address", func(m *types.MsgRegisterReference) { m.Sources = []string{"https://127.0.0.1/x"} }, types.ErrSources},
		{"a source that is a file", func(m *types.MsgRegisterReference) { m.Sources = []string{"file:///etc/passwd"} }, types.ErrSources},
		{"no inputs", func(m *types.MsgRegisterReference) { m.Inspection.Inputs = nil }, types.ErrInspection},
		{"a session smaller than the file", func(m *types.MsgRegisterReference) { m.Inspection.SessionBytes = 1 }, types.ErrInspection},
		{"a cost with a symbol that no input has", func(m *types.MsgRegisterReference) { m.Inspection.Cost[0].Symbols = []string{"M"} }, types.ErrInspection},
		{"a datatype that is none", func(m *types.MsgRegisterReference) { m.Inspection.Outputs[0].Datatype = "FP8" }, types.ErrInspection},
		{"an output of text", func(m *types.MsgRegisterReference) { m.Inspection.Outputs[0].Datatype = "BYTES" }, types.ErrInspection},
		{"too many terms", func(m *types.MsgRegisterReference) { m.Inspection.Activation = make([]types.MemoryTerm, 33) }, types.ErrInspection},
		{"a golden symbol that is too large", func(m *types.MsgRegisterReference) {
			m.Manifest.Golden.Symbols = []types.SymbolValue{{Symbol: "N", Value: 1 << 40}}
		}, types.ErrGolden},
	} {
		t.Run(c.name, func(t *testing.T) {
			msg := reference("big")
			if c.name != "the same file" {
				msg.Sha256 = hexHash([]byte("elsewhere"))
			}
			c.change(msg)
			f.requireUnchanged(func() {
				_, err := f.msgs.RegisterReference(f.ctx, msg)
				require.ErrorIs(t, err, c.want)
			})
		})
	}
}

// TestGivesWay: a version that came to nothing gives way to another registration of the same file, and leaves nothing behind.
func TestGivesWay(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.AdmissionBlocks = 5 })
	file := onnx(1)
	old := f.register("squatter", file)
	require.NoError(t, f.k.SetTag(f.ctx, alice, "squatter", "mine", 1))
	f.attest(0, f.ran(old, 1, 3))
	f.endBlocks(6)
	require.Equal(t, types.MODEL_STATUS_EXPIRED, f.model(old.Sha256).Status)

	res, err := f.msgs.RegisterModel(f.ctx, &types.MsgRegisterModel{Owner: bob.String(), Manifest: manifest("honest"), Onnx: file})
	require.NoError(t, err)
	m := f.model(res.Sha256)
	require.Equal(t, "honest", m.Name)
	_, err = f.k.Find(f.ctx, "squatter:1")
	require.ErrorIs(t, err, types.ErrModelNotFound)
	_, err = f.k.Find(f.ctx, "squatter:mine")
	require.ErrorIs(t, err, types.ErrModelNotFound)
	proofs, err := f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: m.Sha256})
	require.NoError(t, err)
	require.Empty(t, proofs.Proofs)
	require.EqualValues(t, 2*len(file), f.stored(), "until the chunks are dropped")
	f.endBlock()
	require.EqualValues(t, len(file), f.stored())
	f.admit(m)
	require.EqualValues(t, 2, f.register("squatter", onnx(2)).Version, "numbers are not given again")
	checkState(f)
}
