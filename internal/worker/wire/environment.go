package wire

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ISA classes: groups of processors whose results agree bit by bit for prepared models.
const (
	ISASSE    = "sse"
	ISAAVX    = "avx"
	ISAAVX2   = "avx2"
	ISAAVX512 = "avx512"
	ISAVNNI   = "vnni"
	ISAARM64  = "arm64"
	ISAOther  = "other"
)

// EnvironmentClass is everything about a node that may decide the bits of a result.
type EnvironmentClass struct {
	RuntimeVersion string // version of ONNX Runtime, for example "1.27.0"
	LibrarySHA256  string // SHA-256 of the library file, lower-case hexadecimal
	Provider       string // execution provider, for example "CPUExecutionProvider"
	Profile        uint32 // version of the canonical profile, from 1
	ISA            string // one of the ISA constants
}

// String writes the class in one line.
func (e EnvironmentClass) String() string {
	return fmt.Sprintf("onnxruntime %s (%.12s) %s profile %d %s", e.RuntimeVersion, e.LibrarySHA256, e.Provider, e.Profile, e.ISA)
}

// Validate checks that every field is set and has its form.
func (e EnvironmentClass) Validate() error {
	switch {
	case e.RuntimeVersion == "" || len(e.RuntimeVersion) > maxText:
		return fmt.Errorf("environment class: expected a runtime version of 1 to %d bytes, got %q", maxText, e.RuntimeVersion)
	case e.Provider == "" || len(e.Provider) > maxText:
		return fmt.Errorf("environment class: expected a provider of 1 to %d bytes, got %q", maxText, e.Provider)
	case !IsSHA256(e.LibrarySHA256):
		return fmt.Errorf("environment class: expected a library SHA-256 of 64 lower-case hexadecimal digits, got %q", e.LibrarySHA256)
	case e.Profile == 0:
		return fmt.Errorf("environment class: expected a profile of at least 1, got 0")
	}
	switch e.ISA {
	case ISASSE, ISAAVX, ISAAVX2, ISAAVX512, ISAVNNI, ISAARM64, ISAOther:
		return nil
	}
	return fmt.Errorf("environment class: expected an ISA class of sse, avx, avx2, avx512, vnni, arm64 or other, got %q", e.ISA)
}

const maxText = 64 // bytes of a runtime version or provider name

// Prefixes of the metadata extensions that carry an environment class.
const (
	extensionRuntime  = "og-runtime="
	extensionLibrary  = "og-library-sha256="
	extensionProvider = "og-provider="
	extensionProfile  = "og-profile="
	extensionISA      = "og-isa="
)

// Extensions lists the environment class as server metadata extensions.
func (e EnvironmentClass) Extensions() []string {
	return []string{
		extensionRuntime + e.RuntimeVersion,
		extensionLibrary + e.LibrarySHA256,
		extensionProvider + e.Provider,
		extensionProfile + strconv.FormatUint(uint64(e.Profile), 10),
		extensionISA + e.ISA,
	}
}

// ParseEnvironment reads an environment class from server metadata extensions and ignores the others. found is false
// when the server gives none at all; a class that is incomplete, repeated or malformed is an error.
func ParseEnvironment(extensions []string) (e EnvironmentClass, found bool, err error) {
	fields := map[string]*string{
		extensionRuntime:  &e.RuntimeVersion,
		extensionLibrary:  &e.LibrarySHA256,
		extensionProvider: &e.Provider,
		extensionProfile:  new(string),
		extensionISA:      &e.ISA,
	}
	for _, extension := range extensions {
		key, value, _ := strings.Cut(extension, "=")
		field, ok := fields[key+"="]
		if !ok {
			continue
		}
		if *field != "" {
			return EnvironmentClass{}, false, fmt.Errorf("environment class: %s is given twice", key)
		}
		*field, found = value, true
	}
	if !found {
		return EnvironmentClass{}, false, nil
	}
	profile, err := strconv.ParseUint(*fields[extensionProfile], 10, 32)
	if err != nil {
		return EnvironmentClass{}, false, fmt.Errorf("environment class: profile: %w", err)
	}
	e.Profile = uint32(profile)
	if err := e.Validate(); err != nil {
		return EnvironmentClass{}, false, err
	}
	return e, true, nil
}

// IsSHA256 tells whether s is a SHA-256 in lower-case hexadecimal, the form of a model's name.
func IsSHA256(s string) bool {
	if len(s) != 64 || strings.ToLower(s) != s {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}
