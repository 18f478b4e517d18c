package executor

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Whatever happens to the process, the worker and the chain, and even with a
// worker that never computes the same twice, one attempt is only ever given one
// outcome, bytes always have the attested root, and nothing is said about what
// committed state already holds.
func TestOneWordOnEveryAttempt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		runs := 0
		b.engine.infer = func(context.Context, []tensor.Tensor) (Run, error) {
			runs++
			switch rapid.IntRange(0, 9).Draw(rt, "run") {
			case 0:
				return Run{}, errors.New("gone")
			case 1:
				return Run{}, ErrNotLoaded
			case 2:
				return Run{Failure: verificationtypes.FAILURE_EXECUTION}, nil
			}
			return Run{Outputs: []tensor.Tensor{vector("y", byte(runs), byte(runs>>8))}}, nil
		}
		words := make(map[voteext.Key]verificationtypes.Outcome)
		check := func() {
			for _, it := range b.items() {
				if word, given := words[it.Key]; given {
					require.True(rt, word.Equal(it.Outcome), "a second word on %s", it.Key)
				}
				words[it.Key] = it.Outcome
				vote, _ := b.duties[it.Key].Round.VoteOf(b.duties[it.Key].Snapshot, self)
				require.Equal(rt, vote.Candidate == 0, it.Attest)
				if it.Output != nil {
					root := tensor.MerkleRoot(it.Output)
					require.Equal(rt, it.Outcome.OutputRoot, root[:])
				}
			}
		}
		next := uint64(0)
		rt.Repeat(map[string]func(*rapid.T){
			"open": func(*rapid.T) {
				next++
				b.chain.open(next, func(d *Duty) {
					if next%3 == 0 {
						d.Round.Leader = self
					}
				})
			},
			"block":   func(*rapid.T) { b.block() },
			"wait":    func(*rapid.T) { b.clock.move(firstRetry) },
			"restart": func(*rapid.T) { b.restart() },
			"crash while a model runs": func(*rapid.T) {
				b.commit()
				b.stop()
				b.restart()
			},
			"record": func(rt *rapid.T) {
				for _, it := range b.items() {
					_, open := b.chain.duties[it.Key]
					if open && it.Attest && rapid.Bool().Draw(rt, "taken") {
						b.chain.change(it.Key, func(d *Duty) { record(d, self, it.Outcome) })
					}
				}
			},
			"end": func(rt *rapid.T) {
				if next > 0 {
					b.chain.close(voteext.Key{RequestID: rapid.Uint64Range(1, next).Draw(rt, "request"), Attempt: 1})
				}
			},
			"": func(*rapid.T) { check() },
		})
	})
}
