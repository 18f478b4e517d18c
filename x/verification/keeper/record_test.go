package keeper_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/x/verification/types"
)

func TestVerdictNeedsThresholdAndBytes(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))

	f.next() // height 2: two of four and the leader's bytes are not enough
	votes := says(rootOf(0), 0, 1)
	votes[0].Outputs = []types.PublishedOutput{publish(1, result(0))}
	if got := f.record(votes...); len(got.Decisions) != 0 || len(got.Ignored) != 0 {
		t.Fatalf("expected nothing, got %+v", got)
	}
	if round := f.round(1); round.HasDecided() || round.Candidates[0].Publisher != operator(0) {
		t.Fatalf("expected an open round with the leader's bytes, got %+v", round)
	}

	f.next() // height 3: the third member completes it
	got := f.record(says(rootOf(0), 2)...)
	f.same("decisions", got.Decisions, []types.Decision{{
		RequestID: 1, Attempt: 1, Kind: types.DecisionFinal, Outcome: rootOf(0), Output: result(0),
		Publisher: operator(0), Leader: operator(0), SnapshotID: 1,
	}})
	round := f.round(1)
	if round.Phase != types.PHASE_SETTLING || round.DecidedHeight != 3 || round.FinalHeight != 3 || round.SettleHeight != 6 {
		t.Fatalf("expected a verdict at 3 settled at 6, got %+v", round)
	}
	if genesis := f.export(); len(genesis.Outputs) != 1 {
		t.Fatalf("expected the output until the settlement, got %d", len(genesis.Outputs))
	}
	f.at(6)
	f.settle()
	if genesis := f.export(); len(genesis.Outputs) != 0 {
		t.Fatalf("expected no outputs after the settlement, got %d", len(genesis.Outputs))
	}
}

func TestBytesLaterThanThreshold(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.next()
	if got := f.record(says(rootOf(0), 1, 2, 3)...); len(got.Decisions) != 0 {
		t.Fatalf("expected no decision without bytes, got %+v", got)
	}
	round := f.round(1)
	if round.Phase != types.PHASE_OPEN || round.Decided != 1 || round.DecidedHeight != 2 {
		t.Fatalf("expected a decided open round, got %+v", round)
	}
	// The leader did not attest: the member after it is the first to publish, and turns last two blocks.
	snapshot := f.snapshot(round.SnapshotId)
	for height, want := range map[int64]int{2: 1, 3: 1, 4: 2, 6: 3, 8: 1} {
		if got, ok := round.PublisherTurn(snapshot, height, 2); !ok || got != operator(want) {
			t.Errorf("height %d: expected the turn of operator %d, got %s", height, want, got)
		}
	}
	f.at(5)
	got := f.record(shows(3, result(0))) // out of turn: a volunteer is welcome
	if len(got.Decisions) != 1 || got.Decisions[0].Publisher != operator(3) || !bytes.Equal(got.Decisions[0].Output, result(0)) {
		t.Fatalf("expected operator 3 to publish, got %+v", got)
	}
	if round := f.round(1); round.DecidedHeight != 2 || round.FinalHeight != 5 || round.SettleHeight != 8 {
		t.Fatalf("expected a decision at 2, a verdict at 5, settlement at 8, got %+v", round)
	}
	if _, ok := f.round(1).PublisherTurn(snapshot, 6, 2); ok {
		t.Error("expected no turn after the verdict")
	}
}

func TestLeaderIsWrong(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.next()
	// The leader publishes the bytes of its own outcome, which loses.
	wrong := says(rootOf(7), 0)
	wrong[0].Outputs = []types.PublishedOutput{publish(1, result(7))}
	f.record(append(wrong, says(rootOf(0), 1, 2)...)...)
	if genesis := f.export(); len(genesis.Outputs) != 1 {
		t.Fatalf("expected the leader's bytes in state, got %d outputs", len(genesis.Outputs))
	}
	f.next()
	f.record(says(rootOf(0), 3)...)
	f.next()
	// The right bytes from a member that attested another outcome: not taken, and after the decision not even looked at.
	if got := f.record(shows(0, result(0))); len(got.Decisions) != 0 || len(got.Ignored) != 0 {
		t.Fatalf("expected bytes of a member with another outcome to be left, got %+v", got)
	}
	f.next()
	got := f.record(shows(2, result(0)))
	if len(got.Decisions) != 1 || got.Decisions[0].Publisher != operator(2) || got.Decisions[0].Leader != operator(0) {
		t.Fatalf("expected operator 2 to publish in place of the leader, got %+v", got)
	}
	for i, candidate := range f.round(1).Candidates {
		if candidate.Publisher == "" {
			t.Errorf("candidate %d: expected the bytes of both until they are compared, got none", i+1)
		}
	}
	f.export()
}

func TestPublisherOfOneBlockIsTheEarliestTurn(t *testing.T) {
	for _, tc := range []struct {
		name   string
		shown  []int
		leader int
		want   int
	}{
		{"the leader before earlier members", []int{0, 1, 2, 3}, 2, 2},
		{"the next after an absent leader", []int{0, 1, 3}, 2, 3},
		{"round the end", []int{0, 1}, 2, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			o := opening(1, equalMembers(4))
			o.Leader = operator(tc.leader)
			f.open(o)
			f.next()
			votes := says(rootOf(0), 0, 1, 2, 3)
			for _, i := range tc.shown {
				votes[i].Outputs = []types.PublishedOutput{publish(1, result(0))}
			}
			if got := f.record(votes...); len(got.Decisions) != 1 || got.Decisions[0].Publisher != operator(tc.want) {
				t.Errorf("expected operator %d to be the publisher, got %+v", tc.want, got)
			}
		})
	}
}

func TestUnsoundBytesDoNotTakeTheTurn(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.next()
	votes := says(rootOf(0), 0, 1, 2, 3)
	votes[0].Outputs = []types.PublishedOutput{publish(1, result(1))}
	votes[3].Outputs = []types.PublishedOutput{publish(1, result(0))}
	got := f.record(votes...)
	if len(got.Decisions) != 1 || got.Decisions[0].Publisher != operator(3) {
		t.Fatalf("expected operator 3 to be the publisher, got %+v", got)
	}
	f.same("ignored", got.Ignored, []types.Ignored{{Operator: operator(0), Reason: types.ReasonBadOutput, Count: 1}})
}

func TestFailureNeedsNoBytes(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(3)))
	f.next()
	got := f.record(says(failure(), 0, 1, 2)...)
	f.same("decisions", got.Decisions, []types.Decision{{
		RequestID: 1, Attempt: 1, Kind: types.DecisionFinal, Outcome: failure(), Leader: operator(0), SnapshotID: 1,
	}})
	other := types.NewFailureOutcome(types.FAILURE_OUTPUT_LIMIT)
	third := opening(2, equalMembers(3))
	third.Attempt = 3
	f.open(third)
	f.next()
	var votes []types.OperatorVotes
	for i := range 3 {
		attestation := types.Attestation{RequestId: 2, Attempt: 3, Outcome: other, EnvironmentClass: 2}
		votes = append(votes, types.OperatorVotes{Operator: operator(i), Attestations: []types.Attestation{attestation}})
	}
	if got := f.record(votes...); len(got.Decisions) != 1 || !got.Decisions[0].Outcome.Equal(other) || got.Decisions[0].Attempt != 3 {
		t.Fatalf("expected the limit as the verdict of attempt 3, got %+v", got)
	}
}

func TestImpossibleIsReportedOnce(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.next()
	if got := f.record(append(says(rootOf(0), 0), says(types.NewFailureOutcome(types.FAILURE_OUTPUT_LIMIT), 1)...)...); len(got.Decisions) != 0 {
		t.Fatalf("expected 1, 1 and 2 silent to remain possible with a threshold of 3, got %+v", got)
	}
	f.next()
	if got := f.record(says(failure(), 2)...); len(got.Decisions) != 1 ||
		got.Decisions[0].Kind != types.DecisionImpossible || got.Decisions[0].SnapshotID != 1 {
		t.Fatalf("expected an impossible round, got %+v", got)
	}
	f.next()
	if got := f.record(says(rootOf(0), 3)...); len(got.Decisions) != 0 {
		t.Fatalf("expected no second report, got %+v", got)
	}
	f.abandon(1)
	f.abandon(1)
	left := f.export()
	left.Attendances = nil
	f.same("state", left, &types.GenesisState{
		Params: types.DefaultGenesis().Params, NextSnapshotId: 2,
	})
}

func TestSilenceIsNotImpossibleBeforeItMustBe(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	o := opening(1, members(30, 30, 5))
	o.TotalPower = 100 // more than half of all power wants all but nothing of the dissent
	f.open(o)
	f.next()
	if got := f.record(says(rootOf(1), 2)...); len(got.Decisions) != 0 {
		t.Fatalf("expected 60 of 100 to remain possible, got %+v", got)
	}
	f.next()
	if got := f.record(says(rootOf(0), 0)...); len(got.Decisions) != 0 {
		t.Fatalf("expected no decision, got %+v", got)
	}
	f.next()
	votes := says(rootOf(0), 1)
	votes[0].Outputs = []types.PublishedOutput{publish(1, result(0))}
	if got := f.record(votes...); len(got.Decisions) != 1 || got.Decisions[0].Kind != types.DecisionFinal {
		t.Fatalf("expected a verdict by 60 of 65 eligible and 100 in all, got %+v", got)
	}
}

func TestIgnored(t *testing.T) {
	oversized := bytes.Repeat([]byte{1}, 8193)
	garbage := []byte("not an encoding of tensors")
	for _, tc := range []struct {
		name  string
		votes []types.OperatorVotes
		want  string // reason, or none
	}{
		{"no round of the request", []types.OperatorVotes{{Operator: operator(1), Attestations: []types.Attestation{attest(2, rootOf(0))}}}, types.ReasonNoRound},
		{"output without a round", []types.OperatorVotes{{Operator: operator(1), Outputs: []types.PublishedOutput{publish(2, result(0))}}}, types.ReasonNoRound},
		{"another attempt", []types.OperatorVotes{{Operator: operator(1), Attestations: []types.Attestation{{RequestId: 1, Attempt: 2, Outcome: rootOf(0), EnvironmentClass: 1}}}}, types.ReasonNoRound},
		{"not in the snapshot", says(rootOf(0), 9), types.ReasonNotMember},
		{"output of an outsider", []types.OperatorVotes{shows(9, result(0))}, types.ReasonNotMember},
		{"second outcome", says(rootOf(1), 0), types.ReasonSecondOutcome},
		{"a failure after a root", says(failure(), 0), types.ReasonSecondOutcome},
		{"second outcome within a block", append(says(rootOf(1), 1), says(rootOf(2), 1)...), types.ReasonSecondOutcome},
		{"identical repeat", says(rootOf(0), 0), ""},
		{"identical repeat within a block", says(rootOf(0), 1, 1), ""},
		{"short root", says(types.Outcome{OutputRoot: []byte{1}}, 1), types.ReasonBadOutcome},
		{"no root and no failure", says(types.Outcome{}, 1), types.ReasonBadOutcome},
		{"root and failure", says(types.Outcome{OutputRoot: rootOf(0).OutputRoot, Failure: types.FAILURE_EXECUTION}, 1), types.ReasonBadOutcome},
		{"unknown failure", says(types.Outcome{Failure: 77}, 1), types.ReasonBadOutcome},
		{"no environment class", []types.OperatorVotes{{Operator: operator(1), Attestations: []types.Attestation{{RequestId: 1, Attempt: 1, Outcome: rootOf(0)}}}}, types.ReasonBadOutcome},
		{"bytes with another root", []types.OperatorVotes{shows(0, result(1))}, types.ReasonBadOutput},
		{"no bytes", []types.OperatorVotes{shows(0, nil)}, types.ReasonBadOutput},
		{"bytes over the limit", []types.OperatorVotes{shows(0, oversized)}, types.ReasonBadOutput},
		{"bytes that are no tensors", []types.OperatorVotes{shows(2, garbage)}, types.ReasonBadOutput},
		{"bytes of a silent member", []types.OperatorVotes{shows(1, result(0))}, types.ReasonBadOutput},
		{"bytes for a failure", []types.OperatorVotes{shows(3, result(0))}, types.ReasonBadOutput},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, types.DefaultParams())
			f.open(opening(1, members(10, 10, 1, 1, 10, 10, 10, 10, 10)))
			f.next()
			garbageRoot := types.NewRootOutcome(rootBytes(garbage))
			f.record(append(append(says(rootOf(0), 0), says(garbageRoot, 2)...), says(failure(), 3)...)...)
			f.next()
			got := f.record(tc.votes...)
			if len(got.Decisions) != 0 {
				t.Fatalf("expected no decision, got %+v", got.Decisions)
			}
			if tc.want == "" {
				if len(got.Ignored) != 0 {
					t.Fatalf("expected nothing ignored, got %+v", got.Ignored)
				}
				return
			}
			f.same("ignored", got.Ignored, []types.Ignored{{Operator: tc.votes[0].Operator, Reason: tc.want, Count: 1}})
			if event := lastEvent(f); !strings.Contains(event, tc.want) || !strings.Contains(event, tc.votes[0].Operator) {
				t.Errorf("expected an event with reason and operator, got %s", event)
			}
			f.export()
		})
	}
}

func TestIgnoredIsCountedPerOperatorAndReason(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.next()
	f.record(says(rootOf(0), 0)...)
	f.next()
	vote := types.OperatorVotes{
		Operator:     operator(0),
		Attestations: []types.Attestation{attest(1, rootOf(3)), attest(5, rootOf(0)), attest(6, rootOf(0))},
		Outputs:      []types.PublishedOutput{publish(1, []byte{1}), publish(7, []byte{1})},
	}
	got := f.record(says(rootOf(0), 9)[0], vote)
	f.same("ignored", got.Ignored, []types.Ignored{
		{Operator: operator(0), Reason: types.ReasonBadOutput, Count: 1},
		{Operator: operator(0), Reason: types.ReasonNoRound, Count: 3},
		{Operator: operator(0), Reason: types.ReasonSecondOutcome, Count: 1},
		{Operator: operator(9), Reason: types.ReasonNotMember, Count: 1},
	})
	events := 0
	for _, event := range f.ctx.EventManager().Events() {
		if event.Type == proto.MessageName(&types.EventAttestationIgnored{}) {
			events++
		}
	}
	if events != 4 {
		t.Errorf("expected 4 events, got %d", events)
	}
}

func TestUnwantedBytesAreNoOffence(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.next()
	votes := says(rootOf(0), 0, 1)
	votes[0].Outputs = []types.PublishedOutput{publish(1, result(0))}
	f.record(votes...)
	f.next()
	if got := f.record(shows(1, result(0))); len(got.Ignored) != 0 {
		t.Fatalf("expected a second copy to be no offence, got %+v", got.Ignored)
	}
	f.record(says(rootOf(0), 2)...)
	f.next()
	if got := f.record(shows(2, result(0))); len(got.Ignored) != 0 || len(got.Decisions) != 0 {
		t.Fatalf("expected bytes after the verdict to be no offence, got %+v", got)
	}
	if publisher := f.round(1).Winner().Publisher; publisher != operator(0) {
		t.Errorf("expected the first publisher to stand, got %s", publisher)
	}
}

func TestBytesOfALoserAreTakenUntilTheSettlement(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(4)))
	f.next()
	f.record(append(says(rootOf(0), 0, 1, 2), says(rootOf(1), 3)...)...)
	f.next()
	if got := f.record(shows(3, result(1))); len(got.Decisions) != 0 || len(got.Ignored) != 0 {
		t.Fatalf("expected nothing but sound bytes, got %+v", got)
	}
	if genesis := f.export(); len(genesis.Outputs) != 1 || genesis.Outputs[0].Candidate != 2 {
		t.Errorf("expected the bytes of the loser in state, got %d outputs", len(genesis.Outputs))
	}
}

func TestDecisionsAreOrderedByRequest(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	for _, id := range []uint64{9, 3, 12} {
		f.open(opening(id, equalMembers(1)))
	}
	f.next()
	got := f.record(types.OperatorVotes{
		Operator: operator(0),
		Attestations: []types.Attestation{
			attest(12, failure()), attest(3, failure()), attest(9, failure()),
		},
	})
	if len(got.Decisions) != 3 || got.Decisions[0].RequestID != 3 || got.Decisions[1].RequestID != 9 || got.Decisions[2].RequestID != 12 {
		t.Fatalf("expected decisions on 3, 9 and 12, got %+v", got.Decisions)
	}
}

func TestParamsOfTheOpeningHold(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(1)))
	changed := types.DefaultParams()
	changed.SettleBlocks = 50
	f.updateParams(changed)
	f.open(opening(2, equalMembers(1)))
	f.next()
	f.record(types.OperatorVotes{Operator: operator(0), Attestations: []types.Attestation{attest(1, failure()), attest(2, failure())}})
	if one, two := f.round(1).SettleHeight, f.round(2).SettleHeight; one != 5 || two != 52 {
		t.Errorf("expected settlement at 5 and 52, got %d and %d", one, two)
	}
	f.export()
}

// More invented outcomes than a round tells apart do not keep the honest majority out.
func TestInventedOutcomesDoNotShutOutTheRest(t *testing.T) {
	f := newFixture(t, types.DefaultParams())
	f.open(opening(1, equalMembers(30)))
	f.next()
	var invented []types.OperatorVotes
	for i := range 9 {
		vote := says(rootOf(100+i), i)[0]
		vote.Outputs = []types.PublishedOutput{publish(1, result(100+i))}
		invented = append(invented, vote)
	}
	got := f.record(invented...)
	if len(f.round(1).Candidates) != 8 {
		t.Fatalf("expected 8 candidates, got %d", len(f.round(1).Candidates))
	}
	var tooMany uint32
	for _, ignored := range got.Ignored {
		if ignored.Reason == types.ReasonTooManyCandidates {
			tooMany += ignored.Count
		}
	}
	if tooMany != 1 {
		t.Fatalf("expected one attestation too many, got %+v", got.Ignored)
	}
	f.next()
	f.record(says(rootOf(0), 9)...) // alone it is no stronger than the others
	if f.round(1).FindCandidate(rootOf(0)) != 0 {
		t.Fatal("expected a single member to find no room")
	}
	f.next()
	honest := make([]int, 0, 21)
	for i := 9; i < 30; i++ {
		honest = append(honest, i)
	}
	votes := says(rootOf(0), honest...)
	votes[4].Outputs = []types.PublishedOutput{publish(1, result(0))}
	got = f.record(votes...)
	if len(got.Decisions) != 1 || !got.Decisions[0].Outcome.Equal(rootOf(0)) || !bytes.Equal(got.Decisions[0].Output, result(0)) {
		t.Fatalf("expected the honest outcome to win, got %+v", got)
	}
	f.export()
}
