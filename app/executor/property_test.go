package executor

import (
	"context"
	"errors"
	"slices"
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
// committed state already holds. Of a sealed attempt nothing but one commitment is
// told while the round commits, and a reveal opens what committed state holds.
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
				d := b.duties[it.Key]
				vote, _ := d.Round.VoteOf(d.Snapshot, self)
				if it.Output != nil {
					root := tensor.MerkleRoot(it.Output)
					require.Equal(rt, it.Outcome.OutputRoot, root[:])
				}
				if d.Round.Phase == verificationtypes.PHASE_COMMITTING {
					require.Len(rt, it.Commitment, verificationtypes.CommitmentSize)
					require.Empty(rt, vote.Commitment, "said until it is taken")
					require.False(rt, it.Attest)
					require.Empty(rt, it.Salt)
					require.Empty(rt, it.Output)
					require.Empty(rt, it.Contested)
					continue
				}
				require.Nil(rt, it.Commitment)
				require.Equal(rt, vote.Candidate == 0, it.Attest)
				if d.Round.Sealed {
					require.NotEmpty(rt, vote.Commitment, "nothing is told without a commitment")
					if it.Attest {
						require.Equal(rt, vote.Commitment, sealOf(rt, it), "a reveal opens what is held")
					}
				} else {
					require.Empty(rt, it.Salt)
				}
			}
		}
		open := func(rt *rapid.T) (key voteext.Key, ok bool) {
			keys := make([]voteext.Key, 0, len(b.chain.duties))
			for key := range b.chain.duties {
				keys = append(keys, key)
			}
			if len(keys) == 0 {
				return voteext.Key{}, false
			}
			slices.SortFunc(keys, voteext.Key.Compare)
			return rapid.SampledFrom(keys).Draw(rt, "attempt"), true
		}
		next := uint64(0)
		rt.Repeat(map[string]func(*rapid.T){
			"open": func(rt *rapid.T) {
				next++
				edits := []func(*Duty){func(d *Duty) {
					if next%3 == 0 {
						d.Round.Leader = self
					}
				}}
				if rapid.Bool().Draw(rt, "sealed") {
					edits = append(edits, seal)
				}
				b.chain.open(next, edits...)
			},
			"block":   func(*rapid.T) { b.block() },
			"wait":    func(*rapid.T) { b.clock.move(firstRetry) },
			"restart": func(*rapid.T) { b.restart() },
			"restart with another seal key": func(*rapid.T) {
				b.sealKey[1]++
				b.restart()
			},
			"crash while a model runs": func(*rapid.T) {
				b.commit()
				b.stop()
				b.restart()
			},
			"record": func(rt *rapid.T) {
				for _, it := range b.items() {
					d, open := b.chain.duties[it.Key]
					if !open || !rapid.Bool().Draw(rt, "taken") {
						continue
					}
					switch {
					case it.Attest:
						b.chain.change(it.Key, func(d *Duty) { record(d, self, it.Outcome) })
					case it.Commitment != nil && d.Round.Phase == verificationtypes.PHASE_COMMITTING &&
						len(d.Round.Votes[d.Snapshot.Position(self)].Commitment) == 0:
						b.chain.change(it.Key, commit(it.Commitment))
					}
				}
			},
			"phase": func(rt *rapid.T) {
				if key, ok := open(rt); ok {
					phase := rapid.SampledFrom([]verificationtypes.Phase{
						verificationtypes.PHASE_OPEN, verificationtypes.PHASE_ARBITRATING, verificationtypes.PHASE_SETTLING,
					}).Draw(rt, "phase")
					b.chain.change(key, func(d *Duty) { d.Round.Phase = phase })
				}
			},
			"others speak": func(rt *rapid.T) {
				if key, ok := open(rt); ok && b.chain.duties[key].Round.Phase != verificationtypes.PHASE_COMMITTING {
					outcome := verificationtypes.Outcome{OutputRoot: digest(rapid.Uint64Range(900, 902).Draw(rt, "outcome"))}
					b.chain.change(key, func(d *Duty) {
						record(d, operators[0], outcome)
						if len(d.Round.Candidates) > 1 && d.Round.ContestedHeight == 0 {
							d.Round.ContestedHeight = b.chain.height
						}
					})
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
