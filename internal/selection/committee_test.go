package selection_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
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

	"github.com/opengradient/opengradient/internal/selection"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// oneClass are members of these powers in one environment class.
func oneClass(powers ...int64) []selection.Seat {
	members := make([]selection.Seat, len(powers))
	for i, power := range powers {
		members[i] = selection.Seat{Power: power, Environment: 1}
	}
	return members
}

func TestCommittee(t *testing.T) {
	tests := map[string]struct {
		powers []int64
		leader int
		total  int64
		want   [][]int // each occurs, and nothing else does
	}{
		"the only member":                        {[]int64{10}, 0, 10, [][]int{{0}}},
		"the only member, with just enough":      {[]int64{10}, 0, 29, [][]int{{0}}},
		"a leader that holds enough has company": {[]int64{90, 5, 5}, 0, 100, [][]int{{0, 1}, {0, 2}}},
		"of three equal ones two":                {[]int64{7, 7, 7}, 1, 21, [][]int{{0, 1}, {1, 2}}},
		"exactly a third is not enough":          {[]int64{1, 1, 1, 1, 1, 1}, 5, 6, [][]int{{0, 1, 5}, {0, 2, 5}, {0, 3, 5}, {0, 4, 5}, {1, 2, 5}, {1, 3, 5}, {1, 4, 5}, {2, 3, 5}, {2, 4, 5}, {3, 4, 5}}},
		"just above a third is":                  {[]int64{17, 17, 33, 33}, 0, 100, [][]int{{0, 1}, {0, 2}, {0, 3}}},
		"a third that is no whole number":        {[]int64{1, 1, 1, 1}, 0, 5, [][]int{{0, 1}, {0, 2}, {0, 3}}},
		"all are needed":                         {[]int64{10, 10, 14}, 2, 101, [][]int{{0, 1, 2}}},
		"the largest powers":                     {[]int64{math.MaxInt64 - 2, 1, 1}, 2, math.MaxInt64, [][]int{{0, 2}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			members := oneClass(tt.powers...)
			requireEvery(t, tt.want, func(seed [32]byte) ([]int, error) { return selection.Committee(seed, members, tt.leader, tt.total) })
		})
	}
}

// TestCommitteeOfSeveralClasses: member 0 leads. The first of the others is of another environment class, if one holds a
// tenth of the members' power.
func TestCommitteeOfSeveralClasses(t *testing.T) {
	tests := map[string]struct {
		members []selection.Seat
		total   int64
		want    [][]int // each occurs, and nothing else does
	}{
		"another class has a seat": {
			[]selection.Seat{{30, 1}, {30, 1}, {30, 1}, {10, 2}}, 100, [][]int{{0, 3}},
		},
		"and so has one of several": {
			[]selection.Seat{{30, 1}, {30, 1}, {20, 2}, {20, 3}}, 100, [][]int{{0, 2}, {0, 3}},
		},
		"just below a tenth is drawn as any other": {
			[]selection.Seat{{40, 1}, {41, 1}, {10, 1}, {9, 2}}, 100, [][]int{{0, 1}, {0, 2}, {0, 3}},
		},
		"a tenth of all members, not of all validators": {
			[]selection.Seat{{40, 1}, {41, 1}, {9, 2}}, 120, [][]int{{0, 2}},
		},
		"a tenth that is no whole number": {
			[]selection.Seat{{50, 1}, {41, 1}, {10, 2}}, 101, [][]int{{0, 1}, {0, 2}},
		},
		"a class is established by several members": {
			[]selection.Seat{{40, 1}, {50, 1}, {5, 2}, {5, 2}}, 100, [][]int{{0, 2}, {0, 3}},
		},
		"a leader of a small class is beside a large one": {
			[]selection.Seat{{5, 3}, {5, 4}, {50, 1}, {40, 2}}, 100, [][]int{{0, 2}, {0, 3}},
		},
		"the rest is drawn from all": {
			[]selection.Seat{{10, 1}, {30, 1}, {10, 2}, {30, 2}}, 90, [][]int{{0, 1, 2}, {0, 2, 3}, {0, 3}},
		},
		"everybody has one of its own": {
			[]selection.Seat{{10, 1}, {10, 2}, {10, 3}}, 30, [][]int{{0, 1}, {0, 2}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			requireEvery(t, tt.want, func(seed [32]byte) ([]int, error) { return selection.Committee(seed, tt.members, 0, tt.total) })
		})
	}
}

// requireEvery draws over 300 seeds: each of the wanted committees occurs, and no other.
func requireEvery(t *testing.T, wanted [][]int, draw func(seed [32]byte) ([]int, error)) {
	t.Helper()
	want := map[string]bool{}
	for _, seats := range wanted {
		want[fmt.Sprint(seats)] = true
	}
	got := map[string]bool{}
	for n := range uint64(300) {
		seats, err := draw(seedOf(n))
		if err != nil {
			t.Fatal(err)
		}
		if !want[fmt.Sprint(seats)] {
			t.Fatalf("expected one of %v, got %v", wanted, seats)
		}
		got[fmt.Sprint(seats)] = true
	}
	if len(got) != len(want) {
		t.Fatalf("expected every one of %v at some time, got %v", wanted, got)
	}
}

func TestCommitteeRefuses(t *testing.T) {
	tests := map[string]struct {
		powers []int64
		leader int
		total  int64
		want   error
	}{
		"no members":                        {nil, 0, 10, selection.ErrTooLittlePower},
		"no power at all":                   {nil, 0, 0, selection.ErrTooLittlePower},
		"members with a third":              {[]int64{5, 5}, 0, 30, selection.ErrTooLittlePower},
		"a leader before the first":         {[]int64{5, 5}, -1, 10, selection.ErrInvalidLeader},
		"a leader after the last":           {[]int64{5, 5}, 2, 10, selection.ErrInvalidLeader},
		"a member without power":            {[]int64{5, 0}, 0, 10, selection.ErrInvalidWeight},
		"a member with negative power":      {[]int64{5, -1}, 0, 10, selection.ErrInvalidWeight},
		"more power than there is":          {[]int64{5, 6}, 0, 10, selection.ErrTotalWeight},
		"more power than a number holds":    {[]int64{math.MaxInt64, math.MaxInt64}, 0, math.MaxInt64, selection.ErrTotalWeight},
		"a negative total":                  {[]int64{5}, 0, -3, selection.ErrTotalWeight},
		"the least total that there can be": {[]int64{5}, 0, math.MinInt64, selection.ErrTotalWeight},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			seats, err := selection.Committee(seedOf(1), oneClass(tt.powers...), tt.leader, tt.total)
			if !errors.Is(err, tt.want) || seats != nil {
				t.Fatalf("expected %v and no seats, got %v, %v", tt.want, err, seats)
			}
		})
	}
}

// fatal is what a plain rule needs of *testing.T or *rapid.T.
type fatal interface{ Fatal(args ...any) }

// plainCommittee is the rule told in another way: it draws by selection.Draw from a list of those that are left, which
// shrinks, and compares in integers of any size: three times the power with the total, and ten times that of a class with
// all of it.
func plainCommittee(t fatal, seed [32]byte, members []selection.Seat, leader int, total int64) []int {
	seats := []int{leader}
	for k := uint64(1); ; k++ {
		if isEnough(members, seats, total) && (len(seats) >= 2 || len(members) == 1) {
			slices.Sort(seats)
			return seats
		}
		left := drawable(members, seats)
		var weights []*big.Int
		for _, position := range left {
			weights = append(weights, big.NewInt(members[position].Power))
		}
		preimage := binary.BigEndian.AppendUint64([]byte("opengradient/scheduling/committee/v1"+string(seed[:])), k)
		drawn, err := selection.Draw(sha256.Sum256(preimage), weights)
		if err != nil {
			t.Fatal(err)
		}
		seats = append(seats, left[drawn])
	}
}

// drawable are the positions that the next draw is from: of all without a seat; but while the leader alone has one, of
// those in other established classes, when there are any.
func drawable(members []selection.Seat, seats []int) []int {
	var left, others []int
	for position, member := range members {
		if slices.Contains(seats, position) {
			continue
		}
		left = append(left, position)
		if len(seats) == 1 && member.Environment != members[seats[0]].Environment && isEstablished(members, member.Environment) {
			others = append(others, position)
		}
	}
	if len(others) > 0 {
		return others
	}
	return left
}

// isEstablished tells whether a class holds a tenth of the members' power.
func isEstablished(members []selection.Seat, class uint32) bool {
	held, all := new(big.Int), new(big.Int)
	for _, member := range members {
		all.Add(all, big.NewInt(member.Power))
		if member.Environment == class {
			held.Add(held, big.NewInt(member.Power))
		}
	}
	return held.Mul(held, big.NewInt(10)).Cmp(all) >= 0
}

// drawMembers draws members of up to five environment classes and every size of stake, up to all that a signed number
// holds.
func drawMembers(t *rapid.T) (members []selection.Seat, all int64) {
	count := rapid.IntRange(1, 40).Draw(t, "members")
	largest := rapid.SampledFrom([]int64{1, 3, 1000, 1 << 40, math.MaxInt64 / 40}).Draw(t, "largest")
	classes := rapid.Uint32Range(1, 5).Draw(t, "classes")
	for range count {
		member := selection.Seat{
			Power:       rapid.Int64Range(1, largest).Draw(t, "power"),
			Environment: rapid.Uint32Range(1, classes).Draw(t, "class"),
		}
		members = append(members, member)
		all += member.Power
	}
	return members, all
}

// TestCommitteeHolds: the draw is that of the plain rule, and whatever is drawn, its guarantee holds.
func TestCommitteeHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, all := drawMembers(t)
		count := len(members)
		// Others hold up to just less than twice as much: the members then hold just more than a third.
		most := math.MaxInt64 - all
		if all <= most/2 {
			most = 2*all - 1
		}
		others := rapid.Int64Range(0, most).Draw(t, "others")
		total := all + others
		leader := rapid.IntRange(0, count-1).Draw(t, "leader")
		seed := seedOf(rapid.Uint64().Draw(t, "seed"))

		before := slices.Clone(members)
		seats, err := selection.Committee(seed, members, leader, total)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, members) {
			t.Fatalf("expected the members to stay %v, got %v", before, members)
		}
		if want := plainCommittee(t, seed, members, leader, total); !slices.Equal(want, seats) {
			t.Fatalf("expected %v, got %v", want, seats)
		}
		for i := 1; i < len(seats); i++ {
			if seats[i-1] >= seats[i] {
				t.Fatalf("expected ascending seats, got %v", seats)
			}
		}
		if !slices.Contains(seats, leader) {
			t.Fatalf("expected a seat of the leader %d, got %v", leader, seats)
		}
		if len(seats) < min(2, count) {
			t.Fatalf("expected two seats at least of %d members, got %v", count, seats)
		}
		if !isEnough(members, seats, total) {
			t.Fatalf("expected more than a third of %d, got %v of %v", total, seats, members)
		}
		if len(seats) <= 2 {
			return
		}
		// Minimal: one of the seats was drawn last, and the others do not hold enough.
		minimal := false
		for i, seat := range seats {
			without := slices.Delete(slices.Clone(seats), i, i+1)
			minimal = minimal || (seat != leader && !isEnough(members, without, total))
		}
		if !minimal {
			t.Fatalf("expected a committee that stops when it holds enough, got %v of %v, total %d", seats, members, total)
		}
	})
}

// TestCommitteesAreMixed: another class that is established always has a seat, and one below a tenth changes nothing,
// however many there are.
func TestCommitteesAreMixed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, all := drawMembers(t)
		leader := rapid.IntRange(0, len(members)-1).Draw(t, "leader")
		seed := seedOf(rapid.Uint64().Draw(t, "seed"))
		seats, err := selection.Committee(seed, members, leader, all)
		if err != nil {
			t.Fatal(err)
		}
		established, mixed := false, false
		for _, member := range members {
			established = established || (member.Environment != members[leader].Environment && isEstablished(members, member.Environment))
		}
		for _, seat := range seats {
			class := members[seat].Environment
			mixed = mixed || (class != members[leader].Environment && isEstablished(members, class))
		}
		if established && !mixed {
			t.Fatalf("expected seats of two established classes, got %v of %v", seats, members)
		}
		// Those of small classes count as if they were in the class of the leader, and as if each were in one of its own.
		together, apart := slices.Clone(members), slices.Clone(members)
		for i, member := range members {
			if member.Environment != members[leader].Environment && !isEstablished(members, member.Environment) {
				together[i].Environment = members[leader].Environment
				apart[i].Environment = uint32(1000 + i)
			}
		}
		for _, others := range [][]selection.Seat{together, apart} {
			if same, err := selection.Committee(seed, others, leader, all); err != nil || !slices.Equal(same, seats) {
				t.Fatalf("expected %v of %v as of %v, got %v, %v", seats, others, members, same, err)
			}
		}
	})
}

func isEnough(members []selection.Seat, seats []int, total int64) bool {
	held := new(big.Int)
	for _, seat := range seats {
		held.Add(held, big.NewInt(members[seat].Power))
	}
	return held.Mul(held, big.NewInt(3)).Cmp(big.NewInt(total)) > 0
}

// TestCommitteesGolden: the golden file is a list of draws with their seats. A line is
//
//	number of the seed, [powers], leader, total: seats
//
// where power@class is a member of another environment class than 1, and the seed is SHA-256 of the number as 8 bytes big-endian. A change of it is a change of the chain.
func TestCommitteesGolden(t *testing.T) {
	path := filepath.Join("testdata", "committee.golden")
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	cases := 0
	for lines := bufio.NewScanner(bytes.NewReader(golden)); lines.Scan(); {
		line := lines.Text()
		given, _, isCase := strings.Cut(line, ":")
		if strings.HasPrefix(line, "#") || !isCase {
			fmt.Fprintln(&got, line)
			continue
		}
		cases++
		var number uint64
		var list string
		var leader int
		var total int64
		if _, err := fmt.Sscanf(given, "%d [%s %d %d", &number, &list, &leader, &total); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		var members []selection.Seat
		for _, text := range strings.Split(strings.TrimSuffix(list, "]"), ",") {
			member := selection.Seat{Environment: 1}
			power, class, classed := strings.Cut(text, "@")
			if _, err := fmt.Sscan(power, &member.Power); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			if classed {
				if _, err := fmt.Sscan(class, &member.Environment); err != nil {
					t.Fatalf("line %q: %v", line, err)
				}
			}
			members = append(members, member)
		}
		seats, err := selection.Committee(seedOf(number), members, leader, total)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		fmt.Fprintf(&got, "%s: %v\n", given, seats)
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
