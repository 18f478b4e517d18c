package keeper_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cosmossdk.io/collections"

	"github.com/opengradient/opengradient/x/verification/types"
)

// chain is two keepers that see the same blocks with the votes in different order, one of which is restarted from its
// exported state now and then, and an oracle for each round.
type chain struct {
	f, g    *fixture
	params  types.Params
	oracles map[uint64]*oracle
	plans   map[uint64][]plan
	settled map[uint64]uint64 // snapshot id -> settled rounds, each of which stands for a receipt
}

// plan is what a member would say of a round if it were honest.
type plan struct {
	variant int
	salt    byte
	class   uint32
}

func drawParams(rt *rapid.T) types.Params {
	params := types.DefaultParams()
	params.SettleBlocks = rapid.Uint32Range(1, 3).Draw(rt, "settle blocks")
	params.SealBlocks = rapid.Uint32Range(1, 3).Draw(rt, "seal blocks")
	params.SoftBlocks = rapid.Uint32Range(1, 4).Draw(rt, "soft blocks")
	params.ArbitrationBlocks = rapid.Uint32Range(1, 3).Draw(rt, "arbitration blocks")
	return params
}

func drawOpening(rt *rapid.T, requestID uint64) types.RoundOpening {
	powers := rapid.SliceOfN(rapid.SampledFrom([]int64{1, 1, 2, 10, 1 << 55}), 1, 7).Draw(rt, "powers")
	o := opening(requestID, members(powers...))
	leader := rapid.IntRange(0, len(powers)-1).Draw(rt, "leader")
	o.Leader = operator(leader)
	o.Attempt = rapid.Uint32Range(1, 2).Draw(rt, "attempt")
	o.Sealed = rapid.Bool().Draw(rt, "sealed")
	if rapid.Bool().Draw(rt, "committee") {
		o.Rule, o.Seats = types.RULE_COMMITTEE, drawSeats(rt, o, leader)
	}
	return o
}

// drawSeats seats the leader and others until they are a committee: more than a third of all power, and two where there are two.
func drawSeats(rt *rapid.T, o types.RoundOpening, leader int) []int {
	all := make([]int, len(o.Members))
	for i := range all {
		all[i] = i
	}
	seats, power := []int{leader}, o.Members[leader].Power
	for _, i := range rapid.Permutation(all).Draw(rt, "seats") {
		enough := power > o.TotalPower/3 && len(seats) >= min(2, len(all))
		if i == leader || enough && rapid.Bool().Draw(rt, "no further seat") {
			continue
		}
		seats, power = append(seats, i), power+o.Members[i].Power
	}
	slices.Sort(seats)
	return seats
}

// drawPlans has most members near one outcome and some anywhere.
func drawPlans(rt *rapid.T) []plan {
	plans := make([]plan, 8)
	for i := range plans {
		plans[i] = plan{
			variant: rapid.SampledFrom([]int{0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6}).Draw(rt, "outcome"),
			salt:    byte(i) + 1,
			class:   rapid.Uint32Range(1, 2).Draw(rt, "class"),
		}
	}
	return plans
}

// oneIn is true once in n times.
func oneIn(rt *rapid.T, n int, what string) bool { return rapid.IntRange(1, n).Draw(rt, what) == n }

// drawUtterance is what a member says in a block: mostly what it planned.
func drawUtterance(rt *rapid.T, position int, p plan, sealed bool) utterance {
	u := utterance{attest: -1, publish: -1, class: p.class, position: position}
	mostly := func(honest int) int {
		if oneIn(rt, 12, "lies") {
			return rapid.IntRange(0, len(variants)-1).Draw(rt, "lie")
		}
		return honest
	}
	if oneIn(rt, 2, "commits") {
		u.commit = promise{p.salt, mostly(p.variant)}
	}
	if sealed != oneIn(rt, 12, "odd") {
		if oneIn(rt, 2, "reveals") {
			u.reveal = promise{p.salt, mostly(p.variant)}
			if oneIn(rt, 12, "other salt") {
				u.reveal.salt = 77
			}
		}
	} else if oneIn(rt, 2, "attests") {
		u.attest = mostly(p.variant)
	}
	if oneIn(rt, 3, "publishes") {
		u.publish = mostly(p.variant)
		if oneIn(rt, 20, "nonsense") || u.publish >= 5 {
			u.publish = 99
		}
	}
	return u
}

// into writes an utterance into a vote.
func (u utterance) into(vote *types.OperatorVotes, o types.RoundOpening) {
	attestation := func(v int) types.Attestation {
		return types.Attestation{RequestId: o.RequestID, Attempt: o.Attempt, Outcome: variants[v].outcome, EnvironmentClass: u.class}
	}
	if u.commit.salt > 0 {
		sealed := types.NewCommitment(o.Digest, o.Attempt, vote.Operator, salt(u.commit.salt), variants[u.commit.variant].outcome)
		vote.Commitments = append(vote.Commitments, types.Commitment{RequestId: o.RequestID, Attempt: o.Attempt, Commitment: sealed[:]})
	}
	if u.attest >= 0 {
		vote.Attestations = append(vote.Attestations, attestation(u.attest))
	}
	if u.reveal.salt > 0 {
		vote.Reveals = append(vote.Reveals, types.Reveal{Attestation: attestation(u.reveal.variant), Salt: salt(u.reveal.salt)})
	}
	if u.publish >= 0 {
		output := []byte("nonsense")
		if u.publish < len(variants) {
			output = variants[u.publish].output
		}
		vote.Outputs = append(vote.Outputs, types.PublishedOutput{RequestId: o.RequestID, Attempt: o.Attempt, Output: output})
	}
}

// Whatever is said in whatever order, across restarts, verdicts, conduct and faults are those of the plain statement, and
// anyone can derive them again from what a receipt holds.
func TestRandomRounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		params := drawParams(rt)
		c := &chain{
			f: newFixture(rt, params), g: newFixture(rt, params), params: params,
			oracles: make(map[uint64]*oracle), plans: make(map[uint64][]plan), settled: make(map[uint64]uint64),
		}
		for id := uint64(1); id <= rapid.Uint64Range(1, 2).Draw(rt, "requests"); id++ {
			o := drawOpening(rt, id)
			c.f.open(o)
			c.g.open(o)
			c.oracles[id] = newOracle(o, params, c.f.ctx.BlockHeight())
			c.plans[id] = drawPlans(rt)
		}
		for range rapid.IntRange(1, 16).Draw(rt, "blocks") {
			c.block(rt)
		}
	})
}

func (c *chain) requests() []uint64 {
	var ids []uint64
	for id := uint64(1); id <= 2; id++ {
		if c.oracles[id] != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func (c *chain) block(rt *rapid.T) {
	c.f.next()
	c.g.next()
	height := c.f.ctx.BlockHeight()
	said := make(map[uint64][]utterance)
	var votes []types.OperatorVotes
	for i := range 8 {
		if oneIn(rt, 4, "absent") {
			continue
		}
		vote := types.OperatorVotes{Operator: operator(i)}
		for _, id := range c.requests() {
			o := c.oracles[id].opening
			u := drawUtterance(rt, i, c.plans[id][i], o.Sealed)
			u.into(&vote, o)
			said[id] = append(said[id], u)
		}
		votes = append(votes, vote)
	}
	got := c.f.record(votes...)
	c.f.same("result in another order of votes", c.g.record(rapid.Permutation(votes).Draw(rt, "order")...), got)
	decisions := got.Decisions
	c.abandon(decisions)
	advanced := c.f.advance()
	c.f.same("timers in another order of votes", c.g.advance(), advanced)
	decisions = append(decisions, advanced...)
	for _, id := range c.requests() {
		c.check(rt, id, decisions, c.oracles[id].block(height, said[id]))
	}
	c.abandon(advanced)
	for _, decision := range decisions {
		if decision.Kind == types.DecisionImpossible {
			delete(c.oracles, decision.RequestID)
		}
	}
	c.settle(rt, height)
	c.conclude(rt, height)
	exported := c.f.export()
	c.f.same("state in another order of votes", c.g.export(), exported)
	c.checkReferences(rt, exported)
	if oneIn(rt, 3, "restart") {
		c.restart(exported)
	}
}

// check holds what the block decided on a round against the oracle.
func (c *chain) check(rt *rapid.T, id uint64, decisions []types.Decision, kind types.DecisionKind) {
	o := c.oracles[id]
	var found []types.Decision
	for _, decision := range decisions {
		if decision.RequestID == id {
			found = append(found, decision)
		}
	}
	if kind == types.DecisionUnspecified {
		if len(found) != 0 {
			rt.Fatalf("request %d at %d: expected no decision, got %+v", id, c.f.ctx.BlockHeight(), found)
		}
		return
	}
	if len(found) != 1 || found[0].Kind != kind {
		rt.Fatalf("request %d at %d: expected decision %d, got %+v", id, c.f.ctx.BlockHeight(), kind, found)
	}
	if kind == types.DecisionFinal {
		c.checkVerdict(o, found[0])
	}
}

func (c *chain) checkVerdict(o *oracle, got types.Decision) {
	want := types.Decision{
		RequestID: o.opening.RequestID, Attempt: o.opening.Attempt, Kind: types.DecisionFinal, Outcome: variants[o.winner].outcome,
		Output: variants[o.winner].output, Leader: o.opening.Leader, SnapshotID: got.SnapshotID, Arbitrated: o.compared,
	}
	if publisher, have := o.bytesOf[o.winner]; have {
		want.Publisher = operator(publisher)
	}
	c.f.same("verdict", got, want)
}

// abandon drops the rounds that have no verdict, as their caller does.
func (c *chain) abandon(decisions []types.Decision) {
	for _, decision := range decisions {
		if decision.Kind != types.DecisionImpossible {
			continue
		}
		got := c.f.abandon(decision.RequestID)
		c.f.same("passed over in another order of votes", c.g.abandon(decision.RequestID), got)
	}
}

func (c *chain) conclude(rt *rapid.T, height int64) {
	for _, id := range c.requests() {
		o := c.oracles[id]
		if o.phase == types.PHASE_SETTLING || !oneIn(rt, 8, "deadline") {
			continue
		}
		got := c.f.conclude(id)
		c.f.same("last word in another order of votes", c.g.conclude(id), got)
		if kind := o.conclude(height); got.Kind != kind {
			rt.Fatalf("request %d at its deadline %d: expected decision %d, got %+v", id, height, kind, got)
		}
		if got.Kind == types.DecisionFinal {
			c.checkVerdict(o, got)
			continue
		}
		passed := c.f.abandon(id)
		c.f.same("passed over", passed, o.passedOver())
		c.f.same("passed over in another order of votes", c.g.abandon(id), passed)
		delete(c.oracles, id)
	}
}

func (c *chain) settle(rt *rapid.T, height int64) {
	settlements := c.f.settle()
	c.f.same("settlements in another order of votes", c.g.settle(), settlements)
	due := 0
	for _, o := range c.oracles {
		if o.phase == types.PHASE_SETTLING && o.settle == height {
			due++
		}
	}
	if len(settlements) != due {
		rt.Fatalf("height %d: expected %d settlements, got %d", height, due, len(settlements))
	}
	for _, settlement := range settlements {
		id := settlement.Round.RequestId
		o := c.oracles[id]
		c.checkSettlement(rt, o, settlement)
		c.replay(rt, o, settlement)
		c.settled[settlement.Round.SnapshotId]++
		delete(c.oracles, id)
	}
}

func (c *chain) checkSettlement(rt *rapid.T, o *oracle, got types.Settlement) {
	outcomes, tolerated := o.conduct()
	c.f.same("conduct", got.Outcomes, outcomes)
	for i := range got.Outcomes {
		want := slices.Contains(tolerated, i)
		if set := i/8 < len(got.Tolerated) && got.Tolerated[i/8]>>(i%8)&1 == 1; set != want {
			rt.Fatalf("member %d: expected tolerated %t, got %08b", i, want, got.Tolerated)
		}
	}
	o.contradictions()
	for _, fault := range got.Round.Faults {
		key := [2]int{int(fault.Member), int(fault.Kind)}
		if !o.faults[key] {
			rt.Fatalf("expected no %s of member %d, got %+v", fault.Kind, fault.Member, fault)
		}
		delete(o.faults, key)
	}
	if len(o.faults) != 0 {
		rt.Fatalf("expected the faults %v as well, got %+v", o.faults, got.Round.Faults)
	}
}

// replay derives the verdict again from what the receipt holds and, where that leaves something open, the evidence.
func (c *chain) replay(rt *rapid.T, o *oracle, s types.Settlement) {
	winner := s.Round.Winner()
	claim := types.Claim{
		RequestID: s.Round.RequestId, Attempt: s.Round.Attempt, Rule: o.opening.Rule, Digest: o.opening.Digest, Outcome: winner.Outcome,
		Leader: o.opening.Leader, Publisher: winner.Publisher, Outcomes: s.Bitmap, Committee: s.Round.Seats, Tolerated: s.Tolerated,
		Arbitrated: s.Round.Arbitrated, Sealed: o.opening.Sealed, EvidenceRoot: s.EvidenceRoot[:],
	}
	if _, err := claim.Replay(s.Snapshot); (err == nil) == o.compared {
		rt.Fatalf("expected a verdict from the receipt alone unless it was compared (%t), got %v", o.compared, err)
	}
	stored, err := c.f.Evidence.Get(c.f.ctx, s.Round.RequestId)
	if errors.Is(err, collections.ErrNotFound) {
		if o.compared || len(s.Round.Candidates) > 1 || len(s.Round.Faults) > 0 {
			rt.Fatalf("expected evidence of request %d, got none", s.Round.RequestId)
		}
		return
	}
	c.f.must(err)
	if _, err := claim.ReplayEvidence(s.Snapshot, c.params, stored.Evidence); err != nil {
		rt.Fatalf("expected the verdict to follow from the evidence, got %v", err)
	}
}

// checkReferences: every snapshot is referred to by exactly its rounds and receipts.
func (c *chain) checkReferences(rt *rapid.T, genesis *types.GenesisState) {
	want := make(map[uint64]uint64)
	for id, count := range c.settled {
		want[id] = count
	}
	for _, round := range genesis.Rounds {
		want[round.SnapshotId]++
	}
	for _, snapshot := range genesis.Snapshots {
		if snapshot.References != want[snapshot.Id] {
			rt.Fatalf("snapshot %d: expected %d references, got %d", snapshot.Id, want[snapshot.Id], snapshot.References)
		}
		delete(want, snapshot.Id)
	}
	if len(want) != 0 {
		rt.Fatalf("expected snapshots for the references %v", want)
	}
}

// restart goes on with a chain that begins with the exported state.
func (c *chain) restart(genesis *types.GenesisState) {
	height := c.g.ctx.BlockHeight()
	fresh := newEmptyFixture(c.g.t)
	fresh.at(height + 1)
	fresh.must(fresh.InitGenesis(fresh.ctx, *genesis))
	fresh.at(height)
	fresh.same("export of the import", fresh.export(), genesis)
	c.g = fresh
}
