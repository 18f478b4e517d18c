package types

import (
	"errors"
	"testing"
)

func TestParamsValidate(t *testing.T) {
	if err := DefaultParams().Validate(); err != nil {
		t.Fatalf("expected the defaults to be valid, got %v", err)
	}
	for _, tc := range []struct {
		name   string
		change func(*Params)
	}{
		{"settlement with the verdict", func(p *Params) { p.SettleBlocks = 0 }},
		{"settlement too late", func(p *Params) { p.SettleBlocks = MaxSettleBlocks + 1 }},
		{"turns of no blocks", func(p *Params) { p.PublisherTurnBlocks = 0 }},
		{"turns too long", func(p *Params) { p.PublisherTurnBlocks = MaxPublisherTurnBlocks + 1 }},
		{"one candidate", func(p *Params) { p.MaxCandidates = 1 }},
		{"too many candidates", func(p *Params) { p.MaxCandidates = MaxMaxCandidates + 1 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			params := DefaultParams()
			tc.change(&params)
			if err := params.Validate(); !errors.Is(err, ErrInvalidParams) {
				t.Errorf("expected %v, got %v", ErrInvalidParams, err)
			}
		})
	}
}
