// Package memo remembers the answers of a node for a while, and lets callers that ask for the same at one time share one question.
package memo

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// maxMemo bounds the answers that a memo keeps.
	maxMemo = 1024
	// loadTimeout bounds a question to the node that several callers wait for.
	loadTimeout = 15 * time.Second
)

// Memo remembers answers by their questions. A failure is not remembered. It is safe for concurrent use.
type Memo[V any] struct {
	keep   time.Duration
	closed context.Context // ends the questions

	mu      sync.Mutex
	answers map[string]answer[V]
	flights singleflight.Group
}

type answer[V any] struct {
	value V
	until time.Time
}

// New is a memo that keeps an answer for a time. Questions end with closed.
func New[V any](closed context.Context, keep time.Duration) *Memo[V] {
	return &Memo[V]{keep: keep, closed: closed, answers: make(map[string]answer[V])}
}

// Known gives the answer that is remembered; false when there is none.
func (m *Memo[V]) Known(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.answers[key]
	return a.value, ok && time.Now().Before(a.until)
}

func (m *Memo[V]) store(key string, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if len(m.answers) >= maxMemo {
		for k, a := range m.answers {
			if !now.Before(a.until) {
				delete(m.answers, k)
			}
		}
		if len(m.answers) >= maxMemo {
			clear(m.answers)
		}
	}
	m.answers[key] = answer[V]{value: value, until: now.Add(m.keep)}
}

// Get gives what is known, or asks. A caller that goes away does not disturb the others that wait for the same answer.
func (m *Memo[V]) Get(ctx context.Context, key string, load func(context.Context) (V, error)) (V, error) {
	if v, ok := m.Known(key); ok {
		return v, nil
	}
	flight := m.flights.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(m.closed, loadTimeout)
		defer cancel()
		v, err := load(ctx)
		if err == nil {
			m.store(key, v)
		}
		return v, err
	})
	select {
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	case r := <-flight:
		v, _ := r.Val.(V)
		return v, r.Err
	}
}
