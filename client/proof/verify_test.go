package proof

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/testutil/proofchain"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// TestRequestsAreProved collects proofs of requests that ended in each way, and checks their files.
func TestRequestsAreProved(t *testing.T) {
	s := proofchain.Node()
	trust := at(s, 3)
	for reason, tc := range map[string]struct {
		id       uint64
		exact    bool
		evidence bool
		failed   bool
		tier     inferencetypes.Tier
	}{
		"by equality":         {id: exactID, exact: true, tier: inferencetypes.TIER_QUORUM},
		"by comparison":       {id: arbitratedID, evidence: true, tier: inferencetypes.TIER_QUORUM},
		"a failure":           {id: failedID, exact: true, failed: true, tier: inferencetypes.TIER_QUORUM},
		"a committee, sealed": {id: sealedID, exact: true, tier: inferencetypes.TIER_COMMITTEE},
	} {
		t.Run(reason, func(t *testing.T) {
			f := collect(t, s, tc.id, CollectOptions{Trust: trust})
			require.Equal(t, tc.evidence, f.HasEvidence())
			t.Logf("%d bytes", len(f.Marshal()))

			again, err := Parse(f.Marshal())
			require.NoError(t, err)
			require.Equal(t, f.Marshal(), again.Marshal())
			report, err := verify(again, trust)
			require.NoError(t, err)
			require.True(t, report.Valid())
			require.True(t, report.Trusted)
			require.Equal(t, s.Height(), report.Proof.Height)
			for _, c := range report.Checks {
				want := Shown
				if (c.Name == "evidence" || c.Name == "sealing") && !tc.evidence {
					want = NotShown
				}
				require.Equal(t, want, c.Status, "%s: %s", c.Name, c.Shows)
			}
			r := report.Record
			require.Equal(t, tc.id, r.Request.Id)
			require.Equal(t, tc.tier, r.Request.Tier)
			require.Equal(t, "linear", r.Model.Name)
			require.Equal(t, tc.exact, r.Verdict.Exact)
			require.Equal(t, proofchain.Input(tc.id), r.Inputs[0].Data)
			if tc.failed {
				require.Nil(t, r.Result)
				return
			}
			require.Equal(t, proofchain.Output(float32(tc.id)), r.Result.Output)
		})
	}
}

// TestWhatIsNotThereIsNotProved asks for what the chain does not have.
func TestWhatIsNotThereIsNotProved(t *testing.T) {
	s := proofchain.Node()
	for reason, tc := range map[string]struct {
		id   uint64
		opts CollectOptions
		part Part
	}{
		"no such request":        {openID + 1, CollectOptions{Trust: at(s, 3)}, PartNotOnChain},
		"not settled":            {openID, CollectOptions{Trust: at(s, 3)}, PartNotSettled},
		"no trusted header":      {exactID, CollectOptions{}, PartTrustedHeader},
		"a header of the future": {exactID, CollectOptions{Trust: Trust{Height: s.Height() + 1, Hash: make([]byte, 32)}}, PartNotAvailable},
		"a state of the future":  {exactID, CollectOptions{Trust: at(s, 3), Height: s.Height()}, PartNotAvailable},
		"a state before all":     {exactID, CollectOptions{Trust: at(s, 3), Height: 1}, PartNotAvailable},
		"a hash of another":      {exactID, CollectOptions{Trust: Trust{Height: 3, Hash: at(s, 4).Hash}}, PartTrustedHeader},
		"evidence of another":    {exactID, CollectOptions{Trust: at(s, 3), Evidence: []byte("other")}, PartEvidenceRoot},
	} {
		t.Run(reason, func(t *testing.T) {
			tc.opts.Now = nearby
			_, err := Collect(t.Context(), s, tc.id, tc.opts)
			refusedAs(t, tc.part, err)
		})
	}
	t.Run("inputs of another", func(t *testing.T) {
		f := collect(t, s, exactID, CollectOptions{Trust: at(s, 3), Inputs: []byte("other")})
		_, err := verify(f, at(s, 3))
		refusedAs(t, PartInputRoot, err)
	})
}

// TestTrustCanBeAnywhere begins with headers before, at and after that of the proof, of validators that stay and that change.
func TestTrustCanBeAnywhere(t *testing.T) {
	last := proofchain.Node().Height()
	for reason, tc := range map[string]struct {
		source *proofchain.Source
		trust  int64
		opts   CollectOptions
		blocks int
	}{
		"older, one step":            {proofchain.Node(), 3, CollectOptions{}, 2},
		"older, changing validators": {proofchain.Restless(), 3, CollectOptions{}, 0},
		"older, all headers":         {proofchain.Node(), last - 5, CollectOptions{Clock: Clock{Sequential: true}}, 6},
		"the header of the proof":    {proofchain.Node(), last, CollectOptions{}, 1},
		"the header before":          {proofchain.Node(), last - 1, CollectOptions{}, 2},
		"newer":                      {proofchain.Restless(), last, CollectOptions{Height: last - 4}, 4},
		"newer by one":               {proofchain.Node(), last, CollectOptions{Height: last - 2}, 2},
	} {
		t.Run(reason, func(t *testing.T) {
			tc.opts.Trust = at(tc.source, tc.trust)
			f := collect(t, tc.source, exactID, tc.opts)
			if tc.blocks > 0 {
				require.Len(t, f.proof.Blocks, tc.blocks)
			}
			t.Logf("%d blocks, %d bytes", len(f.proof.Blocks), len(f.Marshal()))
			for _, b := range f.proof.Blocks {
				report, err := check(f.Marshal(), at(tc.source, b.Header.Height))
				require.NoError(t, err, "trust in block %d", b.Header.Height)
				require.True(t, report.Trusted)
			}
			report, err := check(f.Marshal(), Trust{})
			require.NoError(t, err)
			require.False(t, report.Trusted)
			require.Equal(t, NotShown, statuses(report)["trusted header"])
		})
	}
}

// TestTime checks when a header is too old, when that does not matter, and what lies in the future.
func TestTime(t *testing.T) {
	s := proofchain.Restless()
	last := s.Height()
	first := at(s, last-8)
	skipping := collect(t, s, exactID, CollectOptions{Trust: first})
	sequential := collect(t, s, exactID, CollectOptions{Trust: first, Clock: Clock{Sequential: true}})
	backwards := collect(t, s, exactID, CollectOptions{Trust: at(s, last), Height: last - 4})
	later := nearby.Add(DefaultTrustingPeriod)
	before := proofchain.Start.Add(time.Duration(last)*time.Second - 2*MaxClockDrift)
	for reason, tc := range map[string]struct {
		file  *File
		trust Trust
		clock Clock
		part  Part // empty when it is verified
	}{
		"in time":                                {skipping, first, Clock{Now: nearby}, ""},
		"too late":                               {skipping, first, Clock{Now: later}, PartTrustingPeriod},
		"a short trusting period":                {skipping, first, Clock{Now: nearby, TrustingPeriod: time.Minute}, PartTrustingPeriod},
		"a long trusting period":                 {skipping, first, Clock{Now: later, TrustingPeriod: 10 * DefaultTrustingPeriod}, ""},
		"too late, but the last header is known": {skipping, at(s, last), Clock{Now: later}, ""},
		"too late, but newer":                    {backwards, at(s, last), Clock{Now: later}, ""},
		"too late, but sequential":               {sequential, first, Clock{Now: later, Sequential: true}, ""},
		"sequential and not asked for":           {sequential, first, Clock{Now: later}, PartTrustingPeriod},
		"not sequential and asked for":           {skipping, first, Clock{Now: nearby, Sequential: true}, PartHeaderChain},
		"from the future":                        {skipping, first, Clock{Now: before}, PartHeaderChain},
		"no trust, however late":                 {skipping, Trust{}, Clock{Now: later}, ""},
	} {
		t.Run(reason, func(t *testing.T) {
			report, err := tc.file.Verify(Options{Trust: tc.trust, Untrusted: tc.trust.IsZero(), Clock: tc.clock})
			if tc.part == "" {
				require.NoError(t, err)
				require.True(t, report.Valid())
				return
			}
			refusedAs(t, tc.part, err)
			require.False(t, report.Valid())
			require.Equal(t, Refused, report.Checks[len(report.Checks)-1].Status)
		})
	}
	_, err := Collect(t.Context(), s, exactID, CollectOptions{Trust: first, Clock: Clock{Now: later}})
	refusedAs(t, PartTrustingPeriod, err)
}

// TestTrustOfAnother checks hashes and heights that are not those of the file.
func TestTrustOfAnother(t *testing.T) {
	s := proofchain.Node()
	f := collect(t, s, exactID, CollectOptions{Trust: at(s, 3)})
	for reason, trust := range map[string]Trust{
		"another hash":            {Height: 3, Hash: at(s, 4).Hash},
		"a height not in it":      at(s, 5),
		"a hash that is cut":      {Height: 3, Hash: at(s, 3).Hash[:20]},
		"a hash without a height": {Hash: at(s, 3).Hash},
		"another chain":           at(proofchain.Restless(), 3),
	} {
		t.Run(reason, func(t *testing.T) {
			_, err := verify(f, trust)
			refusedAs(t, PartTrustedHeader, err)
		})
	}
	_, err := ParseTrust(3, "not a hash")
	refusedAs(t, PartTrustedHeader, err)
	parsed, err := ParseTrust(3, s.Block(3).Hash().String())
	require.NoError(t, err)
	require.Equal(t, at(s, 3), parsed)
}
