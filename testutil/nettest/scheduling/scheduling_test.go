//go:build nettest

package scheduling

import (
	"math"
	"slices"
	"testing"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// TestUnequalNodes runs its parts in order on one network. A schedule goes on through all of them, and another one through the
// restart.
func TestUnequalNodes(t *testing.T) {
	b := newBed(t)
	counted := uint64(0)
	endless := b.createSchedule(t, 7, 10_000)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *bed)
	}{
		{"leaders by weight, a queue in order, and a price that follows", leaders},
		{"a paused node leads nothing and loses nothing", pause},
		{"a stopped node leads nothing and holds up nothing", stop},
		{"a small node that cannot keep up stops nobody", saturate},
		{"all nodes start again in the middle of a schedule", func(t *testing.T, b *bed) { counted = restart(t, b) }},
		{"a schedule has had its runs", func(t *testing.T, b *bed) { b.allRan(t, counted, 5, 20) }},
		{"a chain that goes on from an export goes on with its schedules", func(t *testing.T, b *bed) { newChain(t, b, endless) }},
		{"a cancelled schedule gives back the rest", func(t *testing.T, b *bed) { cancelSchedule(t, b, endless) }},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, b) }) {
			return
		}
	}
}

// leaders submits requests at once, of which each block begins a few, and counts who led them.
func leaders(t *testing.T, b *bed) {
	least := b.market(t).Market.BasePrice
	ids := b.submit(t, *leads)
	highest := least
	nettest.Until(t, "a dearer price while requests wait", func() bool {
		highest = sdkmath.MaxInt(highest, b.market(t).Market.BasePrice)
		return highest.GT(least)
	})
	receipts := b.finals(t, ids)
	if !slices.IsSortedFunc(receipts, func(x, y inferencetypes.Receipt) int { return int(x.AssignedHeight - y.AssignedHeight) }) {
		t.Error("expected requests of one class to begin in the order of their ids")
	}
	counts := b.led(receipts, 0)
	var total uint64
	for _, c := range capacities {
		total += c
	}
	for i, got := range counts {
		p := float64(capacities[i]) / float64(total)
		mean, sigma := p*float64(len(ids)), math.Sqrt(p*(1-p)*float64(len(ids)))
		t.Logf("node %d of capacity %d led %d of %d requests, %.1f expected: %+.2f sigma", i, capacities[i], got, len(ids), mean, (float64(got)-mean)/sigma)
		// One run in sixteen thousand is outside; three sigma would be one in a hundred.
		if math.Abs(float64(got)-mean) > 4*sigma {
			t.Errorf("node %d: expected %.0f ± %.0f leads, got %d", i, mean, 4*sigma, got)
		}
	}
	nettest.Until(t, "the least price when nothing waits", func() bool { return b.market(t).Market.BasePrice.Equal(least) })
	t.Logf("base price: from %s up to %s at least, and back", least, highest)
}

// pause takes the largest node out of work while requests wait.
func pause(t *testing.T, b *bed) {
	const node = 3
	ids := b.submit(t, 300)
	paused := b.operate(t, node, &schedulingtypes.MsgPauseNode{Operator: b.operators[node]})
	receipts := b.finals(t, ids)
	before, after := b.led(receipts, 0), b.led(receipts, paused)
	if before[node] == 0 || after[node] != 0 || sum(after) == 0 {
		t.Errorf("expected leads of the paused node before height %d only, and of others after it, got %v in all and %v after", paused, before, after)
	}
	if view := b.node(t, node); view.Eligible || view.Node.State != schedulingtypes.NODE_STATE_PAUSED || view.Node.LeadingUnits != 0 {
		t.Errorf("expected a paused node that leads nothing, got %+v", view)
	}
	b.operate(t, node, &schedulingtypes.MsgResumeNode{Operator: b.operators[node]})
	nettest.AwaitEligible(t, b.Client, b.operators[node], true)
	if leads := b.led(b.finals(t, b.submit(t, 60)), 0); leads[node] == 0 {
		t.Errorf("expected the resumed node to lead again, got %v", leads)
	}
}

// stop kills the processes of a node while requests wait.
func stop(t *testing.T, b *bed) {
	const node = 2
	ids := b.submit(t, 400)
	b.Net.Nodes[node].Kill()
	killed := b.Height(t)
	nettest.AwaitEligible(t, b.Client, b.operators[node], false)
	stale := b.Height(t)
	receipts := b.finals(t, ids)
	if leads := b.led(receipts, stale+1); leads[node] != 0 || sum(leads) == 0 {
		t.Errorf("expected leads of others than the stopped node after height %d, got %v", stale, leads)
	}
	slowest := int64(0)
	for _, r := range receipts {
		slowest = max(slowest, r.FinalHeight-r.AssignedHeight)
	}
	t.Logf("killed at height %d, not eligible from %d; all %d requests final, at most %d blocks after their assignment", killed, stale, len(ids), slowest)
	if err := b.Net.Nodes[node].Start(); err != nil {
		t.Fatal(err)
	}
	nettest.AwaitEligible(t, b.Client, b.operators[node], true)
}

func sum(counts []int) (sum int) {
	for _, count := range counts {
		sum += count
	}
	return sum
}

// saturate makes the worker of the smallest node far too slow for what the others run.
func saturate(t *testing.T, b *bed) {
	const node = 0
	before := b.node(t, node).Node
	if err := b.plan.Write(byzantine.Plan{Worker: byzantine.WorkerSlow, Amount: 500}); err != nil {
		t.Fatal(err)
	}
	receipts := b.finals(t, b.submit(t, 500))
	blocks := make([]int64, len(receipts))
	for i, r := range receipts {
		blocks[i] = r.FinalHeight - r.AssignedHeight
	}
	slices.Sort(blocks)
	median, most := blocks[len(blocks)/2], blocks[len(blocks)-1]
	after := b.node(t, node).Node
	t.Logf("final %d blocks after the assignment in the median, %d at most; the slow node is seen to deliver %d units, %d before",
		median, most, after.ObservedCapacity, before.ObservedCapacity)
	if median > 3 {
		t.Errorf("expected the others to keep up, got a median of %d blocks: %v", median, blocks)
	}
	if after.ObservedCapacity == 0 || after.ObservedCapacity >= capacities[node] {
		t.Errorf("expected the slow node to be seen to deliver less than %d, got %d", capacities[node], after.ObservedCapacity)
	}
	if err := b.plan.Write(byzantine.Plan{}); err != nil {
		t.Fatal(err)
	}
}

// restart stops all nodes in the middle of a schedule, starts them again, and gives the schedule.
func restart(t *testing.T, b *bed) (counted uint64) {
	counted = b.createSchedule(t, 5, 20)
	nettest.Until(t, "three runs", func() bool { return b.schedule(t, counted).Placed >= 3 })
	if s := b.schedule(t, counted); s.Status != inferencetypes.SCHEDULE_STATUS_ACTIVE || s.Placed >= 20 {
		t.Fatalf("expected a schedule in the middle of its runs, got %+v", s)
	}
	for _, node := range b.Net.Nodes {
		if err := node.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Net.Start(nettest.Patience(t)); err != nil {
		t.Fatal(err)
	}
	for _, operator := range b.operators {
		nettest.AwaitEligible(t, b.Client, operator, true)
	}
	b.finals(t, b.submit(t, 20))
	return counted
}

// createSchedule has one flower classified every so many blocks.
func (b *bed) createSchedule(t *testing.T, every, count uint32) uint64 {
	t.Helper()
	before, err := b.Client.Inference.Schedules(nettest.Patience(t), &inferencetypes.QuerySchedulesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	msg := b.Message(b.Signer.Address, b.Rows[1])
	fee := sdkmath.NewInt(100_000)
	_, err = b.Client.Deliver(nettest.Patience(t), b.Signer, chainclient.Fees{Gas: irisclient.Gas(1)}, &inferencetypes.MsgCreateSchedule{
		Owner: b.Signer.Address.String(), Model: b.Model, Inputs: msg.Requests[0].Inputs, Tier: inferencetypes.TIER_QUORUM,
		MaxFee: fee, Every: every, Count: count, Deposit: fee.MulRaw(int64(count)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return uint64(len(before.Schedules)) + 1
}

func (b *bed) schedule(t *testing.T, id uint64) inferencetypes.Schedule {
	t.Helper()
	resp, err := b.Client.Inference.Schedule(nettest.Patience(t), &inferencetypes.QueryScheduleRequest{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Schedule
}

// runs are all of a schedule so far, page by page.
func (b *bed) runs(t *testing.T, id uint64) (runs []inferencetypes.ScheduleRun) {
	t.Helper()
	page := &query.PageRequest{Limit: 100}
	for {
		resp, err := b.Client.Inference.ScheduleRuns(nettest.Patience(t), &inferencetypes.QueryScheduleRunsRequest{Id: id, Pagination: page})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, resp.Runs...)
		if len(resp.Pagination.NextKey) == 0 {
			return runs
		}
		page = &query.PageRequest{Key: resp.Pagination.NextKey, Limit: 100}
	}
}

// allRan checks that a schedule is over, and that each of its runs is a request with the right answer, in its time.
func (b *bed) allRan(t *testing.T, id uint64, every int64, count int) {
	t.Helper()
	nettest.Until(t, "the end of the schedule", func() bool { return b.schedule(t, id).Status == inferencetypes.SCHEDULE_STATUS_COMPLETED })
	runs := b.runs(t, id)
	if len(runs) != count {
		t.Fatalf("expected %d runs, got %d", count, len(runs))
	}
	for i, run := range runs {
		if run.RequestId == 0 {
			t.Errorf("run %d: expected a request, got one that was missed for %q", run.Run, run.Missed)
			continue
		}
		if want := runs[0].Height + int64(i)*every; run.Height != want {
			t.Errorf("run %d: expected it at height %d, got %d", run.Run, want, run.Height)
		}
		b.Settled(t, run.RequestId, b.Rows[1])
	}
	if s := b.schedule(t, id); !s.Deposit.IsZero() || s.Missed != 0 || s.Placed != uint32(count) {
		t.Errorf("expected a schedule whose rest is returned, got %+v", s)
	}
}

// newChain exports the chain in the middle of a schedule and goes on with a new one.
func newChain(t *testing.T, b *bed, id uint64) {
	before := b.schedule(t, id)
	for _, node := range b.Net.Nodes {
		if err := node.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	genesis, err := b.Net.Nodes[0].Export()
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range b.Net.Nodes {
		if err := node.Reset(genesis); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Net.Start(nettest.Patience(t)); err != nil {
		t.Fatal(err)
	}
	nettest.Until(t, "three runs more", func() bool { return b.schedule(t, id).Placed >= before.Placed+3 })
	all := b.runs(t, id)
	last := all[len(all)-1]
	b.Settled(t, last.RequestId, b.Rows[1])
	if s := b.schedule(t, id); s.Missed != before.Missed {
		t.Errorf("expected no run to be missed by the new chain, got %d more", s.Missed-before.Missed)
	}
}

// cancelSchedule ends a schedule and looks for the rest of its deposit.
func cancelSchedule(t *testing.T, b *bed, id uint64) {
	before, deposited := b.Balance(t, b.Signer.Address), sdkmath.NewInt(100_000).MulRaw(10_000)
	resp, err := b.Client.Deliver(nettest.Patience(t), b.Signer, chainclient.Fees{}, &inferencetypes.MsgCancelSchedule{
		Owner: b.Signer.Address.String(), Id: id,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := b.schedule(t, id)
	if s.Status != inferencetypes.SCHEDULE_STATUS_CANCELLED || !s.Deposit.IsZero() || s.EndedHeight != resp.Height {
		t.Errorf("expected a cancelled schedule without a deposit, got %+v", s)
	}
	var answer inferencetypes.MsgCancelScheduleResponse
	if err := b.Client.Response(resp, &answer); err != nil {
		t.Fatal(err)
	}
	spent := sdkmath.ZeroInt()
	for _, run := range b.runs(t, id) {
		if run.RequestId == 0 {
			continue
		}
		r := b.Ended(t, run.RequestId, inferencetypes.REQUEST_STATUS_FINALIZED)
		spent = spent.Add(r.Fee.Total)
	}
	refund := deposited.Sub(spent)
	if !answer.Refunded.Equal(refund) {
		t.Errorf("expected a refund of the deposit of %s less %s for the runs, got %s", deposited, spent, answer.Refunded)
	}
	if got, want := b.Balance(t, b.Signer.Address), before.Add(refund); !got.Equal(want) {
		t.Errorf("expected a balance of %s after the refund, got %s", want, got)
	}
	nettest.Until(t, "the last settlements", func() bool { return b.Escrow(t).IsZero() })
}
