package voteext_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func root(b byte) []byte { return bytes.Repeat([]byte{b}, verificationtypes.RootSize) }

func rooted(b byte) verificationtypes.Outcome {
	return verificationtypes.Outcome{OutputRoot: root(b)}
}

func failed(f verificationtypes.Failure) verificationtypes.Outcome {
	return verificationtypes.Outcome{Failure: f}
}

func attestation(id uint64, attempt uint32, o verificationtypes.Outcome) verificationtypes.Attestation {
	return verificationtypes.Attestation{RequestId: id, Attempt: attempt, Outcome: o, EnvironmentClass: 1}
}

func published(id uint64, attempt uint32, n int) verificationtypes.PublishedOutput {
	return verificationtypes.PublishedOutput{RequestId: id, Attempt: attempt, Output: bytes.Repeat([]byte{7}, n)}
}

func commitment(id uint64, attempt uint32, fill byte) verificationtypes.Commitment {
	return verificationtypes.Commitment{RequestId: id, Attempt: attempt, Commitment: root(fill)}
}

func reveal(id uint64, o verificationtypes.Outcome, fill byte) verificationtypes.Reveal {
	return verificationtypes.Reveal{Attestation: attestation(id, 1, o), Salt: root(fill)}
}

func status() *schedulingtypes.NodeStatus {
	return &schedulingtypes.NodeStatus{
		Ready:        true,
		FreeCapacity: 900,
		QueueDepth:   2,
		Environment: &schedulingtypes.EnvironmentClass{
			RuntimeVersion: "1.27.0",
			LibrarySha256:  root(0xab),
			Provider:       "cpu",
			Profile:        1,
			Isa:            "avx2",
		},
		WorkerVersion: "v0.1.0",
	}
}

func full() abcitypes.VoteExtension {
	return abcitypes.VoteExtension{
		Version: voteext.Version,
		Status:  status(),
		Attestations: []verificationtypes.Attestation{
			attestation(3, 1, rooted(1)),
			attestation(3, 2, failed(verificationtypes.FAILURE_EXECUTION)),
			attestation(9, 1, failed(verificationtypes.FAILURE_OUTPUT_LIMIT)),
		},
		Outputs: []verificationtypes.PublishedOutput{published(3, 1, 40), published(9, 1, 1)},
	}
}

// sealed is full with something said of sealed rounds.
func sealed() abcitypes.VoteExtension {
	ext := full()
	ext.Commitments = []verificationtypes.Commitment{commitment(2, 1, 0xc1), commitment(4, 2, 0xc2)}
	ext.Reveals = []verificationtypes.Reveal{
		reveal(4, rooted(5), 0x51),
		reveal(5, failed(verificationtypes.FAILURE_EXECUTION), 0x52),
	}
	return ext
}

// marshal encodes without any of the checks.
func marshal(t *testing.T, ext abcitypes.VoteExtension) []byte {
	t.Helper()
	b, err := ext.Marshal()
	require.NoError(t, err)
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, want := range []abcitypes.VoteExtension{full(), sealed(), found()} {
		b, err := voteext.Encode(want)
		require.NoError(t, err)
		got, err := voteext.Decode(b)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// TestGoldenEncodings fixes what goes over the wire. The first one is as old as the format.
func TestGoldenEncodings(t *testing.T) {
	var text strings.Builder
	for _, c := range []struct {
		name string
		ext  abcitypes.VoteExtension
	}{
		{"status, attestations, outputs", full()},
		{"with commitments and reveals", sealed()},
		{"a commitment alone", abcitypes.VoteExtension{
			Version: voteext.Version, Commitments: []verificationtypes.Commitment{commitment(1, 1, 0xc0)},
		}},
		{"a reveal alone", abcitypes.VoteExtension{
			Version: voteext.Version, Reveals: []verificationtypes.Reveal{reveal(1, rooted(3), 0x50)},
		}},
		{"models alone", found()},
	} {
		b, err := voteext.Encode(c.ext)
		require.NoError(t, err)
		text.WriteString(c.name + "\n")
		for line := range slices.Chunk(b, 32) {
			text.WriteString("  " + hex.EncodeToString(line) + "\n")
		}
	}
	const path = "testdata/extension.golden"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String())
}

func TestNothingToSayIsNoBytes(t *testing.T) {
	b, err := voteext.Encode(abcitypes.VoteExtension{Version: voteext.Version})
	require.NoError(t, err)
	require.NotNil(t, b)
	require.Empty(t, b)
	ext, err := voteext.Decode(nil)
	require.NoError(t, err)
	require.Equal(t, abcitypes.VoteExtension{Version: voteext.Version}, ext)
}

func TestDecodeRefuses(t *testing.T) {
	mutate := func(change func(*abcitypes.VoteExtension)) func(*testing.T) []byte {
		return func(t *testing.T) []byte {
			ext := sealed()
			change(&ext)
			return marshal(t, ext)
		}
	}
	appended := func(tail ...byte) func(*testing.T) []byte {
		return func(t *testing.T) []byte { return append(marshal(t, full()), tail...) }
	}
	cases := []struct {
		reason string
		bytes  func(*testing.T) []byte
		want   error
	}{
		{"above the size cap", func(*testing.T) []byte { return make([]byte, voteext.MaxBytes+1) }, voteext.ErrTooLarge},
		{"not protobuf", func(*testing.T) []byte { return []byte{0xff, 0xff, 0xff} }, voteext.ErrMalformed},
		{"cut short", func(t *testing.T) []byte { b := marshal(t, full()); return b[:len(b)-1] }, voteext.ErrMalformed},
		{"version missing", mutate(func(e *abcitypes.VoteExtension) { e.Version = 0 }), voteext.ErrMalformed},
		{"version of the future", mutate(func(e *abcitypes.VoteExtension) { e.Version = 2 }), voteext.ErrMalformed},
		{"version alone", func(*testing.T) []byte { return []byte{0x08, 0x01} }, voteext.ErrMalformed},
		{"unknown field", appended(0x50, 0x01), voteext.ErrMalformed},
		{"reserved field", appended(0x28, 0x01), voteext.ErrMalformed},
		{"field given twice", appended(0x08, 0x01), voteext.ErrMalformed},
		{"varint longer than needed", func(t *testing.T) []byte {
			return append([]byte{0x08, 0x81, 0x00}, marshal(t, full())[2:]...)
		}, voteext.ErrMalformed},
		{"status not valid", mutate(func(e *abcitypes.VoteExtension) {
			e.Status.WorkerVersion = string(bytes.Repeat([]byte{'v'}, 65))
		}), voteext.ErrMalformed},
		{"attestations out of order", mutate(func(e *abcitypes.VoteExtension) {
			e.Attestations[0], e.Attestations[1] = e.Attestations[1], e.Attestations[0]
		}), voteext.ErrMalformed},
		{"attestation repeated", mutate(func(e *abcitypes.VoteExtension) { e.Attestations[1] = e.Attestations[0] }), voteext.ErrMalformed},
		{"outputs out of order", mutate(func(e *abcitypes.VoteExtension) {
			e.Outputs[0], e.Outputs[1] = e.Outputs[1], e.Outputs[0]
		}), voteext.ErrMalformed},
		{"output without bytes", mutate(func(e *abcitypes.VoteExtension) { e.Outputs[0].Output = nil }), voteext.ErrMalformed},
		{"request id zero", mutate(func(e *abcitypes.VoteExtension) { e.Attestations[0].RequestId = 0 }), voteext.ErrMalformed},
		{"attempt zero", mutate(func(e *abcitypes.VoteExtension) { e.Attestations[0].Attempt = 0 }), voteext.ErrMalformed},
		{"environment class zero", mutate(func(e *abcitypes.VoteExtension) { e.Attestations[0].EnvironmentClass = 0 }), voteext.ErrMalformed},
		{"root and failure", mutate(func(e *abcitypes.VoteExtension) {
			e.Attestations[0].Outcome.Failure = verificationtypes.FAILURE_EXECUTION
		}), voteext.ErrMalformed},
		{"neither root nor failure", mutate(func(e *abcitypes.VoteExtension) { e.Attestations[0].Outcome.OutputRoot = nil }), voteext.ErrMalformed},
		{"root of 31 bytes", mutate(func(e *abcitypes.VoteExtension) { e.Attestations[0].Outcome.OutputRoot = root(1)[1:] }), voteext.ErrMalformed},
		{"unknown failure", mutate(func(e *abcitypes.VoteExtension) { e.Attestations[1].Outcome.Failure = 3 }), voteext.ErrMalformed},
		{"negative failure", mutate(func(e *abcitypes.VoteExtension) { e.Attestations[1].Outcome.Failure = -1 }), voteext.ErrMalformed},
		{"too many attestations", mutate(func(e *abcitypes.VoteExtension) {
			e.Attestations = nil
			for i := range voteext.MaxAttestations + 1 {
				e.Attestations = append(e.Attestations, attestation(uint64(i+1), 1, failed(verificationtypes.FAILURE_EXECUTION)))
			}
		}), voteext.ErrTooLarge},
		{"too many outputs", mutate(func(e *abcitypes.VoteExtension) {
			e.Outputs = nil
			for i := range voteext.MaxOutputs + 1 {
				e.Outputs = append(e.Outputs, published(uint64(i+1), 1, 1))
			}
		}), voteext.ErrTooLarge},
		{"commitments out of order", mutate(func(e *abcitypes.VoteExtension) {
			e.Commitments[0], e.Commitments[1] = e.Commitments[1], e.Commitments[0]
		}), voteext.ErrMalformed},
		{"commitment repeated", mutate(func(e *abcitypes.VoteExtension) { e.Commitments[1] = e.Commitments[0] }), voteext.ErrMalformed},
		{"commitment of 31 bytes", mutate(func(e *abcitypes.VoteExtension) { e.Commitments[0].Commitment = root(1)[1:] }), voteext.ErrMalformed},
		{"commitment of no bytes", mutate(func(e *abcitypes.VoteExtension) { e.Commitments[0].Commitment = nil }), voteext.ErrMalformed},
		{"commitment to attempt zero", mutate(func(e *abcitypes.VoteExtension) { e.Commitments[0].Attempt = 0 }), voteext.ErrMalformed},
		{"commitment beside an attestation", mutate(func(e *abcitypes.VoteExtension) { e.Commitments[0].RequestId = 3 }), voteext.ErrMalformed},
		{"commitment beside a reveal", mutate(func(e *abcitypes.VoteExtension) { e.Commitments[1].Attempt = 1 }), voteext.ErrMalformed},
		{"reveals out of order", mutate(func(e *abcitypes.VoteExtension) {
			e.Reveals[0], e.Reveals[1] = e.Reveals[1], e.Reveals[0]
		}), voteext.ErrMalformed},
		{"reveal repeated", mutate(func(e *abcitypes.VoteExtension) { e.Reveals[1] = e.Reveals[0] }), voteext.ErrMalformed},
		{"reveal beside an attestation", mutate(func(e *abcitypes.VoteExtension) { e.Reveals[0].Attestation.RequestId = 3 }), voteext.ErrMalformed},
		{"salt of 31 bytes", mutate(func(e *abcitypes.VoteExtension) { e.Reveals[0].Salt = root(1)[1:] }), voteext.ErrMalformed},
		{"salt of 33 bytes", mutate(func(e *abcitypes.VoteExtension) { e.Reveals[0].Salt = append(root(1), 1) }), voteext.ErrMalformed},
		{"reveal without a salt", mutate(func(e *abcitypes.VoteExtension) { e.Reveals[0].Salt = nil }), voteext.ErrMalformed},
		{"reveal of request zero", mutate(func(e *abcitypes.VoteExtension) { e.Reveals[0].Attestation.RequestId = 0 }), voteext.ErrMalformed},
		{"reveal of root and failure", mutate(func(e *abcitypes.VoteExtension) {
			e.Reveals[0].Attestation.Outcome.Failure = verificationtypes.FAILURE_EXECUTION
		}), voteext.ErrMalformed},
		// Empty ones: as many good ones are above the cap of bytes.
		{"too many commitments", mutate(func(e *abcitypes.VoteExtension) {
			e.Commitments = make([]verificationtypes.Commitment, voteext.MaxCommitments+1)
		}), voteext.ErrTooLarge},
		{"too many reveals", mutate(func(e *abcitypes.VoteExtension) {
			e.Reveals = make([]verificationtypes.Reveal, voteext.MaxReveals+1)
		}), voteext.ErrTooLarge},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			ext, err := voteext.Decode(c.bytes(t))
			require.ErrorIs(t, err, c.want)
			require.Equal(t, abcitypes.VoteExtension{}, ext)
		})
	}
}

func TestEncodeRefusesAboveTheCap(t *testing.T) {
	ext := full()
	ext.Outputs = []verificationtypes.PublishedOutput{published(1, 1, voteext.MaxBytes)}
	_, err := voteext.Encode(ext)
	require.ErrorIs(t, err, voteext.ErrTooLarge)
}

func TestEncodedIsDecodedAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ext := abcitypes.VoteExtension{Version: voteext.Version}
		if rapid.Bool().Draw(t, "status") {
			ext.Status = status()
			ext.Status.FreeCapacity = rapid.Uint64Max(schedulingtypes.MaxCapacity).Draw(t, "free")
		}
		var key voteext.Key
		for range rapid.IntRange(0, 20).Draw(t, "words") {
			key = drawKeyAbove(t, key)
			word := verificationtypes.Attestation{
				RequestId:        key.RequestID,
				Attempt:          key.Attempt,
				Outcome:          drawOutcome(t),
				EnvironmentClass: rapid.Uint32Min(1).Draw(t, "class"),
			}
			switch fill := rapid.Byte().Draw(t, "fill"); rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				ext.Attestations = append(ext.Attestations, word)
			case 1:
				ext.Commitments = append(ext.Commitments, commitment(key.RequestID, key.Attempt, fill))
			default:
				ext.Reveals = append(ext.Reveals, verificationtypes.Reveal{Attestation: word, Salt: root(fill)})
			}
		}
		key = voteext.Key{}
		for range rapid.IntRange(0, 5).Draw(t, "outputs") {
			key = drawKeyAbove(t, key)
			ext.Outputs = append(ext.Outputs, published(key.RequestID, key.Attempt, rapid.IntRange(1, 300).Draw(t, "size")))
		}
		ext.Models = drawModels(t, 5, 300)
		b, err := voteext.Encode(ext)
		require.NoError(t, err)
		got, err := voteext.Decode(b)
		require.NoError(t, err)
		require.Equal(t, ext, got)
	})
}

func drawKeyAbove(t *rapid.T, k voteext.Key) voteext.Key {
	if k.RequestID > 0 && rapid.Bool().Draw(t, "same request") {
		return voteext.Key{RequestID: k.RequestID, Attempt: k.Attempt + 1}
	}
	return voteext.Key{
		RequestID: k.RequestID + rapid.Uint64Range(1, 1<<40).Draw(t, "step"),
		Attempt:   rapid.Uint32Range(1, 9).Draw(t, "attempt"),
	}
}

func drawOutcome(t *rapid.T) verificationtypes.Outcome {
	return rapid.SampledFrom([]verificationtypes.Outcome{
		rooted(0), rooted(1), rooted(255),
		failed(verificationtypes.FAILURE_EXECUTION),
		failed(verificationtypes.FAILURE_OUTPUT_LIMIT),
	}).Draw(t, "outcome")
}

func FuzzDecode(f *testing.F) {
	valid, err := voteext.Encode(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid)
	withSeals, err := voteext.Encode(sealed())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(withSeals)
	f.Add(withSeals[:len(withSeals)-1])
	withModels, err := voteext.Encode(found())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(withModels)
	f.Add(withModels[:len(withModels)-1])
	f.Add([]byte{0x08, 0x01, 0x4a, 0x00})                                            // a model without content
	f.Add(append([]byte{0x08, 0x01}, bytes.Repeat([]byte{0x4a, 0x00}, 16<<10-2)...)) // many empty models
	f.Add([]byte{0x08, 0x01, 0x32, 0x00})                                            // a commitment without content
	f.Add([]byte{0x08, 0x01, 0x3a, 0x02, 0x0a, 0x00})                                // a reveal of an empty attestation
	f.Add(append([]byte{0x08, 0x01}, bytes.Repeat([]byte{0x3a, 0x00}, 16<<10-2)...)) // many empty reveals
	f.Add([]byte{})
	f.Add([]byte{0x08, 0x01})
	f.Add(valid[:len(valid)-1])
	f.Add([]byte{0x08, 0x01, 0x1a, 0x00})                                            // an attestation without content
	f.Add([]byte{0x08, 0x01, 0x1b, 0x1c})                                            // groups
	f.Add([]byte{0x08, 0x01, 0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})  // a length beyond the end
	f.Add([]byte{0x08, 0x01, 0x12, 0x02, 0x22, 0x00})                                // a status with an empty environment
	f.Add(append([]byte{0x08, 0x01}, bytes.Repeat([]byte{0x1a, 0x00}, 16<<10-2)...)) // many empty messages
	f.Fuzz(func(t *testing.T, b []byte) {
		ext, err := voteext.Decode(b)
		if err != nil {
			return
		}
		again, err := voteext.Encode(ext)
		if err != nil {
			t.Fatalf("decoded but does not encode: %v", err)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("decoded %x, encodes to %x", b, again)
		}
	})
}
