package keeper_test

import (
	"fmt"
	"testing"

	"github.com/opengradient/opengradient/x/verification/types"
)

// BenchmarkRecord is a block in which every member attests the same outcome of every open round and the leader publishes
// its bytes: all rounds reach their verdict at once.
func BenchmarkRecord(b *testing.B) {
	for _, n := range []int{4, 50, 150} {
		for _, rounds := range []int{1, 64} {
			b.Run(fmt.Sprintf("members=%d/rounds=%d", n, rounds), func(b *testing.B) {
				f := newFixture(b, types.DefaultParams())
				votes := make([]types.OperatorVotes, n)
				for i := range votes {
					votes[i].Operator = operator(i)
				}
				list := equalMembers(n)
				for id := uint64(1); id <= uint64(rounds); id++ {
					f.open(opening(id, list))
					for i := range votes {
						votes[i].Attestations = append(votes[i].Attestations, attest(id, rootOf(0)))
					}
					votes[0].Outputs = append(votes[0].Outputs, publish(id, result(0)))
				}
				f.next()
				base := f.ctx
				b.ReportAllocs()
				for b.Loop() {
					f.ctx, _ = base.CacheContext()
					if got := f.record(votes...); len(got.Decisions) != rounds {
						b.Fatalf("expected %d verdicts, got %d", rounds, len(got.Decisions))
					}
				}
			})
		}
	}
}

// BenchmarkOpenRound opens a round over a snapshot that is already there.
func BenchmarkOpenRound(b *testing.B) {
	for _, n := range []int{4, 50, 150} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			f := newFixture(b, types.DefaultParams())
			o := opening(1, equalMembers(n))
			f.open(o)
			o.RequestID = 2
			base := f.ctx
			b.ReportAllocs()
			for b.Loop() {
				f.ctx, _ = base.CacheContext()
				f.open(o)
			}
		})
	}
}
