package keeper_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// machine drives a keeper through random histories. Its messages succeed or change nothing, as those of a transaction do.
type machine struct {
	*fixture
	files   map[uint64][]byte // of the uploads that were opened
	seen    map[string]types.Model
	maximal int // most admissions that were ever allowed
}

func newMachine(t *rapid.T) *machine {
	m := &machine{fixture: newFixture(t), files: map[uint64][]byte{}, seen: map[string]types.Model{}}
	m.setParams(func(p *types.Params) {
		p.UploadBlocks, p.AdmissionBlocks, p.MaxAdmissions, p.MaxUploads = 12, 6, 3, 4
		p.InspectionBytesPerBlock = 200_000
		p.MaxTotalBytes, p.MaxModelBytes, p.MaxInlineBytes = 3<<20, 1<<20, 1<<19
	})
	m.maximal = 3
	return m
}

// do runs a message.
func (m *machine) do(step func(ctx sdk.Context) error) bool {
	cached, write := m.ctx.CacheContext()
	if step(cached) != nil {
		return false
	}
	write()
	return true
}

func (m *machine) who(t *rapid.T) sdk.AccAddress {
	return rapid.SampledFrom([]sdk.AccAddress{alice, bob}).Draw(t, "who")
}

func (m *machine) name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"iris", "rose", "lily"}).Draw(t, "name")
}

// file is a model of one of few, so that the same file comes again, or no model.
func (m *machine) file(t *rapid.T) []byte {
	n := rapid.IntRange(0, 5).Draw(t, "file")
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		return bytes.Repeat([]byte{byte(n)}, 300_000+n)
	case 1:
		return wide(n)
	default:
		return onnx(n)
	}
}

// one is a model that was registered; ok is false when there is none.
func (m *machine) one(t *rapid.T) (types.Model, bool) {
	all := m.allModels()
	if len(all) == 0 {
		return types.Model{}, false
	}
	return all[rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(t, "model")], true
}

func (m *machine) Register(t *rapid.T) {
	msg := &types.MsgRegisterModel{Owner: m.who(t).String(), Manifest: manifest(m.name(t)), Onnx: m.file(t)}
	m.do(func(ctx sdk.Context) error { _, err := m.msgs.RegisterModel(ctx, msg); return err })
}

func (m *machine) Reference(t *rapid.T) {
	msg := reference(m.name(t))
	msg.Owner, msg.Sha256 = m.who(t).String(), hexHash(m.file(t))
	m.do(func(ctx sdk.Context) error { _, err := m.msgs.RegisterReference(ctx, msg); return err })
}

func (m *machine) Open(t *rapid.T) {
	file := m.file(t)
	msg := opening(m.who(t), m.name(t), file)
	if rapid.IntRange(0, 9).Draw(t, "lie") == 0 {
		msg.Sha256 = hexHash(onnx(rapid.IntRange(0, 5).Draw(t, "about")))
	}
	params, err := m.k.Params.Get(m.ctx)
	require.NoError(t, err)
	fees := params.BytePrice.Int64()*int64(len(file)+len(msg.Manifest.Card)) + params.AdmissionFee.Int64()
	before := m.balance(msg.Owner)
	opened := m.do(func(ctx sdk.Context) error {
		res, err := m.msgs.OpenUpload(ctx, msg)
		if err == nil {
			m.files[res.UploadId] = file
		}
		return err
	})
	if opened {
		require.Equal(t, before-fees, m.balance(msg.Owner), "the deposit is all that the upload costs")
	}
}

func (m *machine) anUpload(t *rapid.T) (types.Upload, bool) {
	var all []types.Upload
	require.NoError(t, m.k.Uploads.Walk(m.ctx, nil, func(_ uint64, u types.Upload) (bool, error) { all = append(all, u); return false, nil }))
	if len(all) == 0 {
		return types.Upload{}, false
	}
	return rapid.SampledFrom(all).Draw(t, "upload"), true
}

func (m *machine) Chunk(t *rapid.T) {
	u, ok := m.anUpload(t)
	if !ok {
		return
	}
	data := chunks(m.files[u.Id])
	index := rapid.IntRange(0, len(data)-1).Draw(t, "index")
	received, err := m.k.Received.Get(m.ctx, u.Id)
	require.NoError(t, err)
	before := m.balance(u.Owner)
	taken := m.do(func(ctx sdk.Context) error {
		_, err := m.msgs.UploadChunk(ctx, &types.MsgUploadChunk{Owner: u.Owner, UploadId: u.Id, Index: uint32(index), Data: data[index]})
		return err
	})
	require.Equal(t, !types.Received(received).Has(uint32(index)), taken, "a chunk is taken once")
	require.GreaterOrEqual(t, m.balance(u.Owner), before, "chunks cost nothing more")
}

func (m *machine) Cancel(t *rapid.T) {
	if u, ok := m.anUpload(t); ok {
		who := m.who(t).String()
		done := m.do(func(ctx sdk.Context) error {
			_, err := m.msgs.CancelUpload(ctx, &types.MsgCancelUpload{Owner: who, UploadId: u.Id})
			return err
		})
		require.Equal(t, who == u.Owner, done)
	}
}

func (m *machine) Attest(t *rapid.T) {
	model, ok := m.one(t)
	if !ok || len(model.Inspection.Outputs) != 1 || len(model.Inspection.Outputs[0].Dims) != 2 || model.Inspection.Outputs[0].Dims[1].Size_ != 1 {
		return // only models with one column give the outputs of the fixture
	}
	for range rapid.IntRange(1, 3).Draw(t, "nodes") {
		node, class := rapid.IntRange(0, 3).Draw(t, "node"), rapid.Uint32Range(1, 3).Draw(t, "class")
		a := m.ran(model, class, rapid.SampledFrom([]float32{1, 1, 1, 1.000001, 2}).Draw(t, "value"))
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			a = failure(model, class, types.ModelFailure(rapid.IntRange(1, 7).Draw(t, "failure")))
		case 1:
			a = without(a)
		}
		m.attest(node, a)
	}
}

func (m *machine) Readmit(t *rapid.T) {
	if model, ok := m.one(t); ok {
		who := m.who(t)
		m.do(func(ctx sdk.Context) error { return m.k.RequestAdmission(ctx, who, model.Sha256) })
	}
}

func (m *machine) SetStatus(t *rapid.T) {
	if model, ok := m.one(t); ok {
		who, to := m.who(t), types.ModelStatus(rapid.IntRange(0, 8).Draw(t, "status"))
		m.do(func(ctx sdk.Context) error { return m.k.SetStatus(ctx, who, model.Sha256, to) })
	}
}

func (m *machine) Tag(t *rapid.T) {
	who, name, tag := m.who(t), m.name(t), rapid.SampledFrom([]string{"latest", "a", "b"}).Draw(t, "tag")
	version := rapid.Uint32Range(0, 4).Draw(t, "version")
	m.do(func(ctx sdk.Context) error {
		if version == 0 {
			return m.k.RemoveTag(ctx, who, name, tag)
		}
		return m.k.SetTag(ctx, who, name, tag, version)
	})
}

func (m *machine) Transfer(t *rapid.T) {
	from, to, name := m.who(t), m.who(t), m.name(t)
	m.do(func(ctx sdk.Context) error { return m.k.TransferName(ctx, from, to, name) })
}

func (m *machine) Nodes(t *rapid.T) {
	class := rapid.Uint32Range(1, 3).Draw(t, "class")
	m.nodes(class, rapid.SliceOfN(rapid.Int64Range(1, 50), 0, 4).Draw(t, "powers")...)
	for i := range m.scheduling.voters {
		if rapid.IntRange(0, 3).Draw(t, "other") == 0 {
			m.scheduling.voters[i].EnvironmentClass = rapid.Uint32Range(1, 3).Draw(t, "other class")
		}
	}
	for i := range m.scheduling.voters {
		if rapid.IntRange(0, 4).Draw(t, "little memory") == 0 {
			m.shrink(i)
		}
	}
	m.scheduling.total += rapid.Int64Range(0, 40).Draw(t, "power without nodes")
	m.scheduling.broken = nil
	if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
		m.scheduling.broken = errBroken
	}
}

// enoughMemory tells whether nodes with memory hold more than half of all power. The nodes are those of the last block.
func (m *machine) enoughMemory() bool {
	sum := int64(0)
	for _, v := range m.scheduling.voters {
		if !m.scheduling.small[v.Operator] {
			sum += v.Power
		}
	}
	return 2*sum > m.scheduling.total
}

func (m *machine) Params(t *rapid.T) {
	m.setParams(func(p *types.Params) {
		p.MaxAdmissions = rapid.Uint32Range(1, 4).Draw(t, "admissions")
		p.MaxUploads = rapid.Uint32Range(0, 4).Draw(t, "uploads")
		p.UploadBurn = rapid.Uint32Range(0, types.BasisPoints).Draw(t, "burn")
		p.BytePrice = sdkmath.NewInt(rapid.Int64Range(0, 3).Draw(t, "price"))
		p.AdmissionFee = sdkmath.NewInt(rapid.Int64Range(0, 3_000_000).Draw(t, "admission fee"))
		p.MaxTotalBytes = rapid.Uint64Range(1<<20, 3<<20).Draw(t, "total")
		m.maximal = max(m.maximal, int(p.MaxAdmissions))
	})
}

func (m *machine) EndBlock(t *rapid.T) {
	for range rapid.IntRange(1, 3).Draw(t, "blocks") {
		m.endBlock()
	}
}

// Import goes on with a chain that was made from what this one exports.
func (m *machine) Import(t *rapid.T) {
	state := m.export()
	require.NoError(t, state.Validate())
	height := m.ctx.BlockHeight() + rapid.Int64Range(0, 100).Draw(t, "height")
	m.fixture = m.imported(t, *state, height)
	again := m.fixture
	again.ctx = again.ctx.WithBlockHeight(height)
	require.Equal(t, state.Held(), again.export().Held())
}

// check runs after every step.
func (m *machine) check(t *rapid.T) {
	checkState(m.fixture)
	sum := int64(0)
	for _, name := range []string{alice.String(), bob.String(), moduleAddress(types.ModuleName).String(), communityPool, burned} {
		sum += m.balance(name)
	}
	require.EqualValues(t, 2*startBalance, sum, "no coin is made or lost")
	now := m.allModels()
	admitting := 0
	for id, model := range now {
		if model.Status == types.MODEL_STATUS_ADMITTING {
			admitting++
		}
		before, known := m.seen[id]
		if !known || before.Name != model.Name || before.Version != model.Version {
			continue
		}
		// A version is immutable but for its status.
		if before.Status.Admitted() {
			require.True(t, model.Status.Admitted(), "from %s to %s", before.Status, model.Status)
		} else if model.Status.Admitted() {
			require.True(t, m.enoughMemory(), "admitted by nodes that give too little memory")
		}
		before.Status, before.Verdict, before.Deadline, before.AdmittedHeight = model.Status, model.Verdict, model.Deadline, model.AdmittedHeight
		if before.Inspection.Size() == 0 {
			before.Inspection = model.Inspection
		}
		require.Equal(t, before, model)
	}
	require.LessOrEqual(t, admitting, m.maximal)
	m.seen = now
}

// TestMachine: whatever happens, everything belongs together after each step, and everything that is under way ends.
func TestMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		t.Repeat(map[string]func(*rapid.T){
			"register": m.Register, "reference": m.Reference, "open": m.Open, "chunk": m.Chunk, "more chunks": m.Chunk, "cancel": m.Cancel,
			"attest": m.Attest, "more attestations": m.Attest, "readmit": m.Readmit, "status": m.SetStatus, "tag": m.Tag,
			"transfer": m.Transfer, "nodes": m.Nodes, "params": m.Params, "block": m.EndBlock, "more blocks": m.EndBlock, "import": m.Import,
			"": m.check,
		})
		for range 100 {
			m.endBlock()
			m.check(t)
		}
		kept := uint64(0)
		for _, model := range m.allModels() {
			require.NotContains(t, []types.ModelStatus{types.MODEL_STATUS_INSPECTING, types.MODEL_STATUS_ADMITTING}, model.Status)
			if model.HasFile() {
				kept += model.Size_
			}
		}
		_, open := m.anUpload(t)
		require.False(t, open, "every upload ends")
		stored, err := m.k.StoredBytes.Get(m.ctx)
		if err == nil {
			require.Equal(t, kept, stored, "nothing is left of what ended")
		}
		dropped := 0
		require.NoError(t, m.k.DroppedFiles.Walk(m.ctx, nil, func(uint64) (bool, error) { dropped++; return false, nil }))
		require.Zero(t, dropped)
	})
}
