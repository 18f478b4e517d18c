package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// reviewed has an attempt reviewed in the next block while the nodes 1 and 2 are healthy.
func (f *fixture) reviewed(id uint64, again bool) {
	f.Helper()
	f.scheduling.review = schedulingtypes.Review{
		Attempts: []schedulingtypes.ReviewedAttempt{{RequestID: id, Again: again}},
		Healthy:  map[string]bool{operator(1): true, operator(2): true},
	}
	f.endBlock()
}

func TestReview(t *testing.T) {
	hopeless := verificationtypes.Health{Kind: verificationtypes.HealthHopeless}
	leaderless := verificationtypes.Health{
		Kind: verificationtypes.HealthLeaderless, Candidates: []string{operator(0), operator(1), operator(2)},
	}
	for name, tc := range map[string]struct {
		health verificationtypes.Health
		again  bool // another attempt can follow
		leader string
		made   bool // closing the round brings a verdict
		status types.RequestStatus
		asked  []string // as leaders
		want   string   // who leads then
	}{
		"good":                                 {status: types.REQUEST_STATUS_ASSIGNED, again: true},
		"hopeless":                             {health: hopeless, again: true, status: types.REQUEST_STATUS_RETRYING},
		"hopeless, and the last attempt":       {health: hopeless, status: types.REQUEST_STATUS_ASSIGNED},
		"hopeless, but decided when closed":    {health: hopeless, again: true, made: true, status: types.REQUEST_STATUS_FINALIZED},
		"leaderless":                           {health: leaderless, again: true, leader: operator(2), status: types.REQUEST_STATUS_ASSIGNED, asked: []string{operator(1), operator(2)}, want: operator(2)},
		"leaderless in the last attempt":       {health: leaderless, leader: operator(1), status: types.REQUEST_STATUS_ASSIGNED, asked: []string{operator(1), operator(2)}, want: operator(1)},
		"leaderless, and nobody else can lead": {health: leaderless, again: true, status: types.REQUEST_STATUS_ASSIGNED, asked: []string{operator(1), operator(2)}},
	} {
		t.Run(name, func(t *testing.T) {
			f, id := start(t)
			f.verification.health[id], f.scheduling.leader = tc.health, tc.leader
			if tc.made {
				f.verification.concluded[id] = f.decision(id)
			}
			f.reviewed(id, tc.again)
			require.Equal(t, tc.status, f.request(id).Status)
			require.Equal(t, tc.asked, f.scheduling.replaced[id])
			require.Equal(t, tc.want, f.verification.leaders[id])
			require.NoError(t, f.k.CheckEscrow(f.ctx))
		})
	}
}

// An attempt that ends in a review may begin again in the same block.
func TestReviewedAttemptBeginsAgain(t *testing.T) {
	f, id := start(t)
	f.verification.health[id] = verificationtypes.Health{Kind: verificationtypes.HealthHopeless}
	f.verification.passOver = []string{operator(0)}
	f.scheduling.placements = []schedulingtypes.Placement{f.placement(id)}
	f.reviewed(id, true)
	r := f.request(id)
	require.Equal(t, types.REQUEST_STATUS_ASSIGNED, r.Status)
	require.Equal(t, uint32(2), r.Attempt)
}

// An attempt that ends in a review ends before its time. Healthy members that had no time to speak are not blamed: they
// would lose leads and observed capacity whenever another seat of their committee says that it is not ready.
func TestReviewBlamesTheUnhealthyAlone(t *testing.T) {
	f, id := start(t)
	f.verification.health[id] = verificationtypes.Health{Kind: verificationtypes.HealthHopeless}
	f.verification.passOver = []string{operator(0), operator(1), operator(2)}
	f.reviewed(id, true)
	require.Equal(t, types.REQUEST_STATUS_RETRYING, f.request(id).Status)
	task, err := f.scheduling.task(f.ctx, id)
	require.NoError(t, err)
	require.Equal(t, []string{operator(0)}, task.PassedOver)
	require.Len(t, f.verification.passOver, 3)
}

// Who loses the lead is named silent as verification says: then it may lose observed capacity too.
func TestReviewTellsOfASilentLeader(t *testing.T) {
	for _, silent := range []bool{true, false} {
		f, id := start(t)
		f.verification.health[id] = verificationtypes.Health{Kind: verificationtypes.HealthLeaderless, Silent: silent}
		f.scheduling.silent = !silent
		f.reviewed(id, true)
		require.Equal(t, silent, f.scheduling.silent)
	}
}

func TestReviewThatFailsEndsTheRequestAlone(t *testing.T) {
	for name, fault := range map[string]func(f *fixture, id uint64){
		"not assigned": func(f *fixture, id uint64) { f.decide(f.impossible(id)) },
		"round lost": func(f *fixture, id uint64) {
			_, err := f.verification.Abandon(f.ctx, id)
			require.NoError(f, err)
		},
		"task lost": func(f *fixture, id uint64) {
			f.verification.health[id] = verificationtypes.Health{Kind: verificationtypes.HealthLeaderless}
			require.NoError(f, f.scheduling.Complete(f.ctx, id))
		},
		"leader refused": func(f *fixture, id uint64) {
			f.verification.health[id] = verificationtypes.Health{Kind: verificationtypes.HealthLeaderless}
			f.scheduling.leader, f.verification.refuse = operator(2), errBroken
		},
		"round that cannot be closed": func(f *fixture, id uint64) {
			f.verification.health[id] = verificationtypes.Health{Kind: verificationtypes.HealthHopeless}
			f.verification.unclosable = errBroken
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ids := f.submit(submission(input(1), input(1)))
			f.assign(ids...)
			fault(f, ids[0])
			f.verification.health[ids[1]] = verificationtypes.Health{Kind: verificationtypes.HealthLeaderless}
			f.scheduling.review.Attempts = []schedulingtypes.ReviewedAttempt{{RequestID: ids[0], Again: true}, {RequestID: ids[1], Again: true}}
			f.endBlock()
			f.requireEnded(ids[0], types.REQUEST_STATUS_FAILED, types.FAILURE_REASON_INTERNAL)
			if f.verification.refuse == nil {
				require.Equal(t, types.REQUEST_STATUS_ASSIGNED, f.request(ids[1]).Status)
			}
		})
	}
}

func TestReviewOfUnknownRequestsChangesNothing(t *testing.T) {
	f := newFixture(t)
	f.requireUnchanged(func() { f.reviewed(99, true) })
}
