package types

import (
	"slices"
	"unicode/utf8"

	"cosmossdk.io/math"

	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	// MaxLicenseBytes is the longest license.
	MaxLicenseBytes = 64
	// MaxLabels is the largest number of labels.
	MaxLabels = 32
	// MaxLabelBytes is the longest label.
	MaxLabelBytes = 64
)

// Validate checks everything that can be told without the file.
func (m Manifest) Validate(p Params) error {
	if err := ValidateName(m.Name); err != nil {
		return err
	}
	if err := ValidateTaskClass(m.TaskClass); err != nil {
		return err
	}
	if err := ValidateRoyalty(m.Royalty); err != nil {
		return err
	}
	if uint64(len(m.Card)) > p.MaxCardBytes {
		return ErrManifest.Wrapf("card: expected at most %d bytes, got %d", p.MaxCardBytes, len(m.Card))
	}
	if !utf8.ValidString(m.Card) {
		return ErrManifest.Wrap("card: expected UTF-8")
	}
	if err := validateTerms(m.License, m.Labels); err != nil {
		return err
	}
	return m.Golden.Validate(p.MaxGoldenBytes)
}

// validateTerms checks license and labels.
func validateTerms(license string, labels []string) error {
	if len(license) > MaxLicenseBytes || !printable(license) {
		return ErrManifest.Wrapf("license: expected at most %d printable ASCII characters, got %.64q", MaxLicenseBytes, license)
	}
	if len(labels) > MaxLabels {
		return ErrManifest.Wrapf("labels: expected at most %d, got %d", MaxLabels, len(labels))
	}
	for i, label := range labels {
		if label == "" || len(label) > MaxLabelBytes || !utf8.ValidString(label) || hasControl(label) {
			return ErrManifest.Wrapf("labels: expected 1 to %d bytes of UTF-8 without control characters, got %.64q", MaxLabelBytes, label)
		}
		if slices.Contains(labels[:i], label) {
			return ErrManifest.Wrapf("labels: expected each once, got %q twice", label)
		}
	}
	return nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func hasControl(s string) bool {
	for _, c := range s {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return true
		}
	}
	return false
}

// ValidateTaskClass fails with ErrTaskClass unless the class is one of those defined.
func ValidateTaskClass(c schedulingtypes.TaskClass) error {
	if !c.IsKnown() {
		return ErrTaskClass.Wrapf("expected a defined class, got %s", c)
	}
	return nil
}

// ValidateRoyalty fails with ErrRoyalty unless the royalty is 0 to MaxAmount uopg; none is 0.
func ValidateRoyalty(v math.Int) error {
	if v.IsNil() {
		return nil
	}
	if err := checkAmount(v); err != nil {
		return ErrRoyalty.Wrap(err.Error())
	}
	return nil
}
