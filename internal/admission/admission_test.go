package admission_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/admission"
)

func ran(power int64, class uint32, root byte) admission.Voter {
	return admission.Voter{Power: power, Class: class, Word: admission.Ran, Root: admission.Root{root}}
}

func failed(power int64, failure uint32) admission.Voter {
	return admission.Voter{Power: power, Class: 1, Word: admission.Failed, Failure: failure}
}

func silent(power int64) admission.Voter { return admission.Voter{Power: power, Class: 1} }

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		name     string
		voters   []admission.Voter
		total    int64
		due      bool
		relation admission.Relation
		want     admission.Outcome
		failure  uint32
		proven   int
	}{
		{name: "no voters, before the deadline", total: 10, want: admission.Pending},
		{name: "no voters, at the deadline", total: 10, due: true, want: admission.Expired},
		{name: "two thirds are not more than two thirds", voters: []admission.Voter{ran(2, 1, 1), silent(1)}, total: 3, want: admission.Pending, proven: 1},
		{name: "more than two thirds", voters: []admission.Voter{ran(7, 1, 1), silent(3)}, total: 10, want: admission.Active, proven: 1},
		{name: "all voters, but half of all power", voters: []admission.Voter{ran(5, 1, 1)}, total: 10, due: true, want: admission.Expired, proven: 1},
		{name: "classes that agree exactly", voters: []admission.Voter{ran(4, 1, 1), ran(3, 2, 1), silent(3)}, total: 10, want: admission.Active, proven: 2},
		{name: "classes within the tolerance", voters: []admission.Voter{ran(4, 1, 1), ran(3, 2, 2), silent(3)}, total: 10, relation: admission.Within, want: admission.Active, proven: 2},
		{name: "classes that cannot be compared yet", voters: []admission.Voter{ran(4, 1, 1), ran(4, 2, 2), silent(2)}, total: 10, want: admission.Pending, proven: 1},
		{name: "classes that could not be compared", voters: []admission.Voter{ran(4, 1, 1), ran(4, 2, 2), silent(2)}, total: 10, due: true, want: admission.Expired, proven: 1},
		{name: "classes beyond the tolerance", voters: []admission.Voter{ran(5, 1, 1), ran(5, 2, 2)}, total: 10, relation: admission.Beyond, want: admission.Rejected, proven: 1},
		{name: "within a class the root with most power counts", voters: []admission.Voter{ran(7, 1, 1), ran(3, 1, 2)}, total: 10, want: admission.Active, proven: 1},
		{name: "a third fails", voters: []admission.Voter{failed(3, 2), silent(6)}, total: 9, want: admission.Pending, failure: 2},
		{name: "more than a third fails", voters: []admission.Voter{failed(4, 2), silent(6)}, total: 10, want: admission.Rejected, failure: 2},
		{name: "the failure with most power", voters: []admission.Voter{failed(2, 1), failed(3, 4), silent(5)}, total: 10, want: admission.Rejected, failure: 4},
		{name: "of equal failures the lesser", voters: []admission.Voter{failed(3, 4), failed(3, 1), silent(4)}, total: 10, want: admission.Rejected, failure: 1},
		{name: "more disagree than fail", voters: []admission.Voter{failed(2, 1), ran(5, 1, 1), ran(3, 1, 2)}, total: 10, want: admission.Rejected, proven: 1},
		{name: "no quorum is possible, but nobody is against it", voters: []admission.Voter{ran(3, 1, 1)}, total: 10, want: admission.Pending, proven: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := admission.Decide(admission.Ballot{
				Voters: c.voters, Total: c.total, Due: c.due,
				Compare: func(admission.Root, admission.Root) admission.Relation { return c.relation },
			})
			require.Equal(t, c.want.String(), v.Outcome.String())
			require.Equal(t, c.failure, v.Failure)
			require.Len(t, v.Proven, c.proven)
		})
	}
}

func TestLead(t *testing.T) {
	a, b := admission.Root{1}, admission.Root{2}
	require.Equal(t, admission.Vote{}, admission.Lead(nil))
	require.Equal(t, admission.Vote{Root: b, Power: 5}, admission.Lead([]admission.Vote{{b, 2}, {a, 4}, {b, 3}}))
	require.Equal(t, admission.Vote{Root: a, Power: 3}, admission.Lead([]admission.Vote{{b, 3}, {a, 3}}), "ties go to the smaller root")
	require.Equal(t, admission.Vote{Root: a}, admission.Lead([]admission.Vote{{b, 0}, {a, 0}}), "also without power")
}
