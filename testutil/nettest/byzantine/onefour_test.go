//go:build nettest

package byzantine

import (
	"testing"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/localnet"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	agreed    = verificationtypes.MEMBER_OUTCOME_AGREED
	missing   = verificationtypes.MEMBER_OUTCOME_MISSING
	disagreed = verificationtypes.MEMBER_OUTCOME_DISAGREED
	neutral   = verificationtypes.MEMBER_OUTCOME_NEUTRAL
	sealed    = inferencetypes.SEALING_SEALED
)

// votes are the ways to misbehave in a vote extension.
var votes = []trial{
	{name: "random bytes", plan: byzantine.Plan{Vote: byzantine.VoteRandom}, named: missing, ignored: "malformed", jail: "missed"},
	{name: "empty", plan: byzantine.Plan{Vote: byzantine.VoteEmpty}, named: missing, jail: "missed"},
	{name: "oversized", plan: byzantine.Plan{Vote: byzantine.VoteOversized}, named: missing, absent: true},
	{name: "oversized and after the commit", plan: byzantine.Plan{Vote: byzantine.VoteOversizedLate}, named: missing, ignored: "oversized"},
	{name: "late", plan: byzantine.Plan{Vote: byzantine.VoteLate}, named: missing, ignored: "no_round", jail: "missed"},
	{name: "copies the leader", plan: byzantine.Plan{Vote: byzantine.VoteCopy}, named: agreed},
	{name: "copies the leader of sealed rounds", plan: byzantine.Plan{Vote: byzantine.VoteCopy}, sealing: sealed, named: missing,
		ignored: "unopened", jail: "missed"},
	{name: "equivocates", plan: byzantine.Plan{Vote: byzantine.VoteEquivocate}, named: agreed, ignored: "second_outcome",
		fault: verificationtypes.FAULT_KIND_EQUIVOCATION},
	{name: "attests unassigned requests", plan: byzantine.Plan{Vote: byzantine.VoteUnassigned}, named: agreed, ignored: "no_round"},
	{name: "attests without a seat", plan: byzantine.Plan{Vote: byzantine.VoteUnassigned}, tier: inferencetypes.TIER_COMMITTEE,
		named: neutral, ignored: "no_seat"},
	{name: "commits and never reveals", plan: byzantine.Plan{Vote: byzantine.VoteConceal}, sealing: sealed, named: missing, jail: "missed"},
	{name: "reveals another value", plan: byzantine.Plan{Vote: byzantine.VoteOtherReveal}, sealing: sealed, named: missing,
		ignored: "unopened", fault: verificationtypes.FAULT_KIND_REVEAL},
	{name: "withholds the bytes", plan: byzantine.Plan{Vote: byzantine.VoteWithhold}, named: neutral},
	{name: "publishes bytes of another root", plan: byzantine.Plan{Vote: byzantine.VoteOtherBytes}, named: agreed, ignored: "bad_output",
		fault: verificationtypes.FAULT_KIND_OUTPUT},
}

// proposals are the ways to misbehave as a proposer.
var proposals = []trial{
	{name: "drops entries", plan: byzantine.Plan{Proposal: byzantine.ProposalDrop}, named: agreed, rejected: true},
	{name: "reorders entries", plan: byzantine.Plan{Proposal: byzantine.ProposalReorder}, named: agreed, rejected: true},
	{name: "forges entries", plan: byzantine.Plan{Proposal: byzantine.ProposalForge}, named: agreed, rejected: true},
	{name: "stuffs entries", plan: byzantine.Plan{Proposal: byzantine.ProposalStuff}, named: agreed, rejected: true},
	{name: "marks one honest validator", plan: byzantine.Plan{Proposal: byzantine.ProposalMark}, named: agreed},
	{name: "marks a third and more", plan: byzantine.Plan{Proposal: byzantine.ProposalMarkMany}, named: agreed, rejected: true},
}

// runs are the ways to misbehave in a run of the model.
var runs = []trial{
	{name: "wrong output", plan: byzantine.Plan{Worker: byzantine.WorkerWrong, Amount: 1}, named: disagreed,
		fault: verificationtypes.FAULT_KIND_CONTRADICTION},
	{name: "random output", plan: byzantine.Plan{Worker: byzantine.WorkerRandom}, named: disagreed,
		fault: verificationtypes.FAULT_KIND_CONTRADICTION},
	{name: "panics the worker", plan: byzantine.Plan{Worker: byzantine.WorkerCrash}, named: missing},
	{name: "claims readiness and never answers", plan: byzantine.Plan{Worker: byzantine.WorkerHang}, named: missing, jail: "missed"},
}

// TestOneOfFour: with less than a third of the power no misbehaviour makes a wrong result final, stops the blocks or harms
// an honest operator. Every test begins with the culprit back from jail, so that their order does not matter.
func TestOneOfFour(t *testing.T) {
	b := newBed(t, localnet.Options{}, map[int]byzantine.Plan{3: {}}, conductParams)
	for _, group := range []struct {
		name   string
		trials []trial
	}{{"vote", votes}, {"proposal", proposals}, {"run", runs}} {
		for _, c := range group.trials {
			t.Run(group.name+"/"+c.name, func(t *testing.T) { b.try(t, 3, c) })
		}
	}
	if e := b.Escrow(t); !e.IsZero() {
		t.Errorf("expected an empty escrow, got %s", e)
	}
}
