package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/types/tx/signing"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// TestSignatures: the node takes what is signed, with the key itself or through the keyring, in the mode of hardware wallets too,
// and the same arguments give the same bytes.
func TestSignatures(t *testing.T) {
	for name, change := range map[string]func(*signer){
		"with the key":                  func(*signer) {},
		"through the keyring":           func(s *signer) { s.private = nil },
		"as a hardware wallet signs":    func(s *signer) { s.mode = signing.SignMode_SIGN_MODE_LEGACY_AMINO_JSON },
		"with a note":                   func(s *signer) { s.note = "order 17" },
		"paid by somebody else's grant": func(s *signer) { s.granter = make([]byte, 20) },
		"through the keyring, in a wallet's mode": func(s *signer) {
			s.private, s.mode = nil, signing.SignMode_SIGN_MODE_LEGACY_AMINO_JSON
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := newFakeNode(t)
			c := n.connect(t)
			a := n.account(t, c, n.testKeys(t), nil)
			change(a.signer)
			checked, err := c.Check(t.Context(), ask(1))
			require.NoError(t, err)
			checked.Request.IdempotencyKey = "k"
			msg := checked.message(a.text)
			raw, err := a.signer.sign(t.Context(), msg, 5, 200_000, a.fee(200_000), 130)
			require.NoError(t, err)
			again, err := a.signer.sign(t.Context(), msg, 5, 200_000, a.fee(200_000), 130)
			require.NoError(t, err)
			require.Equal(t, raw, again)
			tx, got, err := n.read(raw)
			require.NoError(t, err)
			require.Equal(t, msg.String(), got.String())
			require.EqualValues(t, 5, tx.sequence)
			require.EqualValues(t, 130, tx.timeout)
			require.Equal(t, a.fee(200_000).Amount, tx.fee)
			signature, err := ledger{a}.signatureOf(raw)
			require.NoError(t, err)
			require.Equal(t, tx.signature, signature)
		})
	}
}

func TestGasFollowsTheInputs(t *testing.T) {
	params := inferencetypes.DefaultParams()
	msg := func(bytes int) *inferencetypes.MsgSubmitRequests {
		return &inferencetypes.MsgSubmitRequests{Model: "iris", Requests: []inferencetypes.InferenceInput{{
			Inputs: []inferencetypes.Tensor{{Name: "x", Contents: make([]byte, bytes)}},
		}}}
	}
	g := newGasBook(1.1)
	require.Greater(t, g.limit(msg(10), params, 0), uint64(unknownGas), "a generous limit for what is not known")
	g.learn(msg(1_000), params, 200_000)
	small, large := g.limit(msg(1_000), params, 0), g.limit(msg(2_000), params, 0)
	require.InDelta(t, 220_000, float64(small), 1, "what was used and a tenth")
	require.InDelta(t, 1_000*(30+10+5)*1.1, float64(large-small), 100)
	require.InDelta(t, float64(small)*thirst, float64(g.limit(msg(1_000), params, 1)), 3)
	g.learn(msg(1_000), params, 300_000)
	require.InDelta(t, 330_000, float64(g.limit(msg(1_000), params, 0)), 1, "the largest counts")
	for range 200 {
		g.learn(msg(1_000), params, 200_000)
	}
	require.InDelta(t, 220_000, float64(g.limit(msg(1_000), params, 0)), 100, "and is forgotten slowly")
	other := msg(1_000)
	other.Tier = inferencetypes.TIER_COMMITTEE
	_, known := g.known(other)
	require.False(t, known)
	for i := range 2 * maxKinds {
		m := msg(1)
		m.Outputs = make([]string, i)
		g.learn(m, params, 1)
	}
	require.LessOrEqual(t, len(g.kinds), maxKinds)
}
