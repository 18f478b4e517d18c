package agreement

import (
	"testing"

	"pgregory.net/rapid"
)

// A committee decides by the same rules as a quorum, with all its power as the threshold.

func TestCommitteeIsUnanimous(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := genElection(rt)
		e.committee = true
		said, silent := map[int]bool{}, false
		for _, choice := range e.choices {
			if choice < 0 {
				silent = true
			} else {
				said[choice] = true
			}
		}
		want := Verdict{State: Agreed, Candidate: max(e.choices[0], -1)}
		switch {
		case len(said) > 1:
			want = Verdict{State: Impossible, Candidate: -1}
		case silent:
			want = Verdict{State: Pending, Candidate: -1}
		}
		if got := e.tally(); got != want {
			rt.Fatalf("%+v: expected %v, got %v", e, want, got)
		}
	})
}

func TestCommitteeArbitration(t *testing.T) {
	at := func(power int64, value float64) Contender {
		return publishedAs(power, encode(t, f32(1, float32(value*1e-5))))
	}
	for _, tc := range []struct {
		name       string
		contenders []Contender
		leader     int
		silent     int64
		closed     bool
		want       ArbitrationState
		candidate  int
	}{
		{"all are within the tolerance of the strongest", []Contender{at(60, 0), at(40, 0.9)}, -1, 0, false, ArbitrationAgreed, 0},
		{"all are within the tolerance of the leader's", []Contender{at(50, 0), at(50, 0.9)}, 1, 0, false, ArbitrationAgreed, 1},
		{"all are within the tolerance of one in the middle", []Contender{at(40, 0), at(20, 0.8), at(40, 1.6)}, 0, 0, false, ArbitrationAgreed, 1},
		{"all but the smallest", []Contender{at(60, 0), at(39, 0.1), at(1, 1.2)}, -1, 0, false, ArbitrationNoVerdict, -1},
		{"nobody in the middle", []Contender{at(50, 0), at(50, 1.6)}, -1, 0, false, ArbitrationNoVerdict, -1},
		{"all who spoke, one is silent", []Contender{at(60, 0), at(39, 0.9)}, -1, 1, false, ArbitrationPending, -1},
		{"all who spoke, one was silent", []Contender{at(60, 0), at(39, 0.9)}, -1, 1, true, ArbitrationNoVerdict, -1},
		{"one attested a failure", []Contender{at(60, 0), at(39, 0.9)}, -1, 0, false, ArbitrationNoVerdict, -1},
		{"one withholds its bytes", []Contender{at(60, 0), withheld(at(40, 0.9))}, -1, 0, false, ArbitrationPending, -1},
		{"one withheld its bytes", []Contender{at(60, 0), withheld(at(40, 0.9))}, -1, 0, true, ArbitrationNoVerdict, -1},
		{"one published no output", []Contender{at(60, 0), publishedAs(40, []byte("no output"))}, -1, 0, false, ArbitrationNoVerdict, -1},
		{"all attested the same after all", []Contender{at(100, 0)}, 0, 0, false, ArbitrationAgreed, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Case{Contenders: tc.contenders, Leader: tc.leader, Threshold: 100, Eligible: 100, Silent: tc.silent, Closed: tc.closed}
			got, err := Arbitrate(c, DefaultTaus(), 1000)
			if err != nil || got.State != tc.want || got.Candidate != tc.candidate {
				t.Fatalf("expected %v on %d, got %+v, %v", tc.want, tc.candidate, got, err)
			}
			checkFindings(t, c, got)
		})
	}
}

// A committee's case is agreed exactly when all its power is in contenders that are published and some one of them has
// all others within its tolerance.
func TestCommitteeAgreesWithinOneTolerance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, c := genCase(rt)
		c.Closed, c.Threshold = true, max(c.Eligible, 1)
		got, err := Arbitrate(c, tightTaus, 1000)
		if err != nil {
			rt.Fatal(err)
		}
		checkFindings(rt, c, got)
		complete := len(c.Contenders) > 0
		var power int64
		for _, contender := range c.Contenders {
			power += contender.Power
			complete = complete && contender.Published
		}
		middle := false
		if complete && power == c.Eligible {
			for _, candidate := range c.Contenders {
				all := true
				for _, other := range c.Contenders {
					comparison, err := Compare(candidate.Output, other.Output, tightTaus, 1000)
					all = all && err == nil && comparison.Relation == Within
				}
				middle = middle || all
			}
		}
		if (got.State == ArbitrationAgreed) != middle {
			rt.Fatalf("%+v: expected agreement %v, got %+v", c, middle, got)
		}
	})
}
