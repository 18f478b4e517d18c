package types

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/address"
)

// maxRelativeHeight bounds the blocks that remain of anything in a genesis, so that no height overflows.
const maxRelativeHeight = 1 << 40

// DefaultGenesis is the state of a new chain: the default parameters and nothing else.
func DefaultGenesis() *GenesisState {
	return &GenesisState{Params: DefaultParams(), NextFileId: 1}
}

// Held is the sum of what is held for all uploads, in uopg.
func (g GenesisState) Held() math.Int {
	sum := math.ZeroInt()
	for _, u := range g.Uploads {
		sum = sum.Add(u.Upload.Deposit)
	}
	return sum
}

// Validate checks that the state is whole: hashes, order, references, signatures, statuses and deposits. It fails with
// ErrInvalidGenesis. The balance of the module account is checked on import.
func (g GenesisState) Validate() error {
	if err := g.validate(); err != nil {
		return ErrInvalidGenesis.Wrap(err.Error())
	}
	return nil
}

func (g GenesisState) validate() error {
	if err := g.Params.Validate(); err != nil {
		return err
	}
	names, err := g.validateNames()
	if err != nil {
		return err
	}
	files := make(map[uint64]struct{})
	versions, err := g.validateModels(names, files)
	if err != nil {
		return err
	}
	if err := g.validateTags(versions); err != nil {
		return err
	}
	if err := g.validateUploads(files); err != nil {
		return err
	}
	return g.validateCredit()
}

func (g GenesisState) validateNames() (map[string]ModelName, error) {
	names := make(map[string]ModelName, len(g.Names))
	last := ""
	for _, n := range g.Names {
		if err := ValidateName(n.Name); err != nil {
			return nil, err
		}
		if n.Name <= last {
			return nil, fmt.Errorf("names: expected ascending names, got %q after %q", n.Name, last)
		}
		if _, err := address.ParseAccount(n.Owner); err != nil {
			return nil, fmt.Errorf("name %s: owner: %w", n.Name, err)
		}
		if n.Versions == 0 {
			return nil, fmt.Errorf("name %s: expected a version at least, got none", n.Name)
		}
		last = n.Name
		names[last] = n
	}
	return names, nil
}

type versionKey struct {
	name    string
	version uint32
}

func (g GenesisState) validateModels(names map[string]ModelName, files map[uint64]struct{}) (map[versionKey]struct{}, error) {
	versions := make(map[versionKey]struct{}, len(g.Models))
	last := ""
	for _, entry := range g.Models {
		m := entry.Model
		if err := entry.validate(); err != nil {
			return nil, fmt.Errorf("model %s: %w", m.Sha256, err)
		}
		if m.Sha256 <= last {
			return nil, fmt.Errorf("models: expected ascending sha256, got %s after %s", m.Sha256, last)
		}
		last = m.Sha256
		n, known := names[m.Name]
		if !known || m.Version == 0 || m.Version > n.Versions {
			return nil, fmt.Errorf("model %s: expected a version of a name in the list, got %s:%d", m.Sha256, m.Name, m.Version)
		}
		key := versionKey{m.Name, m.Version}
		if _, twice := versions[key]; twice {
			return nil, fmt.Errorf("models: expected each version once, got %s:%d twice", m.Name, m.Version)
		}
		versions[key] = struct{}{}
		if m.IsReference() {
			continue
		}
		if err := g.takeFile(files, m.File); err != nil {
			return nil, err
		}
	}
	return versions, nil
}

// takeFile checks that an id of a file was given out, and only once.
func (g GenesisState) takeFile(files map[uint64]struct{}, id uint64) error {
	if _, twice := files[id]; twice || id == 0 || id >= g.NextFileId {
		return fmt.Errorf("files: expected ids from 1 to below %d, each once, got %d", g.NextFileId, id)
	}
	files[id] = struct{}{}
	return nil
}

func (g GenesisState) validateTags(versions map[versionKey]struct{}) error {
	var last Tag
	count := 0
	for _, t := range g.Tags {
		if err := ValidateTag(t.Tag); err != nil {
			return err
		}
		if t.Name < last.Name || t.Name == last.Name && t.Tag <= last.Tag {
			return fmt.Errorf("tags: expected ascending tags, got %s:%s after %s:%s", t.Name, t.Tag, last.Name, last.Tag)
		}
		if _, known := versions[versionKey{t.Name, t.Version}]; !known {
			return fmt.Errorf("tag %s:%s: expected a version in the list, got %d", t.Name, t.Tag, t.Version)
		}
		if t.Name != last.Name {
			count = 0
		}
		if count++; count > MaxTags {
			return fmt.Errorf("tags: expected at most %d of %s, got more", MaxTags, t.Name)
		}
		last = t
	}
	return nil
}

func (g GenesisState) validateUploads(files map[uint64]struct{}) error {
	last := uint64(0)
	for _, entry := range g.Uploads {
		u := entry.Upload
		if u.Id <= last {
			return fmt.Errorf("uploads: expected ascending ids, got %d after %d", u.Id, last)
		}
		last = u.Id
		if err := g.takeFile(files, u.Id); err != nil {
			return err
		}
		if err := entry.validate(); err != nil {
			return fmt.Errorf("upload %d: %w", u.Id, err)
		}
	}
	return nil
}

// validateCredit checks that no more is saved up than the first inspection takes.
func (g GenesisState) validateCredit() error {
	first, most := uint64(0), uint64(0)
	for _, entry := range g.Models {
		m := entry.Model
		if m.Status == MODEL_STATUS_INSPECTING && (first == 0 || m.File < first) {
			first, most = m.File, m.Size_
		}
	}
	if g.InspectionCredit > most {
		return fmt.Errorf("inspection credit: expected at most %d, got %d", most, g.InspectionCredit)
	}
	return nil
}

func (entry GenesisUpload) validate() error {
	u := entry.Upload
	if err := u.CheckFile(maxModelBytesLimit); err != nil {
		return err
	}
	if _, err := address.ParseAccount(u.Owner); err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	if err := u.Manifest.Validate(Params{MaxCardBytes: maxCardBytesLimit, MaxGoldenBytes: maxGoldenBytesLimit}); err != nil {
		return err
	}
	if u.Manifest.Royalty.IsNil() || u.Deposit.IsNil() || u.Deposit.IsNegative() {
		return fmt.Errorf("expected a royalty and a deposit of at least 0, got %s and %s", u.Manifest.Royalty, u.Deposit)
	}
	if u.Expires < 1 || u.Expires > maxRelativeHeight {
		return fmt.Errorf("expires: expected 1 to %d blocks, got %d", int64(maxRelativeHeight), u.Expires)
	}
	if int(u.Received) != len(entry.Chunks) || len(entry.Chunks) >= len(u.ChunkHashes) {
		return fmt.Errorf("expected %d chunks of %d, one missing at least, got %d", u.Received, len(u.ChunkHashes), len(entry.Chunks))
	}
	for i, c := range entry.Chunks {
		if i > 0 && c.Index <= entry.Chunks[i-1].Index {
			return fmt.Errorf("chunks: expected ascending indexes, got %d after %d", c.Index, entry.Chunks[i-1].Index)
		}
		if want := ChunkSize(u.Size_, c.Index); want == 0 || uint64(len(c.Data)) != want {
			return fmt.Errorf("chunk %d: expected %d bytes, got %d", c.Index, want, len(c.Data))
		}
		if sum := sha256.Sum256(c.Data); !bytes.Equal(sum[:], u.ChunkHashes[c.Index]) {
			return fmt.Errorf("chunk %d: expected sha256 %x, got %x", c.Index, u.ChunkHashes[c.Index], sum)
		}
	}
	return nil
}

func (entry GenesisModel) validateCard() error {
	want := ""
	if entry.Card != "" {
		sum := sha256.Sum256([]byte(entry.Card))
		want = hex.EncodeToString(sum[:])
	}
	if entry.Model.CardSha256 != want || len(entry.Card) > maxCardBytesLimit || !utf8.ValidString(entry.Card) {
		return fmt.Errorf("card: expected at most %d bytes of UTF-8 with sha256 %q, got %d bytes with %q",
			maxCardBytesLimit, entry.Model.CardSha256, len(entry.Card), want)
	}
	return nil
}
