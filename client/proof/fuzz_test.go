package proof

import (
	"testing"

	"github.com/opengradient/opengradient/testutil/proofchain"
)

// FuzzParse gives any bytes to the reader and, when they are a file, to the checks.
func FuzzParse(f *testing.F) {
	s := proofchain.Restless()
	trust := at(s, s.Height()-4)
	for _, id := range []uint64{exactID, arbitratedID, failedID, sealedID} {
		b := collect(f, s, id, CollectOptions{Trust: trust}).Marshal()
		f.Add(b, true)
		f.Add(b[len(magic)+1:len(b)-32], false)
	}
	f.Add(collect(f, s, exactID, CollectOptions{Trust: at(s, s.Height()), Height: s.Height() - 3}).Marshal(), true)
	f.Add([]byte(nil), true)
	f.Add([]byte(magic+"\x01"), true)
	f.Fuzz(func(t *testing.T, b []byte, framed bool) {
		// A fuzzer does not find checksums: content without a frame gets one.
		if !framed {
			b = frame(b)
		}
		file, err := Parse(b)
		if err != nil {
			if PartOf(err) == "" {
				t.Fatalf("expected an error that names a part, got %v", err)
			}
			return
		}
		if string(file.Marshal()) != string(b) {
			t.Fatal("expected a file that is read to be written as it was")
		}
		report, err := verify(file, trust)
		if (err == nil) != report.Valid() {
			t.Fatalf("expected a report that says what the error says, got %v with %v", report, err)
		}
	})
}
