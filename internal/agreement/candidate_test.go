package agreement

import (
	"errors"
	"math/rand"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/tensor"
)

// publishedAs is a contender whose bytes are known.
func publishedAs(power int64, encoding []byte) Contender {
	return Contender{RootPower: RootPower{Root: tensor.MerkleRoot(encoding), Power: power}, Published: true, Output: encoding}
}

// withheld is the same contender before it publishes.
func withheld(c Contender) Contender {
	c.Published, c.Output = false, nil
	return c
}

func TestArbitrate(t *testing.T) {
	const tau = 1e-5
	at := func(power int64, value float64) Contender {
		return publishedAs(power, encode(t, f32(1, float32(value*tau))))
	}
	garbage := func(power int64) Contender { return publishedAs(power, []byte("no output")) }
	for _, tc := range []struct {
		name       string
		contenders []Contender
		leader     int
		silent     int64
		closed     bool
		want       ArbitrationState
		candidate  int
		standings  []Standing
	}{
		{"the strongest has all within its tolerance", []Contender{at(40, 0), at(60, 0.5)}, -1, 0, false,
			ArbitrationAgreed, 1, []Standing{StandingAgrees, StandingAgrees}},
		{"of equals the leader's", []Contender{at(50, 0), at(50, 0.5)}, 0, 0, false,
			ArbitrationAgreed, 0, []Standing{StandingAgrees, StandingAgrees}},
		{"of equals the leader's, whichever it is", []Contender{at(50, 0), at(50, 0.5)}, 1, 0, false,
			ArbitrationAgreed, 1, []Standing{StandingAgrees, StandingAgrees}},
		{"those beyond are told apart", []Contender{at(67, 0), at(11, 0.9), at(11, 1.5), at(11, 2.5)}, -1, 0, false,
			ArbitrationAgreed, 0, []Standing{StandingAgrees, StandingAgrees, StandingDiffers, StandingContradicts}},
		{"the strongest is at the edge, the medoid wins", []Contender{at(36, 0), at(30, 0.8), at(34, 1.6)}, -1, 0, false,
			ArbitrationAgreed, 1, []Standing{StandingAgrees, StandingAgrees, StandingAgrees}},
		{"two thirds are not enough", []Contender{at(66, 0), at(34, 5)}, -1, 0, false, ArbitrationNoVerdict, -1, nil},
		{"the silent may still decide", []Contender{at(36, 0), at(34, 5)}, -1, 30, false, ArbitrationPending, -1, nil},
		{"the silent came too late", []Contender{at(36, 0), at(34, 5)}, -1, 30, true, ArbitrationNoVerdict, -1, nil},
		{"a first choice that is not published is waited for", []Contender{withheld(at(60, 0)), at(40, 0.5)}, -1, 0, false,
			ArbitrationPending, -1, nil},
		{"others are not waited for when the first choice has enough", []Contender{withheld(at(33, 0)), at(34, 0.5), at(33, 0.6)},
			-1, 0, false, ArbitrationAgreed, 1, []Standing{StandingNeutral, StandingAgrees, StandingAgrees}},
		{"the silent are not waited for when the medoid has enough", []Contender{at(40, 0), at(25, 0.8), at(25, 1.6)}, -1, 10, false,
			ArbitrationAgreed, 1, []Standing{StandingAgrees, StandingAgrees, StandingAgrees}},
		{"a medoid may still be among the withheld", []Contender{withheld(at(10, 0)), at(38, 0.1), at(26, 0.9), at(26, 1.7)}, -1, 0,
			false, ArbitrationPending, -1, nil},
		{"the closed case takes the medoid there is", []Contender{withheld(at(10, 0)), at(38, 0.1), at(26, 0.9), at(26, 1.7)}, -1, 0,
			true, ArbitrationAgreed, 2, []Standing{StandingNeutral, StandingAgrees, StandingAgrees, StandingAgrees}},
		{"a withheld first choice is passed over in the end", []Contender{withheld(at(30, 0)), at(20, 0.5), at(20, 0.6), at(29, 0.7)},
			0, 0, true, ArbitrationAgreed, 3, []Standing{StandingNeutral, StandingAgrees, StandingAgrees, StandingAgrees}},
		{"nothing published, time is up", []Contender{withheld(at(50, 0)), withheld(at(50, 1))}, -1, 0, true,
			ArbitrationNoVerdict, -1, nil},
		{"nobody has spoken", nil, -1, 100, false, ArbitrationPending, -1, nil},
		{"nobody spoke", nil, -1, 100, true, ArbitrationNoVerdict, -1, nil},
		{"bytes that are no output are no support", []Contender{garbage(40), at(30, 0), at(30, 0.5)}, 0, 0, false,
			ArbitrationNoVerdict, -1, nil},
		{"bytes that are no output contradict", []Contender{garbage(32), at(40, 0), at(28, 0.5)}, 0, 0, false,
			ArbitrationAgreed, 1, []Standing{StandingContradicts, StandingAgrees, StandingAgrees}},
		{"another shape contradicts", []Contender{publishedAs(32, encode(t, f32(1))), at(40, 0), at(28, 0.5)}, 0, 0, false,
			ArbitrationAgreed, 1, []Standing{StandingContradicts, StandingAgrees, StandingAgrees}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Case{Contenders: tc.contenders, Leader: tc.leader, Threshold: 67, Eligible: 100, Silent: tc.silent, Closed: tc.closed}
			got, err := Arbitrate(c, DefaultTaus(), 1000)
			if err != nil || got.State != tc.want || got.Candidate != tc.candidate {
				t.Fatalf("expected %v on %d, got %+v, %v", tc.want, tc.candidate, got, err)
			}
			checkFindings(t, c, got)
			for i, want := range tc.standings {
				if got.Findings[i].Standing != want {
					t.Errorf("contender %d: expected %v, got %+v", i, want, got.Findings[i])
				}
			}
		})
	}
}

// checkFindings holds what is true of every arbitration.
func checkFindings(t interface {
	Helper()
	Fatalf(string, ...any)
}, c Case, got Arbitration,
) {
	t.Helper()
	if len(got.Findings) != len(c.Contenders) || got.Elements > ArbitrationCost(c.Contenders) {
		t.Fatalf("expected %d findings for at most %d elements, got %+v", len(c.Contenders), ArbitrationCost(c.Contenders), got)
	}
	if got.State != ArbitrationAgreed {
		if got.Candidate != -1 || got.Power != 0 || slices.ContainsFunc(got.Findings, func(f Finding) bool { return f != Finding{} }) {
			t.Fatalf("expected nothing beside the state, got %+v", got)
		}
		return
	}
	var power int64
	for i, finding := range got.Findings {
		if (finding.Standing == StandingNeutral) == c.Contenders[i].Published {
			t.Fatalf("contender %d, published %v: got %v", i, c.Contenders[i].Published, finding.Standing)
		}
		if finding.Standing == StandingAgrees {
			power += c.Contenders[i].Power
		}
	}
	if power != got.Power || power < c.Threshold || got.Findings[got.Candidate].Comparison.Error != 0 {
		t.Fatalf("expected the threshold of %d around the candidate itself, got %+v", c.Threshold, got)
	}
}

// genCase draws who decides, and contenders on and about the edges of the tolerance of each other.
func genCase(rt *rapid.T) (seats, Case) {
	c := Case{Leader: -1, Closed: rapid.Bool().Draw(rt, "closed")}
	seen := map[tensor.Root]bool{}
	for range rapid.IntRange(0, MaxContenders).Draw(rt, "contenders") {
		power := rapid.Int64Range(1, 5).Draw(rt, "power")
		var encoding []byte
		switch kind := rapid.IntRange(0, 19).Draw(rt, "kind"); kind {
		case 0:
			encoding = rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(rt, "bytes")
		case 1:
			encoding = encode(rt, f32(1))
		default:
			encoding = encode(rt, f64(1, float64(rapid.IntRange(-5, 5).Draw(rt, "tenths"))*1e-14))
		}
		contender := publishedAs(power, encoding)
		if seen[contender.Root] {
			continue
		}
		seen[contender.Root] = true
		if rapid.IntRange(0, 5).Draw(rt, "withheld") == 0 {
			contender = withheld(contender)
		}
		c.Contenders = append(c.Contenders, contender)
		c.Eligible += power
	}
	if len(c.Contenders) > 0 {
		c.Leader = rapid.IntRange(-1, len(c.Contenders)-1).Draw(rt, "leader")
	}
	c.Silent = rapid.Int64Range(0, 3).Draw(rt, "silent")
	c.Eligible += c.Silent + rapid.Int64Range(0, 2).Draw(rt, "roots elsewhere")
	s := seats{committee: rapid.Bool().Draw(rt, "committee"), eligible: c.Eligible + rapid.Int64Range(0, 1).Draw(rt, "failures")}
	s.eligible = max(s.eligible, 1)
	s.total = s.eligible + rapid.Int64Range(0, 5).Draw(rt, "others")
	c.Threshold = s.threshold()
	return s, c
}

var tightTaus = Taus{FP32: TauUnit / 100_000, FP64: 30_000}

func TestArbitrateAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, c := genCase(rt)
		got, err := Arbitrate(c, tightTaus, ArbitrationCost(c.Contenders))
		if err != nil {
			rt.Fatal(err)
		}
		checkFindings(rt, c, got)
		closed := c
		closed.Closed = true
		want := oracleArbitration(s, closed, tightTaus)
		switch {
		case c.Closed && (got.Candidate != want || got.State == ArbitrationPending):
			rt.Fatalf("%+v: expected %d, got %+v", c, want, got)
		case got.State == ArbitrationNoVerdict && want >= 0:
			rt.Fatalf("%+v: the oracle finds %d, got %+v", c, want, got)
		}
	})
}

// The order in which contenders are listed has no influence.
func TestArbitrateIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, c := genCase(rt)
		shuffled := c
		order := rand.New(rand.NewSource(rapid.Int64().Draw(rt, "seed"))).Perm(len(c.Contenders))
		shuffled.Contenders = make([]Contender, len(order))
		for i, from := range order {
			shuffled.Contenders[i] = c.Contenders[from]
			if from == c.Leader {
				shuffled.Leader = i
			}
		}
		want, err := Arbitrate(c, tightTaus, 1000)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := Arbitrate(shuffled, tightTaus, 1000)
		if err != nil || got.State != want.State || got.Power != want.Power {
			rt.Fatalf("%+v: expected %+v, shuffled %+v, %v", c, want, got, err)
		}
		for i, from := range order {
			if got.Findings[i] != want.Findings[from] || (got.Candidate == i) != (want.Candidate == from) {
				rt.Fatalf("%+v: expected %+v, shuffled %+v", c, want, got)
			}
		}
	})
}

// NoVerdict is final: whatever is still attested or published, no later case is agreed. Pending can still become agreed
// or is ended by closing.
func TestNoVerdictIsFinal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, now := genCase(rt)
		later := now
		later.Contenders = slices.Clone(now.Contenders)
		for i, contender := range later.Contenders {
			if !contender.Published && !now.Closed && rapid.Bool().Draw(rt, "publishes") {
				// The root is all that is known of a withheld output; any will do for what may come.
				later.Contenders[i] = publishedAs(contender.Power, encode(rt, f64(1, 1e-14/float64(i+3))))
			}
			if more := rapid.Int64Range(0, later.Silent).Draw(rt, "joins"); !now.Closed {
				later.Contenders[i].Power += more
				later.Silent -= more
			}
		}
		before, err := Arbitrate(now, tightTaus, 1000)
		if err != nil {
			rt.Fatal(err)
		}
		after, err := Arbitrate(later, tightTaus, 1000)
		if err != nil {
			rt.Fatal(err)
		}
		if before.State == ArbitrationNoVerdict && after.State == ArbitrationAgreed {
			rt.Fatalf("%+v had no verdict, %+v is agreed", now, later)
		}
	})
}

func TestArbitrateRefuses(t *testing.T) {
	one, two := publishedAs(3, encode(t, f32(1))), publishedAs(3, encode(t, f32(2)))
	forged := one
	forged.Output = two.Output
	weightless, negative := one, one
	weightless.Power, negative.Power = 0, -1
	nine := make([]Contender, MaxContenders+1)
	for i := range nine {
		nine[i] = publishedAs(1, []byte{byte(i)})
	}
	for _, tc := range []struct {
		name   string
		c      Case
		taus   Taus
		budget int64
		want   error
	}{
		{"nine contenders", Case{Contenders: nine, Leader: -1, Threshold: 7, Eligible: 9}, Taus{}, 99, ErrArbitration},
		{"one root twice", Case{Contenders: []Contender{one, withheld(one)}, Leader: -1, Threshold: 7, Eligible: 9}, Taus{}, 99, ErrArbitration},
		{"bytes of another root", Case{Contenders: []Contender{forged}, Leader: -1, Threshold: 7, Eligible: 9}, Taus{}, 99, ErrArbitration},
		{"no power", Case{Contenders: []Contender{weightless}, Leader: -1, Threshold: 7, Eligible: 9}, Taus{}, 99, ErrArbitration},
		{"negative power", Case{Contenders: []Contender{negative}, Leader: -1, Threshold: 7, Eligible: 9}, Taus{}, 99, ErrArbitration},
		{"more power than there is", Case{Contenders: []Contender{one, two}, Leader: -1, Threshold: 7, Eligible: 9, Silent: 4}, Taus{}, 99, ErrArbitration},
		{"more silent than there are", Case{Contenders: []Contender{one}, Leader: -1, Threshold: 7, Eligible: 9, Silent: 10}, Taus{}, 99, ErrArbitration},
		{"less than nobody silent", Case{Leader: -1, Threshold: 7, Eligible: 9, Silent: -1}, Taus{}, 99, ErrArbitration},
		{"less than nobody eligible", Case{Leader: -1, Threshold: 7, Eligible: -1}, Taus{}, 99, ErrArbitration},
		{"no threshold", Case{Leader: -1, Eligible: 9}, Taus{}, 99, ErrArbitration},
		{"a leader beyond the contenders", Case{Contenders: []Contender{one}, Leader: 1, Threshold: 7, Eligible: 9}, Taus{}, 99, ErrArbitration},
		{"a leader before the contenders", Case{Leader: -2, Threshold: 7, Eligible: 9}, Taus{}, 99, ErrArbitration},
		{"more elements than the budget", Case{Contenders: []Contender{one, two}, Leader: -1, Threshold: 7, Eligible: 9}, Taus{}, 1, ErrBudget},
		{"a tolerance above the largest", Case{Leader: -1, Threshold: 7, Eligible: 9}, Taus{FP64: MaxTau + 1}, 99, ErrTau},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := Arbitrate(tc.c, tc.taus, tc.budget); !errors.Is(err, tc.want) {
				t.Errorf("expected %v, got %+v, %v", tc.want, got, err)
			}
		})
	}
}

func TestSelectContenders(t *testing.T) {
	root := func(power int64, first byte) RootPower { return RootPower{Root: tensor.Root{first}, Power: power} }
	for _, tc := range []struct {
		name   string
		roots  []RootPower
		leader int
		want   []int
	}{
		{"none", nil, -1, []int{}},
		{"by power", []RootPower{root(1, 0), root(3, 1), root(2, 2)}, -1, []int{1, 2, 0}},
		{"the leader's first among equals only", []RootPower{root(2, 0), root(2, 1), root(3, 2)}, 1, []int{2, 1, 0}},
		{"then the smallest", []RootPower{root(2, 9), root(2, 3), root(2, 5)}, -1, []int{1, 2, 0}},
		{"eight at most", []RootPower{root(1, 9), root(1, 8), root(1, 7), root(1, 6), root(1, 5), root(1, 4), root(1, 3), root(1, 2),
			root(1, 1), root(2, 0)}, 0, []int{9, 0, 8, 7, 6, 5, 4, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := SelectContenders(tc.roots, tc.leader); !slices.Equal(got, tc.want) {
				t.Errorf("expected %v, got %v", tc.want, got)
			}
		})
	}
}

func TestMemberStandings(t *testing.T) {
	findings := []Finding{{Standing: StandingAgrees}, {Standing: StandingContradicts}}
	got, err := MemberStandings([]int{1, -1, 0, 0}, findings)
	if want := []Standing{StandingContradicts, StandingNeutral, StandingAgrees, StandingAgrees}; err != nil || !slices.Equal(got, want) {
		t.Errorf("expected %v, got %v, %v", want, got, err)
	}
	for _, choice := range []int{-2, 2} {
		if got, err := MemberStandings([]int{choice}, findings); !errors.Is(err, ErrArbitration) {
			t.Errorf("choice %d: expected %v, got %v, %v", choice, ErrArbitration, got, err)
		}
	}
}

func TestArbitrationNames(t *testing.T) {
	for state, want := range map[ArbitrationState]string{
		ArbitrationPending: "pending", ArbitrationAgreed: "agreed", ArbitrationNoVerdict: "no verdict", 9: "arbitration state(9)",
	} {
		if got := state.String(); got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
	for standing, want := range map[Standing]string{
		StandingNeutral: "neutral", StandingAgrees: "agrees", StandingDiffers: "differs", StandingContradicts: "contradicts", 9: "standing(9)",
	} {
		if got := standing.String(); got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
}

// The worst case: eight different outputs of 8 KiB in 16-bit floats, no two of them near.
func BenchmarkArbitrate(b *testing.B) {
	c := Case{Leader: -1, Threshold: 6, Eligible: MaxContenders}
	for i := range MaxContenders {
		bits := make([]uint64, 4<<10)
		for j := range bits {
			bits[j] = uint64(0x3c00 + i*64 + j%7)
		}
		c.Contenders = append(c.Contenders, publishedAs(1, encode(b, floats(tensor.FP16, bits...))))
	}
	for b.Loop() {
		got, err := Arbitrate(c, DefaultTaus(), WorstArbitrationCost(8<<10))
		if err != nil || got.State != ArbitrationNoVerdict {
			b.Fatalf("expected no verdict, got %+v, %v", got, err)
		}
		b.ReportMetric(float64(got.Elements), "elements/op")
	}
}
