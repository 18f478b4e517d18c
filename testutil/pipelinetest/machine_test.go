package pipelinetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	inferencekeeper "github.com/opengradient/opengradient/x/inference/keeper"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingkeeper "github.com/opengradient/opengradient/x/scheduling/keeper"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationkeeper "github.com/opengradient/opengradient/x/verification/keeper"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// machine draws what happens on a network.
type machine struct {
	*Network
	steps int
}

// newMachine draws nodes that are all honest, or dishonest with less than a third of the power, or anything.
func newMachine(t *rapid.T) *machine {
	count := rapid.IntRange(1, 7).Draw(t, "validators")
	var nodes []*Node
	var powers []int64
	var total int64
	for range count {
		power := rapid.Int64Range(1, 40).Draw(t, "power")
		powers = append(powers, power)
		total += power
	}
	var dishonest int64
	temper := rapid.SampledFrom([]string{"honest", "few", "few", "few", "any"}).Draw(t, "temper")
	for i := range MaxNodes {
		node := &Node{Operator: Operator(i), Name: Operator(i).String(), Class: ClassOne, secret: uint64(i)}
		if rapid.IntRange(0, 2).Draw(t, "class") == 2 {
			node.Class = ClassTwo
		}
		policy := Policy(rapid.IntRange(0, int(policies)-1).Draw(t, "policy"))
		power := total
		if i < count {
			power = powers[i]
		}
		switch {
		case policy.IsHonest(), temper == "any":
			node.Policy = policy
		case temper == "few" && 3*(dishonest+power) < total:
			node.Policy = policy
			dishonest += power
		}
		if node.Policy == Odd {
			node.Class = ClassOdd
		}
		nodes = append(nodes, node)
	}
	m := &machine{Network: NewNetwork(t, nodes, powers, func(g *Genesis) {
		g.Inference.Params[0].Params = inferenceParams(t)
		g.Scheduling.Params[0].Params = schedulingParams(t)
		g.Verification.Params[0].Params = verificationParams(t)
	})}
	m.Weather = rapid.SampledFrom([]Weather{
		{}, {Lost: 50}, {Lost: 300, Dropped: 50, Late: 100}, {Dropped: 200}, {Late: 300},
	}).Draw(t, "weather")
	m.Seed(rapid.Uint64().Draw(t, "seed"))
	return m
}

func inferenceParams(t *rapid.T) inferencetypes.Params {
	p := inferencetypes.DefaultParams()
	p.MinEligiblePower = rapid.SampledFrom([]uint32{1, 6_000}).Draw(t, "least power")
	p.BasePrice = math.NewInt(rapid.Int64Range(1, 1_000).Draw(t, "price"))
	a := rapid.Uint32Range(0, 10_000).Draw(t, "shares")
	p.FeeShares = inferencetypes.FeeShares{Publisher: a / 2, Members: 10_000 - a, Owner: a - a/2}
	p.CommitteeMultiplier = rapid.SampledFrom([]uint32{1, 5_000, 20_000}).Draw(t, "multiplier")
	p.SealFee = math.NewInt(rapid.SampledFrom([]int64{0, 500, 1_000_000}).Draw(t, "seal fee"))
	p.InputBlocks = rapid.SampledFrom([]uint32{0, 1, 20}).Draw(t, "input blocks")
	return p
}

func schedulingParams(t *rapid.T) schedulingtypes.Params {
	p := schedulingtypes.DefaultParams()
	p.MaxAssignmentsPerBlock = rapid.Uint32Range(1, 5).Draw(t, "assignments")
	p.MaxQueueDepth = rapid.Uint32Range(1, 20).Draw(t, "depth")
	p.QueueBlocks = rapid.Uint32Range(1, 6).Draw(t, "queue blocks")
	p.AttemptBlocks = rapid.SampledFrom([]uint32{1, 3, 8, 14}).Draw(t, "attempt blocks")
	p.MaxAttempts = rapid.Uint32Range(1, 3).Draw(t, "attempts")
	p.DeadlineQuota = rapid.Uint32Range(1, 8).Draw(t, "quota")
	p.HeartbeatWindow = rapid.SampledFrom([]uint32{1, 6, 30}).Draw(t, "window")
	return p
}

func verificationParams(t *rapid.T) verificationtypes.Params {
	p := verificationtypes.DefaultParams()
	p.SettleBlocks = rapid.Uint32Range(1, 4).Draw(t, "settle")
	p.PublisherTurnBlocks = rapid.Uint32Range(1, 2).Draw(t, "turn")
	p.MaxCandidates = rapid.Uint32Range(2, 8).Draw(t, "candidates")
	p.SealBlocks = rapid.Uint32Range(1, 4).Draw(t, "seal blocks")
	p.SoftBlocks = rapid.Uint32Range(1, 5).Draw(t, "soft blocks")
	p.ArbitrationBlocks = rapid.Uint32Range(1, 5).Draw(t, "arbitration blocks")
	return p
}

func (m *machine) step(action func(t *rapid.T)) func(t *rapid.T) {
	return func(t *rapid.T) {
		m.steps++
		m.t = t
		action(t)
	}
}

func (m *machine) submit(t *rapid.T) {
	m.Submit(rapid.IntRange(0, len(models)-1).Draw(t, "model"), rapid.IntRange(1, 3).Draw(t, "rows"), rapid.IntRange(1, 3).Draw(t, "count"),
		rapid.SampledFrom([]inferencetypes.Tier{inferencetypes.TIER_QUORUM}).Draw(t, "tier"),
		rapid.SampledFrom([]inferencetypes.Sealing{
			inferencetypes.SEALING_OPEN,
		}).Draw(t, "sealing"))
}

func (m *machine) cancel(t *rapid.T) {
	next, err := m.Inference.NextRequestID.Get(m.Ctx())
	require.NoError(t, err)
	id := rapid.Uint64Range(max(next, 4)-3, next).Draw(t, "id")
	r, err := m.Inference.Request(m.Ctx(), id)
	waits := err == nil && r.Status == inferencetypes.REQUEST_STATUS_SUBMITTED
	err = m.deliver(func(ctx sdk.Context) error {
		_, err := m.Inference.CancelRequest(ctx, Requester, id)
		return err
	})
	require.Equal(t, waits, err == nil, "what waits for its first attempt can be taken back, and nothing else: %v", err)
}

func (m *machine) stake(t *rapid.T) {
	i := rapid.IntRange(0, MaxNodes-1).Draw(t, "validator")
	operator := Operator(i)
	v, ok := m.Staking.Validator(m.Ctx(), operator)
	switch kind := rapid.SampledFrom([]string{"power", "jail", "unbond", "leave", "rotate"}).Draw(t, "change"); {
	case kind == "power" || !ok:
		v.Tokens = unit*rapid.Int64Range(0, 40).Draw(t, "power") + rapid.Int64Range(0, 999).Draw(t, "dust")
		v.Status, v.Jailed = stakingtypes.Bonded, false
	case kind == "jail":
		v.Jailed = !v.Jailed
	case kind == "unbond":
		v.Status = rapid.SampledFrom([]stakingtypes.BondStatus{stakingtypes.Unbonding, stakingtypes.Unbonded}).Draw(t, "status")
	case kind == "rotate":
		v.Key++
	case kind == "leave":
		if power, err := m.Staking.GetLastValidatorPower(m.Ctx(), operator); err == nil && power > 0 {
			v.Status = stakingtypes.Unbonding // nobody is gone at once
		} else {
			m.Staking.Remove(m.Ctx(), operator)
			return
		}
	}
	m.Staking.Set(m.Ctx(), operator, v)
}

func (m *machine) govern(t *rapid.T) {
	require.NoError(t, m.deliver(func(ctx sdk.Context) (err error) {
		switch rapid.IntRange(0, 2).Draw(t, "module") {
		case 0:
			_, err = inferencekeeper.NewMsgServer(m.Inference).UpdateParams(ctx,
				&inferencetypes.MsgUpdateParams{Authority: Authority, Params: inferenceParams(t)})
		case 1:
			_, err = schedulingkeeper.NewMsgServer(m.Scheduling).UpdateParams(ctx,
				&schedulingtypes.MsgUpdateParams{Authority: Authority, Params: schedulingParams(t)})
		default:
			_, err = verificationkeeper.NewMsgServer(m.Verification).UpdateParams(ctx,
				&verificationtypes.MsgUpdateParams{Authority: Authority, Params: verificationParams(t)})
		}
		return err
	}))
}

func (m *machine) unjail(t *rapid.T) {
	operator := Operator(rapid.IntRange(0, MaxNodes-1).Draw(t, "validator"))
	node, err := m.Scheduling.Nodes.Get(m.Ctx(), operator)
	require.NoError(t, err)
	free := node.JailedUntil != 0 && m.Height() >= node.JailedUntil
	err = m.deliver(func(ctx sdk.Context) error { return m.Scheduling.UnjailNode(ctx, node.Operator) })
	require.Equal(t, free, err == nil, "a node is free once its time is over: %v", err)
}

func (m *machine) block(t *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(t, "blocks") {
		m.Block()
	}
}

// restart exports between two blocks and begins a chain that goes on.
func (m *machine) restart(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "restart") > 0 {
		return
	}
	m.EndBlock()
	m.check()
	m.Restart(rapid.SampledFrom([]int64{1, 1_000, m.Height()}).Draw(t, "initial height"))
}

// Whatever validators, governance and requesters do, in whatever order: every accepted request ends within the bound
// that it was accepted with, no coin appears or disappears, what has ended holds nothing, no wrong result is final and
// nobody honest is at fault while less than a third of the power is dishonest, and an exported state goes on.
func TestEveryRequestEndsAndCoinsAreConserved(t *testing.T) {
	ends := map[string]int{}
	steps, blocks := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		block := m.step(m.block)
		t.Repeat(map[string]func(*rapid.T){
			"submit": m.step(m.submit), "submit more": m.step(m.submit), "cancel": m.step(m.cancel), "stake": m.step(m.stake),
			"govern": m.step(m.govern), "unjail": m.step(m.unjail), "restart": m.step(m.restart),
			"block": block, "next block": block, "later block": block,
		})
		m.t = t
		m.Drain()
		for end, count := range m.Ends {
			ends[end] += count
		}
		steps, blocks = steps+m.steps, blocks+m.blocks
	})
	t.Logf("%d steps, %d blocks: %v", steps, blocks, ends)
	for _, want := range []fmt.Stringer{
		inferencetypes.REQUEST_STATUS_FINALIZED, inferencetypes.FAILURE_REASON_DEADLINE, inferencetypes.FAILURE_REASON_NO_AGREEMENT,
		inferencetypes.FAILURE_REASON_EXECUTION, inferencetypes.REQUEST_STATUS_CANCELLED,
	} {
		require.NotZero(t, ends[want.String()], "no request ended with %s", want)
	}
}
