package types

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/address"
)

// validateKeys checks the idempotency keys: their order, what they were answered with and how long they are remembered.
func (g GenesisState) validateKeys(requests map[uint64]Request) error {
	longest := uint32(0)
	for _, p := range g.Params {
		longest = max(longest, p.Params.IdempotencyBlocks)
	}
	var previous IdempotencyKey
	var before []byte
	for i, k := range g.IdempotencyKeys {
		requester, err := address.CanonicalAccount(k.Requester)
		if err != nil {
			return fmt.Errorf("idempotency key %d: requester: %w", i+1, err)
		}
		if err := ValidateIdempotencyKey(k.Key); err != nil {
			return fmt.Errorf("idempotency key %d: %w", i+1, err)
		}
		order := bytes.Compare(before, requester)
		if order == 0 {
			order = strings.Compare(previous.Key, k.Key)
		}
		if i > 0 && order >= 0 {
			return fmt.Errorf("idempotency keys: expected ascending requesters and keys, got %s %q after %s %q",
				k.Requester, k.Key, previous.Requester, previous.Key)
		}
		previous, before = k, requester
		if len(k.Content) != sha256.Size {
			return fmt.Errorf("idempotency key %q: content: expected %d bytes, got %d", k.Key, sha256.Size, len(k.Content))
		}
		if k.Expires < 1 || k.Expires > int64(longest) {
			return fmt.Errorf("idempotency key %q: expected it to be remembered for 1 to %d blocks more, got %d", k.Key, longest, k.Expires)
		}
		if err := k.validateAnswer(requests); err != nil {
			return err
		}
	}
	return nil
}

// validateAnswer checks that what is reused is a result, that everything else is a request of the requester, and that
// the ids reused are among the others in their order.
func (k IdempotencyKey) validateAnswer(requests map[uint64]Request) error {
	if len(k.Ids) == 0 {
		return fmt.Errorf("idempotency key %q: expected ids, got none", k.Key)
	}
	reused := k.Reused
	for _, id := range k.Ids {
		r, ok := requests[id]
		switch {
		case len(reused) > 0 && reused[0] == id:
			ok, reused = ok && r.Status == REQUEST_STATUS_FINALIZED, reused[1:]
		case ok:
			ok = r.Requester == k.Requester && r.ScheduleId == 0
		}
		if !ok {
			return fmt.Errorf("idempotency key %q: expected a request of %s, or one with a result that is reused, got %d", k.Key, k.Requester, id)
		}
	}
	if len(reused) > 0 {
		return fmt.Errorf("idempotency key %q: expected the reused ids among the ids in their order, got %v and %v", k.Key, k.Reused, k.Ids)
	}
	return nil
}

// validateReusable checks the reusable receipts: their order, that each is what it says, and their heights, which are
// relative to the last block before the genesis.
func (g GenesisState) validateReusable(requests map[uint64]Request) error {
	longest := int64(0)
	for _, p := range g.Params {
		longest = max(longest, int64(p.Params.ReuseBlocks))
	}
	settled := make(map[uint64]struct{}, len(g.Receipts))
	for _, r := range g.Receipts {
		settled[r.RequestId] = struct{}{}
	}
	var previous []byte
	for _, e := range g.ReusableReceipts {
		if previous != nil && bytes.Compare(previous, e.Identity) >= 0 {
			return fmt.Errorf("reusable receipts: expected ascending identities, got %x after %x", e.Identity, previous)
		}
		previous = e.Identity
		r := requests[e.RequestId]
		if _, ok := settled[e.RequestId]; !ok || r.Status != REQUEST_STATUS_FINALIZED {
			return fmt.Errorf("reusable receipt %x: expected a request with a result and a receipt, got %d", e.Identity, e.RequestId)
		}
		identity, err := r.Identity()
		if err != nil {
			return err
		}
		if !bytes.Equal(identity, e.Identity) || e.Sealed != r.Sealed {
			return fmt.Errorf("reusable receipt of request %d: expected identity %x and sealed %t, got %x and %t", r.Id, identity, r.Sealed, e.Identity, e.Sealed)
		}
		if e.SettledHeight > 0 || e.SettledHeight < -longest || e.Expires < 1 || e.Expires > longest+e.SettledHeight {
			return fmt.Errorf("reusable receipt of request %d: expected it to be settled, and to stand for at most %d blocks in all, got %d to %d",
				r.Id, longest, e.SettledHeight, e.Expires)
		}
	}
	return nil
}
