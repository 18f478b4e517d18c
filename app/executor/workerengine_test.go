package executor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// client is a worker client that answers as it is told.
type client struct {
	status  worker.Status
	outcome worker.Outcome
	err     error
}

func (c client) Status() worker.Status                          { return c.status }
func (c client) Load(context.Context, string, []byte) error     { return c.err }
func (c client) LoadFile(context.Context, string, string) error { return c.err }
func (c client) Unload(context.Context, string) error           { return c.err }
func (c client) Infer(context.Context, string, []tensor.Tensor, []string) (worker.Outcome, error) {
	return c.outcome, c.err
}

func TestWorkerStatus(t *testing.T) {
	class := worker.EnvironmentClass{
		RuntimeVersion: "1.27.0", LibrarySHA256: strings.Repeat("09", 32), Provider: "cpu", Profile: 1, ISA: "avx2",
	}
	got := NewWorkerEngine(client{status: worker.Status{Ready: true, Environment: class, WorkerVersion: "v1"}},
		WorkerLimits{MaxOutput: 8192, MaxModel: 1 << 20, ModelBudget: 1 << 20}).Status()
	require.Equal(t, newEngine().status, got)

	require.Nil(t, NewWorkerEngine(client{}, WorkerLimits{}).Status().Environment, "not known yet")
	class.LibrarySHA256 = "zz"
	require.Nil(t, NewWorkerEngine(client{status: worker.Status{Environment: class}}, WorkerLimits{}).Status().Environment)
}

func TestWorkerOutcomes(t *testing.T) {
	outputs := []tensor.Tensor{vector("y", 1)}
	for outcome, want := range map[worker.Failure]verificationtypes.Failure{
		worker.FailureNone:        verificationtypes.FAILURE_NONE,
		worker.FailureExecution:   verificationtypes.FAILURE_EXECUTION,
		worker.FailureOutputLimit: verificationtypes.FAILURE_OUTPUT_LIMIT,
	} {
		c := client{outcome: worker.Outcome{Failure: outcome}}
		if outcome == worker.FailureNone {
			c.outcome.Outputs = outputs
		}
		run, err := NewWorkerEngine(c, WorkerLimits{}).Infer(context.Background(), "", nil, nil)
		require.NoError(t, err)
		require.Equal(t, Run{Outputs: c.outcome.Outputs, Failure: want}, run)
	}
	_, err := NewWorkerEngine(client{outcome: worker.Outcome{Failure: 9}}, WorkerLimits{}).Infer(context.Background(), "", nil, nil)
	require.Error(t, err)
}

func TestWorkerErrorsKeepTheirMeaning(t *testing.T) {
	for from, to := range map[error]error{
		worker.ErrModelRefused: ErrModelRefused,
		worker.ErrNotLoaded:    ErrNotLoaded,
		worker.ErrLoadDeadline: ErrTooSlow,
		worker.ErrRunDeadline:  ErrTooSlow,
		worker.ErrNotReady:     worker.ErrNotReady,
		worker.ErrResources:    worker.ErrResources,
		worker.ErrStalled:      worker.ErrStalled,
		worker.ErrDied:         ErrCrashed,
		worker.ErrTooLarge:     ErrDoesNotFit,
	} {
		e := NewWorkerEngine(client{err: fmt.Errorf("call: %w", from)}, WorkerLimits{})
		err := e.Load(context.Background(), "", nil)
		require.ErrorIs(t, err, to)
		require.ErrorIs(t, err, from)
		_, err = e.Infer(context.Background(), "", nil, nil)
		require.ErrorIs(t, err, to)
		for _, other := range []error{ErrModelRefused, ErrNotLoaded, ErrTooSlow, ErrCrashed, ErrDoesNotFit} {
			require.Equal(t, errors.Is(to, other), errors.Is(err, other))
		}
	}
	require.NoError(t, NewWorkerEngine(client{}, WorkerLimits{}).Load(context.Background(), "", nil))
}
