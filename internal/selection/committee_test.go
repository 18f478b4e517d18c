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
			want := map[string]bool{}
			for _, seats := range tt.want {
				want[fmt.Sprint(seats)] = true
			}
			got := map[string]bool{}
			for n := range uint64(300) {
				seats, err := selection.Committee(seedOf(n), tt.powers, tt.leader, tt.total)
				if err != nil {
					t.Fatal(err)
				}
				if !want[fmt.Sprint(seats)] {
					t.Fatalf("expected one of %v, got %v", tt.want, seats)
				}
				got[fmt.Sprint(seats)] = true
			}
			if len(got) != len(want) {
				t.Fatalf("expected every one of %v at some time, got %v", tt.want, got)
			}
		})
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
			seats, err := selection.Committee(seedOf(1), tt.powers, tt.leader, tt.total)
			if !errors.Is(err, tt.want) || seats != nil {
				t.Fatalf("expected %v and no seats, got %v, %v", tt.want, err, seats)
			}
		})
	}
}

// plainCommittee is the rule told in another way: it draws by selection.Draw from a list of those that are left, which
// shrinks, and compares three times the power with the total in integers of any size.
func plainCommittee(t *rapid.T, seed [32]byte, powers []int64, leader int, total int64) []int {
	seats := []int{leader}
	for k := uint64(1); ; k++ {
		tripled := new(big.Int)
		for _, seat := range seats {
			tripled.Add(tripled, new(big.Int).Mul(big.NewInt(3), big.NewInt(powers[seat])))
		}
		if tripled.Cmp(big.NewInt(total)) > 0 && (len(seats) >= 2 || len(powers) == 1) {
			slices.Sort(seats)
			return seats
		}
		var left []int
		var weights []*big.Int
		for position, power := range powers {
			if !slices.Contains(seats, position) {
				left = append(left, position)
				weights = append(weights, big.NewInt(power))
			}
		}
		preimage := binary.BigEndian.AppendUint64([]byte("opengradient/scheduling/committee/v1"+string(seed[:])), k)
		drawn, err := selection.Draw(sha256.Sum256(preimage), weights)
		if err != nil {
			t.Fatal(err)
		}
		seats = append(seats, left[drawn])
	}
}

// TestCommitteeHolds draws electorates of every size of stake, up to all that a signed number holds.
func TestCommitteeHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 40).Draw(t, "members")
		largest := rapid.SampledFrom([]int64{1, 3, 1000, 1 << 40, math.MaxInt64 / 40}).Draw(t, "largest")
		powers := rapid.SliceOfN(rapid.Int64Range(1, largest), count, count).Draw(t, "powers")
		var all int64
		for _, power := range powers {
			all += power
		}
		// Others hold up to just less than twice as much: the members then hold just more than a third.
		most := math.MaxInt64 - all
		if all <= most/2 {
			most = 2*all - 1
		}
		others := rapid.Int64Range(0, most).Draw(t, "others")
		total := all + others
		leader := rapid.IntRange(0, count-1).Draw(t, "leader")
		seed := seedOf(rapid.Uint64().Draw(t, "seed"))

		before := slices.Clone(powers)
		seats, err := selection.Committee(seed, powers, leader, total)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, powers) {
			t.Fatalf("expected the powers to stay %v, got %v", before, powers)
		}
		if want := plainCommittee(t, seed, powers, leader, total); !slices.Equal(want, seats) {
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
		if !isEnough(powers, seats, total) {
			t.Fatalf("expected more than a third of %d, got %v of %v", total, seats, powers)
		}
		if len(seats) <= 2 {
			return
		}
		// Minimal: one of the seats was drawn last, and the others do not hold enough.
		minimal := false
		for i, seat := range seats {
			without := slices.Delete(slices.Clone(seats), i, i+1)
			minimal = minimal || (seat != leader && !isEnough(powers, without, total))
		}
		if !minimal {
			t.Fatalf("expected a committee that stops when it holds enough, got %v of %v, total %d", seats, powers, total)
		}
	})
}

func isEnough(powers []int64, seats []int, total int64) bool {
	held := new(big.Int)
	for _, seat := range seats {
		held.Add(held, big.NewInt(powers[seat]))
	}
	return held.Mul(held, big.NewInt(3)).Cmp(big.NewInt(total)) > 0
}

// TestCommitteesGolden: the golden file is a list of draws with their seats. A line is
//
//	number of the seed, [powers], leader, total: seats
//
// where the seed is SHA-256 of the number as 8 bytes big-endian. A change of it is a change of the chain.
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
		var powers []int64
		for _, text := range strings.Split(strings.TrimSuffix(list, "]"), ",") {
			var power int64
			if _, err := fmt.Sscan(text, &power); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			powers = append(powers, power)
		}
		seats, err := selection.Committee(seedOf(number), powers, leader, total)
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
