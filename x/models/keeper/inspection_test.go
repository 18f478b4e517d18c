package keeper_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/models/types"
)

func (f *fixture) status(reference string) types.ModelStatus {
	f.Helper()
	return f.model(reference).Status
}

func (f *fixture) credit() uint64 {
	f.Helper()
	n, err := f.k.InspectionCredit.Get(f.ctx)
	require.NoError(f, err)
	return n
}

// TestInspectionBudget: a file of 32 MiB waits 8 blocks at 4 MiB a block, and the small ones behind it come after it, in
// their order.
func TestInspectionBudget(t *testing.T) {
	f := newFixture(t)
	big := bytes.Repeat([]byte{0xff}, 32<<20)
	f.upload("big", big)
	f.upload("small", onnx(1))
	f.upload("wide", wide(2))
	for i := range 7 {
		f.endBlock()
		require.Equal(t, types.MODEL_STATUS_INSPECTING, f.status("big:1"))
		require.Equal(t, types.MODEL_STATUS_INSPECTING, f.status("small:1"), "nothing overtakes")
		require.EqualValues(t, (i+1)*(4<<20), f.credit())
	}
	f.endBlock()
	m := f.model("big:1")
	require.Equal(t, types.MODEL_STATUS_REJECTED, m.Status)
	require.Equal(t, types.ReasonRefused, m.Verdict.Reason)
	require.Contains(t, m.Verdict.Detail, "malformed")
	require.EqualValues(t, 17, m.Verdict.Height)
	require.Equal(t, types.MODEL_STATUS_INSPECTING, f.status("small:1"), "the credit is spent")
	require.Zero(t, f.credit())
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("small:1"))
	require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("wide:1"), "what one leaves serves the next")
	require.Zero(t, f.credit(), "nothing is saved while nothing waits")
	f.endBlocks(4)
	require.EqualValues(t, len(onnx(1))+len(wide(2)), f.stored(), "128 chunks are gone in 4 blocks")
	checkState(f)
}

// TestCreditIsBounded: no more is saved than the first of the queue takes.
func TestCreditIsBounded(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxAdmissions = 1 })
	f.register("first", onnx(1))
	m := f.upload("second", onnx(2))
	f.endBlocks(3)
	require.Equal(t, types.MODEL_STATUS_INSPECTING, f.status("second:1"), "no place among the admissions")
	require.Equal(t, m.Size_, f.credit())
	f.admit(f.model("first:1"))
	require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("second:1"), "the place goes to the queue in the same block")
	checkState(f)
}

// TestInspectionsAreBounded: at most 64 files are inspected in a block, however small they are.
func TestInspectionsAreBounded(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxAdmissions = 100 })
	for i := range 70 {
		f.upload("many", onnx(i))
	}
	waiting := func() (n int) {
		require.NoError(t, f.k.Inspections.Walk(f.ctx, nil, func(uint64, []byte) (bool, error) { n++; return false, nil }))
		return n
	}
	f.endBlock()
	require.Equal(t, 6, waiting())
	f.endBlock()
	require.Zero(t, waiting())
	checkState(f)
}

// TestRefusedFiles: whatever is wrong with a file, it is rejected with the reason, dropped, and the queue goes on.
func TestRefusedFiles(t *testing.T) {
	liar := func(f *fixture) types.Model { // the chunks are those that were stated, the whole is not
		file := onnx(1)
		msg := opening(alice, "bad", file)
		msg.Sha256 = hexHash([]byte("something else"))
		res, err := f.msgs.OpenUpload(f.ctx, msg)
		require.NoError(f, err)
		_, err = f.chunk(alice, res.UploadId, file, 0)
		require.NoError(f, err)
		return f.model("bad:1")
	}
	for _, c := range []struct {
		name   string
		upload func(f *fixture) types.Model
		detail string
	}{
		{"no ONNX file", func(f *fixture) types.Model { return f.upload("bad", []byte("hello")) }, "malformed"},
		{"another hash", liar, "expected a file with sha256"},
		{"golden vectors of another signature", func(f *fixture) types.Model {
			file := onnx(1)
			msg := opening(alice, "bad", file)
			msg.Manifest.Golden.Ranges = []types.InputRange{{Input: "nothing", Low: "0", High: "1"}}
			res, err := f.msgs.OpenUpload(f.ctx, msg)
			require.NoError(f, err)
			_, err = f.chunk(alice, res.UploadId, file, 0)
			require.NoError(f, err)
			return f.model("bad:1")
		}, "expected ranges of inputs only"},
		{"a chunk that is lost", func(f *fixture) types.Model {
			m := f.upload("bad", onnx(1))
			require.NoError(f, f.k.Chunks.Remove(f.ctx, collections.Join(m.File, uint32(0))))
			return m
		}, "cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			m := c.upload(f)
			f.upload("good", onnx(7))
			f.endBlock()
			m = f.model(m.Sha256)
			require.Equal(t, types.MODEL_STATUS_REJECTED, m.Status)
			require.Equal(t, types.ReasonRefused, m.Verdict.Reason)
			require.Contains(t, m.Verdict.Detail, c.detail)
			require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("good:1"))
			_, err := f.k.File(f.ctx, m)
			require.ErrorIs(t, err, types.ErrNoFile)
			require.ErrorIs(t, f.k.RequestAdmission(f.ctx, alice, m.Sha256), types.ErrStatus, "what is refused stays so")
		})
	}
}
