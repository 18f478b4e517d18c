package app_test

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// says adds attestations of models to an extension, in place of those on the same model and class.
func says(ext *abcitypes.VoteExtension, attestations ...modelstypes.ModelAttestation) {
	for _, a := range attestations {
		ext.Models = slices.DeleteFunc(ext.Models, func(b modelstypes.ModelAttestation) bool {
			return bytes.Equal(a.Model, b.Model) && a.EnvironmentClass == b.EnvironmentClass
		})
		ext.Models = append(ext.Models, a)
	}
	slices.SortFunc(ext.Models, func(a, b modelstypes.ModelAttestation) int {
		return cmp.Or(bytes.Compare(a.Model, b.Model), cmp.Compare(a.EnvironmentClass, b.EnvironmentClass))
	})
}

// TestByzantineAttestationsChangeNothing: what a node says of models that do not exist, of classes that it does not run
// in, or against its own word, and whatever it publishes, leaves status, certificate and eligibility as they are.
func TestByzantineAttestationsChangeNothing(t *testing.T) {
	root := bytes.Repeat([]byte{0xbad % 256}, 32)
	huge := make([]byte, voteext.MaxGoldenOutput)
	hugeRoot := tensor.MerkleRoot(huge)
	tests := map[string]func(c *chaintest.Chain, id []byte) modelstypes.ModelAttestation{
		"a model that does not exist": func(*chaintest.Chain, []byte) modelstypes.ModelAttestation {
			return modelstypes.ModelAttestation{Model: root, EnvironmentClass: 1, OutputRoot: root}
		},
		"another root than before": func(_ *chaintest.Chain, id []byte) modelstypes.ModelAttestation {
			return modelstypes.ModelAttestation{Model: id, EnvironmentClass: 1, OutputRoot: root}
		},
		"a failure after a root": func(_ *chaintest.Chain, id []byte) modelstypes.ModelAttestation {
			return modelstypes.ModelAttestation{Model: id, EnvironmentClass: 1, Failure: modelstypes.MODEL_FAILURE_CRASH}
		},
		"a class that is not registered": func(_ *chaintest.Chain, id []byte) modelstypes.ModelAttestation {
			return modelstypes.ModelAttestation{Model: id, EnvironmentClass: 9, OutputRoot: root}
		},
		"a class of others, another root": func(_ *chaintest.Chain, id []byte) modelstypes.ModelAttestation {
			return modelstypes.ModelAttestation{Model: id, EnvironmentClass: 2, OutputRoot: root}
		},
		"huge outputs that are no outputs": func(_ *chaintest.Chain, id []byte) modelstypes.ModelAttestation {
			return modelstypes.ModelAttestation{Model: id, EnvironmentClass: 2, OutputRoot: hugeRoot[:], Outputs: huge}
		},
		"outputs of another root": func(c *chaintest.Chain, id []byte) modelstypes.ModelAttestation {
			return modelstypes.ModelAttestation{Model: id, EnvironmentClass: 2, OutputRoot: root, Outputs: c.Golden(c.Model("linear"), 0)}
		},
		"outputs that are far off": func(c *chaintest.Chain, id []byte) modelstypes.ModelAttestation {
			outputs := c.Golden(c.Model("linear"), 0.5)
			far := tensor.MerkleRoot(outputs)
			return modelstypes.ModelAttestation{Model: id, EnvironmentClass: 2, OutputRoot: far[:], Outputs: outputs}
		},
	}
	for name, lie := range tests {
		t.Run(name, func(t *testing.T) {
			c := chaintest.New(t, chaintest.Options{})
			var lies []modelstypes.ModelAttestation
			c.AttestWith(chaintest.Attester{
				Output: answer,
				// The last validator runs in a class of its own.
				Environment: func(i int) *schedulingtypes.EnvironmentClass {
					return instructions(map[bool]string{true: "avx512", false: "avx2"}[i == 3])
				},
				Edit: func(i int, _ int64, ext *abcitypes.VoteExtension) {
					if i == 0 {
						says(ext, lies...)
					}
				},
			})
			blocks(c, 2)
			m := register(t, c)
			id, err := m.ID()
			require.NoError(t, err)
			blocks(c, 2)
			before := knowledge(t, c)
			lies = append(lies, lie(c, id))
			for range 3 {
				require.Empty(t, typedEvents(t, c.Next(), &abcitypes.EventInjectionDropped{}))
			}
			require.Equal(t, before, knowledge(t, c))
			asked := ask(t, c, 1)
			require.Len(t, members(t, c, asked), 4)
			blocks(c, 3)
			requireFinal(t, c, asked)
		})
	}
}

// TestALiarCannotKeepAModelOut: less than a third of the power says what it likes during an admission.
func TestALiarCannotKeepAModelOut(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	c.AttestWith(chaintest.Attester{Output: answer, Try: func(i int, m modelstypes.Model, _ uint32) chaintest.Trial {
		if i == 0 {
			return chaintest.Trial{Outputs: c.Golden(m, 0.5)}
		}
		return chaintest.Trial{Outputs: c.Golden(m, 0)}
	}})
	blocks(c, 2)
	m := register(t, c)
	require.EqualValues(t, 30, eligible(t, c, m), "the liar has no proof")
	id := ask(t, c, 1)
	require.NotContains(t, members(t, c, id), chaintest.Operator(0).String())
	blocks(c, 3)
	requireFinal(t, c, id)
}

// knowledge is what the chain holds to be true of its only model.
func knowledge(t *testing.T, c *chaintest.Chain) []any {
	t.Helper()
	scheduling, err := c.App.SchedulingKeeper.ExportGenesis(c.Ctx())
	require.NoError(t, err)
	return []any{c.Model("linear"), certificate(t, c), scheduling.ModelProofs, eligible(t, c, c.Model("linear")), ready(t, c, "linear")}
}
