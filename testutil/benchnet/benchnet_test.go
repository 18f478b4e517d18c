package main

import (
	"math"
	"testing"
	"time"
)

func TestReplaceSection(t *testing.T) {
	const document = "a\n<!-- begin x: written by benchnet -->\nold\n<!-- end x -->\nb\n"
	got, err := replaceSection(document, "x", "new\n")
	if want := "a\n<!-- begin x: written by benchnet -->\nnew\n<!-- end x -->\nb\n"; err != nil || got != want {
		t.Errorf("expected %q, got %q and %v", want, got, err)
	}
	if got, err := replaceSection(document, "y", "new\n"); err == nil {
		t.Errorf("a section that is not there: expected an error, got %q", got)
	}
}

func TestRateCountsWhatIsInside(t *testing.T) {
	start := time.Unix(1_000, 0)
	at := func(seconds, units int) blockCount {
		return blockCount{time: start.Add(time.Duration(seconds) * time.Second), units: units}
	}
	blocks := []blockCount{at(0, 100), at(2, 7), at(4, 10), at(6, 20), at(8, 100)}
	r, err := rate(blocks, start.Add(time.Second), start.Add(7*time.Second))
	if err != nil || r.units != 30 || math.Abs(r.perSecond-7.5) > 1e-9 || math.Abs(r.interval-2) > 1e-9 {
		t.Errorf("expected 30 units, 7.5 a second, an interval of 2 s; got %+v and %v", r, err)
	}
	if _, err := rate(blocks, start, start.Add(3*time.Second)); err == nil {
		t.Error("too few blocks: expected an error")
	}
}
