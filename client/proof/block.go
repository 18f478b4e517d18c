package proof

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	cryptoenc "github.com/cometbft/cometbft/crypto/encoding"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/opengradient/opengradient/internal/proofwire"
)

// block is a header of a file, with its commit and validators unless it is linked by its hash.
type block struct {
	*cmttypes.Header
	hash       []byte
	commit     *cmttypes.Commit
	validators *cmttypes.ValidatorSet
}

func (b block) signed() bool { return b.commit != nil }

func (b block) name() string { return atHeight(b.Height) }

func (b block) signedHeader() *cmttypes.SignedHeader {
	return &cmttypes.SignedHeader{Header: b.Header, Commit: b.commit}
}

func atHeight(height int64) string { return fmt.Sprintf("block %d", height) }

// blockToWire writes a light block; without signed its header alone.
func blockToWire(lb *cmttypes.LightBlock, signed bool) (*proofwire.Block, error) {
	w := &proofwire.Block{Header: *lb.Header.ToProto()}
	if !signed {
		return w, nil
	}
	if n := max(len(lb.ValidatorSet.Validators), len(lb.Commit.Signatures)); n > MaxValidators {
		return nil, &Error{Part: PartLimits, Subject: atHeight(lb.Height), Expected: fmt.Sprintf("at most %d validators", MaxValidators), Got: fmt.Sprint(n)}
	}
	w.Commit = &proofwire.Commit{
		Round: lb.Commit.Round, PartTotal: lb.Commit.BlockID.PartSetHeader.Total, PartHash: lb.Commit.BlockID.PartSetHeader.Hash,
	}
	for _, s := range lb.Commit.Signatures {
		entry := proofwire.Signature{Flag: cmtproto.BlockIDFlag(s.BlockIDFlag)}
		if s.BlockIDFlag != cmttypes.BlockIDFlagAbsent {
			at := s.Timestamp.UTC()
			entry.Timestamp, entry.Signature = &at, s.Signature
		}
		w.Commit.Signatures = append(w.Commit.Signatures, entry)
	}
	for _, v := range lb.ValidatorSet.Validators {
		key, err := cryptoenc.PubKeyToProto(v.PubKey)
		if err != nil {
			return nil, fails(PartValidators, atHeight(lb.Height), err)
		}
		w.Validators = append(w.Validators, proofwire.Validator{PublicKey: key, Power: v.VotingPower})
	}
	return w, nil
}

// openBlock reads a block and checks all that can be checked without another one: the header is well-formed and of the
// chain, the validators are those whose hash it holds, and every precommit is signed by its validator, more than two
// thirds of them for this header.
func openBlock(w *proofwire.Block, chainID string) (block, error) {
	header, err := cmttypes.HeaderFromProto(&w.Header)
	subject := atHeight(w.Header.Height)
	if err != nil {
		return block{}, fails(PartHeader, subject, err)
	}
	if header.ChainID != chainID {
		return block{}, differs(PartChainID, subject, chainID, header.ChainID)
	}
	b := block{Header: &header, hash: header.Hash()}
	if len(b.hash) == 0 || len(header.AppHash) == 0 {
		return block{}, differs(PartHeader, subject, "hashes of the validators and of the state", "none")
	}
	if w.Commit == nil {
		if len(w.Validators) > 0 {
			return block{}, differs(PartValidators, subject, "none in a block without a commit", len(w.Validators))
		}
		return b, nil
	}
	if b.validators, err = openValidators(w.Validators); err != nil {
		return block{}, fails(PartValidators, subject, err)
	}
	if got := b.validators.Hash(); !bytes.Equal(got, header.ValidatorsHash) {
		return block{}, differs(PartValidators, subject, []byte(header.ValidatorsHash), got)
	}
	if b.commit, err = openCommit(w.Commit, b); err != nil {
		return block{}, fails(PartSignatures, subject, err)
	}
	if err := b.validators.VerifyCommit(chainID, b.commit.BlockID, header.Height, b.commit); err != nil {
		return block{}, fails(PartSignatures, subject, err)
	}
	return b, nil
}

func openValidators(list []proofwire.Validator) (*cmttypes.ValidatorSet, error) {
	validators := make([]*cmttypes.Validator, len(list))
	seen := make(map[string]struct{}, len(list))
	for i, v := range list {
		key, err := cryptoenc.PubKeyFromProto(v.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("validator %d: %w", i, err)
		}
		validators[i] = cmttypes.NewValidator(key, v.Power)
		// Two of one address would stop the ordering of CometBFT with a panic.
		address := string(validators[i].Address)
		if _, twice := seen[address]; twice {
			return nil, fmt.Errorf("validator %d: expected each address once, got %X twice", i, address)
		}
		seen[address] = struct{}{}
	}
	// The set is sorted in place.
	set, err := cmttypes.ValidatorSetFromExistingValidators(slices.Clone(validators))
	if err != nil {
		return nil, err
	}
	if !slices.Equal(set.Validators, validators) {
		return nil, errors.New("expected descending power and ascending addresses")
	}
	return set, nil
}

func openCommit(w *proofwire.Commit, b block) (*cmttypes.Commit, error) {
	commit := &cmttypes.Commit{
		Height: b.Height, Round: w.Round,
		BlockID: cmttypes.BlockID{
			Hash: b.hash, PartSetHeader: cmttypes.PartSetHeader{Total: w.PartTotal, Hash: w.PartHash},
		},
		Signatures: make([]cmttypes.CommitSig, len(w.Signatures)),
	}
	if len(w.Signatures) != b.validators.Size() {
		return nil, fmt.Errorf("expected one entry for each of %d validators, got %d", b.validators.Size(), len(w.Signatures))
	}
	for i, s := range w.Signatures {
		var err error
		if commit.Signatures[i], err = openSignature(s, b.validators.Validators[i].Address); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	if err := commit.BlockID.ValidateBasic(); err != nil {
		return nil, err
	}
	return commit, commit.ValidateBasic()
}

func openSignature(s proofwire.Signature, address cmttypes.Address) (cmttypes.CommitSig, error) {
	// A flag is a byte in CometBFT: other numbers must not be cut to one of these.
	switch s.Flag {
	case cmtproto.BlockIDFlagAbsent:
		if s.Timestamp != nil || len(s.Signature) > 0 {
			return cmttypes.CommitSig{}, errors.New("expected an absent precommit to have neither time nor signature")
		}
		return cmttypes.NewCommitSigAbsent(), nil
	case cmtproto.BlockIDFlagCommit, cmtproto.BlockIDFlagNil:
		if s.Timestamp == nil {
			return cmttypes.CommitSig{}, errors.New("expected the time of the precommit")
		}
		return cmttypes.CommitSig{
			BlockIDFlag: cmttypes.BlockIDFlag(s.Flag), ValidatorAddress: address, Timestamp: s.Timestamp.UTC(), Signature: s.Signature,
		}, nil
	default:
		return cmttypes.CommitSig{}, fmt.Errorf("expected a flag from 1 to 3, got %d", s.Flag)
	}
}

// rfc3339 is a time as it is printed.
func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
