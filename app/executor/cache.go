package executor

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"

	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	cacheEntries = 512
	cacheBytes   = 16 << 20
)

// cacheKey names a computation: the same one has the same result wherever it comes
// up.
type cacheKey [sha256.Size]byte

// computationKey is SHA-256 over the model, the input root, the environment class
// and the wanted outputs, each string with its length before it.
func computationKey(d Duty, class uint32) cacheKey {
	var b []byte
	put := func(s string) {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	put(string(d.Model[:]))
	put(string(d.InputRoot))
	b = binary.LittleEndian.AppendUint32(b, class)
	for _, name := range d.Outputs {
		put(name)
	}
	return sha256.Sum256(b)
}

// computed is what a computation gives, before the limit of any one request: the
// canonical output bytes, or a failure.
type computed struct {
	output  []byte
	failure verificationtypes.Failure
}

// resultCache keeps the computations used last, within a number of entries and of
// bytes.
type resultCache struct {
	order   *list.List // of *cacheItem, the one used last in front
	entries map[cacheKey]*list.Element
	bytes   int
}

type cacheItem struct {
	key    cacheKey
	result computed
}

func newResultCache() *resultCache {
	return &resultCache{order: list.New(), entries: make(map[cacheKey]*list.Element)}
}

func (c *resultCache) get(key cacheKey) (computed, bool) {
	element, ok := c.entries[key]
	if !ok {
		return computed{}, false
	}
	c.order.MoveToFront(element)
	return element.Value.(*cacheItem).result, true
}

// put keeps a result. It leaves out one that would push out too many others, and
// an output limit, which is a matter of each request.
func (c *resultCache) put(key cacheKey, result computed) {
	if len(result.output) > cacheBytes/4 || result.failure == verificationtypes.FAILURE_OUTPUT_LIMIT {
		return
	}
	if _, ok := c.get(key); ok {
		return
	}
	c.entries[key] = c.order.PushFront(&cacheItem{key, result})
	c.bytes += len(result.output)
	for len(c.entries) > cacheEntries || c.bytes > cacheBytes {
		last := c.order.Back()
		item := c.order.Remove(last).(*cacheItem)
		delete(c.entries, item.key)
		c.bytes -= len(item.result.output)
	}
}
