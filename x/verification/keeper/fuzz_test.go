package keeper_test

import (
	"testing"

	"github.com/opengradient/opengradient/x/verification/types"
)

// Whatever a validator signs, the record goes on and the state stays sound.
func FuzzRecord(f *testing.F) {
	seed := func(a types.Attestation, p types.PublishedOutput) {
		attestation, err := a.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		output, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(attestation, output, uint8(1))
	}
	seed(attest(1, rootOf(0)), publish(1, result(0)))
	seed(attest(1, rootOf(1)), publish(1, result(0)))
	seed(attest(1, failure()), publish(2, nil))
	seed(attest(9, types.Outcome{Failure: -1}), types.PublishedOutput{RequestId: 1, Attempt: 3, Output: []byte("OGTL")})
	f.Fuzz(func(t *testing.T, attestation, output []byte, who uint8) {
		var (
			a types.Attestation
			p types.PublishedOutput
		)
		if a.Unmarshal(attestation) != nil || p.Unmarshal(output) != nil {
			return
		}
		fix := newFixture(t, types.DefaultParams())
		fix.open(opening(1, equalMembers(4)))
		fix.next()
		fix.record(says(rootOf(0), 0, 1)...)
		fix.next()
		fix.record(types.OperatorVotes{
			Operator:     operator(int(who % 6)),
			Attestations: []types.Attestation{a},
			Outputs:      []types.PublishedOutput{p},
		})
		fix.export()
	})
}
