package types

import (
	"bytes"
	"cmp"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/conduct"
)

// Shift is the conduct with the height of its slash moved by a number of blocks. In the genesis state -1 is the last block
// before it, since 0 says that there was no slash.
func (c Conduct) Shift(blocks int64) Conduct {
	if c.SlashedHeight == 0 {
		return c
	}
	if c.SlashedHeight += blocks; c.SlashedHeight == 0 {
		// A chain that starts anew at height 1 has its last block at 0, which says never. Rounds that it opens itself are
		// opened at 1 or later: those of its first block go unpunished, which is the next best.
		c.SlashedHeight = 1
	}
	return c
}

// Shift is the divergence with the height of its last output moved by a number of blocks.
func (d Divergence) Shift(blocks int64) Divergence {
	d.LastHeight += blocks
	return d
}

// validateConsequences checks what is kept beside the rounds. The roots of evidence are in receipts, which this module
// does not see.
func (gs GenesisState) validateConsequences() error {
	for _, check := range []func() error{gs.validateConducts, gs.validateDivergences, gs.validateAttendances, gs.validateEvidence} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (gs GenesisState) validateConducts() error {
	var previous sdk.ValAddress
	for _, c := range gs.Conducts {
		operator, err := ParseOperator(c.Operator)
		if err != nil {
			return ErrInvalidGenesis.Wrapf("conduct: %s", err)
		}
		if bytes.Compare(previous, operator) >= 0 {
			return ErrInvalidGenesis.Wrapf("expected conducts by ascending operator, got %s after another", c.Operator)
		}
		previous = operator
		if err := c.Rounds().Validate(); err != nil {
			return ErrInvalidGenesis.Wrapf("conduct of %s: %s", c.Operator, err)
		}
		if c.Reliability > conduct.FullReliability {
			return ErrInvalidGenesis.Wrapf("conduct of %s: expected a reliability of at most %d, got %d", c.Operator, conduct.FullReliability, c.Reliability)
		}
		if c.SlashedHeight > 0 || c.SlashedHeight < -maxAge {
			return ErrInvalidGenesis.Wrapf("conduct of %s: expected a slash at %d to -1, or 0 for none, got %d", c.Operator, -maxAge, c.SlashedHeight)
		}
		if c.SlashedHeight != 0 && c.Faults == 0 {
			return ErrInvalidGenesis.Wrapf("conduct of %s: expected a fault before a slash, got none", c.Operator)
		}
	}
	return nil
}

func (gs GenesisState) validateDivergences() error {
	var (
		previous Divergence
		pairs    int
	)
	for i, d := range gs.Divergences {
		if len(d.Model) != RootSize || d.VerdictClass == 0 || d.OtherClass == 0 {
			return ErrInvalidGenesis.Wrapf("divergence: expected a model of %d bytes and classes from 1, got %d bytes, %d and %d",
				RootSize, len(d.Model), d.VerdictClass, d.OtherClass)
		}
		if i > 0 && cmp.Or(bytes.Compare(previous.Model, d.Model), cmp.Compare(previous.VerdictClass, d.VerdictClass),
			cmp.Compare(previous.OtherClass, d.OtherClass)) >= 0 {
			return ErrInvalidGenesis.Wrapf("expected divergences by ascending model, class of the verdict and other class, got %x, %d and %d after another",
				d.Model, d.VerdictClass, d.OtherClass)
		}
		if pairs++; !bytes.Equal(previous.Model, d.Model) {
			pairs = 1
		}
		if pairs > MaxDivergences {
			return ErrInvalidGenesis.Wrapf("divergence: expected at most %d pairs of classes for model %x, got more", MaxDivergences, d.Model)
		}
		if d.Within == 0 && d.Beyond == 0 && d.Contradicting == 0 {
			return ErrInvalidGenesis.Wrapf("divergence of classes %d and %d: expected at least one output, got none", d.VerdictClass, d.OtherClass)
		}
		if d.LastRequestId == 0 || d.LastHeight > 0 || d.LastHeight < -maxAge {
			return ErrInvalidGenesis.Wrapf("divergence of classes %d and %d: expected a last request from 1 at %d to 0, got %d at %d",
				d.VerdictClass, d.OtherClass, -maxAge, d.LastRequestId, d.LastHeight)
		}
		previous = d
	}
	return nil
}

func (gs GenesisState) validateAttendances() error {
	previous := int64(-AttendanceBlocks)
	for i, a := range gs.Attendances {
		if a.Height > 0 || a.Height < previous || (i > 0 && a.Height == previous) {
			return ErrInvalidGenesis.Wrapf("expected attendances by ascending height from %d to 0, got %d after %d", -AttendanceBlocks, a.Height, previous)
		}
		previous = a.Height
		var last []byte
		for _, operator := range a.Operators {
			if err := sdk.VerifyAddressFormat(operator); err != nil {
				return ErrInvalidGenesis.Wrapf("attendance at %d: expected addresses: %s", a.Height, err)
			}
			if bytes.Compare(last, operator) >= 0 {
				return ErrInvalidGenesis.Wrapf("attendance at %d: expected ascending operators, got %x after %x", a.Height, operator, last)
			}
			last = operator
		}
	}
	return nil
}

func (gs GenesisState) validateEvidence() error {
	var previous uint64
	for _, stored := range gs.Evidence {
		if stored.RequestId <= previous {
			return ErrInvalidGenesis.Wrapf("expected evidence by ascending request id from 1, got %d after %d", stored.RequestId, previous)
		}
		previous = stored.RequestId
		evidence, err := DecodeEvidence(stored.Evidence)
		if err != nil {
			return ErrInvalidGenesis.Wrapf("evidence of request %d: %s", stored.RequestId, err)
		}
		if evidence.Round.RequestId != stored.RequestId {
			return ErrInvalidGenesis.Wrapf("expected evidence of request %d, got that of %d", stored.RequestId, evidence.Round.RequestId)
		}
		if stored.ExpiryHeight < -maxAge || stored.ExpiryHeight > int64(MaxEvidenceBlocks) {
			return ErrInvalidGenesis.Wrapf("evidence of request %d: expected it to be kept for %d to %d blocks, got %d",
				stored.RequestId, -maxAge, MaxEvidenceBlocks, stored.ExpiryHeight)
		}
	}
	return nil
}
