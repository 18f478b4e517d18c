// Package paging reads the pages of lists for the query servers of the modules. Every list goes on by key; what one page
// looks at, holds and weighs is bounded, whatever its filters leave of it.
package paging

import (
	"bytes"
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"
	"github.com/cosmos/cosmos-sdk/types/query"
)

const (
	// DefaultLimit is the number of elements of a page when none is asked for.
	DefaultLimit = 100
	// MaxLimit bounds the number of elements of a page.
	MaxLimit = 1000
	// MaxScanned bounds the entries that one page looks at.
	MaxScanned = 1000
	// MaxBytes bounds the encoding of the elements of a page: below what gRPC clients take. A page of one element may be larger.
	MaxBytes = 2 << 20
	// MaxScannedBytes bounds the encoding of the elements that one page looks at, those that its filters leave out included.
	// The last one may pass it.
	MaxScannedBytes = 16 << 20
)

// sized is a pointer to a message, which tells the length of its encoding.
type sized[T any] interface {
	*T
	Size() int
}

// Take makes the element of a page of an entry; false leaves the entry out. An element that is left out counts as looked at
// with what is returned of it.
type Take[K, V, T any] func(key K, value V) (element T, wanted bool, err error)

// List reads a page of a collection in the order of its keys. Under limits it to the keys that begin with a part of a key,
// as collections.PairPrefix and its kin make them; nil is all. A page that ends early, by its limit or another bound, has a
// next key. Errors on the request have the code InvalidArgument and name the field.
func List[K, V, T any, P sized[T]](
	ctx context.Context, c query.Collection[K, V], page *query.PageRequest, under *K, take Take[K, V, T],
) ([]T, *query.PageResponse, error) {
	if page == nil {
		page = &query.PageRequest{}
	}
	if err := check(page); err != nil {
		return nil, nil, err
	}
	start, end, err := bounds(c, page, under)
	if err != nil {
		return nil, nil, err
	}
	order := collections.OrderAscending
	if page.Reverse {
		order = collections.OrderDescending
	}
	iterator, err := c.IterateRaw(ctx, start, end, order)
	if errors.Is(err, collections.ErrInvalidIterator) { // nothing is there
		return []T{}, &query.PageResponse{}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer iterator.Close()
	limit := int(page.Limit)
	if limit == 0 {
		limit = DefaultLimit
	}
	list, weight, looked := make([]T, 0, min(limit, DefaultLimit)), 0, 0
	for scanned := 0; iterator.Valid(); iterator.Next() {
		if len(list) == limit || scanned == MaxScanned || looked >= MaxScannedBytes {
			return ended(c, iterator, under, list)
		}
		scanned++
		entry, err := iterator.KeyValue()
		if err != nil {
			return nil, nil, err
		}
		element, wanted, err := take(entry.Key, entry.Value)
		if err != nil {
			return nil, nil, err
		}
		size := P(&element).Size()
		looked += size
		if !wanted {
			continue
		}
		if len(list) > 0 && weight+size > MaxBytes {
			return ended(c, iterator, under, list)
		}
		list = append(list, element)
		weight += size
	}
	return list, &query.PageResponse{}, nil
}

// ended is a page that goes on with the entry that the iterator is at.
func ended[K, V, T any](c query.Collection[K, V], iterator collections.Iterator[K, V], under *K, list []T) ([]T, *query.PageResponse, error) {
	next, err := nextKey(c, iterator, under)
	if err != nil {
		return nil, nil, err
	}
	return list, &query.PageResponse{NextKey: next}, nil
}

// check refuses what a page does not offer. The cost of offsets and counts grows with the list.
func check(page *query.PageRequest) error {
	switch {
	case page.Offset > 0:
		return invalid("pagination.offset: expected pagination.key with the next_key of the page before, got an offset of %d", page.Offset)
	case page.CountTotal:
		return invalid("pagination.count_total: expected false, got true: lists are not counted")
	case page.Limit > MaxLimit:
		return invalid("pagination.limit: expected at most %d, got %d", MaxLimit, page.Limit)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// bounds are the raw keys between which a page lies, the end excluded; nil is open.
func bounds[K, V any](c query.Collection[K, V], page *query.PageRequest, under *K) (start, end []byte, err error) {
	var prefix []byte
	if under != nil {
		if prefix, err = encode(c, *under); err != nil {
			return nil, nil, err
		}
		start, end = prefix, after(prefix)
	}
	if len(page.Key) == 0 {
		return start, end, nil
	}
	key := append(bytes.Clone(prefix), page.Key...)
	if !isKey(c, key) {
		return nil, nil, invalid("pagination.key: expected the next_key of the page before with the same filters, got %x", sample(page.Key))
	}
	if page.Reverse {
		return start, append(key, 0), nil // the key itself included
	}
	return key, end, nil
}

// sample bounds what an error repeats of a key.
func sample(key []byte) []byte { return key[:min(len(key), 64)] }

// isKey tells whether raw is the encoding of a whole key.
func isKey[K, V any](c query.Collection[K, V], raw []byte) bool {
	n, key, err := c.KeyCodec().Decode(raw)
	if err != nil || n != len(raw) {
		return false
	}
	again, err := encode(c, key)
	return err == nil && bytes.Equal(again, raw)
}

func encode[K, V any](c query.Collection[K, V], key K) ([]byte, error) {
	raw := make([]byte, c.KeyCodec().Size(key))
	n, err := c.KeyCodec().Encode(raw, key)
	return raw[:n], err
}

// nextKey is the key that the iterator is at, without the part that all keys of the list share.
func nextKey[K, V any](c query.Collection[K, V], iterator collections.Iterator[K, V], under *K) ([]byte, error) {
	key, err := iterator.Key()
	if err != nil {
		return nil, err
	}
	raw, err := encode(c, key)
	if err != nil || under == nil {
		return raw, err
	}
	prefix, err := encode(c, *under)
	if err != nil {
		return nil, err
	}
	return raw[len(prefix):], nil
}

// after is the first raw key behind all that begin with prefix; nil when there is none.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
