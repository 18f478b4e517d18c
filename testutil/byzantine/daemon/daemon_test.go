package daemon

import (
	"bytes"
	"testing"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/testutil/byzantine"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const self, leader = "self", "leader"

func root(b byte) verificationtypes.Outcome {
	return verificationtypes.Outcome{OutputRoot: bytes.Repeat([]byte{b}, 32)}
}

func key(id uint64) voteext.Key { return voteext.Key{RequestID: id, Attempt: 1} }

func round(id uint64, candidate uint32) seenRound {
	return seenRound{
		Round: verificationtypes.Round{RequestId: id, Attempt: 1, Leader: leader}, seat: true,
		vote: verificationtypes.MemberVote{Candidate: candidate},
	}
}

// said is an extension with everything that can be said of requests 1 to 4.
func said() abcitypes.VoteExtension {
	return abcitypes.VoteExtension{
		Version:      voteext.Version,
		Attestations: []verificationtypes.Attestation{attest(key(1), root(1), 1), attest(key(2), root(2), 1)},
		Commitments:  []verificationtypes.Commitment{{RequestId: 3, Attempt: 1, Commitment: bytes.Repeat([]byte{3}, 32)}},
		Reveals:      []verificationtypes.Reveal{{Attestation: attest(key(4), root(4), 1), Salt: bytes.Repeat([]byte{4}, 32)}},
		Outputs:      []verificationtypes.PublishedOutput{{RequestId: 1, Attempt: 1, Output: []byte("output")}},
	}
}

func TestEveryWayToVoteDiffersFromTheHonestOneAndEncodes(t *testing.T) {
	v := view{
		operator: self, class: 1, rounds: []seenRound{round(1, 0), round(2, 1), round(3, 0), round(4, 0)},
		said: map[string]abcitypes.VoteExtension{leader: {Version: voteext.Version, Attestations: []verificationtypes.Attestation{attest(key(3), root(9), 1)}}},
	}
	honest, err := voteext.Encode(said())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []byzantine.Vote{
		byzantine.VoteCopy, byzantine.VoteEquivocate, byzantine.VoteUnassigned, byzantine.VoteConceal, byzantine.VoteOtherReveal,
		byzantine.VoteWithhold, byzantine.VoteOtherBytes, byzantine.VoteInvent,
	} {
		m := newVoter()
		m.kind = kind
		ext, deed := m.say(said(), v)
		b, err := voteext.Encode(orderly(ext))
		if err != nil || !deed || bytes.Equal(b, honest) {
			t.Errorf("%s: expected another sound extension, got %v, a deed %t, %+v", kind, err, deed, ext)
		}
	}
}

func TestEquivocationComesAfterTheFirstWord(t *testing.T) {
	v := view{operator: self, class: 1, rounds: []seenRound{round(1, 0)}}
	if ext, deed := equivocate(abcitypes.VoteExtension{Version: voteext.Version}, v); deed || len(ext.Attestations) != 0 {
		t.Errorf("a silent member: expected nothing, got %+v", ext)
	}
	v.rounds[0].vote.Candidate = 1
	ext, deed := equivocate(abcitypes.VoteExtension{Version: voteext.Version}, v)
	if !deed || len(ext.Attestations) != 1 || !ext.Attestations[0].Outcome.Equal(invented(self, key(1))) {
		t.Errorf("a member that spoke: expected a second outcome, got %+v", ext)
	}
}

func TestCopyRepeatsTheLeaderUntilItIsRecorded(t *testing.T) {
	m := newVoter()
	v := view{operator: self, class: 1, rounds: []seenRound{round(1, 0)}, said: map[string]abcitypes.VoteExtension{
		leader: {Version: voteext.Version, Attestations: []verificationtypes.Attestation{attest(key(1), root(7), 2)}},
	}}
	for range 2 {
		ext, deed := m.copyLeaders(said(), v)
		if !deed || len(ext.Attestations) != 1 || !ext.Attestations[0].Outcome.Equal(root(7)) {
			t.Fatalf("expected the leader's word, got %+v", ext)
		}
		v.said = nil // the next block does not carry it again
	}
	v.rounds[0].vote.Candidate = 1
	if ext, deed := m.copyLeaders(said(), v); deed || len(ext.Attestations) != 0 {
		t.Errorf("recorded: expected nothing, got %+v", ext)
	}
}

func TestLateVoterIsLateByTheDelay(t *testing.T) {
	m := newVoter()
	for i := range delay {
		if ext, deed := m.late(said()); deed || len(ext.Attestations) != 0 {
			t.Fatalf("vote %d: expected nothing, got %+v", i, ext)
		}
	}
	if ext, deed := m.late(abcitypes.VoteExtension{}); !deed || len(ext.Attestations) != 2 {
		t.Errorf("expected the first word, got %+v", ext)
	}
}

func TestOrderlyKeepsToTheCap(t *testing.T) {
	ext := abcitypes.VoteExtension{Version: voteext.Version}
	for id := uint64(600); id > 0; id-- {
		ext.Attestations = append(ext.Attestations, attest(key(id), root(1), 1), attest(key(id), root(2), 1))
		ext.Outputs = append(ext.Outputs, verificationtypes.PublishedOutput{RequestId: id, Attempt: 1, Output: make([]byte, 100)})
	}
	if _, err := voteext.Encode(orderly(ext)); err != nil {
		t.Error(err)
	}
}

func TestRepropose(t *testing.T) {
	present := func(b byte) abcitypes.InjectedEntry {
		return abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_PRESENT, Extension: []byte{b}, Signature: []byte{b}}
	}
	entries := []abcitypes.InjectedEntry{present(1), present(2), present(3), present(4)}
	honest, err := proposal.Encode(abcitypes.InjectedCommit{Version: proposal.Version, Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		kind    byzantine.Proposal
		height  int64
		markers int
		entries int
	}{
		{byzantine.ProposalDrop, 1, 0, 4},
		{byzantine.ProposalReorder, 1, 0, 4},
		{byzantine.ProposalForge, 1, 0, 4},
		{byzantine.ProposalStuff, 1, 0, 5},
		{byzantine.ProposalMark, 2, 1, 4},
		{byzantine.ProposalMarkMany, 3, 2, 4},
	} {
		txs, err := repropose(tc.kind, [][]byte{honest, {1}}, proposalView{height: tc.height, own: 3})
		if err != nil || len(txs) != 2 || bytes.Equal(txs[0], honest) {
			t.Errorf("%s: expected another injection and the transaction, got %x and %v", tc.kind, txs, err)
			continue
		}
		c, err := proposal.Decode(txs[0])
		if err != nil {
			t.Errorf("%s: %v", tc.kind, err)
			continue
		}
		markers := 0
		for i, e := range c.Entries {
			if e.Kind == abcitypes.ENTRY_KIND_MARKER {
				markers++
			}
			if i == 3 && e.Kind == abcitypes.ENTRY_KIND_MARKER {
				t.Errorf("%s: expected the proposer's own word to stay", tc.kind)
			}
		}
		if markers != tc.markers || len(c.Entries) != tc.entries {
			t.Errorf("%s: expected %d entries with %d markers, got %d with %d", tc.kind, tc.entries, tc.markers, len(c.Entries), markers)
		}
	}
	if txs, err := repropose(byzantine.ProposalDrop, [][]byte{honest, {1}}, proposalView{height: 2}); err != nil || len(txs) != 1 {
		t.Errorf("drop at an even height: expected no injection, got %x and %v", txs, err)
	}
	if _, err := repropose(byzantine.ProposalMark, nil, proposalView{}); err == nil {
		t.Error("no transactions: expected an error")
	}
}
