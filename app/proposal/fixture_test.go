package proposal_test

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"cosmossdk.io/log/v2"
	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/proposal"
)

const (
	chainID = "test-1"
	height  = int64(7)
)

// keyring resolves the keys it holds.
type keyring map[string]crypto.PubKey

func (k keyring) ConsensusKey(_ sdk.Context, addr []byte) (crypto.PubKey, bool) {
	pub, ok := k[string(addr)]
	return pub, ok
}

// gasTx is a transaction that wants gas and is otherwise empty.
type gasTx struct{ gas uint64 }

func (gasTx) GetMsgs() []sdk.Msg                  { return nil }
func (gasTx) GetMsgsV2() ([]proto.Message, error) { return nil, nil }

// noFee makes a transaction that decodes and panics when it is asked for its gas, as the SDK's does without a fee.
const noFee = math.MaxUint64

func (t gasTx) GetGas() uint64 {
	if t.gas == noFee {
		panic("no fee")
	}
	return t.gas
}

var errTx = errors.New("not a transaction")

// encodeTx writes a transaction of the tests: 'T', eight bytes of gas, filler.
func encodeTx(gas uint64, size int) []byte {
	b := append([]byte{'T'}, binary.BigEndian.AppendUint64(nil, gas)...)
	return append(b, make([]byte, max(size-len(b), 0))...)
}

func decodeTx(b []byte) (sdk.Tx, error) {
	if len(b) < 9 || b[0] != 'T' {
		return nil, errTx
	}
	return gasTx{gas: binary.BigEndian.Uint64(b[1:9])}, nil
}

// firstFit is an ordinary selection: transactions in order while they fit.
func firstFit(ctx sdk.Context, req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	var size int64
	var gas uint64
	resp := &abci.ResponsePrepareProposal{}
	for _, raw := range req.Txs {
		tx, err := decodeTx(raw)
		if err != nil {
			return nil, err
		}
		size += int64(len(raw)) + 8
		gas += tx.(gasTx).gas
		if size > req.MaxTxBytes || gas > uint64(ctx.ConsensusParams().Block.MaxGas) {
			break
		}
		resp.Txs = append(resp.Txs, raw)
	}
	return resp, nil
}

func newContext(h int64) sdk.Context {
	return sdk.NewContext(nil, cmtproto.Header{ChainID: chainID, Height: h}, false, log.NewNopLogger()).
		WithConsensusParams(cmtproto.ConsensusParams{
			Block: &cmtproto.BlockParams{MaxBytes: 1 << 20, MaxGas: 1000},
			Abci:  &cmtproto.ABCIParams{VoteExtensionsEnableHeight: 1},
		})
}

// signer is a validator of the tests.
type signer struct {
	key   crypto.PrivKey
	power int64
}

func newSigner(seed byte) signer {
	return signer{key: ed25519.GenPrivKeyFromSecret([]byte{seed}), power: 10}
}

func (s signer) validator() abci.Validator {
	return abci.Validator{Address: s.key.PubKey().Address(), Power: s.power}
}

func (s signer) vote(ext []byte, round int32) abci.ExtendedVoteInfo {
	b, err := proposal.ExtensionSignBytes(ext, height-1, round, chainID)
	if err != nil {
		panic(err)
	}
	sig, err := s.key.Sign(b)
	if err != nil {
		panic(err)
	}
	return abci.ExtendedVoteInfo{
		Validator: s.validator(), VoteExtension: ext, ExtensionSignature: sig, BlockIdFlag: cmtproto.BlockIDFlagCommit,
	}
}

func lastCommit(ec abci.ExtendedCommitInfo) abci.CommitInfo {
	c := abci.CommitInfo{Round: ec.Round}
	for _, v := range ec.Votes {
		c.Votes = append(c.Votes, abci.VoteInfo{Validator: v.Validator, BlockIdFlag: v.BlockIdFlag})
	}
	return c
}

func ringOf(signers ...signer) keyring {
	k := keyring{}
	for _, s := range signers {
		k[string(s.key.PubKey().Address())] = s.key.PubKey()
	}
	return k
}

func mustEncode(t require.TestingT, ec abci.ExtendedCommitInfo) []byte {
	c, err := proposal.BuildCommit(ec, 1<<20)
	require.NoError(t, err)
	b, err := proposal.Encode(c)
	require.NoError(t, err)
	return b
}

func process(t require.TestingT, keys proposal.Keys, ec abci.ExtendedCommitInfo, txs ...[]byte) bool {
	h := proposal.NewHandler(firstFit, decodeTx, keys, nil)
	resp, err := h.ProcessProposal(newContext(height), &abci.RequestProcessProposal{
		Height: height, Txs: txs, ProposedLastCommit: lastCommit(ec),
	})
	require.NoError(t, err)
	return resp.Status == abci.ResponseProcessProposal_ACCEPT
}
