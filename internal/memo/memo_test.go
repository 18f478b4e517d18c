package memo

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Callers that ask at one time share one question, and one that goes away takes it from nobody.
func TestOneQuestionForMany(t *testing.T) {
	m := New[string](t.Context(), time.Hour)
	var asked atomic.Int64
	begun, answer := make(chan struct{}), make(chan struct{})
	ask := func(ctx context.Context) (string, error) {
		return m.Get(ctx, "what", func(ctx context.Context) (string, error) {
			asked.Add(1)
			close(begun)
			select {
			case <-answer:
				return "iris", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
	}
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := ask(ctx); first <- err }()
	<-begun
	leave()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first, who has left: got %v", err)
	}
	for range 3 {
		if _, err := ask(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("another who has left: got %v", err)
		}
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if l, err := ask(t.Context()); err != nil || l != "iris" {
				t.Errorf("expected the answer, got %q, %v", l, err)
			}
		})
	}
	close(answer)
	wg.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("expected one question, got %d", n)
	}
}
