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
	gauges  *gauges
	most    int
}

// waits is how many calls of a caller may wait for jobs, for each request that it may have without an answer.
const waits = 4

// gauges count what a caller has under way. A key keeps its own when its limits change.
type gauges struct{ active, reading, waiting gauge }

// gauge counts up to a limit.
type gauge struct {
	mu sync.Mutex
	n  int
}

// enter counts one; false when there are as many as may be. leave counts it off, once.
func (g *gauge) enter(most int) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n >= most {
		return nil, false
	}
	g.n++
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.n--
	}), true
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
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		told = r.look(log, told)
	}
}

// look reads the file again when it has changed. told is the error that was logged last, which is not logged again.
func (r *Ring) look(log *slog.Logger, told string) string {
	if !r.changed() {
		return told
	}
	err := r.reload()
	if err == nil {
		log.Info("API keys reloaded")
		return ""
	}
	if told != err.Error() {
		log.Error("API keys not reloaded, the former ones stay", "error", err)
	}
	return err.Error()
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
	if err != nil {
		return err // it is read again until it can be: a mode that is corrected leaves the time of the file as it was
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen, r.size = seen, size
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
	c := &Caller{Key: k, most: most, gauges: &gauges{}, limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
	if before == nil {
		return c
	}
	c.gauges = before.gauges
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
func (c *Caller) Enter() (leave func(), ok bool) { return c.gauges.active.enter(c.most) }

// Read counts a request that is being received, as Enter does. It is apart from those without an answer: one that repeats an
// earlier request may be received when there is no room for another.
func (c *Caller) Read() (leave func(), ok bool) { return c.gauges.reading.enter(c.most) }

// Wait counts a call that waits for a job made before, as Enter does.
func (c *Caller) Wait() (leave func(), ok bool) { return c.gauges.waiting.enter(c.Waits()) }

// Waits is the number of calls of the caller that may wait for jobs made before.
func (c *Caller) Waits() int { return waits * c.most }

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
