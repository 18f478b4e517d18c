// Package proofchain gives what a node gives to those who verify: headers signed by real keys as CometBFT signs them, and
// values of real stores with their proofs, without networking.
package proofchain

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"
)

// TB is what the package needs of *testing.T, *testing.B or *rapid.T.
type TB interface {
	require.TestingT
	Helper()
}

// Start is the time of the block before the first; each block comes a second after the one before.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Signer is a validator with its key.
type Signer struct {
	Key   ed25519.PrivKey
	Power int64
}

// Signers are n validators of equal power whose keys follow from a seed.
func Signers(seed byte, n int) []Signer {
	list := make([]Signer, n)
	for i := range list {
		list[i] = Signer{Key: ed25519.GenPrivKeyFromSecret([]byte{'p', seed, byte(i)}), Power: 10}
	}
	return list
}

// Headers are the headers of a chain from height 1.
type Headers struct {
	ChainID string
	// Sets gives the validators at a height.
	Sets func(height int64) []Signer
	// Precommit, when set, gives how validator i of the sorted set votes on a block; the default is for it.
	Precommit func(i int, height int64) cmttypes.BlockIDFlag

	blocks []*cmttypes.LightBlock
}

// Height is that of the last header.
func (h *Headers) Height() int64 { return int64(len(h.blocks)) }

// Block is the header at a height with its commit and validators.
func (h *Headers) Block(height int64) *cmttypes.LightBlock { return h.blocks[height-1] }

// Add appends the header that holds the application hash after the block before it.
func (h *Headers) Add(t TB, appHash []byte) *cmttypes.LightBlock {
	t.Helper()
	height := h.Height() + 1
	keys := make(map[string]Signer)
	set := validators(t, h.Sets(height), keys)
	header := &cmttypes.Header{
		Version: cmtversion.Consensus{Block: version.BlockProtocol, App: 1}, ChainID: h.ChainID, Height: height,
		Time:           Start.Add(time.Duration(height) * time.Second),
		LastCommitHash: filler("commit", height), DataHash: filler("data", height),
		ValidatorsHash: set.Hash(), NextValidatorsHash: validators(t, h.Sets(height+1), map[string]Signer{}).Hash(),
		ConsensusHash: filler("consensus", 0), AppHash: slices.Clone(appHash), LastResultsHash: filler("results", height),
		EvidenceHash: filler("evidence", 0), ProposerAddress: set.Validators[0].Address,
	}
	if height > 1 {
		last := h.Block(height - 1)
		header.LastBlockID = last.Commit.BlockID
	}
	lb := &cmttypes.LightBlock{SignedHeader: &cmttypes.SignedHeader{Header: header}, ValidatorSet: set}
	lb.Commit = h.commit(t, header, set, keys)
	h.blocks = append(h.blocks, lb)
	return lb
}

// commit signs a header.
func (h *Headers) commit(t TB, header *cmttypes.Header, set *cmttypes.ValidatorSet, keys map[string]Signer) *cmttypes.Commit {
	t.Helper()
	commit := &cmttypes.Commit{
		Height: header.Height, Round: int32(header.Height % 3),
		BlockID: cmttypes.BlockID{Hash: header.Hash(), PartSetHeader: cmttypes.PartSetHeader{Total: 2, Hash: filler("parts", header.Height)}},
	}
	for i, v := range set.Validators {
		flag := cmttypes.BlockIDFlagCommit
		if h.Precommit != nil {
			flag = h.Precommit(i, header.Height)
		}
		if flag == cmttypes.BlockIDFlagAbsent {
			commit.Signatures = append(commit.Signatures, cmttypes.NewCommitSigAbsent())
			continue
		}
		commit.Signatures = append(commit.Signatures, cmttypes.CommitSig{
			BlockIDFlag: flag, ValidatorAddress: v.Address, Timestamp: header.Time.Add(time.Duration(i+1) * time.Millisecond),
		})
		signature, err := keys[string(v.Address)].Key.Sign(commit.VoteSignBytes(h.ChainID, int32(i)))
		require.NoError(t, err)
		commit.Signatures[i].Signature = signature
	}
	return commit
}

// validators is the sorted set of signers, whose keys are noted by address.
func validators(t TB, signers []Signer, keys map[string]Signer) *cmttypes.ValidatorSet {
	t.Helper()
	list := make([]*cmttypes.Validator, len(signers))
	for i, s := range signers {
		list[i] = cmttypes.NewValidator(s.Key.PubKey(), s.Power)
		keys[string(list[i].Address)] = s
	}
	set, err := cmttypes.ValidatorSetFromExistingValidators(list)
	require.NoError(t, err)
	return set
}

func filler(name string, height int64) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(name), uint64(height)))
	return sum[:]
}
