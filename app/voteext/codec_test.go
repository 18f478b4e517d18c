package voteext_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/voteext"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

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

// marshal encodes without any of the checks.
func marshal(t *testing.T, ext abcitypes.VoteExtension) []byte {
	t.Helper()
	b, err := ext.Marshal()
	require.NoError(t, err)
	return b
}

func TestRoundTrip(t *testing.T) {
	b, err := voteext.Encode(full())
	require.NoError(t, err)
	got, err := voteext.Decode(b)
	require.NoError(t, err)
	require.Equal(t, full(), got)
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
			ext := full()
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
		{"unknown field", appended(0x48, 0x01), voteext.ErrMalformed},
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
		for range rapid.IntRange(0, 20).Draw(t, "attestations") {
			key = drawKeyAbove(t, key)
			ext.Attestations = append(ext.Attestations, verificationtypes.Attestation{
				RequestId:        key.RequestID,
				Attempt:          key.Attempt,
				Outcome:          drawOutcome(t),
				EnvironmentClass: rapid.Uint32Min(1).Draw(t, "class"),
			})
		}
		key = voteext.Key{}
		for range rapid.IntRange(0, 5).Draw(t, "outputs") {
			key = drawKeyAbove(t, key)
			ext.Outputs = append(ext.Outputs, published(key.RequestID, key.Attempt, rapid.IntRange(1, 300).Draw(t, "size")))
		}
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
