package paging_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"cosmossdk.io/collections"
	"cosmossdk.io/collections/colltest"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/internal/paging"
)

type (
	pair   = collections.Pair[[]byte, uint64]
	triple = collections.Triple[[]byte, []byte, uint32]
)

// element is what a page holds, with a weight of the test's choice.
type element struct {
	key    string
	weight int
}

func (e *element) Size() int { return e.weight }

func store(t testing.TB) (context.Context, *collections.SchemaBuilder) {
	t.Helper()
	service, ctx := colltest.MockStore()
	return ctx, collections.NewSchemaBuilder(service)
}

// all follows the pages of a list to their end.
func all(t require.TestingT, list func(*query.PageRequest) ([]element, *query.PageResponse, error), page query.PageRequest) (elements []string, pages int) {
	for {
		found, response, err := list(&page)
		require.NoError(t, err)
		for _, e := range found {
			elements = append(elements, e.key)
		}
		pages++
		if page.Key = response.NextKey; len(page.Key) == 0 {
			return elements, pages
		}
	}
}

// TestPagesAreTheList: whatever the keys, the part that is asked for, the filter, the direction and the limit are, the pages
// together are the sorted keys that fit.
func TestPagesAreTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service, ctx := colltest.MockStore()
		sb := collections.NewSchemaBuilder(service)
		set := collections.NewKeySet(sb, collections.NewPrefix(7), "set", collections.PairKeyCodec(collections.BytesKey, collections.Uint64Key))
		// Keys of a neighbour in the store are never seen.
		other := collections.NewKeySet(sb, collections.NewPrefix(8), "other", collections.Uint64Key)
		require.NoError(t, other.Set(ctx, 1))
		owners := [][]byte{{}, {0}, {0xff}, {1, 2}, {1, 3}, {0xff, 0xff}}
		type entry struct {
			owner int
			id    uint64
		}
		entries := rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) entry {
			return entry{rapid.IntRange(0, len(owners)-1).Draw(t, "owner"), rapid.SampledFrom([]uint64{0, 1, 2, 3, 255, 256, 1 << 63, ^uint64(0)}).Draw(t, "id")}
		}), func(e entry) entry { return e }).Draw(t, "entries")
		for _, e := range entries {
			require.NoError(t, set.Set(ctx, collections.Join(owners[e.owner], e.id)))
		}
		of := rapid.IntRange(-1, len(owners)-1).Draw(t, "of") // -1: everybody
		odd := rapid.Bool().Draw(t, "odd only")
		page := query.PageRequest{Limit: rapid.Uint64Range(1, 5).Draw(t, "limit"), Reverse: rapid.Bool().Draw(t, "reverse")}

		text := func(owner []byte, id uint64) string { return fmt.Sprintf("%02d%x/%016x", len(owner), owner, id) }
		var want []string
		for _, e := range entries {
			if (of < 0 || of == e.owner) && (!odd || e.id%2 == 1) {
				want = append(want, text(owners[e.owner], e.id))
			}
		}
		slices.Sort(want) // the store orders owners by length first
		if page.Reverse {
			slices.Reverse(want)
		}
		var under *pair
		if of >= 0 {
			prefix := collections.PairPrefix[[]byte, uint64](owners[of])
			under = &prefix
		}
		got, _ := all(t, func(p *query.PageRequest) ([]element, *query.PageResponse, error) {
			return paging.List(ctx, set, p, under, func(key pair, _ collections.NoValue) (element, bool, error) {
				return element{key: text(key.K1(), key.K2())}, !odd || key.K2()%2 == 1, nil
			})
		}, page)
		require.Equal(t, want, got)
	})
}

func TestPageEndsEarly(t *testing.T) {
	ctx, sb := store(t)
	m := collections.NewMap(sb, collections.NewPrefix(0), "map", collections.Uint64Key, collections.Uint64Value)
	for i := range uint64(2500) {
		require.NoError(t, m.Set(ctx, i, i))
	}
	list := func(page *query.PageRequest, wanted func(uint64) bool, weight int) ([]element, *query.PageResponse, error) {
		return paging.List(ctx, m, page, nil, func(k, _ uint64) (element, bool, error) {
			return element{key: fmt.Sprint(k), weight: weight}, wanted(k), nil
		})
	}
	every, none := func(uint64) bool { return true }, func(uint64) bool { return false }
	for name, tc := range map[string]struct {
		limit        uint64
		wanted       func(uint64) bool
		weight       int
		first, pages int
	}{
		"by the default limit":                   {0, every, 1, paging.DefaultLimit, 25},
		"by its limit":                           {700, every, 1, 700, 4},
		"by what it looks at":                    {paging.MaxLimit, none, 1, 0, 3},
		"by the weight of what it looks at":      {paging.MaxLimit, none, paging.MaxScannedBytes / 8, 0, 313},
		"by its weight":                          {paging.MaxLimit, every, paging.MaxBytes / 4, 4, 625},
		"before the element that is too much":    {paging.MaxLimit, every, paging.MaxBytes/4 + 1, 3, 834},
		"after one element that is far too much": {paging.MaxLimit, every, 2 * paging.MaxBytes, 1, 2500},
	} {
		t.Run(name, func(t *testing.T) {
			found, response, err := list(&query.PageRequest{Limit: tc.limit}, tc.wanted, tc.weight)
			require.NoError(t, err)
			require.Len(t, found, tc.first)
			require.NotEmpty(t, response.NextKey)
			_, pages := all(t, func(p *query.PageRequest) ([]element, *query.PageResponse, error) {
				return list(p, tc.wanted, tc.weight)
			}, query.PageRequest{Limit: tc.limit})
			require.Equal(t, tc.pages, pages)
		})
	}
}

func TestPageIsRefused(t *testing.T) {
	ctx, sb := store(t)
	m := collections.NewMap(sb, collections.NewPrefix(0), "map", collections.Uint64Key, collections.Uint64Value)
	require.NoError(t, m.Set(ctx, 1, 1))
	for name, tc := range map[string]struct {
		page query.PageRequest
		want string
	}{
		"an offset":               {query.PageRequest{Offset: 1}, "pagination.offset"},
		"a count":                 {query.PageRequest{CountTotal: true}, "pagination.count_total"},
		"a page too large":        {query.PageRequest{Limit: paging.MaxLimit + 1}, "pagination.limit: expected at most 1000, got 1001"},
		"a limit beyond integers": {query.PageRequest{Limit: ^uint64(0)}, "pagination.limit"},
		"a key too short":         {query.PageRequest{Key: []byte{1}}, "pagination.key"},
		"a key too long":          {query.PageRequest{Key: make([]byte, 9), Reverse: true}, "pagination.key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := paging.List(ctx, m, &tc.page, nil, func(k, _ uint64) (element, bool, error) { return element{}, true, nil })
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, codes.InvalidArgument, status.Code(err))
		})
	}
}

// FuzzKey: no key of a page that a client makes up panics, leaves the part of the list that was asked for, or is an error
// of another kind than a bad argument.
func FuzzKey(f *testing.F) {
	for _, key := range [][]byte{nil, {0}, {0xff, 0xff, 0xff}, {2, 1, 2, 0, 0, 0, 1}, {1, 7, 0, 0, 0, 0, 0, 0, 0, 9}, {0x80, 1}, []byte("iris\x00\x00\x00\x00\x01")} {
		f.Add(key, false)
		f.Add(key, true)
	}
	ctx, sb := store(f)
	proofs := collections.NewKeySet(sb, collections.NewPrefix(0), "proofs", collections.TripleKeyCodec(collections.BytesKey, collections.BytesKey, collections.Uint32Key))
	versions := collections.NewKeySet(sb, collections.NewPrefix(1), "versions", collections.PairKeyCodec(collections.StringKey, collections.Uint32Key))
	queue := collections.NewKeySet(sb, collections.NewPrefix(2), "queue", collections.TripleKeyCodec(collections.Uint32Key, collections.Int64Key, collections.Uint64Key))
	names := collections.NewKeySet(sb, collections.NewPrefix(3), "names", collections.StringKey)
	for i := range uint32(3) {
		require.NoError(f, proofs.Set(ctx, collections.Join3([]byte{1}, []byte{byte(i)}, i)))
		require.NoError(f, proofs.Set(ctx, collections.Join3([]byte{2}, []byte{byte(i)}, i)))
		require.NoError(f, versions.Set(ctx, collections.Join("iris", i)))
		require.NoError(f, queue.Set(ctx, collections.Join3(i, int64(i)-1, uint64(i))))
		require.NoError(f, names.Set(ctx, fmt.Sprint("name", i)))
	}
	f.Fuzz(func(t *testing.T, key []byte, reverse bool) {
		page := &query.PageRequest{Key: key, Reverse: reverse}
		check := func(err error) {
			if err != nil && status.Code(err) != codes.InvalidArgument {
				t.Fatalf("expected a bad argument, got %v", err)
			}
		}
		under := collections.TriplePrefix[[]byte, []byte, uint32]([]byte{1})
		_, _, err := paging.List(ctx, proofs, page, &under, func(k triple, _ collections.NoValue) (element, bool, error) {
			if k.K1()[0] != 1 {
				t.Fatalf("left the list at %v", k)
			}
			return element{}, true, nil
		})
		check(err)
		_, _, err = paging.List(ctx, versions, page, nil, func(collections.Pair[string, uint32], collections.NoValue) (element, bool, error) {
			return element{}, true, nil
		})
		check(err)
		_, _, err = paging.List(ctx, queue, page, nil, func(collections.Triple[uint32, int64, uint64], collections.NoValue) (element, bool, error) {
			return element{}, true, nil
		})
		check(err)
		_, _, err = paging.List(ctx, names, page, nil, func(string, collections.NoValue) (element, bool, error) { return element{}, true, nil })
		check(err)
	})
}

func TestFilters(t *testing.T) {
	for name, read := range map[string]func(string) (any, error){
		"account":  func(s string) (any, error) { return paging.Account("owner", s) },
		"operator": func(s string) (any, error) { return paging.Operator("owner", s) },
		"model":    func(s string) (any, error) { return paging.Model("owner", s) },
	} {
		t.Run(name, func(t *testing.T) {
			value, err := read("")
			require.NoError(t, err)
			require.Empty(t, value)
			_, err = read("what")
			require.ErrorContains(t, err, "owner: expected")
			require.Equal(t, codes.InvalidArgument, status.Code(err))
		})
	}
}

func TestEnumFilter(t *testing.T) {
	names := map[int32]string{0: "UNSPECIFIED", 2: "LATE", 1: "EARLY"}
	for _, value := range []int32{0, 1, 2} {
		require.NoError(t, paging.Enum("status", value, names))
	}
	for _, value := range []int32{-1, 3} {
		err := paging.Enum("status", value, names)
		require.ErrorContains(t, err, fmt.Sprintf("status: expected one of EARLY, LATE, got %d", value))
		require.Equal(t, codes.InvalidArgument, status.Code(err))
	}
}
