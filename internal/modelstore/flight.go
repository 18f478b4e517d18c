package modelstore

import (
	"context"
	"fmt"
	"sync"
)

// flights lets callers who want the same thing wait for one of them. The work goes on while anybody waits.
type flights struct {
	mu      sync.Mutex
	flights map[string]*flight
}

type flight struct {
	done    chan struct{}
	err     error
	waiting int
	cancel  context.CancelFunc
}

// do does the work unless it is under way, and waits for its end or that of ctx.
func (f *flights) do(ctx context.Context, key string, work func(context.Context) error) error {
	f.mu.Lock()
	one, found := f.flights[key]
	if !found {
		one = f.start(ctx, key, work)
	}
	one.waiting++
	f.mu.Unlock()

	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
		f.leave(key, one)
		return context.Cause(ctx)
	}
}

// start begins the work for whoever waits. The caller holds mu.
func (f *flights) start(ctx context.Context, key string, work func(context.Context) error) *flight {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	one := &flight{done: make(chan struct{}), cancel: cancel}
	if f.flights == nil {
		f.flights = map[string]*flight{}
	}
	f.flights[key] = one
	go func() {
		defer cancel()
		one.err = safely(ctx, work)
		f.mu.Lock()
		if f.flights[key] == one {
			delete(f.flights, key)
		}
		f.mu.Unlock()
		close(one.done)
	}()
	return one
}

// safely turns a panic of the work, which reads what strangers answer, into its error.
func safely(ctx context.Context, work func(context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("fetching panicked: %v", r)
		}
	}()
	return work(ctx)
}

// leave stops the work when the last has left. Who comes then starts anew.
func (f *flights) leave(key string, one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.waiting--; one.waiting > 0 {
		return
	}
	one.cancel()
	if f.flights[key] == one {
		delete(f.flights, key)
	}
}
