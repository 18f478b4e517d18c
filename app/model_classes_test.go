package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cometbft/cometbft/crypto/ed25519"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// TestAValidatorThatJoinsProvesModelsFirst: it takes part in nothing until it has attested the root of its class.
func TestAValidatorThatJoinsProvesModelsFirst(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{Accounts: 2})
	tried := chaintest.Trial{}
	c.AttestWith(chaintest.Attester{Output: answer, Try: func(i int, m modelstypes.Model, _ uint32) chaintest.Trial {
		if i == 4 {
			return tried
		}
		return chaintest.Trial{Outputs: c.Golden(m, 0)}
	}})
	blocks(c, 2)
	m := register(t, c)
	joined := c.Accounts[1]
	join(t, c, joined, ed25519.GenPrivKeyFromSecret([]byte("joined")), 10)
	blocks(c, 3)
	operator := sdk.ValAddress(joined.Address).String()
	node, err := c.App.SchedulingKeeper.Nodes.Get(c.Ctx(), sdk.ValAddress(joined.Address))
	require.NoError(t, err)
	require.True(t, node.Status.Ready)

	require.EqualValues(t, 40, eligible(t, c, m))
	before := ask(t, c, 1)
	require.NotContains(t, members(t, c, before), operator)

	tried.Outputs = c.Golden(m, 1e-3) // not what its class computes
	blocks(c, 2)
	require.EqualValues(t, 40, eligible(t, c, m))
	require.EqualValues(t, 4, ready(t, c, "linear"))
	wrong := ask(t, c, 1)
	require.NotContains(t, members(t, c, wrong), operator, "another root is no proof")
	blocks(c, 3)
	requireFinal(t, c, before, wrong)
}

// TestAValidatorThatJoinsAndProves is a member of what is assigned from then on.
func TestAValidatorThatJoinsAndProves(t *testing.T) {
	c := start(t, chaintest.Options{Accounts: 2})
	m := register(t, c)
	joined := c.Accounts[1]
	join(t, c, joined, ed25519.GenPrivKeyFromSecret([]byte("joined")), 10)
	require.EqualValues(t, 40, eligible(t, c, m))
	blocks(c, 3)
	require.EqualValues(t, 50, eligible(t, c, m))
	require.EqualValues(t, 5, ready(t, c, "linear"))
	id := ask(t, c, 1)
	require.Contains(t, members(t, c, id), sdk.ValAddress(joined.Address).String())
	blocks(c, 3)
	requireFinal(t, c, id)
}

// TestUpgradeOfTheWholeNetwork: when every node moves to another class in the same block, no block is without eligible power
// if the class was attested beforehand, and one is if it was not.
func TestUpgradeOfTheWholeNetwork(t *testing.T) {
	for name, tt := range map[string]struct {
		prepared bool
		moved    float64 // outputs of the new class
	}{
		"attested beforehand, equal outputs":   {true, 0},
		"attested beforehand, a bit different": {true, 1e-6},
		"not attested":                         {false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := chaintest.New(t, chaintest.Options{})
			old, next := instructions("avx2"), instructions("avx512")
			present, prepares := old, (*schedulingtypes.EnvironmentClass)(nil)
			c.AttestWith(chaintest.Attester{
				Output:      answer,
				Environment: func(int) *schedulingtypes.EnvironmentClass { return present },
				Next:        func(int) *schedulingtypes.EnvironmentClass { return prepares },
				Try: func(_ int, m modelstypes.Model, class uint32) chaintest.Trial {
					if class == 1 {
						return chaintest.Trial{Outputs: c.Golden(m, 0)}
					}
					return chaintest.Trial{Outputs: c.Golden(m, tt.moved)}
				},
			})
			blocks(c, 2)
			m := register(t, c)
			if tt.prepared {
				prepares = next
				blocks(c, 4)
				require.Len(t, certificate(t, c).Classes, 2, "the class that nobody runs in yet is proven")
				require.EqualValues(t, 40, eligible(t, c, m), "in the class that all still run in")
			}
			present, prepares = next, nil
			var asked []uint64
			without := 0
			for range 8 {
				id := nextRequestID(t, c)
				resp := c.Next(c.Tx(c.Accounts[0], 0, submission(c.Accounts[0].Address, 1)))
				if resp.TxResults[1].Code == inferencetypes.ErrEligiblePower.ABCICode() {
					without++
					continue
				}
				require.Zero(t, resp.TxResults[1].Code, resp.TxResults[1].Log)
				require.EqualValues(t, 40, eligible(t, c, m), "block %d", c.Height())
				asked = append(asked, id)
			}
			node, err := c.App.SchedulingKeeper.Nodes.Get(c.Ctx(), chaintest.Operator(0))
			require.NoError(t, err)
			require.EqualValues(t, 2, node.EnvironmentClass)
			require.Equal(t, tt.prepared, without == 0, "%d blocks refuse requests for lack of eligible power", without)
			require.Less(t, without, 4, "nodes prove in the class they have moved to")
			blocks(c, 4)
			requireFinal(t, c, asked...)
		})
	}
}
