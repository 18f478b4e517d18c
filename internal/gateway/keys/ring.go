package keys

import (
	"context"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Defaults are the limits of keys that have none of their own.
type Defaults struct {
	Rate        float64
	Concurrency int
	// Anonymous are the limits of callers without a key; nil lets none in.
	Anonymous *Limits
}

// Ring answers who a caller is. It is safe for concurrent use.
type Ring struct {
	folder   string
	defaults Defaults

	mu   sync.RWMutex
	byID map[string]*Caller
	seen time.Time // modification of the file that was read
	size int64
}

// Caller is a key in use.
type Caller struct {
	Key
	limiter *rate.Limiter
	active  *gauge
	most    int
}

// gauge counts. A key keeps its own when its limits change.
type gauge struct {
	mu sync.Mutex
	n  int
}

// Open reads the keys of a gateway.
func Open(folder string, d Defaults) (*Ring, error) {
	r := &Ring{folder: folder, defaults: d, byID: make(map[string]*Caller)}
	return r, r.reload()
}

// Watch reads the file again whenever it has changed, until the context ends. A file that cannot be read changes nothing.
func (r *Ring) Watch(ctx context.Context, every time.Duration, log *slog.Logger) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !r.changed() {
			continue
		}
		if err := r.reload(); err != nil {
			log.Error("API keys not reloaded, the former ones stay", "error", err)
		} else {
			log.Info("API keys reloaded")
		}
	}
}

func (r *Ring) changed() bool {
	info, err := os.Stat(Path(r.folder))
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err != nil {
		return !r.seen.IsZero()
	}
	return !info.ModTime().Equal(r.seen) || info.Size() != r.size
}

func (r *Ring) reload() error {
	var seen time.Time
	var size int64
	if info, err := os.Stat(Path(r.folder)); err == nil {
		seen, size = info.ModTime(), info.Size()
	}
	list, err := Load(r.folder)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen, r.size = seen, size
	if err != nil {
		return err
	}
	if r.defaults.Anonymous != nil {
		list = append(list, Key{ID: Anonymous, Name: Anonymous, Limits: *r.defaults.Anonymous})
	}
	next := make(map[string]*Caller, len(list))
	for _, k := range list {
		next[k.ID] = r.caller(k, r.byID[k.ID])
	}
	r.byID = next
	return nil
}

// caller is a key with its counters: those it had before, when its limits are the same.
func (r *Ring) caller(k Key, before *Caller) *Caller {
	most := k.Concurrency
	if most == 0 {
		most = r.defaults.Concurrency
	}
	perSecond := k.Rate
	if perSecond == 0 {
		perSecond = r.defaults.Rate
	}
	burst := k.Burst
	if burst == 0 {
		burst = max(1, int(math.Ceil(perSecond)))
	}
	c := &Caller{Key: k, most: most, active: &gauge{}, limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
	if before == nil {
		return c
	}
	c.active = before.active
	if before.limiter.Limit() == c.limiter.Limit() && before.limiter.Burst() == burst {
		c.limiter = before.limiter
	}
	return c
}

// Lookup finds the caller with a key; an empty text is a caller without one. Errors: ErrUnknown, ErrRevoked.
func (r *Ring) Lookup(text string) (*Caller, error) {
	id := Anonymous
	if text != "" {
		id = publicID(text)
	}
	r.mu.RLock()
	c, ok := r.byID[id]
	r.mu.RUnlock()
	switch {
	case !ok, text != "" && !c.opens(text):
		return nil, ErrUnknown
	case c.Revoked != nil:
		return nil, ErrRevoked
	default:
		return c, nil
	}
}

// ByID finds the limits that hold for a key now; false when it is gone.
func (r *Ring) ByID(id string) (*Caller, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c, ok := r.byID[id]
	return c, ok
}

// Allow takes one request from the rate of the caller; otherwise it tells when to come again.
func (c *Caller) Allow() (wait time.Duration, ok bool) {
	reservation := c.limiter.Reserve()
	if !reservation.OK() {
		return time.Second, false
	}
	if wait = reservation.Delay(); wait > 0 {
		reservation.Cancel()
		return wait, false
	}
	return 0, true
}

// Enter counts a request without a final answer; false when there are as many as may be. leave counts it off, once.
func (c *Caller) Enter() (leave func(), ok bool) {
	c.active.mu.Lock()
	defer c.active.mu.Unlock()
	if c.active.n >= c.most {
		return nil, false
	}
	c.active.n++
	return sync.OnceFunc(func() {
		c.active.mu.Lock()
		defer c.active.mu.Unlock()
		c.active.n--
	}), true
}

// Concurrency is the number of requests without a final answer that the caller may have.
func (c *Caller) Concurrency() int { return c.most }

// List gives the keys by name, the revoked ones among them.
func (r *Ring) List() []Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]Key, 0, len(r.byID))
	for _, c := range r.byID {
		list = append(list, c.Key)
	}
	slices.SortFunc(list, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	return list
}
