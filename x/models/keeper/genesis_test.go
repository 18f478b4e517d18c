package keeper_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// busy is a chain on which everything that a genesis can hold is under way.
func busy(t checker) *fixture {
	f := newFixture(t)
	admitted := f.active(1)
	f.attest(0, f.ran(admitted, 7, 1.000001))
	f.endBlock()
	f.active(2)
	require.NoError(f, f.k.SetTag(f.ctx, alice, "iris", "stable", 1))
	require.NoError(f, f.k.SetStatus(f.ctx, alice, "iris:2", types.MODEL_STATUS_DISABLED))
	failed := f.register("crash", onnx(3))
	f.attest(0, failure(failed, 1, types.MODEL_FAILURE_CRASH))
	f.endBlock()
	open := f.register("open", onnx(4))
	f.attest(1, f.ran(open, 1, 1))
	_, err := f.msgs.RegisterReference(f.ctx, reference("big"))
	require.NoError(f, err)
	f.upload("refused", []byte("no model"))
	f.endBlocks(2)
	f.setParams(func(p *types.Params) { p.InspectionBytesPerBlock = 30_000 })
	f.upload("waits", bytes.Repeat([]byte{1}, 100_000))
	f.endBlock()
	id := f.open(bob, "wide", wide(5))
	for _, i := range []uint32{2, 0} {
		_, err := f.chunk(bob, id, wide(5), i)
		require.NoError(f, err)
	}
	dropped := f.open(bob, "gone", wide(6))
	_, err = f.chunk(bob, dropped, wide(6), 1)
	require.NoError(f, err)
	_, err = f.msgs.CancelUpload(f.ctx, &types.MsgCancelUpload{Owner: bob.String(), UploadId: dropped})
	require.NoError(f, err)
	return f
}

// export is what a node exports after a block.
func (f *fixture) export() *types.GenesisState {
	f.Helper()
	state, err := f.k.ExportGenesis(f.ctx.WithBlockHeight(f.ctx.BlockHeight() - 1))
	require.NoError(f, err)
	return state
}

// imported is a chain that begins at a height with the state of another.
func (f *fixture) imported(t checker, state types.GenesisState, height int64) *fixture {
	f.Helper()
	g := newBareFixture(t)
	g.ctx = g.ctx.WithBlockHeight(height)
	for _, name := range []string{alice.String(), bob.String(), moduleAddress(types.ModuleName).String(), communityPool, burned} {
		g.bank.set(g.ctx, name, f.bank.balance(f.ctx, name))
	}
	g.scheduling.voters, g.scheduling.total, g.scheduling.small = f.scheduling.voters, f.scheduling.total, f.scheduling.small
	require.NoError(f, g.k.InitGenesis(g.ctx, state))
	return g
}

func TestGenesisRoundTrip(t *testing.T) {
	f := busy(t)
	checkState(f)
	state := f.export()
	require.NoError(t, state.Validate())
	want, err := f.cdc.MarshalJSON(state)
	require.NoError(t, err)
	for _, height := range []int64{0, 1, 1000} {
		var read types.GenesisState
		require.NoError(t, f.cdc.UnmarshalJSON(want, &read))
		g := f.imported(t, read, height)
		g.ctx = g.ctx.WithBlockHeight(max(height, 1))
		checkState(g)
		got, err := g.cdc.MarshalJSON(g.export())
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
	// The chain that is imported goes on as the old one does.
	g := f.imported(t, *state, 1)
	for range 300 {
		f.endBlock()
		g.endBlock()
	}
	checkState(g)
	old, imported := f.export(), g.export()
	require.Equal(t, len(old.Models), len(imported.Models))
	for i := range old.Models {
		a, b := old.Models[i].Model, imported.Models[i].Model
		require.Equal(t, a.Status, b.Status, "%s:%d", a.Name, a.Version)
		require.Equal(t, a.Verdict.Reason, b.Verdict.Reason)
	}
	require.Equal(t, f.balance(burned), g.balance(burned))
}

// TestGenesisJudges: words that were not judged when the state was exported are judged after the import.
func TestGenesisJudges(t *testing.T) {
	f := newFixture(t)
	m := f.register("iris", onnx(1))
	for i := range 3 {
		f.attest(i, f.ran(m, 1, 1))
	}
	g := f.imported(t, *f.export(), 1)
	g.endBlock()
	require.Equal(t, types.MODEL_STATUS_ACTIVE, g.status("iris"))
}

func TestGenesisNeedsTheDeposits(t *testing.T) {
	f := busy(t)
	state := f.export()
	g := newBareFixture(t)
	require.ErrorIs(t, g.k.InitGenesis(g.ctx, *state), types.ErrEscrow)
}

// TestGenesisNeedsTheClasses: a proof in an environment class that x/scheduling does not know would never be looked at.
func TestGenesisNeedsTheClasses(t *testing.T) {
	f := busy(t)
	state := f.export()
	proofs := find(state, "open").Proofs
	proofs[len(proofs)-1].EnvironmentClass = lastEnvironment + 1
	require.NoError(t, state.Validate())
	after, account := newBareFixture(t), moduleAddress(types.ModuleName).String()
	after.bank.set(after.ctx, account, f.bank.balance(f.ctx, account))
	require.ErrorContains(t, after.k.InitGenesis(after.ctx, *state), "expected a registered environment class, got 100")
}

func find(state *types.GenesisState, name string) *types.GenesisModel {
	for i := range state.Models {
		if state.Models[i].Model.Name == name {
			return &state.Models[i]
		}
	}
	panic(name)
}

func TestGenesisIsChecked(t *testing.T) {
	f := busy(t)
	raw, err := f.export().Marshal()
	require.NoError(t, err)
	for name, breakIt := range map[string]func(*types.GenesisState){
		"parameters":                            func(s *types.GenesisState) { s.Params.AdmissionBlocks = 0 },
		"names in another order":                func(s *types.GenesisState) { s.Names[0], s.Names[1] = s.Names[1], s.Names[0] },
		"a name without owner":                  func(s *types.GenesisState) { s.Names[0].Owner = "" },
		"a name that is missing":                func(s *types.GenesisState) { s.Names = s.Names[1:] },
		"a version beyond the name's":           func(s *types.GenesisState) { find(s, "open").Model.Version = 9 },
		"a tag of no version":                   func(s *types.GenesisState) { s.Tags[0].Version = 7 },
		"tags in another order":                 func(s *types.GenesisState) { s.Tags[0], s.Tags[1] = s.Tags[1], s.Tags[0] },
		"a tag that is none":                    func(s *types.GenesisState) { s.Tags[0].Tag = "1" },
		"models in another order":               func(s *types.GenesisState) { s.Models[0], s.Models[1] = s.Models[1], s.Models[0] },
		"a model twice":                         func(s *types.GenesisState) { s.Models = append(s.Models[:1], s.Models...) },
		"a sha256 that is none":                 func(s *types.GenesisState) { s.Models[0].Model.Sha256 = "X" },
		"another file":                          func(s *types.GenesisState) { find(s, "open").Onnx = onnx(99) },
		"no file":                               func(s *types.GenesisState) { find(s, "open").Onnx = nil },
		"a file by reference":                   func(s *types.GenesisState) { find(s, "big").Onnx = []byte{1} },
		"a file of what is refused":             func(s *types.GenesisState) { find(s, "refused").Onnx = []byte("no model") },
		"a source that is none":                 func(s *types.GenesisState) { find(s, "big").Model.Sources = []string{"ftp://x"} },
		"a file id that is not given out":       func(s *types.GenesisState) { s.NextFileId = 2 },
		"a file id twice":                       func(s *types.GenesisState) { find(s, "open").Model.File = find(s, "crash").Model.File },
		"a card that is another":                func(s *types.GenesisState) { find(s, "open").Card = "other" },
		"an unknown status":                     func(s *types.GenesisState) { find(s, "open").Model.Status = 99 },
		"an admission without a deadline":       func(s *types.GenesisState) { find(s, "open").Model.Deadline = 0 },
		"a deadline that has passed":            func(s *types.GenesisState) { find(s, "open").Model.Deadline = -1 },
		"a deadline without an admission":       func(s *types.GenesisState) { find(s, "iris").Model.Deadline = 1 },
		"an admitted model without certificate": func(s *types.GenesisState) { find(s, "iris").Certificate = nil },
		"a certificate of another model":        func(s *types.GenesisState) { find(s, "iris").Certificate.Model = find(s, "open").Model.Sha256 },
		"a certificate without classes":         func(s *types.GenesisState) { find(s, "iris").Certificate.Classes = nil },
		"a certificate with other outputs":      func(s *types.GenesisState) { find(s, "iris").Certificate.Outputs[20]++ },
		"a certificate that is not admitted":    func(s *types.GenesisState) { find(s, "open").Certificate = find(s, "iris").Certificate },
		"an admitted height of what is not":     func(s *types.GenesisState) { find(s, "open").Model.AdmittedHeight = 3 },
		"a rejection without reason":            func(s *types.GenesisState) { find(s, "crash").Model.Verdict.Reason = "" },
		"an unknown reason":                     func(s *types.GenesisState) { find(s, "crash").Model.Verdict.Reason = "boredom" },
		"a rejection for want of a quorum":      func(s *types.GenesisState) { find(s, "crash").Model.Verdict.Reason = types.ReasonNoQuorum },
		"a signature that is none":              func(s *types.GenesisState) { find(s, "open").Model.Inspection.Inputs = nil },
		"a signature before the inspection":     func(s *types.GenesisState) { find(s, "waits").Model.Inspection.Opset = 17 },
		"golden vectors of another signature":   func(s *types.GenesisState) { find(s, "open").Golden.Vectors = [][]byte{{1}} },
		"proofs of what is refused":             func(s *types.GenesisState) { find(s, "refused").Proofs = find(s, "open").Proofs },
		"proofs in another order":               func(s *types.GenesisState) { p := find(s, "iris").Proofs; p[0], p[1] = p[1], p[0] },
		"a proof of nobody":                     func(s *types.GenesisState) { find(s, "open").Proofs[0].Operator = "nobody" },
		"a proof without a word":                func(s *types.GenesisState) { find(s, "open").Proofs[0].OutputRoot = nil },
		"outputs of another root":               func(s *types.GenesisState) { find(s, "open").Outputs[0].Outputs[20]++ },
		"outputs that nobody attests":           func(s *types.GenesisState) { find(s, "open").Proofs = nil },
		"an upload that is whole": func(s *types.GenesisState) {
			s.Uploads[0].Chunks = append(s.Uploads[0].Chunks, types.GenesisChunk{Index: 3})
			s.Uploads[0].Upload.Received = 3
		},
		"chunks in another order":    func(s *types.GenesisState) { c := s.Uploads[0].Chunks; c[0], c[1] = c[1], c[0] },
		"a chunk that is another":    func(s *types.GenesisState) { s.Uploads[0].Chunks[0].Data[0]++ },
		"a count of chunks":          func(s *types.GenesisState) { s.Uploads[0].Upload.Received = 1 },
		"an upload that has expired": func(s *types.GenesisState) { s.Uploads[0].Upload.Expires = 0 },
		"an upload without owner":    func(s *types.GenesisState) { s.Uploads[0].Upload.Owner = "" },
		"an upload with a bad name":  func(s *types.GenesisState) { s.Uploads[0].Upload.Manifest.Name = "-" },
		"a credit beyond the first":  func(s *types.GenesisState) { s.InspectionCredit = 100_001 },
		"a task class that is none":  func(s *types.GenesisState) { find(s, "open").Model.TaskClass = schedulingtypes.TASK_CLASS_UNSPECIFIED },
		"labels twice":               func(s *types.GenesisState) { find(s, "open").Model.Labels = []string{"a", "a"} },
		"a size of nothing":          func(s *types.GenesisState) { find(s, "open").Model.Size_ = 0 },
		"a reference that is waiting": func(s *types.GenesisState) {
			m := &find(s, "big").Model
			m.Status, m.Deadline = types.MODEL_STATUS_INSPECTING, 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			var state types.GenesisState
			require.NoError(t, state.Unmarshal(raw))
			require.NoError(t, state.Validate())
			breakIt(&state)
			require.ErrorIs(t, state.Validate(), types.ErrInvalidGenesis)
		})
	}
}
