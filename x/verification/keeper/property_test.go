package keeper_test

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/x/verification/types"
)

// oracleRound is a second, plain statement of what a round is: everyone's first word, and whose bytes came first. It
// knows nothing of candidates, so it holds while there is room for every outcome.
type oracleRound struct {
	opening   types.RoundOpening
	said      map[string]string   // operator -> outcome
	publisher map[string]string   // outcome -> operator
	outcomes  map[string]struct { // what the strings mean
		outcome types.Outcome
		output  []byte
	}
	decided    string
	final      int64 // height of the verdict
	impossible bool
}

func name(outcome types.Outcome) string { return outcome.String() }

// distance is how many places an operator comes after the leader.
func (o *oracleRound) distance(operator string) int {
	place := func(who string) int {
		return slices.IndexFunc(o.opening.Members, func(m types.Member) bool { return m.Operator == who })
	}
	n := len(o.opening.Members)
	return (place(operator) - place(o.opening.Leader) + n) % n
}

func (o *oracleRound) wins(power int64) bool {
	var eligible int64
	for _, member := range o.opening.Members {
		eligible += member.Power
	}
	p := new(big.Int).SetInt64(power)
	return new(big.Int).Mul(p, big.NewInt(3)).Cmp(new(big.Int).Mul(big.NewInt(eligible), big.NewInt(2))) > 0 &&
		new(big.Int).Mul(p, big.NewInt(2)).Cmp(big.NewInt(o.opening.TotalPower)) > 0
}

// block applies the votes of one block and tells how the round ended, if it did.
func (o *oracleRound) block(height int64, votes []types.OperatorVotes) types.DecisionKind {
	isMember := func(v types.OperatorVotes) bool {
		return slices.ContainsFunc(o.opening.Members, func(m types.Member) bool { return m.Operator == v.Operator })
	}
	for _, vote := range votes {
		for _, a := range vote.Attestations {
			if isMember(vote) && a.RequestId == o.opening.RequestID && a.Attempt == o.opening.Attempt && o.said[vote.Operator] == "" {
				o.said[vote.Operator] = name(a.Outcome)
			}
		}
	}
	power, silent := make(map[string]int64), int64(0)
	for _, member := range o.opening.Members {
		if said := o.said[member.Operator]; said != "" {
			power[said] += member.Power
		} else {
			silent += member.Power
		}
	}
	possible := o.wins(silent)
	for said, p := range power {
		if o.wins(p) {
			o.decided = said
		}
		possible = possible || o.wins(p+silent)
	}
	if o.final > 0 {
		return types.DecisionUnspecified
	}
	for said, meaning := range o.outcomes {
		if meaning.outcome.Failed() || o.publisher[said] != "" || (o.decided != "" && o.decided != said) {
			continue
		}
		for _, vote := range votes {
			for _, p := range vote.Outputs {
				if p.RequestId != o.opening.RequestID || p.Attempt != o.opening.Attempt ||
					o.said[vote.Operator] != said || string(p.Output) != string(meaning.output) {
					continue
				}
				if best := o.publisher[said]; best == "" || o.distance(vote.Operator) < o.distance(best) {
					o.publisher[said] = vote.Operator
				}
			}
		}
	}
	if o.decided != "" && (o.outcomes[o.decided].outcome.Failed() || o.publisher[o.decided] != "") {
		o.final = height
		return types.DecisionFinal
	}
	if !possible && !o.impossible {
		o.impossible = true
		return types.DecisionImpossible
	}
	return types.DecisionUnspecified
}

func newOracleRound(opening types.RoundOpening) *oracleRound {
	o := &oracleRound{
		opening: opening, said: make(map[string]string), publisher: make(map[string]string),
		outcomes: make(map[string]struct {
			outcome types.Outcome
			output  []byte
		}),
	}
	for i, outcome := range knownOutcomes() {
		meaning := o.outcomes[name(outcome)]
		meaning.outcome = outcome
		if !outcome.Failed() {
			meaning.output = result(i)
		}
		o.outcomes[name(outcome)] = meaning
	}
	return o
}

// knownOutcomes are the outcomes random members choose from; the first one most.
func knownOutcomes() []types.Outcome {
	return []types.Outcome{rootOf(0), rootOf(1), rootOf(2), failure(), types.NewFailureOutcome(types.FAILURE_OUTPUT_LIMIT)}
}

func drawOpening(rt *rapid.T, requestID uint64) types.RoundOpening {
	powers := rapid.SliceOfN(rapid.SampledFrom([]int64{1, 1, 2, 10, 1 << 55}), 1, 7).Draw(rt, "powers")
	o := opening(requestID, members(powers...))
	o.Leader = operator(rapid.IntRange(0, len(powers)-1).Draw(rt, "leader"))
	o.Attempt = rapid.Uint32Range(1, 2).Draw(rt, "attempt")
	return o
}

// drawVotes is the votes of a block of up to 9 operators, of which some are no members.
func drawVotes(rt *rapid.T, requests uint64) []types.OperatorVotes {
	outcomes := knownOutcomes()
	choice := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	var votes []types.OperatorVotes
	for i := range 9 {
		if rapid.IntRange(0, 2).Draw(rt, "absent") == 0 {
			continue
		}
		vote := types.OperatorVotes{Operator: operator(i)}
		for id := uint64(1); id <= requests; id++ {
			attempt := rapid.SampledFrom([]uint32{1, 1, 1, 2, 2, 2, 3}).Draw(rt, "attempt")
			said := choice.Draw(rt, "outcome")
			if rapid.Bool().Draw(rt, "attests") {
				vote.Attestations = append(vote.Attestations, types.Attestation{
					RequestId: id, Attempt: attempt, Outcome: outcomes[said], EnvironmentClass: uint32(i) + 1,
				})
			}
			if rapid.IntRange(0, 3).Draw(rt, "publishes") == 0 {
				vote.Outputs = append(vote.Outputs, types.PublishedOutput{RequestId: id, Attempt: attempt, Output: result(said)})
			}
		}
		votes = append(votes, vote)
	}
	return votes
}

// chain is two keepers that see the same blocks with the votes in different order, and the oracle.
type chain struct {
	f, g     *fixture
	oracles  map[uint64]*oracleRound
	requests uint64
	settled  map[uint64]uint64 // snapshot id -> settled rounds, each of which stands for a receipt
}

func TestRandomVotes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		params := types.DefaultParams()
		c := &chain{
			f: newFixture(rt, params), g: newFixture(rt, params),
			oracles: make(map[uint64]*oracleRound), settled: make(map[uint64]uint64),
			requests: rapid.Uint64Range(1, 3).Draw(rt, "requests"),
		}
		for id := uint64(1); id <= c.requests; id++ {
			o := drawOpening(rt, id)
			c.f.open(o)
			c.g.open(o)
			c.oracles[id] = newOracleRound(o)
		}
		for range rapid.IntRange(1, 10).Draw(rt, "blocks") {
			c.block(rt, params)
		}
	})
}

func (c *chain) block(rt *rapid.T, params types.Params) {
	c.f.next()
	c.g.next()
	height := c.f.ctx.BlockHeight()
	votes := drawVotes(rt, c.requests)
	got := c.f.record(votes...)
	c.f.same("result in another order of votes", c.g.record(rapid.Permutation(votes).Draw(rt, "order")...), got)

	decisions := make(map[uint64]types.Decision)
	for _, decision := range got.Decisions {
		decisions[decision.RequestID] = decision
	}
	for id := uint64(1); id <= c.requests; id++ {
		oracle, alive := c.oracles[id]
		if !alive {
			continue
		}
		kind := oracle.block(height, votes)
		decision := decisions[id]
		if decision.Kind != kind {
			rt.Fatalf("request %d at %d: expected decision %d, got %+v", id, height, kind, decision)
		}
		switch kind {
		case types.DecisionFinal:
			want := oracle.outcomes[oracle.decided]
			if !decision.Outcome.Equal(want.outcome) || string(decision.Output) != string(want.output) ||
				decision.Publisher != oracle.publisher[oracle.decided] {
				rt.Fatalf("request %d: expected %+v by %q, got %+v", id, want, oracle.publisher[oracle.decided], decision)
			}
		case types.DecisionImpossible:
			if rapid.Bool().Draw(rt, "abandon") {
				c.f.abandon(id)
				c.g.abandon(id)
				delete(c.oracles, id)
			}
		}
	}
	c.settle(rt, height, params)
	exported := c.f.export()
	c.f.same("state in another order of votes", c.g.export(), exported)
	c.checkReferences(rt, exported)
	c.restart(rt, exported)
}

func (c *chain) settle(rt *rapid.T, height int64, params types.Params) {
	settlements := c.f.settle()
	c.f.same("settlements in another order of votes", c.g.settle(), settlements)
	due := 0
	for _, oracle := range c.oracles {
		if oracle.final > 0 && oracle.final+int64(params.SettleBlocks) == height {
			due++
		}
	}
	if len(settlements) != due {
		rt.Fatalf("height %d: expected %d settlements, got %d", height, due, len(settlements))
	}
	for _, settlement := range settlements {
		id := settlement.Round.RequestId
		oracle := c.oracles[id]
		for i, member := range settlement.Snapshot.Members {
			want := types.MEMBER_OUTCOME_DISAGREED
			switch oracle.said[member.Operator] {
			case "":
				want = types.MEMBER_OUTCOME_MISSING
			case oracle.decided:
				want = types.MEMBER_OUTCOME_AGREED
			}
			if settlement.Outcomes[i] != want {
				rt.Fatalf("request %d, member %d: expected %s, got %s", id, i, want, settlement.Outcomes[i])
			}
		}
		c.settled[settlement.Round.SnapshotId]++
		delete(c.oracles, id)
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

// restart imports the state into a new chain that begins at any height: it exports the same state again.
func (c *chain) restart(rt *rapid.T, genesis *types.GenesisState) {
	initial := rapid.SampledFrom([]int64{0, 1, 2, 1_000}).Draw(rt, "initial height")
	fresh := newEmptyFixture(rt)
	fresh.at(initial)
	fresh.must(fresh.InitGenesis(fresh.ctx, *genesis))
	fresh.at(max(initial, 1) - 1)
	fresh.same("export of the import", fresh.export(), genesis)
}
