package proposal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"cosmossdk.io/log/v2"
	abci "github.com/cometbft/cometbft/abci/types"
	cryptotypes "github.com/cosmos/cosmos-sdk/crypto/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
)

// signedTx has a signer with a sequence number.
type signedTx struct {
	signer   string
	sequence uint64
	// broken is what it does when it is asked for its signatures: nothing, fail or panic.
	broken    int
	unordered bool
}

func (signedTx) GetMsgs() []sdk.Msg                          { return nil }
func (signedTx) GetMsgsV2() ([]proto.Message, error)         { return nil, nil }
func (t signedTx) GetSigners() ([][]byte, error)             { return [][]byte{[]byte(t.signer)}, nil }
func (t signedTx) GetPubKeys() ([]cryptotypes.PubKey, error) { return nil, nil }
func (t signedTx) GetUnordered() bool                        { return t.unordered }
func (signedTx) GetTimeoutTimeStamp() time.Time              { return time.Time{} }

var (
	_ authsigning.SigVerifiableTx = signedTx{}
	_ sdk.TxWithUnordered         = signedTx{}
)

func (t signedTx) GetSignaturesV2() ([]signing.SignatureV2, error) {
	switch t.broken {
	case 1:
		return nil, errors.New("malformed")
	case 2:
		panic("no signature")
	}
	return []signing.SignatureV2{{Sequence: t.sequence}}, nil
}

// TestInOrder: every transaction keeps to the places of its signer, in which the sequence numbers ascend; one without a signer
// keeps its own.
func TestInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := make([]candidate, rapid.IntRange(0, 20).Draw(t, "n"))
		before := make([]signedTx, len(list))
		for i := range list {
			before[i] = signedTx{
				signer: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "signer"), sequence: rapid.Uint64Range(0, 6).Draw(t, "sequence"),
				broken: rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "broken"), unordered: rapid.SampledFrom([]bool{false, false, true}).Draw(t, "unordered"),
			}
			list[i] = candidate{raw: fmt.Appendf(nil, "%d", i), tx: before[i]}
		}
		inOrder(list)
		last := make(map[string]uint64)
		seen := make(map[string]bool)
		for i, c := range list {
			tx, ok := c.tx.(signedTx)
			require.True(t, ok)
			require.False(t, seen[string(c.raw)], "each once")
			seen[string(c.raw)] = true
			if before[i].broken > 0 || before[i].unordered {
				require.Equal(t, fmt.Sprint(i), string(c.raw), "it has no order")
				continue
			}
			require.Equal(t, before[i].signer, tx.signer)
			require.GreaterOrEqual(t, tx.sequence, last[tx.signer])
			last[tx.signer] = tx.sequence
		}
	})
}

// TestProposalsAreInOrder: two transactions of one signer come to a proposer the wrong way round.
func TestProposalsAreInOrder(t *testing.T) {
	txs := map[string]signedTx{"first": {signer: "a", sequence: 4}, "second": {signer: "a", sequence: 5}, "other": {signer: "b", sequence: 9}}
	take := func(_ sdk.Context, req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
		return &abci.ResponsePrepareProposal{Txs: req.Txs}, nil
	}
	h := NewHandler(take, func(raw []byte) (sdk.Tx, error) { return txs[string(raw)], nil }, nil, nil)
	ctx := sdk.Context{}.WithLogger(log.NewNopLogger())
	res, err := h.PrepareProposal(ctx, &abci.RequestPrepareProposal{
		Height: 2, MaxTxBytes: 1000, Txs: [][]byte{[]byte("second"), []byte("other"), []byte("first")},
	})
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("first"), []byte("other"), []byte("second")}, res.Txs)
}

// TestInOrderIsStable: what is in order stays as it is.
func TestInOrderIsStable(t *testing.T) {
	var list []candidate
	for i, sequence := range []uint64{3, 3, 4, 7} {
		list = append(list, candidate{raw: []byte{byte(i)}, tx: signedTx{signer: "a", sequence: sequence}})
	}
	inOrder(list)
	for i, c := range list {
		require.Equal(t, []byte{byte(i)}, c.raw)
	}
}
