package types

import "github.com/opengradient/opengradient/internal/pricing"

// CheckWork fails with ErrInputTooLarge, ErrComputeTooLarge or ErrOutputTooLarge when a run of a size is above a limit.
func (p Params) CheckWork(w pricing.Work) error {
	if w.InputBytes > p.MaxInputBytes {
		return ErrInputTooLarge.Wrapf("expected at most %d bytes, got %d", p.MaxInputBytes, w.InputBytes)
	}
	if w.Units > p.MaxComputeUnits {
		return ErrComputeTooLarge.Wrapf("expected at most %d compute units, got %d", p.MaxComputeUnits, w.Units)
	}
	if w.OutputBytes > p.MaxOutputBytes {
		return ErrOutputTooLarge.Wrapf("expected at most %d bytes, got %d", p.MaxOutputBytes, w.OutputBytes)
	}
	return nil
}
