package proof

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/internal/proofwire"
	"github.com/opengradient/opengradient/testutil/proofchain"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(ownProgram); path != "" {
		os.Exit(programOfOnesOwn(path))
	}
	app.SetAddressPrefixes()
	os.Exit(m.Run())
}

// The requests of the shared chain.
const (
	exactID      = proofchain.Exact
	arbitratedID = proofchain.Arbitrated
	failedID     = proofchain.Failed
	sealedID     = proofchain.Sealed
	openID       = proofchain.Open
)

// nearby is the time of every verification that does not choose another: an hour after the chain.
var nearby = proofchain.Start.Add(time.Hour)

// at is the trust in the header of a node at a height.
func at(s *proofchain.Source, height int64) Trust {
	return Trust{Height: height, Hash: s.Block(height).Hash()}
}

func collect(t testing.TB, s Source, id uint64, opts CollectOptions) *File {
	t.Helper()
	if opts.Now.IsZero() {
		opts.Now = nearby
	}
	f, err := Collect(context.Background(), s, id, opts)
	require.NoError(t, err)
	return f
}

func verify(f *File, trust Trust) (Report, error) {
	return f.Verify(Options{Trust: trust, Untrusted: trust.IsZero(), Clock: Clock{Now: nearby}})
}

// repair gives the file of a proof that somebody has changed and framed anew, checksum included. No check is made.
func repair(t testing.TB, p *proofwire.Proof) []byte {
	t.Helper()
	content, err := p.Marshal()
	require.NoError(t, err)
	return frame(content)
}

// check parses and verifies.
func check(b []byte, trust Trust) (Report, error) {
	f, err := Parse(b)
	if err != nil {
		return Report{}, err
	}
	return verify(f, trust)
}

// statuses are the checks of a report by name.
func statuses(r Report) map[string]Status {
	m := make(map[string]Status)
	for _, c := range r.Checks {
		m[c.Name] = c.Status
	}
	return m
}

func refusedAs(t testing.TB, part Part, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, part, PartOf(err), "%s", err)
}
