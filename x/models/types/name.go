package types

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/opengradient/opengradient/internal/modelref"
)

const (
	// MaxNameLength is the longest name of a model, in characters.
	MaxNameLength = 64
	// MaxTagLength is the longest tag, in characters.
	MaxTagLength = 32
	// MaxTags bounds the tags of one name.
	MaxTags = 64
)

// ValidateName checks a name: 1 to MaxNameLength characters of a-z, 0-9, '.', '_' and '-', beginning with a letter, and
// not 64 hexadecimal digits, which would read as a SHA-256. It fails with ErrInvalidName.
func ValidateName(name string) error {
	if why := checkWord(name, MaxNameLength); why != "" {
		return ErrInvalidName.Wrap(why)
	}
	if _, ok := ParseModelID(name); ok {
		return ErrInvalidName.Wrap("expected a name that does not read as a SHA-256, got 64 hexadecimal digits")
	}
	return nil
}

// ValidateTag checks a tag: 1 to MaxTagLength characters of a-z, 0-9, '.', '_' and '-', beginning with a letter. It fails
// with ErrInvalidTag.
func ValidateTag(tag string) error {
	if why := checkWord(tag, MaxTagLength); why != "" {
		return ErrInvalidTag.Wrap(why)
	}
	return nil
}

// checkWord says what is wrong with a name or a tag; nothing when it is sound.
func checkWord(word string, most int) string {
	if word == "" || len(word) > most {
		return "expected 1 to " + strconv.Itoa(most) + " characters, got " + strconv.Itoa(len(word))
	}
	for i, c := range []byte(word) {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '.' && c != '_' && c != '-') {
			return "expected a-z, then a-z, 0-9, '.', '_' or '-', got " + strconv.QuoteRune(rune(c)) + " at " + strconv.Itoa(i) + " of " + strconv.Quote(word)
		}
	}
	return ""
}

// ParseModelID reads the lower-case hexadecimal SHA-256 that identifies a model; ok is false for anything else.
func ParseModelID(s string) (id []byte, ok bool) {
	sum, err := modelref.ParseSHA256(s)
	if err != nil {
		return nil, false
	}
	return sum[:], true
}

// Reference says which version of a model is meant: the one with ID, or that of Name with Version or, when that is 0, with
// Tag.
type Reference struct {
	ID      []byte
	Name    string
	Version uint32
	Tag     string
}

// ParseReference reads name (its tag latest), name:version, name:tag or a SHA-256 in lower-case hexadecimal. Versions are
// decimal numbers from 1 without leading zeros. It fails with ErrInvalidName or ErrInvalidTag.
func ParseReference(text string) (Reference, error) {
	if id, ok := ParseModelID(text); ok {
		return Reference{ID: id}, nil
	}
	name, label, found := strings.Cut(text, ":")
	if err := ValidateName(name); err != nil {
		return Reference{}, err
	}
	if !found {
		return Reference{Name: name, Tag: TagLatest}, nil
	}
	if label != "" && label[0] >= '0' && label[0] <= '9' {
		version, err := strconv.ParseUint(label, 10, 32)
		if err != nil || version == 0 || label[0] == '0' {
			return Reference{}, ErrInvalidTag.Wrapf("expected a version from 1, got %.64q", label)
		}
		return Reference{Name: name, Version: uint32(version)}, nil
	}
	if err := ValidateTag(label); err != nil {
		return Reference{}, err
	}
	return Reference{Name: name, Tag: label}, nil
}

// String writes the reference as ParseReference reads it.
func (r Reference) String() string {
	switch {
	case len(r.ID) > 0:
		return hex.EncodeToString(r.ID)
	case r.Version != 0:
		return r.Name + ":" + strconv.FormatUint(uint64(r.Version), 10)
	default:
		return r.Name + ":" + r.Tag
	}
}
