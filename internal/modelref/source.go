package modelref

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

const (
	// MaxSourceBytes is the length of the longest source, in bytes.
	MaxSourceBytes = 512

	maxHostBytes       = 253
	maxLabelBytes      = 63
	maxRepositoryBytes = 255
	defaultPort        = 443
	digestPrefix       = "sha256:"
)

// Kind is how a source is read.
type Kind uint8

const (
	// KindHTTPS is a file below an https URL.
	KindHTTPS Kind = iota + 1
	// KindOCI is an artifact in a registry, in the form of CNCF ModelPack.
	KindOCI
)

// String is the scheme of the kind.
func (k Kind) String() string {
	switch k {
	case KindHTTPS:
		return "https"
	case KindOCI:
		return "oci"
	default:
		return "unknown"
	}
}

// Source is a place on the network that may have a file. It names nothing on the machine that reads it: hosts are
// names, never addresses. [ParseSource] makes it.
type Source struct {
	// Kind tells which of the other fields are set.
	Kind Kind
	// Host is a name of two labels or more, in lower case.
	Host string
	// Port is 443 when the source names none.
	Port uint16
	// Path is what follows the host of an https source, with its first slash.
	Path string
	// Repository is the name of an OCI artifact's repository.
	Repository string
	// Manifest is the SHA-256 of an OCI artifact's manifest.
	Manifest [32]byte
}

// ParseSource reads a source:
//
//	https://host[:port]/path
//	oci://host[:port]/repository@sha256:digest
//
// A host has two labels or more of lower-case letters, digits and inner hyphens, the last of which begins with a letter:
// no address of any spelling is a host. A port is a number from 1 to 65535 other than 443, which is left out. A path has segments of letters,
// digits and - . _ ~ + = , @ that are neither empty nor dots only. A repository is named as the OCI distribution
// specification says. Digests have 64 lower-case hexadecimal digits. Each source has one spelling: what is accepted is
// what [Source.String] writes.
func ParseSource(text string) (Source, error) {
	if len(text) > MaxSourceBytes {
		return Source{}, fmt.Errorf("source: expected up to %d bytes, got %d", MaxSourceBytes, len(text))
	}
	source, err := parseSource(text)
	if err != nil {
		return Source{}, fmt.Errorf("source %q: %w", text, err)
	}
	return source, nil
}

func parseSource(text string) (Source, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return Source{}, fmt.Errorf("expected https:// or oci://")
	}
	authority, path, found := strings.Cut(rest, "/")
	if !found {
		return Source{}, fmt.Errorf("expected a path after the host")
	}
	host, port, err := parseAuthority(authority)
	if err != nil {
		return Source{}, err
	}
	source := Source{Host: host, Port: port}
	switch scheme {
	case "https":
		source.Kind, source.Path = KindHTTPS, "/"+path
		return source, checkPath(path)
	case "oci":
		source.Kind = KindOCI
		source.Repository, source.Manifest, err = parseArtifact(path)
		return source, err
	default:
		return Source{}, fmt.Errorf("expected the scheme https or oci, got %q", scheme)
	}
}

// String writes the source as it was read.
func (s Source) String() string {
	switch s.Kind {
	case KindHTTPS:
		return "https://" + s.Authority() + s.Path
	case KindOCI:
		return "oci://" + s.Authority() + "/" + s.Repository + "@" + digestPrefix + hex.EncodeToString(s.Manifest[:])
	default:
		return ""
	}
}

// Authority is the host, with the port unless it is 443.
func (s Source) Authority() string {
	if s.Port == defaultPort {
		return s.Host
	}
	return s.Host + ":" + strconv.FormatUint(uint64(s.Port), 10)
}

func parseAuthority(authority string) (host string, port uint16, err error) {
	host, digits, found := strings.Cut(authority, ":")
	port = defaultPort
	if found {
		if port, err = parsePort(digits); err != nil {
			return "", 0, err
		}
	}
	return host, port, checkHost(host)
}

func parsePort(digits string) (uint16, error) {
	number := uint64(0)
	for i := range len(digits) {
		if !isDigit(digits[i]) || number > 65535 {
			return 0, fmt.Errorf("expected a port from 1 to 65535, got %q", digits)
		}
		number = number*10 + uint64(digits[i]-'0')
	}
	if number == 0 || number > 65535 || digits[0] == '0' {
		return 0, fmt.Errorf("expected a port from 1 to 65535, got %q", digits)
	}
	if number == defaultPort {
		return 0, fmt.Errorf("expected port %d to be left out", defaultPort)
	}
	return uint16(number), nil
}

func checkHost(host string) error {
	if len(host) > maxHostBytes {
		return fmt.Errorf("expected a host of up to %d bytes, got %d", maxHostBytes, len(host))
	}
	labels := strings.Split(host, ".")
	if len(labels) < 2 {
		return fmt.Errorf("expected a host of two labels or more, got %q", host)
	}
	for _, label := range labels {
		if !isLabel(label) {
			return fmt.Errorf("expected a host of lower-case letters, digits and inner hyphens, got %q", host)
		}
	}
	if last := labels[len(labels)-1]; !isLower(last[0]) {
		return fmt.Errorf("expected a host name, whose last label begins with a letter, got %q", host)
	}
	return nil
}

func isLabel(label string) bool {
	if label == "" || len(label) > maxLabelBytes || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		if c := label[i]; !isLower(c) && !isDigit(c) && c != '-' {
			return false
		}
	}
	return true
}

func checkPath(path string) error {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fmt.Errorf("expected a path without empty segments and dots, got %q", "/"+path)
		}
		for i := range len(segment) {
			c := segment[i]
			if !isLower(c) && !isUpper(c) && !isDigit(c) && strings.IndexByte("-._~+=,@", c) < 0 {
				return fmt.Errorf("expected a path of letters, digits and -._~+=,@ in its segments, got %q", "/"+path)
			}
		}
	}
	return nil
}

func parseArtifact(path string) (repository string, manifest [32]byte, err error) {
	repository, digest, found := strings.Cut(path, "@")
	if !found {
		return "", manifest, fmt.Errorf("expected a repository and @%s with the digest of the manifest, got %q", digestPrefix, path)
	}
	if err := checkRepository(repository); err != nil {
		return "", manifest, err
	}
	digits, found := strings.CutPrefix(digest, digestPrefix)
	if !found {
		return "", manifest, fmt.Errorf("expected a digest of the form %s…, got %q", digestPrefix, digest)
	}
	manifest, err = ParseSHA256(digits)
	return repository, manifest, err
}

// checkRepository accepts components of lower-case letters and digits, with one of . _ __ or hyphens between two of
// them, separated by slashes.
func checkRepository(name string) error {
	if len(name) > maxRepositoryBytes {
		return fmt.Errorf("expected a repository name of up to %d bytes, got %d", maxRepositoryBytes, len(name))
	}
	for component := range strings.SplitSeq(name, "/") {
		if !isComponent(component) {
			return fmt.Errorf("expected a repository name as of the OCI distribution specification, got %q", name)
		}
	}
	return nil
}

func isComponent(component string) bool {
	separator := "" // the separators since the last letter or digit
	for i := range len(component) {
		c := component[i]
		if isLower(c) || isDigit(c) {
			if i > 0 && (len(separator) == i || !isSeparator(separator)) {
				return false
			}
			separator = ""
			continue
		}
		separator = component[i-len(separator) : i+1]
	}
	return component != "" && separator == ""
}

// isSeparator accepts none, one dot, one or two underscores, and hyphens.
func isSeparator(s string) bool {
	return s == "" || s == "." || s == "_" || s == "__" || strings.Trim(s, "-") == ""
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
