package server

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"sync"

	"github.com/opengradient/opengradient/internal/worker/backend"
)

// model is a loaded model. Its session is used by the holder of the server's turn only.
type model struct {
	name      string
	session   backend.Session
	signature Signature
	cost      int64 // bytes counted against the budget
	used      uint64
	stats     statistics
}

// cache holds the loaded models within a budget and drops the one longest unused to make room. Lookups may happen at any
// time; sessions are added, dropped and run by the holder of the server's turn only, so none is dropped while it runs.
type cache struct {
	budget int64

	mu     sync.Mutex
	models map[string]*model
	total  int64
	clock  uint64 // counts uses
}

func newCache(budget int64) *cache { return &cache{budget: budget, models: make(map[string]*model)} }

// errBudget is a model that would not fit even an empty cache.
var errBudget = errors.New("the model exceeds the memory budget")

// cost is the memory a model of the given file size is counted with.
func (c *cache) cost(fileBytes int64) (int64, error) {
	if fileBytes > math.MaxInt64/SessionFactor || fileBytes*SessionFactor > c.budget {
		return 0, fmt.Errorf("%w: expected a file of at most %d bytes (budget %d bytes, %d times the file), got %d",
			errBudget, c.budget/SessionFactor, c.budget, SessionFactor, fileBytes)
	}
	return fileBytes * SessionFactor, nil
}

// get finds a model.
func (c *cache) get(name string) (*model, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.models[name]
	return m, ok
}

// touch finds a model and counts it as used now.
func (c *cache) touch(name string) (*model, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.models[name]
	if ok {
		c.clock++
		m.used = c.clock
	}
	return m, ok
}

// makeRoom drops models, the longest unused first, until cost fits beside the others.
func (c *cache) makeRoom(cost int64) {
	for {
		c.mu.Lock()
		var oldest *model
		if c.total > c.budget-cost {
			for _, m := range c.models {
				if oldest == nil || m.used < oldest.used {
					oldest = m
				}
			}
		}
		c.mu.Unlock()
		if oldest == nil {
			return
		}
		c.drop(oldest.name)
	}
}

// add puts a model in; there must be room and none of its name.
func (c *cache) add(m *model) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	m.used = c.clock
	c.models[m.name] = m
	c.total += m.cost
}

// drop closes a model and tells whether it was there.
func (c *cache) drop(name string) bool {
	c.mu.Lock()
	m, ok := c.models[name]
	if ok {
		delete(c.models, name)
		c.total -= m.cost
	}
	c.mu.Unlock()
	if ok {
		// The memory is gone either way; a session that fails to close is not used again.
		_ = m.session.Close()
	}
	return ok
}

func (c *cache) clear() {
	for _, m := range c.list() {
		c.drop(m.name)
	}
}

// list gives the models by name.
func (c *cache) list() []*model {
	c.mu.Lock()
	defer c.mu.Unlock()
	models := make([]*model, 0, len(c.models))
	for _, m := range c.models {
		models = append(models, m)
	}
	sort.Slice(models, func(i, j int) bool { return models[i].name < models[j].name })
	return models
}
