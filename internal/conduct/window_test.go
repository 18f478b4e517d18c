package conduct

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// history is the oracle: a list of outcomes, oldest first.
type history []Outcome

// last is what a rule remembers of it.
func (h history) last(rule Rule) history {
	return h[len(h)-min(len(h), int(rule.Window)):]
}

func (h history) number(outcome Outcome) uint32 {
	var n uint32
	for _, o := range h {
		if o == outcome {
			n++
		}
	}
	return n
}

func (h history) count(rule Rule, outcome Outcome) (history, Verdict) {
	h = append(slices.Clone(h), outcome).last(rule)
	switch {
	case h.number(Contradicted) > rule.MaxContradicted:
		return nil, JailContradicted
	case h.number(Missed) > rule.MaxMissed:
		return nil, JailMissed
	default:
		return h, Keep
	}
}

func (h history) reliability(rule Rule) uint32 {
	h = h.last(rule)
	good := new(big.Rat).SetInt64(int64(rule.Window) - int64(h.number(Missed)) - int64(h.number(Contradicted)))
	if good.Sign() < 0 {
		return 0
	}
	good.Mul(good, big.NewRat(10_000, int64(rule.Window)))
	return uint32(new(big.Int).Div(good.Num(), good.Denom()).Uint64())
}

func genRule(rt *rapid.T) Rule {
	rule := Rule{Window: rapid.OneOf(rapid.Uint32Range(1, 10), rapid.Uint32Range(1, 80)).Draw(rt, "window")}
	rule.MaxMissed = rapid.Uint32Range(0, rule.Window-1).Draw(rt, "most missed")
	rule.MaxContradicted = rapid.Uint32Range(0, rule.Window-1).Draw(rt, "most contradicted")
	return rule
}

// Rounds are counted while governance changes the rule now and then: the window remembers, judges and weighs what a list
// of outcomes does, and is always one that genesis accepts.
func TestCountAgreesWithOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rule := genRule(rt)
		var w Window
		var h history
		for range rapid.IntRange(0, 200).Draw(rt, "rounds") {
			if rapid.IntRange(0, 30).Draw(rt, "governance") == 0 {
				rule = genRule(rt)
				if got, want := Reliability(rule, w), h.reliability(rule); got != want {
					rt.Fatalf("%+v of %v under a new %+v: expected reliability %d, got %d", w, h, rule, want, got)
				}
			}
			outcome := rapid.SampledFrom([]Outcome{Met, Met, Met, Met, Missed, Contradicted}).Draw(rt, "outcome")
			before := slices.Clone(w.Ring)
			next, verdict := w.Count(rule, outcome)
			if !bytes.Equal(w.Ring, before) {
				rt.Fatalf("counting %v changed the ring it was given from %x to %x", outcome, before, w.Ring)
			}
			wanted, wantedVerdict := h.count(rule, outcome)
			if verdict != wantedVerdict || !slices.Equal(next.Outcomes(), wanted) {
				rt.Fatalf("%v and then %v under %+v: expected %v, %v, got %v, %v",
					h, outcome, rule, wanted, wantedVerdict, next.Outcomes(), verdict)
			}
			if err := next.Validate(); err != nil {
				rt.Fatalf("%+v: %v", next, err)
			}
			if verdict != Keep && !isEmpty(next) {
				rt.Fatalf("expected an empty window after %v, got %+v", verdict, next)
			}
			if got, want := Reliability(rule, next), wanted.reliability(rule); got != want {
				rt.Fatalf("%v under %+v: expected reliability %d, got %d", wanted, rule, want, got)
			}
			w, h = next, wanted
		}
	})
}

func isEmpty(w Window) bool {
	return len(w.Ring) == 0 && w.Length == 0 && w.Next == 0 && w.Missed == 0 && w.Contradicted == 0
}

func TestCount(t *testing.T) {
	three := Rule{Window: 3, MaxMissed: 1, MaxContradicted: 1}
	for _, tc := range []struct {
		name     string
		rule     Rule
		outcomes []Outcome
		want     []Outcome
		verdict  Verdict
	}{
		{"the first round", three, []Outcome{Missed}, []Outcome{Missed}, Keep},
		{"one too many missed", three, []Outcome{Missed, Met, Missed}, nil, JailMissed},
		{"the first miss has left the window", three, []Outcome{Missed, Met, Met, Missed}, []Outcome{Met, Met, Missed}, Keep},
		{"a contradiction is no miss", three, []Outcome{Missed, Contradicted}, []Outcome{Missed, Contradicted}, Keep},
		{"one too many contradicted", three, []Outcome{Contradicted, Contradicted}, nil, JailContradicted},
		{"no miss is allowed", Rule{Window: 3}, []Outcome{Met, Missed}, nil, JailMissed},
		{"no contradiction is allowed", Rule{Window: 3, MaxMissed: 2}, []Outcome{Met, Contradicted}, nil, JailContradicted},
		{"after jail it starts anew", three, []Outcome{Missed, Missed, Missed}, []Outcome{Missed}, Keep},
		{"a window of one round", Rule{Window: 1}, []Outcome{Met, Met}, []Outcome{Met}, Keep},
		{"what is no outcome counts as nothing", three, []Outcome{Missed, 3, 200}, []Outcome{Missed}, Keep},
		{"a rule that remembers nothing", Rule{}, []Outcome{Missed, Contradicted}, nil, Keep},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var w Window
			var verdict Verdict
			for _, outcome := range tc.outcomes {
				w, verdict = w.Count(tc.rule, outcome)
			}
			if !slices.Equal(w.Outcomes(), tc.want) || verdict != tc.verdict {
				t.Errorf("expected %v, %v, got %v, %v", tc.want, tc.verdict, w.Outcomes(), verdict)
			}
		})
	}
}

// windowOf counts outcomes under a rule that jails nobody.
func windowOf(size uint32, outcomes ...Outcome) Window {
	var w Window
	for _, outcome := range outcomes {
		w, _ = w.Count(Rule{Window: size, MaxMissed: size, MaxContradicted: size}, outcome)
	}
	return w
}

func TestCountUnderANewRule(t *testing.T) {
	for _, tc := range []struct {
		name    string
		window  Window
		rule    Rule
		outcome Outcome
		want    []Outcome
		verdict Verdict
	}{
		{"a smaller window forgets the oldest", windowOf(4, Missed, Met, Met, Contradicted), Rule{Window: 2, MaxMissed: 1, MaxContradicted: 1},
			Met, []Outcome{Contradicted, Met}, Keep},
		{"also where the ring has gone round", windowOf(4, Met, Met, Missed, Contradicted, Met, Met), Rule{3, 1, 1}, Missed,
			[]Outcome{Met, Met, Missed}, Keep},
		{"a larger window keeps all and fills up", windowOf(3, Met, Missed, Met, Contradicted), Rule{5, 1, 1}, Met,
			[]Outcome{Missed, Met, Contradicted, Met}, Keep},
		{"a window not yet filled is full for a smaller rule", windowOf(5, Missed, Met), Rule{2, 1, 1}, Met, []Outcome{Met, Met}, Keep},
		{"a stricter rule judges the next round only", windowOf(4, Missed, Missed, Met), Rule{4, 1, 1}, Met, nil, JailMissed},
		{"of two reasons the graver", windowOf(4, Missed, Contradicted), Rule{4, 0, 0}, Met, nil, JailContradicted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, verdict := tc.window.Count(tc.rule, tc.outcome)
			if !slices.Equal(got.Outcomes(), tc.want) || verdict != tc.verdict {
				t.Errorf("expected %v, %v, got %v, %v", tc.want, tc.verdict, got.Outcomes(), verdict)
			}
		})
	}
}

func TestReliability(t *testing.T) {
	for _, tc := range []struct {
		name   string
		window Window
		size   uint32
		want   uint32
	}{
		{"nothing counted yet", Window{}, 100, 10_000},
		{"rounds to come count as met", windowOf(100, Missed), 100, 9_900},
		{"missed and contradicted weigh the same", windowOf(100, Missed, Contradicted, Met), 100, 9_800},
		{"rounded down", windowOf(3, Missed), 3, 6_666},
		{"nothing met", windowOf(2, Missed, Contradicted), 2, 0},
		{"a smaller rule looks at the newest", windowOf(4, Missed, Missed, Met, Met), 2, 10_000},
		{"a smaller rule of misses only", windowOf(4, Met, Missed, Missed, Missed), 3, 0},
		{"a larger rule has more to come", windowOf(2, Missed, Missed), 8, 7_500},
		{"a rule that remembers nothing", windowOf(2, Missed, Missed), 0, 10_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Reliability(Rule{Window: tc.size}, tc.window); got != tc.want {
				t.Errorf("expected %d, got %d", tc.want, got)
			}
		})
	}
}

// Every window that some counting leaves is valid, and no other: all rings of up to three outcomes are tried.
func TestValidWindowsAreThoseThatCountingLeaves(t *testing.T) {
	const longest = 3
	reachable := map[string]bool{}
	var explore func(size uint32, w Window, steps int)
	explore = func(size uint32, w Window, steps int) {
		if w.Length <= longest {
			reachable[fmt.Sprintf("%+v", w)] = true
		}
		if steps == 0 {
			return
		}
		for _, outcome := range []Outcome{Met, Missed, Contradicted} {
			next, _ := w.Count(Rule{size, size, size}, outcome)
			explore(size, next, steps-1)
		}
	}
	for size := uint32(1); size <= longest+1; size++ {
		explore(size, Window{}, 2*longest)
	}
	tried, valid := 0, 0
	for length := range uint32(longest + 1) {
		for ring := range 256 {
			for next := range uint32(longest + 2) {
				for counts := range uint32(16) {
					w := Window{Length: length, Next: next, Missed: counts % 4, Contradicted: counts / 4}
					if length > 0 {
						w.Ring = []byte{byte(ring)}
					}
					tried++
					err := w.Validate()
					if err == nil {
						valid++
					}
					if (err == nil) != reachable[fmt.Sprintf("%+v", w)] {
						t.Fatalf("%+v: counting leaves it: %v, got %v", w, err != nil, err)
					}
				}
			}
		}
	}
	if valid == 0 || valid == tried {
		t.Fatalf("expected some of %d windows to be valid, got %d", tried, valid)
	}
}

func TestValidateRefuses(t *testing.T) {
	full := Window{}
	for range MaxWindow {
		full, _ = full.Count(Rule{Window: MaxWindow}, Met)
	}
	if err := full.Validate(); err != nil {
		t.Fatal(err)
	}
	longer := Window{Ring: make([]byte, ringSize(MaxWindow+1)), Length: MaxWindow + 1}
	unfilled := full
	unfilled.Next = MaxWindow
	for _, tc := range []struct {
		name string
		w    Window
	}{
		{"more outcomes than any rule remembers", longer},
		{"as many as ever and room for more", unfilled},
		{"a byte too many", Window{Ring: []byte{0, 0}, Length: 4}},
		{"a byte too few", Window{Ring: []byte{0}, Length: 5}},
		{"bytes for nothing", Window{Ring: []byte{0}}},
		{"a next position beyond the end", Window{Ring: []byte{0}, Length: 2, Next: 3}},
		{"a value that is no outcome", Window{Ring: []byte{0b11}, Length: 1}},
		{"a miss that is not in the ring", Window{Ring: []byte{0b00}, Length: 1, Missed: 1}},
		{"a contradiction that is not counted", Window{Ring: []byte{0b10}, Length: 1}},
		{"bits after the last outcome", Window{Ring: []byte{0b01_00}, Length: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.w.Validate(); !errors.Is(err, ErrWindow) {
				t.Errorf("expected %v, got %v", ErrWindow, err)
			}
		})
	}
}

func TestRuleValidate(t *testing.T) {
	for _, tc := range []struct {
		name string
		rule Rule
		want error
	}{
		{"a usual rule", Rule{100, 50, 5}, nil},
		{"the smallest", Rule{1, 0, 0}, nil},
		{"the largest", Rule{MaxWindow, MaxWindow - 1, MaxWindow - 1}, nil},
		{"no window", Rule{}, ErrRule},
		{"a larger window", Rule{MaxWindow + 1, 0, 0}, ErrRule},
		{"misses that never jail", Rule{10, 10, 0}, ErrRule},
		{"contradictions that never jail", Rule{10, 0, 10}, ErrRule},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.rule.Validate(); !errors.Is(err, tc.want) {
				t.Errorf("expected %v, got %v", tc.want, err)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for outcome, want := range map[Outcome]string{Met: "met", Missed: "missed", Contradicted: "contradicted", 3: "outcome(3)"} {
		if got := outcome.String(); got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
	for verdict, want := range map[Verdict]string{
		Keep: "keep", JailMissed: "jail for missed rounds", JailContradicted: "jail for contradicted rounds", 9: "verdict(9)",
	} {
		if got := verdict.String(); got != want {
			t.Errorf("expected %q, got %q", want, got)
		}
	}
}

// A long window at its end: the cost of one round for one operator.
func BenchmarkCount(b *testing.B) {
	rule := Rule{Window: MaxWindow, MaxMissed: MaxWindow - 1, MaxContradicted: MaxWindow - 1}
	var w Window
	for b.Loop() {
		w, _ = w.Count(rule, Missed)
		w, _ = w.Count(rule, Met)
	}
}
