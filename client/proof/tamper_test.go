package proof

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"github.com/opengradient/opengradient/internal/proofwire"
	"github.com/opengradient/opengradient/testutil/proofchain"
)

// value is the value of a kind in a proof.
func value(p *proofwire.Proof, kind proofwire.Kind) *proofwire.Value {
	for _, s := range p.Stores {
		for i := range s.Values {
			if s.Values[i].Kind == kind {
				return &s.Values[i]
			}
		}
	}
	return nil
}

func flip(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 1
	return b
}

// TestTamperedFiles changes a file in every way that has a meaning, repairs the checksum, and looks at what is named.
func TestTamperedFiles(t *testing.T) {
	s := proofchain.Restless()
	trust := at(s, s.Height()-6)
	good := collect(t, s, arbitratedID, CollectOptions{Trust: trust})
	_, err := verify(good, trust)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(good.proof.Blocks), 3, "a file with a block in the middle")
	other := collect(t, s, exactID, CollectOptions{Trust: trust})
	elsewhere := proofchain.Of(t, proofchain.Network(), func(int64) []proofchain.Signer { return proofchain.Signers('e', 4) })

	for reason, tc := range map[string]struct {
		part Part
		edit func(p *proofwire.Proof)
	}{
		"the chain id":                    {PartChainID, func(p *proofwire.Proof) { p.ChainId = "another-1" }},
		"no chain id":                     {PartChainID, func(p *proofwire.Proof) { p.ChainId = "" }},
		"the chain id of a header":        {PartChainID, func(p *proofwire.Proof) { p.Blocks[1].Header.ChainID = "another-1" }},
		"the number of the request":       {PartStoreProof, func(p *proofwire.Proof) { p.RequestId = exactID }},
		"the application hash":            {PartSignatures, func(p *proofwire.Proof) { h := &last(p).Header; h.AppHash = flip(h.AppHash, 0) }},
		"the time of a header":            {PartSignatures, func(p *proofwire.Proof) { h := &last(p).Header; h.Time = h.Time.Add(time.Second) }},
		"the height of a header":          {PartSignatures, func(p *proofwire.Proof) { last(p).Header.Height++ }},
		"the version of a header":         {PartHeader, func(p *proofwire.Proof) { last(p).Header.Version.Block++ }},
		"the proposer of a header":        {PartSignatures, func(p *proofwire.Proof) { h := &last(p).Header; h.ProposerAddress = flip(h.ProposerAddress, 0) }},
		"the next validators of a header": {PartSignatures, func(p *proofwire.Proof) { h := &last(p).Header; h.NextValidatorsHash = flip(h.NextValidatorsHash, 0) }},
		"the power of a validator":        {PartValidators, func(p *proofwire.Proof) { last(p).Validators[2].Power++ }},
		"the key of a validator":          {PartValidators, func(p *proofwire.Proof) { last(p).Validators[0].PublicKey = last(p).Validators[1].PublicKey }},
		"the order of validators": {PartValidators, func(p *proofwire.Proof) {
			v := last(p).Validators
			v[0], v[1] = v[1], v[0]
		}},
		"one validator less": {PartValidators, func(p *proofwire.Proof) { last(p).Validators = last(p).Validators[1:] }},
		"a signature":        {PartSignatures, func(p *proofwire.Proof) { g := &last(p).Commit.Signatures[3]; g.Signature = flip(g.Signature, 5) }},
		"the time of a precommit": {PartSignatures, func(p *proofwire.Proof) {
			at := last(p).Commit.Signatures[3].Timestamp.Add(1)
			last(p).Commit.Signatures[3].Timestamp = &at
		}},
		"the round of a commit":    {PartSignatures, func(p *proofwire.Proof) { last(p).Commit.Round++ }},
		"the parts of a commit":    {PartSignatures, func(p *proofwire.Proof) { last(p).Commit.PartTotal++ }},
		"a precommit made nil":     {PartSignatures, func(p *proofwire.Proof) { last(p).Commit.Signatures[1].Flag = cmtproto.BlockIDFlagNil }},
		"a flag cut to a byte":     {PartSignatures, func(p *proofwire.Proof) { last(p).Commit.Signatures[1].Flag += 256 }},
		"one precommit too many":   {PartSignatures, func(p *proofwire.Proof) { c := last(p).Commit; c.Signatures = append(c.Signatures, c.Signatures[0]) }},
		"an absent one that signs": {PartSignatures, func(p *proofwire.Proof) { last(p).Commit.Signatures[1].Flag = cmtproto.BlockIDFlagAbsent }},
		"two precommits dropped": {PartSignatures, func(p *proofwire.Proof) {
			for i := range 2 {
				last(p).Commit.Signatures[i] = proofwire.Signature{Flag: cmtproto.BlockIDFlagAbsent}
			}
		}},
		"a commit left out":       {PartHeaderChain, func(p *proofwire.Proof) { last(p).Commit, last(p).Validators = nil, nil }},
		"a block left out":        {PartHeaderChain, func(p *proofwire.Proof) { p.Blocks = []*proofwire.Block{p.Blocks[0], last(p)} }},
		"a block twice":           {PartHeaderChain, func(p *proofwire.Proof) { p.Blocks = append(p.Blocks, last(p)) }},
		"the trusted block":       {PartTrustedHeader, func(p *proofwire.Proof) { p.Blocks = p.Blocks[1:] }},
		"no block":                {PartHeaderChain, func(p *proofwire.Proof) { p.Blocks = nil }},
		"blocks of other signers": {PartTrustedHeader, func(p *proofwire.Proof) { p.Blocks = rewrite(t, elsewhere, p) }},
		"the last block of other signers": {PartHeaderChain, func(p *proofwire.Proof) {
			p.Blocks[len(p.Blocks)-1] = rewrite(t, elsewhere, p)[len(p.Blocks)-1]
		}},
		"a store left out":    {PartStores, func(p *proofwire.Proof) { p.Stores = p.Stores[:2] }},
		"the name of a store": {PartStores, func(p *proofwire.Proof) { p.Stores[0].Name = "staking" }},
		"the root of a store": {PartAppHash, func(p *proofwire.Proof) { p.Stores[0].Root = flip(p.Stores[0].Root, 1) }},
		"the path of a store": {PartAppHash, func(p *proofwire.Proof) { q := p.Stores[2].Path; q[0].Suffix = append(q[0].Suffix, 0) }},
		"the request":         {PartStoreProof, func(p *proofwire.Proof) { v := value(p, proofwire.KIND_REQUEST); v.Value = flip(v.Value, 9) }},
		"the result":          {PartStoreProof, func(p *proofwire.Proof) { v := value(p, proofwire.KIND_RESULT); v.Value = flip(v.Value, 60) }},
		"the receipt":         {PartStoreProof, func(p *proofwire.Proof) { v := value(p, proofwire.KIND_RECEIPT); v.Value = flip(v.Value, 60) }},
		"the model":           {PartStoreProof, func(p *proofwire.Proof) { v := value(p, proofwire.KIND_MODEL); v.Value = flip(v.Value, 70) }},
		"the snapshot":        {PartStoreProof, func(p *proofwire.Proof) { v := value(p, proofwire.KIND_SNAPSHOT); v.Value = flip(v.Value, 60) }},
		"the parameters":      {PartStoreProof, func(p *proofwire.Proof) { v := value(p, proofwire.KIND_PARAMS); v.Value = flip(v.Value, 1) }},
		"the leaf of a value": {PartStoreProof, func(p *proofwire.Proof) { v := value(p, proofwire.KIND_RECEIPT); v.Leaf = flip(v.Leaf, 2) }},
		"the path of a value": {PartStoreProof, func(p *proofwire.Proof) {
			v := value(p, proofwire.KIND_RECEIPT)
			v.Path[0].Prefix = flip(v.Path[0].Prefix, 0)
		}},
		"the receipt of another": {PartStoreProof, func(p *proofwire.Proof) {
			*value(p, proofwire.KIND_RECEIPT) = *value(other.proof, proofwire.KIND_RECEIPT)
		}},
		"the result left out":         {PartResult, func(p *proofwire.Proof) { p.Stores[0].Values = slices.Delete(p.Stores[0].Values, 1, 2) }},
		"a value twice":               {PartStores, func(p *proofwire.Proof) { v := p.Stores[0].Values; v[1] = v[0] }},
		"a value in another store":    {PartStores, func(p *proofwire.Proof) { p.Stores[1].Values = p.Stores[0].Values }},
		"the inputs":                  {PartInputRoot, func(p *proofwire.Proof) { p.Inputs = flip(p.Inputs, len(p.Inputs)-1) }},
		"the inputs of another":       {PartInputRoot, func(p *proofwire.Proof) { p.Inputs = other.proof.Inputs }},
		"the evidence":                {PartEvidenceRoot, func(p *proofwire.Proof) { p.Evidence = flip(p.Evidence, len(p.Evidence)-3) }},
		"the evidence without params": {PartStores, func(p *proofwire.Proof) { p.Stores[2].Values = p.Stores[2].Values[:1] }},
		"the params without evidence": {PartStores, func(p *proofwire.Proof) { p.Evidence = nil }},
	} {
		t.Run(reason, func(t *testing.T) {
			p := new(proofwire.Proof)
			require.NoError(t, p.Unmarshal(good.raw[len(magic)+1:len(good.raw)-32]))
			tc.edit(p)
			b := repair(t, p)
			require.NotEqual(t, good.raw, b)
			report, err := check(b, trust)
			refusedAs(t, tc.part, err)
			require.False(t, report.Valid())
		})
	}
}

// TestTamperedFrames changes what is around the content, and the content as bytes.
func TestTamperedFrames(t *testing.T) {
	good := collect(t, proofchain.Node(), exactID, CollectOptions{Trust: at(proofchain.Node(), 3)}).Marshal()
	content := good[len(magic)+1 : len(good)-32]
	many := new(proofwire.Proof)
	for range MaxBlocks + 1 {
		many.Blocks = append(many.Blocks, new(proofwire.Block))
	}
	crowd := &proofwire.Proof{Blocks: []*proofwire.Block{{Validators: make([]proofwire.Validator, MaxValidators+1)}}}
	deep := &proofwire.Proof{Stores: []*proofwire.Store{{Values: []proofwire.Value{{Path: make([]proofwire.Step, maxSteps+1)}}}}}
	for reason, tc := range map[string]struct {
		part Part
		file []byte
	}{
		"nothing":                 {PartSize, nil},
		"too much":                {PartSize, make([]byte, MaxFileBytes+1)},
		"another kind of file":    {PartMagic, append([]byte("#!/bin/sh"), good...)},
		"another version":         {PartVersion, append([]byte(magic+"\x02"), good[len(magic)+1:]...)},
		"the last byte":           {PartChecksum, flip(good, len(good)-1)},
		"cut":                     {PartChecksum, good[:len(good)-40]},
		"more behind it":          {PartChecksum, append(slices.Clone(good), 0)},
		"more behind the content": {PartEncoding, frame(append(slices.Clone(content), 0))},
		"an unknown field":        {PartEncoding, frame(append(slices.Clone(content), 0x78, 1))},
		"a field twice":           {PartEncoding, frame(append(slices.Clone(content), 0x10, 1))},
		"a long number":           {PartEncoding, frame(bytes.Replace(content, []byte{0x10, byte(exactID)}, []byte{0x10, 0x80 | byte(exactID), 0}, 1))},
		"no content":              {PartChainID, frame(nil)},
		"too many blocks":         {PartLimits, repair(t, many)},
		"too many validators":     {PartLimits, repair(t, crowd)},
		"too deep a tree":         {PartLimits, repair(t, deep)},
	} {
		t.Run(reason, func(t *testing.T) {
			_, err := check(tc.file, Trust{})
			refusedAs(t, tc.part, err)
		})
	}
}

// TestEveryByteIsBound flips one bit of every byte of a file, and of the same with the checksum repaired: nobody can
// change a byte unseen, not even one who makes the checksum fit.
func TestEveryByteIsBound(t *testing.T) {
	s := proofchain.Restless()
	for reason, tc := range map[string]struct {
		id    uint64
		trust Trust
		opts  CollectOptions
	}{
		"forwards, with evidence": {arbitratedID, at(s, s.Height()-4), CollectOptions{}},
		"backwards":               {exactID, at(s, s.Height()), CollectOptions{Height: s.Height() - 3}},
	} {
		t.Run(reason, func(t *testing.T) {
			tc.opts.Trust = tc.trust
			good := collect(t, s, tc.id, tc.opts).Marshal()
			_, err := check(good, tc.trust)
			require.NoError(t, err)
			named := make(map[Part]int)
			rapid.Check(t, func(t *rapid.T) {
				bits := rapid.SliceOfN(rapid.IntRange(0, 7), len(good), len(good)).Draw(t, "bits")
				// One pass over all bytes is a case; further cases of the property draw some of them.
				for _, i := range offsets(t, len(good), len(named) == 0) {
					b := slices.Clone(good)
					b[i] ^= 1 << bits[i]
					if _, err := check(b, tc.trust); err == nil {
						t.Fatalf("byte %d of %d, bit %d: expected a refusal", i, len(good), bits[i])
					}
					if i >= len(good)-32 {
						continue // repairing the checksum would undo the change
					}
					repaired := frame(b[len(magic)+1 : len(b)-32])
					copy(repaired, b[:len(magic)+1])
					_, err := check(repaired, tc.trust)
					part := PartOf(err)
					if part == "" {
						t.Fatalf("byte %d of %d, bit %d, checksum repaired: expected a refusal that names a part, got %v", i, len(good), bits[i], err)
					}
					named[part]++
				}
			})
			t.Logf("%d bytes; repaired files refused by part: %v", len(good), named)
		})
	}
}

// TestEveryChangeIsRefused cuts, repeats, moves and adds bytes, checksum repaired.
func TestEveryChangeIsRefused(t *testing.T) {
	s := proofchain.Restless()
	trust := at(s, s.Height()-4)
	good := collect(t, s, arbitratedID, CollectOptions{Trust: trust}).Marshal()
	content := good[len(magic)+1 : len(good)-32]
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(content)-1).Draw(t, "from")
		to := rapid.IntRange(from+1, min(len(content), from+200)).Draw(t, "to")
		part := slices.Clone(content[from:to])
		where := rapid.IntRange(0, len(content)).Draw(t, "where")
		var changed []byte
		switch rapid.SampledFrom([]string{"cut", "repeat", "move", "add"}).Draw(t, "change") {
		case "cut":
			changed = slices.Delete(slices.Clone(content), from, to)
		case "repeat":
			changed = slices.Insert(slices.Clone(content), where, part...)
		case "move":
			rest := slices.Delete(slices.Clone(content), from, to)
			changed = slices.Insert(rest, min(where, len(rest)), part...)
		default:
			changed = slices.Insert(slices.Clone(content), where, rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "bytes")...)
		}
		_, err := check(frame(changed), trust)
		if same := bytes.Equal(changed, content); same != (err == nil) || same != (PartOf(err) == "") {
			t.Fatalf("expected a refusal that names a part unless nothing has changed (%t), got %v", same, err)
		}
	})
}

// offsets are all positions of a file, or some of them.
func offsets(t *rapid.T, n int, all bool) []int {
	if !all {
		return rapid.SliceOfN(rapid.IntRange(0, n-1), 1, 20).Draw(t, "offsets")
	}
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func last(p *proofwire.Proof) *proofwire.Block { return p.Blocks[len(p.Blocks)-1] }

// rewrite gives the blocks of a proof as another source has them.
func rewrite(t *testing.T, s *proofchain.Source, p *proofwire.Proof) []*proofwire.Block {
	t.Helper()
	list := make([]*proofwire.Block, len(p.Blocks))
	for i, b := range p.Blocks {
		var err error
		list[i], err = blockToWire(s.Block(b.Header.Height), true)
		require.NoError(t, err)
	}
	return list
}
