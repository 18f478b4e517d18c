package types

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	errorsmod "cosmossdk.io/errors"
)

const (
	// MaxRuntimeVersionLength bounds EnvironmentClass.RuntimeVersion, in bytes.
	MaxRuntimeVersionLength = 32
	// MaxProviderLength bounds EnvironmentClass.Provider, in bytes.
	MaxProviderLength = 32
	// MaxProfile bounds EnvironmentClass.Profile.
	MaxProfile = 1 << 16
	// MaxEnvironmentClassesPerOperator bounds the classes that the statuses of one operator bring in, so that one
	// operator cannot use up the room of all.
	MaxEnvironmentClassesPerOperator = 16
)

// isaClasses are the instruction-set classes an environment can name, ascending.
var isaClasses = []string{"arm64", "avx", "avx2", "avx512", "other", "sse", "vnni"}

// ISAClasses returns the instruction-set classes that an environment can name, ascending.
func ISAClasses() []string { return slices.Clone(isaClasses) }

// Validate checks the syntax of the class: bounded printable strings, a 32-byte library hash, a profile from 1 and a
// known instruction-set class. It returns ErrInvalidStatus with the first field that is wrong.
func (e EnvironmentClass) Validate() error {
	if err := validateLabel("runtime_version", e.RuntimeVersion, 1, MaxRuntimeVersionLength); err != nil {
		return err
	}
	if len(e.LibrarySha256) != sha256.Size {
		return errorsmod.Wrapf(ErrInvalidStatus, "library_sha256: expected %d bytes, got %d", sha256.Size, len(e.LibrarySha256))
	}
	if err := validateLabel("provider", e.Provider, 1, MaxProviderLength); err != nil {
		return err
	}
	if e.Profile == 0 || e.Profile > MaxProfile {
		return errorsmod.Wrapf(ErrInvalidStatus, "profile: expected 1 to %d, got %d", MaxProfile, e.Profile)
	}
	if !slices.Contains(isaClasses, e.Isa) {
		return errorsmod.Wrapf(ErrInvalidStatus, "isa: expected one of %v, got %q", isaClasses, e.Isa)
	}
	return nil
}

// Identity returns the 32 bytes under which the class is looked up: SHA-256 over its fields in order, each string and
// byte field preceded by its length and the profile as is, both 4 bytes big-endian. Equal classes, and only they, share
// it.
func (e EnvironmentClass) Identity() []byte {
	var preimage []byte
	for _, field := range [][]byte{[]byte(e.RuntimeVersion), e.LibrarySha256, []byte(e.Provider)} {
		preimage = binary.BigEndian.AppendUint32(preimage, uint32(len(field)))
		preimage = append(preimage, field...)
	}
	preimage = binary.BigEndian.AppendUint32(preimage, e.Profile)
	preimage = binary.BigEndian.AppendUint32(preimage, uint32(len(e.Isa)))
	preimage = append(preimage, e.Isa...)
	identity := sha256.Sum256(preimage)
	return identity[:]
}

// validateLabel checks a string from a status: least to most bytes of printable ASCII without spaces.
func validateLabel(name, value string, least, most int) error {
	if len(value) < least || len(value) > most {
		return errorsmod.Wrapf(ErrInvalidStatus, "%s: expected %d to %d bytes, got %d", name, least, most, len(value))
	}
	for i := range len(value) {
		if value[i] <= ' ' || value[i] > '~' {
			return errorsmod.Wrapf(ErrInvalidStatus, "%s: expected printable ASCII, got byte 0x%02x at %d", name, value[i], i)
		}
	}
	return nil
}
