package pipelinetest

import (
	"errors"
	"math"
	"slices"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// watch is what a network remembers to check itself.
type watch struct {
	supply int64
	// live are the requests that have not ended for good: open, or waiting for their receipt.
	live map[uint64]*life
	// receipts counts the receipts that refer to each snapshot.
	receipts map[uint64]uint64
	// framed is true once dishonest nodes had the power to make a verdict wrong or an honest node look guilty.
	framed bool
	// Ends counts how requests ended.
	Ends map[string]int
	// blocks counts the blocks.
	blocks int
}

// life is what is known of a request that has not ended.
type life struct {
	deadline int64
	checked  bool // the verdict has been looked at
}

func newWatch() watch {
	return watch{live: map[uint64]*life{}, receipts: map[uint64]uint64{}, Ends: map[string]int{}}
}

func (n *Network) accepted(id uint64) {
	r, err := n.Inference.Request(n.ctx, id)
	require.NoError(n.t, err)
	n.live[id] = &life{deadline: r.FinalDeadline}
	n.Ends["accepted"]++
	if r.Sealed {
		n.Ends["sealed"]++
	}
	if r.Tier == inferencetypes.TIER_COMMITTEE {
		n.Ends["committee"]++
	}
}

// shift moves what is remembered to another chain.
func (n *Network) shift(blocks int64) {
	for _, l := range n.live {
		l.deadline += blocks
	}
	n.Ends["restarts"]++
}

// check holds after every block: n.Height() is already that of the next one.
func (n *Network) check() {
	n.t.Helper()
	n.blocks++
	height := n.Height() - 1
	rounds := n.checkRounds(height)
	escrows := sdkmath.ZeroInt()
	ids := make([]uint64, 0, len(n.live))
	for id := range n.live {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		escrows = escrows.Add(n.checkRequest(id, height, rounds))
	}
	require.Empty(n.t, rounds, "a round belongs to a request that has not ended")
	require.Equal(n.t, escrows.Add(n.deposits()).Int64(), n.Bank.Balance(n.ctx, moduleName(inferencetypes.ModuleName)),
		"the module holds exactly the escrows and the deposits")
	require.Equal(n.t, n.supply, n.Bank.Supply(n.ctx), "no coin appears or disappears")
	require.Equal(n.t, n.Staking.Staked(n.ctx), n.Bank.Balance(n.ctx, bondedPool), "the pool holds exactly the stake")
	n.checkSnapshots()
	n.checkConduct()
	n.checkWork(height)
}

// checkWork holds what a block did, and what is kept of blocks, against the bounds.
func (n *Network) checkWork(height int64) {
	n.t.Helper()
	params, _, err := n.Verification.CurrentParams(n.ctx)
	require.NoError(n.t, err)
	compared, err := n.Verification.Compared.Get(n.ctx, height)
	require.True(n.t, err == nil || errors.Is(err, collections.ErrNotFound), "%v", err)
	require.LessOrEqual(n.t, compared, params.CompareElements, "elements compared in block %d", height)
	kept := 0
	err = n.Verification.Attendances.Walk(n.ctx, nil, func(int64, verificationtypes.Attendance) (bool, error) {
		kept++
		return false, nil
	})
	require.NoError(n.t, err)
	require.LessOrEqual(n.t, kept, verificationtypes.AttendanceBlocks, "attendances kept")
}

// checkRounds gives the rounds by request, each of which has been held against its phase.
func (n *Network) checkRounds(height int64) map[uint64]verificationtypes.Round {
	n.t.Helper()
	rounds, timers := map[uint64]verificationtypes.Round{}, map[uint64]int64{}
	err := n.Verification.Rounds.Walk(n.ctx, nil, func(id uint64, round verificationtypes.Round) (bool, error) {
		rounds[id] = round
		n.look(round)
		if round.Phase == verificationtypes.PHASE_SETTLING {
			require.Greater(n.t, round.SettleHeight, height, "round of request %d is settled in time", id)
			require.Equal(n.t, round.FinalHeight+int64(n.paramsOf(round.ParamsVersion).SettleBlocks), round.SettleHeight)
		}
		if round.Phase == verificationtypes.PHASE_ARBITRATING && !round.HasDecided() {
			require.Greater(n.t, round.TimerHeight, height, "an arbitration closes: request %d", id)
		}
		if round.TimerHeight > height {
			timers[id] = round.TimerHeight
		}
		return false, nil
	})
	require.NoError(n.t, err)
	err = n.Verification.Timers.Walk(n.ctx, nil, func(key collections.Pair[int64, uint64]) (bool, error) {
		require.Equal(n.t, timers[key.K2()], key.K1(), "timer of request %d", key.K2())
		delete(timers, key.K2())
		return false, nil
	})
	require.NoError(n.t, err)
	require.Empty(n.t, timers, "timers that are set and not waited for")
	return rounds
}

// look notes what power dishonest nodes have in a round.
func (n *Network) look(round verificationtypes.Round) {
	if dishonest, eligible, total := n.powers(round.SnapshotId); 3*dishonest >= eligible || 10_000*dishonest >= 3_334*total {
		n.framed = true
	}
}

func (n *Network) powers(snapshotID uint64) (dishonest, eligible, total int64) {
	snapshot := n.snapshot(snapshotID)
	for _, member := range snapshot.Members {
		eligible += member.Power
		for _, node := range n.Nodes {
			if node.Name == member.Operator && !node.Policy.IsHonest() {
				dishonest += member.Power
			}
		}
	}
	return dishonest, eligible, snapshot.TotalPower
}

// checkRequest holds one request against its task and round, and returns its escrow.
func (n *Network) checkRequest(id uint64, height int64, rounds map[uint64]verificationtypes.Round) sdkmath.Int {
	n.t.Helper()
	l := n.live[id]
	r, err := n.Inference.Request(n.ctx, id)
	require.NoError(n.t, err)
	require.NoError(n.t, r.Validate())
	require.Equal(n.t, r.Fee.Escrow().IsZero(), false)
	round, hasRound := rounds[id]
	delete(rounds, id)
	task, err := n.Scheduling.Tasks.Get(n.ctx, id)
	hasTask := err == nil
	require.True(n.t, hasTask || errors.Is(err, collections.ErrNotFound), "%v", err)
	require.Equal(n.t, r.Status.Open(), hasTask, "request %d is %s and has a task: %t", id, r.Status, hasTask)
	require.NotEqual(n.t, inferencetypes.FAILURE_REASON_INTERNAL, r.FailureReason, "request %d", id)
	if r.Status.Open() {
		require.Equal(n.t, l.deadline, r.FinalDeadline, "the deadline of request %d does not move", id)
		require.Less(n.t, height, r.FinalDeadline, "request %d is %s after its deadline", id, r.Status)
		require.Equal(n.t, r.Fee.Escrow(), r.Escrow)
		require.Equal(n.t, r.Status == inferencetypes.REQUEST_STATUS_ASSIGNED, hasRound, "request %d is %s", id, r.Status)
		n.checkAssignment(r, task, round, hasRound)
		return r.Escrow
	}
	if r.Settles() && !l.checked {
		require.True(n.t, hasRound, "request %d has its verdict and a round that settles", id)
		n.checkVerdict(r, round)
		l.checked = true
	}
	if hasRound {
		require.Equal(n.t, verificationtypes.PHASE_SETTLING, round.Phase)
		require.Equal(n.t, r.Fee.Escrow(), r.Escrow)
		return r.Escrow
	}
	require.True(n.t, r.Escrow.IsZero(), "request %d has ended and holds %s", id, r.Escrow)
	if r.Settles() {
		n.checkReceipt(r)
	}
	n.Ends[r.Status.String()]++
	n.Ends[r.FailureReason.String()]++
	delete(n.live, id)
	return r.Escrow
}

func (n *Network) checkAssignment(r inferencetypes.Request, task schedulingtypes.Task, round verificationtypes.Round, hasRound bool) {
	n.t.Helper()
	require.Equal(n.t, r.FinalDeadline, task.FinalDeadline)
	require.Equal(n.t, hasRound, task.Assignment != nil, "request %d", r.Id)
	if !hasRound {
		return
	}
	require.Equal(n.t, task.Assignment.Attempt, round.Attempt)
	require.Equal(n.t, task.Assignment.Leader, round.Leader)
	require.Equal(n.t, r.Sealed, round.Sealed)
	committee := r.Tier == inferencetypes.TIER_COMMITTEE && round.Attempt == 1
	require.Equal(n.t, committee, round.Rule == verificationtypes.RULE_COMMITTEE, "request %d, attempt %d", r.Id, round.Attempt)
	n.Ends[round.Phase.String()]++
}

// checkVerdict holds a verdict against the honest output: as long as less than a third of the power that has a say is
// dishonest, the result is within the tolerance of what an honest node computes.
func (n *Network) checkVerdict(r inferencetypes.Request, round verificationtypes.Round) {
	n.t.Helper()
	n.Ends["verdict arbitrated "+map[bool]string{true: "yes", false: "no"}[round.Arbitrated]]++
	dishonest, eligible, total := n.powers(round.SnapshotId)
	if 3*dishonest >= eligible || round.Rule == verificationtypes.RULE_COMMITTEE && 3*dishonest > total {
		return
	}
	run := n.facts[r.Id]
	if r.Status == inferencetypes.REQUEST_STATUS_FAILED {
		require.True(n.t, run.fails(), "request %d has a result on every honest node and ended as %s", r.Id, r.FailureReason)
		return
	}
	require.False(n.t, run.fails(), "request %d fails on every honest node and ended with a result", r.Id)
	result, err := n.Inference.Results.Get(n.ctx, r.Id)
	require.NoError(n.t, err)
	tau := n.tau(run, round.ParamsVersion)
	nearest := math.Inf(1)
	for class := ClassOne; class <= ClassTwo; class++ {
		if distance, ok := run.distance(result.Output, moved(class)); ok {
			nearest = min(nearest, distance)
		}
	}
	require.LessOrEqual(n.t, nearest, tau*(1+1e-9), "the result of request %d is within the tolerance of an honest one", r.Id)
}

func (n *Network) tau(run run, version uint64) float64 {
	tolerances := n.paramsOf(version).Tolerances
	switch models[run.model].datatype {
	case tensor.FP32:
		return tolerances.Fp32.MustFloat64()
	case tensor.FP64:
		return tolerances.Fp64.MustFloat64()
	default:
		return 0
	}
}

// checkReceipt derives the verdict again, from the receipt alone when it is exact and from the evidence when there is
// some.
func (n *Network) checkReceipt(r inferencetypes.Request) {
	n.t.Helper()
	receipt, err := n.Inference.Receipts.Get(n.ctx, r.Id)
	require.NoError(n.t, err)
	require.NoError(n.t, receipt.Validate())
	n.receipts[receipt.SnapshotId]++
	claim, snapshot := receipt.Claim(), n.snapshot(receipt.SnapshotId)
	if !claim.Arbitrated {
		replayed, err := claim.Replay(snapshot)
		require.NoError(n.t, err, "receipt of request %d", r.Id)
		require.True(n.t, replayed.Exact)
		require.GreaterOrEqual(n.t, replayed.Power, replayed.Threshold)
	}
	stored, err := n.Verification.Evidence.Get(n.ctx, r.Id)
	if errors.Is(err, collections.ErrNotFound) {
		require.False(n.t, claim.Arbitrated, "request %d has the evidence of its arbitration", r.Id)
		return
	}
	require.NoError(n.t, err)
	var evidence verificationtypes.Evidence
	require.NoError(n.t, evidence.Unmarshal(stored.Evidence))
	replayed, err := claim.ReplayEvidence(snapshot, n.paramsOf(evidence.Round.ParamsVersion), stored.Evidence)
	require.NoError(n.t, err, "evidence of request %d", r.Id)
	require.Equal(n.t, !claim.Arbitrated, replayed.Exact, "request %d", r.Id)
	n.Ends["evidence replayed"]++
}

// checkSnapshots counts who refers to each snapshot.
func (n *Network) checkSnapshots() {
	n.t.Helper()
	uses := map[uint64]uint64{}
	for id, count := range n.receipts {
		uses[id] = count
	}
	err := n.Verification.Rounds.Walk(n.ctx, nil, func(_ uint64, round verificationtypes.Round) (bool, error) {
		uses[round.SnapshotId]++
		return false, nil
	})
	require.NoError(n.t, err)
	err = n.Verification.SnapshotReferences.Walk(n.ctx, nil, func(id, references uint64) (bool, error) {
		require.Equal(n.t, uses[id], references, "references of snapshot %d", id)
		delete(uses, id)
		return false, nil
	})
	require.NoError(n.t, err)
	require.Empty(n.t, uses, "what is referred to exists")
}

// Drain lets blocks pass until every request has ended, and checks the whole state once.
func (n *Network) Drain() {
	n.t.Helper()
	n.cancelSchedules()
	last := n.Height()
	for _, l := range n.live {
		last = max(last, l.deadline)
	}
	for n.Height() <= last || len(n.live) > 0 {
		require.Less(n.t, n.Height(), last+2_000, "requests end")
		n.Block()
	}
	require.NoError(n.t, n.Inference.CheckEscrow(n.ctx))
	require.Zero(n.t, n.Bank.Balance(n.ctx, moduleName(inferencetypes.ModuleName)))
	n.countConduct()
	n.EndBlock()
	n.noticeRuns()
	n.check()
	n.Restart(1)
}
