package keeper_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

func TestReferences(t *testing.T) {
	f := newFixture(t)
	first, second := f.active(1), f.active(2)
	third := f.register("iris", onnx(3))
	require.NoError(t, f.k.SetTag(f.ctx, alice, "iris", "stable", 1))
	for reference, want := range map[string]types.Model{
		"iris": second, "iris:latest": second, "iris:1": first, "iris:2": second, "iris:3": third, "iris:stable": first,
		first.Sha256: first, third.Sha256: third,
	} {
		require.Equal(t, want.Version, f.model(reference).Version, reference)
	}
	for reference, want := range map[string]error{
		"rose": types.ErrModelNotFound, "iris:4": types.ErrModelNotFound, "iris:beta": types.ErrModelNotFound,
		hexHash([]byte("x")): types.ErrModelNotFound, "": types.ErrInvalidName, "Iris": types.ErrInvalidName, "iris:0": types.ErrInvalidTag,
		"iris:": types.ErrInvalidTag, "iris:01": types.ErrInvalidTag, "iris:4294967296": types.ErrInvalidTag, "iris:1:2": types.ErrInvalidTag,
		"iris\x00": types.ErrInvalidName,
	} {
		_, err := f.k.Find(f.ctx, reference)
		require.ErrorIs(t, err, want, "%q", reference)
	}
}

// TestLatestMovesForwards: the tag latest follows newer versions that are admitted, in whatever order, and obeys its owner.
func TestLatestMovesForwards(t *testing.T) {
	f := newFixture(t)
	one, two := f.register("iris", onnx(1)), f.register("iris", onnx(2))
	f.admit(two)
	require.EqualValues(t, 2, f.model("iris").Version)
	f.admit(one)
	require.EqualValues(t, 2, f.model("iris").Version, "an older one does not take it back")
	require.NoError(t, f.k.SetTag(f.ctx, alice, "iris", "latest", 1))
	require.EqualValues(t, 1, f.model("iris").Version)
	f.active(3)
	require.EqualValues(t, 3, f.model("iris").Version)
	require.NoError(t, f.k.RemoveTag(f.ctx, alice, "iris", "latest"))
	_, err := f.k.Find(f.ctx, "iris")
	require.ErrorIs(t, err, types.ErrModelNotFound)
}

func TestTags(t *testing.T) {
	f := newFixture(t)
	f.active(1)
	for name, c := range map[string]struct {
		call func() error
		want error
	}{
		"a tag of somebody else":  {func() error { return f.k.SetTag(f.ctx, bob, "iris", "x", 1) }, types.ErrNotOwner},
		"a version that is none":  {func() error { return f.k.SetTag(f.ctx, alice, "iris", "x", 2) }, types.ErrModelNotFound},
		"a tag that is a number":  {func() error { return f.k.SetTag(f.ctx, alice, "iris", "1", 1) }, types.ErrInvalidTag},
		"a name that is unknown":  {func() error { return f.k.SetTag(f.ctx, alice, "rose", "x", 1) }, types.ErrNameNotFound},
		"a tag that is not there": {func() error { return f.k.RemoveTag(f.ctx, alice, "iris", "x") }, types.ErrTagNotFound},
		"removing somebody's tag": {func() error { return f.k.RemoveTag(f.ctx, bob, "iris", "latest") }, types.ErrNotOwner},
	} {
		t.Run(name, func(t *testing.T) {
			f.requireUnchanged(func() { require.ErrorIs(t, c.call(), c.want) })
		})
	}
	// Room for latest is kept.
	require.NoError(t, f.k.RemoveTag(f.ctx, alice, "iris", "latest"))
	for i := range types.MaxTags - 1 {
		require.NoError(t, f.k.SetTag(f.ctx, alice, "iris", fmt.Sprintf("t%d", i), 1))
	}
	require.ErrorIs(t, f.k.SetTag(f.ctx, alice, "iris", "more", 1), types.ErrTooManyTags)
	require.NoError(t, f.k.SetTag(f.ctx, alice, "iris", "t0", 1), "a tag that is there moves")
	f.active(2)
	require.EqualValues(t, 2, f.model("iris").Version)
	require.ErrorIs(t, f.k.SetTag(f.ctx, alice, "iris", "more", 1), types.ErrTooManyTags)
}

func TestTransferName(t *testing.T) {
	f := newFixture(t)
	f.active(1)
	m := f.active(2)
	f.requireUnchanged(func() { require.ErrorIs(t, f.k.TransferName(f.ctx, bob, bob, "iris"), types.ErrNotOwner) })
	f.requireUnchanged(func() { require.ErrorIs(t, f.k.TransferName(f.ctx, alice, alice, "iris"), types.ErrNotOwner) })
	_, err := f.msgs.TransferName(f.ctx, &types.MsgTransferName{Owner: alice.String(), NewOwner: bob.String(), Name: "iris"})
	require.NoError(t, err)
	owner, err := f.k.Owner(f.ctx, m)
	require.NoError(t, err)
	require.Equal(t, bob, owner, "the royalty is the new owner's")
	require.ErrorIs(t, f.k.SetStatus(f.ctx, alice, "iris", types.MODEL_STATUS_DISABLED), types.ErrNotOwner)
	require.NoError(t, f.k.SetStatus(f.ctx, bob, "iris", types.MODEL_STATUS_DISABLED))
	for who, n := range map[string]int{alice.String(): 0, bob.String(): 2} {
		res, err := f.queries.Models(f.ctx, &types.QueryModelsRequest{Owner: who})
		require.NoError(t, err)
		require.Len(t, res.Models, n)
	}
	checkState(f)
}

func TestSetStatus(t *testing.T) {
	f := newFixture(t)
	m := f.active(1)
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	for _, step := range []struct {
		to     types.ModelStatus
		usable bool
		want   error
	}{
		{types.MODEL_STATUS_ACTIVE, true, types.ErrStatus},
		{types.MODEL_STATUS_ADMITTING, true, types.ErrStatus},
		{types.MODEL_STATUS_REJECTED, true, types.ErrStatus},
		{types.MODEL_STATUS_UNSPECIFIED, true, types.ErrStatus},
		{types.MODEL_STATUS_DEPRECATED, true, nil},
		{types.MODEL_STATUS_DISABLED, false, nil},
		{types.MODEL_STATUS_DISABLED, false, types.ErrStatus},
		{types.MODEL_STATUS_ACTIVE, true, nil},
	} {
		_, err := f.msgs.SetStatus(f.ctx, &types.MsgSetStatus{Owner: alice.String(), Model: "iris", Status: step.to})
		require.ErrorIs(t, err, step.want, "%s", step.to)
		require.Equal(t, step.usable, f.model("iris").Usable())
		checkState(f)
	}
	requireEvent(t, f.ctx, "opengradient.models.v1.EventModelStatus", "status", "DEPRECATED")
	require.Equal(t, m.AdmittedHeight, f.model("iris").AdmittedHeight)
	f.register("new", onnx(2))
	require.ErrorIs(t, f.k.SetStatus(f.ctx, alice, "new:1", types.MODEL_STATUS_DISABLED), types.ErrStatus, "not admitted yet")
}
