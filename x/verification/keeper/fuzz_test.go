package keeper_test

import (
	"testing"

	"github.com/opengradient/opengradient/x/verification/types"
)

// manyPhases has, at height 5, a round in each phase and rule: 1 open with a contest, 2 taking commitments, 3 revealing
// with a reveal that opened nothing, 4 arbitrating, 5 settling an arbitrated verdict, 6 a sealed committee that reveals.
func manyPhases(t tester) *fixture {
	t.Helper()
	f := newFixture(t, types.DefaultParams())
	for id := uint64(1); id <= 6; id++ {
		o := opening(id, equalMembers(4))
		o.Sealed = id == 2 || id == 3 || id == 6
		if id == 6 {
			o.Rule, o.Seats = types.RULE_COMMITTEE, []int{0, 2}
		}
		f.open(o)
	}
	say := func(member int, said map[uint64]utterance) types.OperatorVotes {
		vote := types.OperatorVotes{Operator: operator(member)}
		for id := uint64(1); id <= 6; id++ {
			if u, ok := said[id]; ok {
				u.class = 1
				u.into(&vote, opening(id, equalMembers(1)))
			}
		}
		return vote
	}
	commits := func(v int) utterance { return utterance{commit: promise{1, v}, attest: -1, publish: -1} }
	attests := func(v int) utterance { return utterance{attest: v, publish: -1} }
	opens := func(v int) utterance { return utterance{attest: -1, reveal: promise{1, v}, publish: -1} }
	f.at(3)
	f.record(
		say(0, map[uint64]utterance{2: commits(0), 3: commits(0), 6: commits(0)}),
		say(1, map[uint64]utterance{3: commits(0)}),
		say(2, map[uint64]utterance{3: commits(1), 6: commits(0)}),
		say(3, map[uint64]utterance{3: commits(0)}),
	)
	f.at(4)
	shows := func(v int) utterance { return utterance{attest: v, publish: v} }
	f.record(
		say(0, map[uint64]utterance{1: shows(0), 3: {attest: -1, reveal: promise{1, 0}, publish: 0}, 4: attests(0), 5: shows(0), 6: opens(0)}),
		say(1, map[uint64]utterance{3: {attest: -1, reveal: promise{9, 0}, publish: -1}, 4: attests(0), 5: attests(0)}),
		say(2, map[uint64]utterance{3: opens(1), 4: attests(4), 5: shows(1)}),
		say(3, map[uint64]utterance{4: attests(2), 5: attests(3)}),
	)
	f.at(5)
	f.record(say(0, map[uint64]utterance{5: attests(1)}), say(2, map[uint64]utterance{1: attests(5)}))
	f.advance()
	return f
}

// Whatever a validator signs, the record goes on and the state stays sound, in every phase of a round.
func FuzzRecord(f *testing.F) {
	marshal := func(m interface{ Marshal() ([]byte, error) }) []byte {
		bz, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		return bz
	}
	seed := func(c types.Commitment, a types.Attestation, r types.Reveal, p types.PublishedOutput) {
		f.Add(marshal(&c), marshal(&a), marshal(&r), marshal(&p), uint8(1))
	}
	for id := uint64(1); id <= 7; id++ {
		seed(types.Commitment{RequestId: id, Attempt: 1, Commitment: make([]byte, 32)}, attest(id, variants[0].outcome),
			types.Reveal{Attestation: attest(id, variants[1].outcome), Salt: salt(1)}, publish(id, variants[0].output))
	}
	seed(types.Commitment{RequestId: 2, Attempt: 1}, attest(1, rootOf(1)), types.Reveal{Salt: []byte{1}}, publish(1, result(0)))
	seed(types.Commitment{}, attest(9, types.Outcome{Failure: -1}), types.Reveal{Attestation: attest(3, failure()), Salt: salt(2)},
		types.PublishedOutput{RequestId: 1, Attempt: 3, Output: []byte("OGTL")})
	f.Fuzz(func(t *testing.T, commitment, attestation, reveal, output []byte, who uint8) {
		var (
			c types.Commitment
			a types.Attestation
			r types.Reveal
			p types.PublishedOutput
		)
		if c.Unmarshal(commitment) != nil || a.Unmarshal(attestation) != nil || r.Unmarshal(reveal) != nil || p.Unmarshal(output) != nil {
			return
		}
		fix := manyPhases(t)
		fix.next()
		fix.record(types.OperatorVotes{
			Operator:     operator(int(who % 6)),
			Commitments:  []types.Commitment{c},
			Attestations: []types.Attestation{a},
			Reveals:      []types.Reveal{r},
			Outputs:      []types.PublishedOutput{p},
		})
		fix.advance()
		fix.export()
	})
}
