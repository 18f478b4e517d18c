package agreement

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// maxPower is the largest total power a validator set can have.
const maxPower = int64(1) << 60

// oracleTally states the rule in fractions and finds the possible futures by asking what each outcome would hold if
// every silent member joined it.
func oracleTally(s seats, powers []int64, silent int64) Verdict {
	rat := func(power int64) *big.Rat { return new(big.Rat).SetInt64(power) }
	for i, power := range powers {
		if s.wins(rat(power)) {
			return Verdict{State: Agreed, Candidate: i}
		}
	}
	for _, power := range append([]int64{0}, powers...) {
		if s.wins(new(big.Rat).Add(rat(power), rat(silent))) {
			return Verdict{State: Pending, Candidate: -1}
		}
	}
	return Verdict{State: Impossible, Candidate: -1}
}

// election is a valid argument list of Tally together with the members behind it.
type election struct {
	seats
	members  []int64
	choices  []int // outcome per member, -1 while silent
	outcomes int
}

func (e election) tally() Verdict {
	powers := make([]int64, e.outcomes)
	var silent int64
	for i, choice := range e.choices {
		if choice < 0 {
			silent += e.members[i]
		} else {
			powers[choice] += e.members[i]
		}
	}
	return Tally(e.threshold(), powers, silent)
}

func genElection(rt *rapid.T) election {
	n := rapid.IntRange(1, 12).Draw(rt, "members")
	most := rapid.SampledFrom([]int64{1, 3, 100, maxPower / int64(n)}).Draw(rt, "most")
	e := election{outcomes: rapid.IntRange(1, 4).Draw(rt, "outcomes"), seats: seats{committee: rapid.Bool().Draw(rt, "committee")}}
	for range n {
		power := rapid.Int64Range(1, most).Draw(rt, "power")
		e.members = append(e.members, power)
		e.choices = append(e.choices, rapid.IntRange(-1, e.outcomes-1).Draw(rt, "choice"))
		e.eligible += power
	}
	e.total = e.eligible + rapid.Int64Range(0, min(e.eligible, maxPower-e.eligible)).Draw(rt, "others")
	return e
}

func TestTallyAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := genElection(rt)
		var powers []int64
		rest := e.eligible
		for range rapid.IntRange(0, 4).Draw(rt, "outcomes") {
			power := rapid.OneOf(rapid.Just(rest), rapid.Int64Range(0, rest)).Draw(rt, "power")
			powers, rest = append(powers, power), rest-power
		}
		silent := rapid.OneOf(rapid.Just(rest), rapid.Int64Range(0, rest)).Draw(rt, "silent")
		if got, want := Tally(e.threshold(), powers, silent), oracleTally(e.seats, powers, silent); got != want {
			rt.Fatalf("%+v with %v and %d silent: expected %v, got %v", e.seats, powers, silent, want, got)
		}
	})
}

func TestThresholdIsTheLeastWinningPower(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, eligible, total int64) {
		s := seats{eligible: eligible, total: total}
		threshold := s.threshold()
		for _, power := range []int64{threshold - 1, threshold} {
			got := Tally(threshold, []int64{power}, 0).State == Agreed
			want := oracleTally(s, []int64{power}, 0).State == Agreed
			if got != want || want != (power == threshold) {
				t.Fatalf("eligible %d, total %d, threshold %d: power %d agreed %v, by the oracle %v",
					eligible, total, threshold, power, got, want)
			}
		}
	}
	for eligible := int64(0); eligible < 40; eligible++ {
		for total := eligible; total < 90; total++ {
			check(t, eligible, total)
		}
	}
	for _, eligible := range []int64{maxPower - 2, maxPower - 1, maxPower, math.MaxInt64 - 2, math.MaxInt64 - 1, math.MaxInt64} {
		check(t, eligible, eligible)
		check(t, eligible/2, eligible)
	}
}

func TestMoreAttestationsNeverUndoAVerdict(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := genElection(rt)
		before := e.tally()
		for i, choice := range e.choices {
			if choice < 0 {
				e.choices[i] = rapid.IntRange(-1, e.outcomes-1).Draw(rt, "later")
			}
		}
		after := e.tally()
		if before.State != Pending && after != before {
			rt.Fatalf("%+v: %v became %v", e, before, after)
		}
	})
}

func TestAtMostOneOutcomeIsAgreed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := genElection(rt)
		var agreed []int
		for outcome := range e.outcomes {
			var power int64
			for i, choice := range e.choices {
				if choice == outcome {
					power += e.members[i]
				}
			}
			if power >= e.threshold() {
				agreed = append(agreed, outcome)
			}
		}
		if len(agreed) > 1 {
			rt.Fatalf("%+v: outcomes %v all hold the threshold", e, agreed)
		}
	})
}

// With nobody silent the rule must have come to an end.
func TestFullTurnoutIsNeverPending(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := genElection(rt)
		for i := range e.choices {
			e.choices[i] = max(e.choices[i], 0)
		}
		if got := e.tally(); got.State == Pending {
			rt.Fatalf("%+v: pending although nobody is silent", e)
		}
	})
}

// Pending means that some way of speaking by the silent members agrees; Impossible that none does. Small elections are
// searched exhaustively.
func TestPendingAndImpossibleMatchAllFutures(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := genElection(rt)
		if len(e.members) > 5 {
			e.eligible = 0
			e.members, e.choices = e.members[:5], e.choices[:5]
			for _, power := range e.members {
				e.eligible += power
			}
		}
		e.outcomes++ // an outcome nobody has named yet
		now := e.tally()
		if reachable := agreementReachable(e, 0); reachable != (now.State != Impossible) {
			rt.Fatalf("%+v: %v, agreement reachable: %v", e, now, reachable)
		}
	})
}

func agreementReachable(e election, from int) bool {
	if e.tally().State == Agreed {
		return true
	}
	next := slices.Index(e.choices[from:], -1)
	if next < 0 {
		return false
	}
	next += from
	for choice := range e.outcomes {
		e.choices[next] = choice
		reached := agreementReachable(e, next+1)
		e.choices[next] = -1
		if reached {
			return true
		}
	}
	return agreementReachable(e, next+1)
}

// The golden file is a list of elections with their verdicts, to be read and judged by people. A line is
// "eligible total powers silent: threshold verdict", where the word committee in place of the total means that all the
// eligible power has to agree; other lines are comments.
func TestGoldenVerdicts(t *testing.T) {
	path := filepath.Join("testdata", "quorum.golden")
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	cases := 0
	for lines := bufio.NewScanner(bytes.NewReader(golden)); lines.Scan(); {
		line := lines.Text()
		question, _, found := strings.Cut(line, ":")
		if !found || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&got, line)
			continue
		}
		cases++
		fmt.Fprintf(&got, "%s: %s\n", question, answer(t, question))
	}
	if cases == 0 {
		t.Fatal("expected cases in the golden file, got none")
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got.Bytes(), golden) {
		t.Errorf("expected\n%s\ngot\n%s", golden, got.Bytes())
	}
}

func answer(t *testing.T, question string) string {
	t.Helper()
	var (
		s      seats
		total  string
		list   string
		powers []int64
		silent int64
	)
	if _, err := fmt.Sscan(question, &s.eligible, &total, &list, &silent); err != nil {
		t.Fatalf("%q: %v", question, err)
	}
	if s.committee = total == "committee"; !s.committee {
		if _, err := fmt.Sscan(total, &s.total); err != nil {
			t.Fatalf("%q: %v", question, err)
		}
	}
	for field := range strings.SplitSeq(strings.Trim(list, "[]"), ",") {
		var power int64
		if field == "" {
			continue
		}
		if _, err := fmt.Sscan(field, &power); err != nil {
			t.Fatalf("%q: %v", question, err)
		}
		powers = append(powers, power)
	}
	return fmt.Sprintf("%d %v", s.threshold(), Tally(s.threshold(), powers, silent))
}

func TestStateNames(t *testing.T) {
	for state, want := range map[State]string{Pending: "pending", Agreed: "agreed", Impossible: "impossible", 9: "state(9)"} {
		if got := state.String(); got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
}

func BenchmarkTally(b *testing.B) {
	powers := []int64{10, 20, 30, 40, 50, 60, 70, 80}
	for b.Loop() {
		Tally(667, powers, 640)
	}
}
