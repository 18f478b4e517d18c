package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A balance is the sum over jobs, whatever they go through, and reservations that were granted never use more than the
// quota. The oracle keeps every job and adds them up.
func TestBalanceIsTheSumOverJobs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quota := rapid.Uint64Range(0, 1000).Draw(t, "quota")
		var b Balance
		var jobs []Amounts
		change := func(i int, after Amounts) {
			next, err := b.Change(jobs[i], after)
			if err != nil {
				t.Fatal(err)
			}
			b, jobs[i] = next, after
		}
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(t *rapid.T) {
				want := rapid.Uint64Range(0, 300).Draw(t, "want")
				if err := b.Room(quota, Total, want); err != nil {
					if !errors.Is(err, ErrQuota) {
						t.Fatal(err)
					}
					if b.Used()+want <= quota {
						t.Fatalf("refused %d beside %d of %d", want, b.Used(), quota)
					}
					return
				}
				jobs = append(jobs, Amounts{})
				change(len(jobs)-1, Amounts{Reserved: want})
			},
			"charge": func(t *rapid.T) {
				if len(jobs) == 0 {
					return
				}
				i := rapid.IntRange(0, len(jobs)-1).Draw(t, "job")
				j := jobs[i]
				part := rapid.Uint64Range(0, j.Reserved).Draw(t, "part")
				j.Reserved, j.Spent = 0, j.Spent+part
				change(i, j)
			},
			"refund": func(t *rapid.T) {
				if len(jobs) == 0 {
					return
				}
				i := rapid.IntRange(0, len(jobs)-1).Draw(t, "job")
				j := jobs[i]
				j.Refunded = rapid.Uint64Range(j.Refunded, j.Spent).Draw(t, "refund")
				change(i, j)
			},
			"": func(t *rapid.T) {
				var used uint64
				for _, j := range jobs {
					used += j.Reserved + j.Spent - j.Refunded
				}
				if b.Used() != used {
					t.Fatalf("expected %d, got %d", used, b.Used())
				}
				if used > quota {
					t.Fatalf("%d of %d used", used, quota)
				}
			},
		})
	})
}

func TestChangeRefusesWhatNoJobsGive(t *testing.T) {
	b := Balance{Amounts: Amounts{Reserved: 5}}
	if _, err := b.Change(Amounts{Reserved: 6}, Amounts{}); err == nil {
		t.Error("more taken away than is there: expected an error")
	}
	if _, err := b.Change(Amounts{}, Amounts{Reserved: 1<<64 - 1}); err == nil {
		t.Error("an overflow: expected an error")
	}
}

func TestMessages(t *testing.T) {
	err := Balance{Amounts: Amounts{Reserved: 40, Spent: 70, Refunded: 20}}.Room(100, PerDay, 11)
	want := "spending quota exceeded: quota of 100 uopg per day (UTC), 90 uopg used or reserved, expected at most 10 uopg more, got a request that may cost 11 uopg"
	if err == nil || err.Error() != want {
		t.Errorf("expected %q, got %v", want, err)
	}
	if _, err := ParsePeriod("week"); err == nil || !strings.Contains(err.Error(), "expected day or total") {
		t.Errorf("got %v", err)
	}
	if got := Day(time.Date(2026, 11, 27, 23, 30, 0, 0, time.FixedZone("", -3600))); got != "2026-11-28" {
		t.Errorf("got %s", got)
	}
}
