package modelstore

import (
	"sync"
	"time"
)

const (
	firstAside = 15 * time.Second
	// wrongAside is for sources that gave something else.
	wrongAside = 5 * time.Minute
	lastAside  = time.Hour
	// maxAside bounds the memory for sources that the chain names.
	maxAside = 4096
)

// aside remembers sources that failed, to ask others meanwhile.
type aside struct {
	mu      sync.Mutex
	sources map[string]pause
}

type pause struct {
	length time.Duration
	until  time.Time
}

// until says how long a source is put aside, if it is.
func (a *aside) until(key string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, found := a.sources[key]
	return p.until, found && time.Now().Before(p.until)
}

// put puts a source aside, for twice as long each time in a row.
func (a *aside) put(key string, shortest time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if a.sources == nil {
		a.sources = map[string]pause{}
	}
	if len(a.sources) >= maxAside {
		a.forget(now)
	}
	length := min(max(shortest, 2*a.sources[key].length), lastAside)
	a.sources[key] = pause{length: length, until: now.Add(length)}
}

// forget drops the sources whose time is over, or all when none is over.
func (a *aside) forget(now time.Time) {
	for key, p := range a.sources {
		if !now.Before(p.until) {
			delete(a.sources, key)
		}
	}
	if len(a.sources) >= maxAside {
		clear(a.sources)
	}
}

// take takes a source back after it did well.
func (a *aside) take(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sources, key)
}
