package executor

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

func cacheKeyOf(i int) (k cacheKey) {
	binary.LittleEndian.PutUint64(k[:], uint64(i))
	return k
}

func TestCacheIsBoundedByEntries(t *testing.T) {
	c := newResultCache()
	for i := range 3 * cacheEntries {
		c.put(cacheKeyOf(i), computed{failure: verificationtypes.FAILURE_EXECUTION})
		_, ok := c.get(cacheKeyOf(0))
		require.True(t, ok, "what is used stays")
	}
	c.put(cacheKeyOf(-1), computed{failure: verificationtypes.FAILURE_OUTPUT_LIMIT})
	_, ok := c.get(cacheKeyOf(-1))
	require.False(t, ok)
	require.Len(t, c.entries, cacheEntries)
	require.Equal(t, cacheEntries, c.order.Len())
	_, ok = c.get(cacheKeyOf(1))
	require.False(t, ok)
}

func TestCacheIsBoundedByBytes(t *testing.T) {
	c := newResultCache()
	for i := range 40 {
		c.put(cacheKeyOf(i), computed{output: make([]byte, 1<<20)})
		c.put(cacheKeyOf(i), computed{output: make([]byte, 1<<20)})
		require.LessOrEqual(t, c.bytes, cacheBytes)
	}
	require.Len(t, c.entries, cacheBytes>>20)
	c.put(cacheKeyOf(100), computed{output: make([]byte, cacheBytes)})
	_, ok := c.get(cacheKeyOf(100))
	require.False(t, ok, "one result does not push out all others")
}

func TestComputationsAreToldApart(t *testing.T) {
	base := Duty{Model: ModelID{1}, InputRoot: []byte("i"), Outputs: []string{"a", "b"}}
	keys := map[cacheKey]bool{computationKey(base, 1): true}
	for _, change := range []func(*Duty){
		func(d *Duty) { d.Model = ModelID{2} },
		func(d *Duty) { d.InputRoot = []byte("j") },
		func(d *Duty) { d.Outputs = []string{"b", "a"} },
		func(d *Duty) { d.Outputs = []string{"ab"} },
		func(d *Duty) { d.Outputs = []string{"a"} },
		func(d *Duty) { d.InputRoot, d.Outputs = nil, []string{"i", "a", "b"} },
	} {
		d := base
		change(&d)
		keys[computationKey(d, 1)] = true
	}
	keys[computationKey(base, 2)] = true
	require.Len(t, keys, 8)
	require.True(t, keys[computationKey(base, 1)])
}
