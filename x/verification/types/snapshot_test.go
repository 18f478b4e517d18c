package types

import (
	"errors"
	"strings"
	"testing"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

func TestParseOperatorWantsOneSpelling(t *testing.T) {
	address := sdk.ValAddress(make([]byte, 20))
	if got, err := ParseOperator(address.String()); err != nil || !got.Equals(address) {
		t.Fatalf("expected %s, got %s, %v", address, got, err)
	}
	for _, spelling := range []string{"", " ", strings.ToUpper(address.String()), sdk.AccAddress(address).String(), " " + address.String()} {
		if _, err := ParseOperator(spelling); !errors.Is(err, ErrInvalidSnapshot) {
			t.Errorf("%q: expected %v, got %v", spelling, ErrInvalidSnapshot, err)
		}
	}
}

func TestContentHashBindsTheElectorate(t *testing.T) {
	base := electorateOf(1, 2)
	same := electorateOf(1, 2)
	same.Id, same.References = 9, 9
	if base.ContentHash() != same.ContentHash() {
		t.Error("expected id and references to be left out")
	}
	total := electorateOf(1, 2)
	total.TotalPower++
	split := Snapshot{Members: []Member{{Operator: "ab", Power: 1}, {Operator: "", Power: 2}}, TotalPower: 3}
	for name, other := range map[string]Snapshot{
		"powers": electorateOf(2, 1), "members": electorateOf(1, 2, 3), "total": total, "split of names": split,
	} {
		if base.ContentHash() == other.ContentHash() {
			t.Errorf("%s: expected another hash", name)
		}
	}
}

func TestThresholdOfASnapshot(t *testing.T) {
	s := electorateOf(30, 30)
	if got := s.Threshold(); got != 41 {
		t.Errorf("expected 41 of 60, got %d", got)
	}
	s.TotalPower = 100
	if got := s.Threshold(); got != 51 {
		t.Errorf("expected 51 of 60 eligible and 100 in all, got %d", got)
	}
}
