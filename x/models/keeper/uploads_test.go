package keeper_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdkmath "cosmossdk.io/math"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// wide is a model of three chunks.
func wide(number int) []byte { return onnxOf(number, 80_000) }

// depositOf is what an upload with the default parameters takes: a coin for each byte of the file and of the card of
// [manifest], and the fee of the admission.
func depositOf(file []byte, name string) int64 { return int64(len(file)+len("# "+name)) + fee }

func TestUpload(t *testing.T) {
	f := newFixture(t)
	file := wide(1)
	require.Len(t, chunks(file), 3)
	id := f.open(alice, "wide", file)
	deposit := depositOf(file, "wide")
	require.Equal(t, deposit, f.balance(moduleAddress(types.ModuleName).String()), "the bytes and the admission")
	require.Equal(t, startBalance-deposit, f.balance(alice.String()))
	require.EqualValues(t, len(file), f.stored(), "room is reserved")
	checkState(f)

	// In any order; what is there is refused and known.
	for i, index := range []uint32{2, 0} {
		res, err := f.chunk(alice, id, file, index)
		require.NoError(t, err)
		require.EqualValues(t, 2-i, res.Missing)
	}
	_, err := f.chunk(alice, id, file, 0)
	require.ErrorIs(t, err, types.ErrChunkExists)
	state, err := f.queries.Upload(f.ctx, &types.QueryUploadRequest{UploadId: id})
	require.NoError(t, err)
	require.Equal(t, []uint32{1}, state.Missing)
	require.EqualValues(t, 2, state.Upload.Received)
	require.Zero(t, f.balance(communityPool))

	res, err := f.chunk(alice, id, file, 1)
	require.NoError(t, err)
	require.Equal(t, &types.MsgUploadChunkResponse{Version: 1}, res)
	m := f.model("wide:1")
	require.Equal(t, types.MODEL_STATUS_INSPECTING, m.Status)
	require.Empty(t, m.Inspection.Inputs)
	require.Equal(t, deposit, f.balance(communityPool), "the whole deposit")
	require.Equal(t, startBalance-deposit, f.balance(alice.String()), "nothing more is taken")
	require.Zero(t, f.balance(moduleAddress(types.ModuleName).String()))
	_, err = f.queries.Upload(f.ctx, &types.QueryUploadRequest{UploadId: id})
	require.ErrorIs(t, err, types.ErrUploadNotFound)
	checkState(f)

	f.endBlock()
	m = f.model("wide:1")
	require.Equal(t, types.MODEL_STATUS_ADMITTING, m.Status)
	got, err := f.k.File(f.ctx, m)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, got))
	chunk, err := f.queries.Chunk(f.ctx, &types.QueryChunkRequest{Model: "wide:1", Index: 2})
	require.NoError(t, err)
	require.Equal(t, chunks(file)[2], chunk.Data)
	f.admit(m)
	checkState(f)
}

func TestOpenUploadRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fixture, *types.MsgOpenUpload)
		want   error
	}{
		{"a file that is registered", func(_ *fixture, m *types.MsgOpenUpload) { m.Sha256 = hexHash(onnx(9)) }, types.ErrModelExists},
		{"a name of somebody else", func(_ *fixture, m *types.MsgOpenUpload) { m.Owner = bob.String() }, types.ErrNotOwner},
		{"a hash that is none", func(_ *fixture, m *types.MsgOpenUpload) { m.Sha256 = "abc" }, types.ErrUpload},
		{"no size", func(_ *fixture, m *types.MsgOpenUpload) { m.Size_ = 0 }, types.ErrModelTooLarge},
		{"a size beyond the parameter", func(_ *fixture, m *types.MsgOpenUpload) { m.Size_ = 32<<20 + 1 }, types.ErrModelTooLarge},
		{"a chunk too few", func(_ *fixture, m *types.MsgOpenUpload) { m.ChunkHashes = m.ChunkHashes[1:] }, types.ErrUpload},
		{"a chunk too many", func(_ *fixture, m *types.MsgOpenUpload) { m.ChunkHashes = append(m.ChunkHashes, make([]byte, 32)) }, types.ErrUpload},
		{"a short chunk hash", func(_ *fixture, m *types.MsgOpenUpload) { m.ChunkHashes[0] = make([]byte, 31) }, types.ErrUpload},
		{"too many uploads", func(f *fixture, _ *types.MsgOpenUpload) { f.setParams(func(p *types.Params) { p.MaxUploads = 0 }) }, types.ErrTooManyUploads},
		{"no room", func(f *fixture, m *types.MsgOpenUpload) {
			f.setParams(func(p *types.Params) {
				p.MaxModelBytes, p.MaxInlineBytes, p.MaxTotalBytes = m.Size_, 1, uint64(len(onnx(9)))+m.Size_-1
			})
		}, types.ErrNoRoom},
		{"too many golden bytes", func(_ *fixture, m *types.MsgOpenUpload) {
			m.Manifest.Golden.Vectors = [][]byte{make([]byte, 64<<10+1)}
		}, types.ErrGolden},
		{"too few coins", func(f *fixture, _ *types.MsgOpenUpload) { f.bank.set(f.ctx, alice.String(), sdkmath.OneInt()) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.register("wide", onnx(9))
			msg := opening(alice, "wide", wide(1))
			c.change(f, msg)
			cached, _ := f.ctx.CacheContext()
			_, err := f.msgs.OpenUpload(cached, msg)
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

func TestUploadChunkRefuses(t *testing.T) {
	f := newFixture(t)
	file := wide(1)
	id := f.open(alice, "wide", file)
	for _, c := range []struct {
		name string
		msg  types.MsgUploadChunk
		want error
	}{
		{"an upload that is none", types.MsgUploadChunk{Owner: alice.String(), UploadId: 99, Data: chunks(file)[0]}, types.ErrUploadNotFound},
		{"another signer", types.MsgUploadChunk{Owner: bob.String(), UploadId: id, Data: chunks(file)[0]}, types.ErrNotOwner},
		{"an index beyond the end", types.MsgUploadChunk{Owner: alice.String(), UploadId: id, Index: 3, Data: []byte{1}}, types.ErrChunk},
		{"a length that is wrong", types.MsgUploadChunk{Owner: alice.String(), UploadId: id, Data: chunks(file)[0][1:]}, types.ErrChunk},
		{"no data", types.MsgUploadChunk{Owner: alice.String(), UploadId: id}, types.ErrChunk},
		{"another chunk", types.MsgUploadChunk{Owner: alice.String(), UploadId: id, Index: 1, Data: chunks(file)[0]}, types.ErrChunk},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.requireUnchanged(func() {
				_, err := f.msgs.UploadChunk(f.ctx, &c.msg)
				require.ErrorIs(t, err, c.want)
			})
		})
	}
	// Gas is charged before the hash is looked at.
	ctx := f.ctx.WithGasMeter(storetypes.NewGasMeter(1 << 40))
	_, err := f.msgs.UploadChunk(ctx, &types.MsgUploadChunk{Owner: alice.String(), UploadId: id, Index: 1, Data: chunks(file)[0]})
	require.ErrorIs(t, err, types.ErrChunk)
	require.Greater(t, ctx.GasMeter().GasConsumed(), uint64(20*types.ChunkBytes))
}

// TestUploadEnds: what ends without a model burns its part exactly, returns the rest, and frees its room bit by bit.
func TestUploadEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(f *fixture, id uint64)
		reason string
	}{
		{"cancelled", func(f *fixture, id uint64) {
			res, err := f.msgs.CancelUpload(f.ctx, &types.MsgCancelUpload{Owner: alice.String(), UploadId: id})
			require.NoError(f, err)
			deposit := depositOf(wide(1), "wide")
			require.Equal(f, strconv.FormatInt(deposit-deposit/2, 10), res.Refunded)
		}, types.EndCancelled},
		{"expired", func(f *fixture, _ uint64) {
			f.ctx = f.ctx.WithBlockHeight(10 + 100)
			f.endBlock()
		}, types.EndExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.setParams(func(p *types.Params) { p.UploadBlocks = 100 })
			file := wide(1)
			id := f.open(alice, "wide", file)
			_, err := f.chunk(alice, id, file, 1)
			require.NoError(t, err)
			f.endBlock()
			require.EqualValues(t, len(file), f.stored(), "nothing happens before its time")
			f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
			c.end(f, id)
			deposit := depositOf(file, "wide")
			require.Equal(t, deposit/2, f.balance(burned), "5,000 basis points, rounded down")
			require.Equal(t, startBalance-deposit/2, f.balance(alice.String()))
			requireEvent(t, f.ctx, "opengradient.models.v1.EventUploadEnded", "reason", c.reason)
			checkState(f)
			f.endBlock()
			require.Zero(t, f.stored())
			_, err = f.k.Find(f.ctx, "wide:1")
			require.ErrorIs(t, err, types.ErrModelNotFound)
			checkState(f)
		})
	}
}

func requireEvent(t require.TestingT, ctx sdk.Context, event, attribute, value string) {
	for _, e := range ctx.EventManager().Events() {
		if e.Type != event {
			continue
		}
		for _, a := range e.Attributes {
			if a.Key == attribute {
				require.Contains(t, a.Value, value)
				return
			}
		}
	}
	require.Failf(t, "no such event", "%s with %s", event, attribute)
}

func TestCancelUploadOfSomebodyElse(t *testing.T) {
	f := newFixture(t)
	id := f.open(alice, "wide", wide(1))
	f.requireUnchanged(func() {
		_, err := f.msgs.CancelUpload(f.ctx, &types.MsgCancelUpload{Owner: bob.String(), UploadId: id})
		require.ErrorIs(t, err, types.ErrNotOwner)
	})
}

// TestRefundThatNobodyTakes: an owner that may not receive cannot keep an upload from ending.
func TestRefundThatNobodyTakes(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.UploadBlocks, p.UploadBurn = 1, 2_500 })
	file := wide(1)
	f.open(alice, "wide", file)
	f.bank.blocked[alice.String()] = true
	f.endBlocks(2)
	deposit := depositOf(file, "wide")
	require.Equal(t, deposit/4, f.balance(burned))
	require.Equal(t, deposit-deposit/4, f.balance(communityPool))
	checkState(f)
}

// TestConflict: an upload whose file or name has gone to somebody else ends without a model when it is whole.
func TestConflict(t *testing.T) {
	for name, take := range map[string]func(f *fixture, file []byte){
		"the file": func(f *fixture, file []byte) {
			id := f.open(bob, "other", file)
			for i := range chunks(file) {
				_, err := f.chunk(bob, id, file, uint32(i))
				require.NoError(f, err)
			}
		},
		"the name": func(f *fixture, _ []byte) {
			_, err := f.msgs.RegisterModel(f.ctx, &types.MsgRegisterModel{Owner: bob.String(), Manifest: manifest("wide"), Onnx: onnx(1)})
			require.NoError(f, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			file := wide(1)
			id := f.open(alice, "wide", file)
			for i := range uint32(2) {
				_, err := f.chunk(alice, id, file, i)
				require.NoError(t, err)
			}
			take(f, file)
			f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
			res, err := f.chunk(alice, id, file, 2)
			require.NoError(t, err)
			require.Equal(t, &types.MsgUploadChunkResponse{}, res, "no version")
			requireEvent(t, f.ctx, "opengradient.models.v1.EventUploadEnded", "reason", types.EndConflict)
			require.EqualValues(t, 500_000, f.balance(burned), "half of the admission fee, and nothing of the byte fee")
			checkState(f)
			f.endBlocks(3)
			checkState(f)
		})
	}
}

// TestDropIsBounded: at most 32 chunks go in one block, those of the oldest file first, and free their room one by one.
func TestDropIsBounded(t *testing.T) {
	f := newFixture(t)
	garbage := func(n int, fill byte) []byte { return bytes.Repeat([]byte{fill}, n*types.ChunkBytes) }
	first, second := garbage(40, 1), garbage(5, 2)
	var ids []uint64
	for i, file := range [][]byte{first, second} {
		msg := opening(alice, []string{"first", "second"}[i], file)
		res, err := f.msgs.OpenUpload(f.ctx, msg)
		require.NoError(t, err)
		ids = append(ids, res.UploadId)
		for index := range uint32(len(msg.ChunkHashes) - 1) {
			_, err := f.chunk(alice, res.UploadId, file, index)
			require.NoError(t, err)
		}
	}
	for _, id := range []uint64{ids[1], ids[0]} {
		_, err := f.msgs.CancelUpload(f.ctx, &types.MsgCancelUpload{Owner: alice.String(), UploadId: id})
		require.NoError(t, err)
	}
	count := func(id uint64) (n int) {
		require.NoError(t, f.k.Chunks.Walk(f.ctx, collections.NewPrefixedPairRange[uint64, uint32](id),
			func(collections.Pair[uint64, uint32], []byte) (bool, error) { n++; return false, nil }))
		return n
	}
	require.EqualValues(t, (39+4)*types.ChunkBytes, f.stored(), "what never came is free at once")
	f.endBlock()
	require.Equal(t, []int{7, 4}, []int{count(ids[0]), count(ids[1])})
	require.EqualValues(t, (7+4)*types.ChunkBytes, f.stored())
	checkState(f)
	f.endBlock()
	require.Equal(t, []int{0, 0}, []int{count(ids[0]), count(ids[1])})
	require.Zero(t, f.stored())
	checkState(f)
}

// TestExpiryIsBounded: at most 64 uploads end in one block; the others follow.
func TestExpiryIsBounded(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.UploadBlocks = 5 })
	for i := range 70 {
		f.open(alice, "many", []byte{byte(i), 1})
	}
	f.endBlocks(5)
	open, err := f.k.OpenUploads.Get(f.ctx)
	require.NoError(t, err)
	require.EqualValues(t, 70, open)
	f.endBlock()
	open, err = f.k.OpenUploads.Get(f.ctx)
	require.NoError(t, err)
	require.EqualValues(t, 6, open)
	f.endBlock()
	open, err = f.k.OpenUploads.Get(f.ctx)
	require.NoError(t, err)
	require.Zero(t, open)
	checkState(f)
}

// TestOpeningNeedsTheFee: an upload of few bytes takes the fee of the admission as well, and its last chunk needs no coins.
func TestOpeningNeedsTheFee(t *testing.T) {
	f := newFixture(t)
	file := onnx(1)
	deposit := depositOf(file, "iris")
	f.bank.set(f.ctx, alice.String(), sdkmath.NewInt(deposit-1))
	cached, _ := f.ctx.CacheContext()
	_, err := f.msgs.OpenUpload(cached, opening(alice, "iris", file))
	require.ErrorContains(t, err, "deposit")
	f.bank.set(f.ctx, alice.String(), sdkmath.NewInt(deposit))
	id := f.open(alice, "iris", file)
	require.Zero(t, f.balance(alice.String()))
	res, err := f.chunk(alice, id, file, 0)
	require.NoError(t, err)
	require.EqualValues(t, 1, res.Version)
	require.Equal(t, deposit, f.balance(communityPool))
	checkState(f)
}

// TestDepositIsThatOfTheOpening: fees that change while an upload is under way take nothing more of it.
func TestDepositIsThatOfTheOpening(t *testing.T) {
	f := newFixture(t)
	file := onnx(1)
	id := f.open(alice, "iris", file)
	f.setParams(func(p *types.Params) { p.AdmissionFee, p.BytePrice = sdkmath.NewInt(9*fee), sdkmath.NewInt(9) })
	_, err := f.chunk(alice, id, file, 0)
	require.NoError(t, err)
	require.Equal(t, depositOf(file, "iris"), f.balance(communityPool))
	require.Equal(t, startBalance-depositOf(file, "iris"), f.balance(alice.String()))
	checkState(f)
}
