package executor

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// Whatever happens to models, workers, files and the node: every word is sound, names a model that the chain attests and a
// registered class, is silent once the chain holds it, and nothing but a finding of this node is ever said. When all calms
// down, every model is proved or its failure is in the chain, and what the serving engine holds fits its budget.
func TestWordsOnModels(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, withStore, withBudget(12), func(b *bench) {
			next, class := newEngine(), nextEnvironment()
			next.keeps, next.status.Environment = true, &class
			b.provers = append(b.provers, Prover{Engine: next, Next: true})
		})
		s := b.files.(*store)
		engines := []*engine{b.engine, b.tries(0), b.tries(1)}
		var ids []ModelID
		check := func() {
			require.LessOrEqual(rt, len(b.Pending().Models), 64)
			for key, w := range b.words() {
				require.NoError(rt, w.Validate())
				require.Contains(rt, []uint32{4, 5}, w.EnvironmentClass)
				require.Contains(rt, b.admissions.models, key.model, "only what is followed")
				held := b.chain.proofs[key]
				require.False(rt, len(held.OutputRoot) > 0 && b.chain.shown[key.model], "said until the chain has it")
				if len(w.Outputs) > 0 {
					require.True(rt, w.Shows())
				}
			}
			var taken uint64
			for _, name := range b.engine.Status().Models {
				id, _ := parseModelID(name)
				taken += listed{id: id, Model: b.chain.catalog[id]}.charge()
			}
			require.LessOrEqual(rt, taken, b.engine.Status().ModelBudget)
		}
		pick := func(rt *rapid.T) (ModelID, bool) {
			if len(ids) == 0 {
				return ModelID{}, false
			}
			return rapid.SampledFrom(ids).Draw(rt, "model"), true
		}
		rt.Repeat(map[string]func(*rapid.T){
			"register": func(rt *rapid.T) {
				onnx := fmt.Sprint("m", len(ids))
				edits := []func(*modelstypes.Model){admitting(b.chain.height + rapid.Int64Range(5, 40).Draw(rt, "deadline"))}
				if rapid.Bool().Draw(rt, "reference") {
					edits = append(edits, elsewhere) // its content is no model: the inspection differs
					if rapid.Bool().Draw(rt, "to be had") {
						s.offer(onnx)
					}
				}
				ids = append(ids, b.chain.register(onnx, edits...))
			},
			"status": func(rt *rapid.T) {
				if id, ok := pick(rt); ok {
					status := modelstypes.ModelStatus(rapid.IntRange(2, 7).Draw(rt, "status"))
					b.chain.edit(id, func(m *modelstypes.Model) { m.Status, m.AdmittedHeight = status, b.chain.height })
				}
			},
			"failures": func(rt *rapid.T) {
				if id, ok := pick(rt); ok {
					e := rapid.SampledFrom(engines).Draw(rt, "engine")
					what := rapid.SampledFrom([]string{"load ", "run "}).Draw(rt, "call")
					err := rapid.SampledFrom([]error{nil, ErrModelRefused, ErrCrashed, ErrTooSlow, ErrDoesNotFit, errors.New("gone")}).Draw(rt, "failure")
					e.set(func(e *engine) { e.behave = map[string]error{what + id.String(): err} })
				}
			},
			"queue": func(rt *rapid.T) {
				if len(ids) > 0 {
					queue := rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 0, min(3, len(ids)), rapid.ID).Draw(rt, "queue")
					b.chain.set(func(c *chain) { c.queue = queue })
				}
			},
			"worker restarts": func(rt *rapid.T) {
				rapid.SampledFrom(engines).Draw(rt, "engine").set(func(e *engine) { e.status.Models = nil })
			},
			"next class": func(*rapid.T) {
				class := nextEnvironment()
				b.chain.set(func(c *chain) { c.classes[string(class.Identity())] = 5 })
			},
			"taken": func(rt *rapid.T) {
				words := slices.Clone(b.Pending().Models)
				if rapid.Bool().Draw(rt, "without outputs") {
					for i := range words {
						words[i].Outputs = nil
					}
				}
				b.chain.takeWords(words)
			},
			"block": func(*rapid.T) {
				b.block()
				check()
			},
			"wait":    func(*rapid.T) { b.clock.move(lastTrialRetry) },
			"restart": func(*rapid.T) { b.restart() },
		})
		for _, e := range engines {
			e.set(func(e *engine) { e.behave = nil })
		}
		for range 2*walkBlocks + 2*maxFetches {
			b.clock.move(lastTrialRetry)
			b.block()
			b.chain.takeWords(b.Pending().Models)
		}
		check()
		for _, id := range ids {
			m := b.chain.catalog[id]
			_, offered := s.remote[id]
			attested := m.Status == modelstypes.MODEL_STATUS_ADMITTING || m.Usable()
			if _, ok := b.chain.proofs[proofKey{id, 4}]; attested && (!m.IsReference() || offered) {
				require.True(rt, ok, "%s is %s", id, m.Status)
			}
		}
	})
}
