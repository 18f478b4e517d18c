package jobs

import (
	"context"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
)

// Whatever maximum a client names, what is granted together fits the quota, and no more is paid than was granted.
func TestQuotaHoldsForAnyMaximum(t *testing.T) {
	edges := []uint64{0, 1250, MaxMaxFee - 1, MaxMaxFee, MaxMaxFee + 1, math.MaxUint64 - gatewaytest.GasFee, math.MaxUint64 - gatewaytest.GasFee + 1, math.MaxUint64}
	amounts := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom(edges), rapid.Uint64Range(1000, 5000))
	rapid.Check(t, func(rt *rapid.T) {
		quota := amounts.Draw(rt, "quota")
		w := newWorld(rt, t.TempDir(), quota)
		w.chain.Reach(0)
		p := w.start(nil)
		defer p.stop(rt)
		granted := new(big.Int)
		for i, maximum := range rapid.SliceOfN(amounts, 1, 8).Draw(rt, "maxima") {
			a := ask(float32(i), "")
			a.MaxFee = maximum
			j, _, err := p.Accept(context.Background(), p.caller, a)
			var invalid *chain.InvalidError
			switch {
			case err == nil:
				granted.Add(granted, new(big.Int).SetUint64(j.MaxFee))
				granted.Add(granted, big.NewInt(gatewaytest.GasFee))
			case maximum > MaxMaxFee:
				if !errors.As(err, &invalid) || invalid.Field != "parameters.max_fee" {
					rt.Fatalf("maximum %d: expected a refusal of parameters.max_fee, got %v", maximum, err)
				}
			case !errors.Is(err, ledger.ErrQuota) && !errors.As(err, &invalid): // below the price
				rt.Fatalf("maximum %d: expected ErrQuota, got %v", maximum, err)
			}
		}
		if granted.Cmp(new(big.Int).SetUint64(quota)) > 0 {
			rt.Fatalf("expected at most %d to be granted, got %s", quota, granted)
		}
		w.chain.Reach(chain.StageSettled)
		if err := settled(p); err != nil {
			rt.Fatal(err)
		}
		if used := p.used(rt); used > quota || used != w.chain.Spent() {
			rt.Fatalf("expected at most %d to be used, as on the chain (%d), got %d", quota, w.chain.Spent(), used)
		}
	})
}

// The amounts of a job stop at the largest number: a sum that began anew would fit any quota.
func TestAmountsDoNotWrap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(name string) uint64 { return rapid.Uint64().Draw(rt, name) }
		j := Job{MaxFee: draw("maximum"), Fee: draw("fee"), Gas: gas{Paid: draw("paid")}, Charged: rapid.Bool().Draw(rt, "charged")}
		j.Gas.Budget = ledger.Add(j.Gas.Paid, draw("live"))
		a := j.Amounts()
		if a.Spent < j.Gas.Paid || a.Spent < j.Fee || !j.Charged && a.Reserved < j.MaxFee {
			rt.Fatalf("expected at least each of its parts, got %+v of %+v", a, j)
		}
	})
}

// Transactions that run out of gas are signed again as far as the quota goes. A job that it ends does not hold up the others.
func TestOutOfGasAtTheEdgeOfTheQuota(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const reserved = 1250 + gatewaytest.GasFee
		clients := rapid.IntRange(1, 6).Draw(rt, "clients")
		quota := uint64(clients)*reserved + rapid.Uint64Range(0, 4*gatewaytest.GasFee).Draw(rt, "more")
		w := newWorld(rt, t.TempDir(), quota)
		w.chain.Thirst(rapid.IntRange(0, 8).Draw(rt, "thirst"))
		p := w.start(nil)
		defer p.stop(rt)
		failed := 0
		var ids []string
		for i := range clients {
			j, _, err := p.Accept(context.Background(), p.caller, ask(float32(i), ""))
			if errors.Is(err, ledger.ErrQuota) {
				continue // what was in vain is missing
			}
			if err != nil {
				rt.Fatal(err)
			}
			ids = append(ids, j.ID)
			if used := p.used(rt); used > quota {
				rt.Fatalf("expected at most %d to be used, got %d", quota, used)
			}
		}
		for _, id := range ids {
			j := p.wait(rt, id, done)
			if j.Failure != nil && (j.Failure.Reason != "quota" || !j.Failure.Again) {
				rt.Fatalf("expected an answer or the end of the quota, got %+v", j.Failure)
			}
			if j.Failure != nil {
				failed++
			}
		}
		if used := p.used(rt); used > quota || used != w.chain.Spent() {
			rt.Fatalf("expected at most %d to be used, as on the chain (%d), got %d", quota, w.chain.Spent(), used)
		}
		if got := w.chain.Requests(); got != len(ids)-failed {
			rt.Fatalf("expected %d requests, got %d", len(ids)-failed, got)
		}
		// What comes later goes on as well.
		w.chain.Reach(chain.StageSettled)
		if quota-p.used(rt) >= reserved {
			if j := p.wait(rt, p.accept(rt, ask(9, "")).ID, done); j.Failure != nil && j.Failure.Reason != "quota" {
				rt.Fatalf("expected the next job to go on, got %+v", j.Failure)
			}
		}
	})
}

func TestDeniedAtTheFirstTransaction(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1250+gatewaytest.GasFee)
	w.chain.Reach(0)
	p := w.start(nil)
	defer p.stop(t)
	j := p.accept(t, ask(1, ""))
	more := chain.Transaction{Key: chainKey(j.ID), GasFee: 10 * gatewaytest.GasFee}
	if err := p.book.Journal().Signed(more); !errors.Is(err, chain.ErrDenied) || !errors.Is(err, ledger.ErrQuota) {
		t.Errorf("expected that the quota denies it, got %v", err)
	}
	if err := p.db.Err(); err != nil {
		t.Errorf("expected the disk to be good, got %v", err)
	}
	if err := p.book.Journal().Signed(chain.Transaction{Key: "gw-none"}); !errors.Is(err, chain.ErrDenied) {
		t.Errorf("expected a transaction of no job to be denied, got %v", err)
	}
}
