package executor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/nodeapi"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

func state(b *bench, id ModelID) nodeapi.Model {
	for _, m := range b.report().Models {
		if m.SHA256 == id.String() {
			return m
		}
	}
	return nodeapi.Model{}
}

func TestStatesOfModels(t *testing.T) {
	class := nextEnvironment()
	b := newBench(t, withStore, withBudget(6), func(b *bench) {
		b.provers = append(b.provers, Prover{Engine: newEngine(), Next: true})
		b.tries(1).status.Environment, b.tries(1).status.LastError = &class, "no such library"
	})
	loaded, spare := b.proven("aaaa", 2), b.proven("bbbb", 1)
	refused, elsewhereID := b.chain.register("refused"), b.chain.register("far", elsewhere)
	waiting := b.chain.register("waiting", admitting(150))
	b.tries(0).behave = map[string]error{"load " + refused.String(): ErrModelRefused}
	key := b.chain.open(1, func(d *Duty) { d.Model = loaded })
	b.chain.queue = []ModelID{loaded}
	b.commit()
	require.Equal(t, nodeapi.StateWaiting, state(b, refused).State)
	require.Equal(t, nodeapi.StateFetching, state(b, elsewhereID).State)
	require.Equal(t, nodeapi.StateAdmitting, state(b, waiting).State)
	b.drain()
	_, ok := b.say(key)
	require.True(t, ok)

	got := b.report()
	require.Equal(t, self, got.Operator)
	require.Equal(t, int64(100), got.Height)
	require.True(t, got.Ready)
	require.Equal(t, uint32(4), got.Environment.Index)
	require.Equal(t, "1.27.0", got.Environment.RuntimeVersion)
	require.Equal(t, uint64(30), got.BudgetBytes)
	require.Equal(t, uint64(20), got.UsedBytes)
	require.Len(t, got.Models, 5)
	require.Equal(t, &nodeapi.Preparation{
		Environment: &nodeapi.Environment{RuntimeVersion: "1.28.0", LibrarySHA256: got.Environment.LibrarySHA256, Provider: "cpu", Profile: 1, ISA: "avx2"},
		Ready:       true, Error: "no such library", Total: 4,
	}, got.Next)

	used := b.clock.Now().UTC()
	require.Equal(t, nodeapi.Model{
		SHA256: loaded.String(), Name: "model", Version: 1, Status: "active", SizeBytes: 4, MemoryBytes: 20,
		Pinned: true, State: nodeapi.StateLoaded, LastUsed: &used,
	}, state(b, loaded))
	require.Equal(t, nodeapi.StateProven, state(b, spare).State)
	require.Equal(t, nodeapi.StateFailed, state(b, refused).State)
	require.Equal(t, "load", state(b, refused).Failure)
	require.NotEmpty(t, state(b, refused).Detail)
	require.Equal(t, nodeapi.StateFailed, state(b, elsewhereID).State, "its file cannot be had")
	require.Equal(t, "admitting", state(b, waiting).Status)
	require.Equal(t, nodeapi.StateProven, state(b, waiting).State)
	require.Len(t, state(b, waiting).OutputRoot, 64)

	b.chain.takeWords(b.Pending().Models)
	b.restart()
	b.block()
	require.Equal(t, "load", state(b, refused).Failure, "as the chain has it")
	require.Equal(t, nodeapi.StateFailed, state(b, refused).State)
}

// A model that the chain does not list any more is told as long as it is held.
func TestHeldModelsAreTold(t *testing.T) {
	b := newBench(t)
	b.engine.status.Models = names(sums(1)...)
	b.block()
	require.Equal(t, nodeapi.Model{SHA256: names(sums(1)...)[0], State: nodeapi.StateLoaded}, state(b, ModelID(sums(1)[0])))
	require.Nil(t, b.report().Next)
	require.Equal(t, nodeapi.StateWaiting, state(b, modelName).State)
}

func TestTheExecutorAnswers(t *testing.T) {
	c, e := newChain(), newEngine()
	x := start(t, c, e)
	require.Eventually(t, func() bool {
		got, err := x.Models(t.Context())
		return err == nil && got.Operator == self && len(got.Models) == 1
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, x.Close())
	_, err := x.Models(t.Context())
	require.Error(t, err)

	idle, err := New(Options{Operator: self, Committed: c, Engine: e, Outbox: open(t, t.TempDir()), SealKey: SealKey{1}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("busy"))
	defer cancel()
	_, err = idle.Models(ctx)
	require.ErrorContains(t, err, "busy")
	require.NoError(t, idle.Close())
}

func TestStatusWords(t *testing.T) {
	require.Equal(t, "active", modelstypes.MODEL_STATUS_ACTIVE.Word())
	require.Equal(t, "deprecated", modelstypes.MODEL_STATUS_DEPRECATED.Word())
}
