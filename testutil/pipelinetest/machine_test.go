package pipelinetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	asked []question
}

// dice choose evenly, where the generators of rapid prefer what is small. The seed is drawn, so that a run is repeated.
func dice(t *rapid.T, label string) *rand.Rand {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, label), 7))
}

// newMachine draws nodes that are all honest, or dishonest with less than a third of the power, or anything.
func newMachine(t *rapid.T) *machine {
	chance := dice(t, "nodes")
	count := 1 + chance.IntN(7)
	powers := make([]int64, count)
	var total int64
	for i := range powers {
		powers[i] = 1 + chance.Int64N(40)
		total += powers[i]
	}
	temper := chance.IntN(5)
	var dishonest int64
	nodes := make([]*Node, MaxNodes)
	for i := range nodes {
		nodes[i] = &Node{Operator: Operator(i), Name: Operator(i).String(), Class: ClassOne + uint32(chance.IntN(3)/2), secret: uint64(i)}
		power := total
		if i < count {
			power = powers[i]
		}
		switch policy := Policy(chance.IntN(int(policies))); {
		case temper == 0: // all are honest
		case temper == 1 || policy.IsHonest():
			nodes[i].Policy = policy
		case 3*(dishonest+power) < total:
			nodes[i].Policy = policy
			dishonest += power
		}
		if nodes[i].Policy == Odd {
			nodes[i].Class = ClassOdd
		}
	}
	m := &machine{Network: NewNetwork(t, nodes, powers, func(g *Genesis) {
		g.Inference.Params[0].Params = inferenceParams(t)
		g.Scheduling.Params[0].Params = schedulingParams(t)
		g.Verification.Params[0].Params = verificationParams(t)
	})}
	weathers := []Weather{{}, {Lost: 50}, {Lost: 300, Dropped: 50, Late: 100}, {Dropped: 200}, {Late: 300}}
	m.Weather = weathers[chance.IntN(len(weathers))]
	m.Seed(chance.Uint64())
	return m
}

// oneOf chooses evenly.
func oneOf[T any](chance *rand.Rand, values ...T) T { return values[chance.IntN(len(values))] }

func inferenceParams(t *rapid.T) inferencetypes.Params {
	chance := dice(t, "inference parameters")
	p := inferencetypes.DefaultParams()
	p.MinEligiblePower = oneOf[uint32](chance, 1, 6_000)
	a := uint32(chance.IntN(10_001))
	p.FeeShares = inferencetypes.FeeShares{Publisher: a / 2, Members: 10_000 - a, Owner: a - a/2}
	p.CommitteeMultiplier = oneOf[uint32](chance, 1, 5_000, 20_000)
	p.SealFee = math.NewInt(oneOf[int64](chance, 0, 500, 1_000_000))
	p.InputBlocks = oneOf[uint32](chance, 0, 1, 20)
	p.EconomyMultiplier = oneOf[uint32](chance, 1, 5_000, 10_000)
	p.PriorityMultiplier = oneOf[uint32](chance, 10_000, 30_000)
	p.IdempotencyBlocks = oneOf[uint32](chance, 1, 5, 1_000)
	p.ReuseBlocks = oneOf[uint32](chance, 0, 3, 1_000, 1_000, 1_000)
	p.ReusePrice = oneOf[uint32](chance, 0, 1, 10_000)
	p.MaxSchedules = oneOf[uint32](chance, 0, 1, 5)
	p.MaxRunsPerBlock = oneOf[uint32](chance, 1, 3)
	return p
}

func schedulingParams(t *rapid.T) schedulingtypes.Params {
	chance := dice(t, "scheduling parameters")
	p := schedulingtypes.DefaultParams()
	p.MaxAssignmentsPerBlock = oneOf[uint32](chance, 1, 2, 5)
	p.MaxQueueDepth = oneOf[uint32](chance, 3, 20)
	p.QueueBlocks = oneOf[uint32](chance, 1, 4, 8)
	p.AttemptBlocks = oneOf[uint32](chance, 1, 4, 10, 10, 16)
	p.MaxAttempts = oneOf[uint32](chance, 1, 2, 3)
	p.DeadlineQuota = oneOf[uint32](chance, 2, 8)
	p.HeartbeatWindow = oneOf[uint32](chance, 2, 8, 30)
	p.PriorityHeadStart = oneOf(chance, 0, 1, p.QueueBlocks)
	p.StandardHeadStart = oneOf(chance, 0, p.PriorityHeadStart)
	p.UnprovenCapacity = oneOf[uint64](chance, 1, 1_000)
	p.MinBasePrice = math.NewInt(1 + chance.Int64N(1_000))
	p.MaxBasePrice = p.MinBasePrice.AddRaw(oneOf[int64](chance, 0, 1_000, 1_000_000))
	p.TargetUtilisation = oneOf[uint32](chance, 1, 9_000, 10_000)
	p.MaxPriceFall = oneOf[uint32](chance, 1, 1_250, 10_000)
	return p
}

func verificationParams(t *rapid.T) verificationtypes.Params {
	chance := dice(t, "verification parameters")
	p := verificationtypes.DefaultParams()
	p.SettleBlocks = oneOf[uint32](chance, 1, 2, 4)
	p.PublisherTurnBlocks = oneOf[uint32](chance, 1, 2)
	p.MaxCandidates = oneOf[uint32](chance, 2, 3, 8)
	p.SealBlocks = oneOf[uint32](chance, 1, 3)
	p.SoftBlocks = oneOf[uint32](chance, 1, 4)
	p.ArbitrationBlocks = oneOf[uint32](chance, 1, 4)
	p.ConductWindow = oneOf[uint32](chance, 10, 20)
	p.MaxMissed = oneOf[uint32](chance, 1, 9)
	p.MaxContradicted = oneOf[uint32](chance, 0, 3)
	p.ConductJailBlocks = oneOf[uint32](chance, 1, 10)
	p.FaultJailBlocks = oneOf[uint32](chance, 1, 20)
	p.SlashFraction = oneOf(chance, math.LegacyZeroDec(), math.LegacyNewDecWithPrec(1, 2), math.LegacyNewDecWithPrec(5, 1))
	p.EvidenceBlocks = oneOf[uint32](chance, 1, 10, 1_000)
	return p
}

func (m *machine) step(action func(t *rapid.T)) func(t *rapid.T) {
	return func(t *rapid.T) {
		m.steps++
		m.t = t
		action(t)
	}
}

// question is what a submission asks for.
type question struct {
	model, rows, count int
	tier               inferencetypes.Tier
	sealing            inferencetypes.Sealing
	class              schedulingtypes.FeeClass
	key                string
	reuse              uint32
	ids                []uint64 // of the requests it became
}

func (m *machine) ask(q question) []uint64 {
	return m.SubmitWith(q.model, q.rows, q.count, q.tier, q.sealing, func(msg *inferencetypes.MsgSubmitRequests) {
		msg.FeeClass, msg.IdempotencyKey, msg.ReuseBlocks = q.class, q.key, q.reuse
	})
}

// answered are the questions whose first request has a receipt.
func (m *machine) answered() (found []question) {
	for _, q := range m.asked {
		if len(q.ids) == 0 {
			continue
		}
		has, err := m.Inference.Receipts.Has(m.Ctx(), q.ids[0])
		require.NoError(m.t, err)
		if has {
			found = append(found, q)
		}
	}
	return found
}

// submit asks something new, or what was answered before; with a key sometimes twice.
func (m *machine) submit(t *rapid.T) {
	chance := dice(t, "submission")
	q := question{
		model: chance.IntN(len(models)), rows: 1 + chance.IntN(3), count: 1 + chance.IntN(3),
		tier:    oneOf(chance, inferencetypes.TIER_QUORUM, inferencetypes.TIER_COMMITTEE),
		sealing: oneOf(chance, inferencetypes.SEALING_DEFAULT, inferencetypes.SEALING_SEALED, inferencetypes.SEALING_OPEN),
		class:   schedulingtypes.FeeClass(chance.IntN(3)),
	}
	q.key, q.reuse = oneOf(chance, "", "", "one", "two"), oneOf[uint32](chance, 0, 2, 100, 100)
	if answered := m.answered(); len(answered) > 0 && chance.IntN(4) > 0 {
		q = answered[chance.IntN(len(answered))]
		q.key, q.reuse = "", 100
	}
	q.ids = m.ask(q)
	m.asked = append(m.asked, q)
	if q.key != "" && chance.IntN(2) == 0 {
		m.ask(q)
	}
}

func (m *machine) plan(t *rapid.T) {
	chance := dice(t, "schedule")
	m.CreateSchedule(chance.IntN(len(models)), 1+chance.IntN(3), schedulingtypes.FeeClass(chance.IntN(3)), 1+uint32(chance.IntN(6)), 1+uint32(chance.IntN(5)))
}

// replan changes one of the schedules in some way, if its state allows that.
func (m *machine) replan(t *rapid.T) {
	next, err := m.Inference.NextScheduleID.Get(m.Ctx())
	require.NoError(t, err)
	id := rapid.Uint64Range(1, next).Draw(t, "id")
	owner := Requester.String()
	change := rapid.SampledFrom([]string{"top up", "pause", "resume", "cancel"}).Draw(t, "change")
	s, err := m.Inference.Schedule(m.Ctx(), id)
	active := s.Status == inferencetypes.SCHEDULE_STATUS_ACTIVE
	paused := s.Status == inferencetypes.SCHEDULE_STATUS_PAUSED
	possible := err == nil && map[string]bool{"top up": active || paused, "pause": active, "resume": paused, "cancel": active || paused}[change]
	err = m.deliver(func(ctx sdk.Context) (err error) {
		switch change {
		case "top up":
			return m.Inference.TopUpSchedule(ctx, &inferencetypes.MsgTopUpSchedule{Owner: owner, Id: id, Deposit: math.NewInt(1_000), Count: 1})
		case "pause":
			return m.Inference.PauseSchedule(ctx, &inferencetypes.MsgPauseSchedule{Owner: owner, Id: id})
		case "resume":
			return m.Inference.ResumeSchedule(ctx, &inferencetypes.MsgResumeSchedule{Owner: owner, Id: id})
		default:
			_, err = m.Inference.CancelSchedule(ctx, &inferencetypes.MsgCancelSchedule{Owner: owner, Id: id})
			return err
		}
	})
	for _, refusal := range []error{inferencetypes.ErrDeposit, inferencetypes.ErrMaxFee, inferencetypes.ErrEligiblePower} {
		if errors.Is(err, refusal) {
			return // the price has risen, or the power has gone
		}
	}
	require.Equal(t, possible, err == nil, "%s of a schedule that is %s: %v", change, s.Status, err)
}

// operate pauses, resumes or registers a node, lets it leave, or has it say that it is not ready.
func (m *machine) operate(t *rapid.T) {
	i := rapid.IntRange(0, MaxNodes-1).Draw(t, "node")
	operator := Operator(i)
	node, err := m.Scheduling.Nodes.Get(m.Ctx(), operator)
	require.NoError(t, err)
	change := rapid.SampledFrom([]string{"pause", "resume", "leave", "register", "fail"}).Draw(t, "change")
	possible := true
	err = m.deliver(func(ctx sdk.Context) error {
		switch change {
		case "pause":
			possible = node.State == schedulingtypes.NODE_STATE_ACTIVE
			return m.Scheduling.PauseNode(ctx, node.Operator)
		case "resume":
			possible = node.State == schedulingtypes.NODE_STATE_PAUSED || node.State == schedulingtypes.NODE_STATE_LEAVING
			return m.Scheduling.ResumeNode(ctx, node.Operator)
		case "leave":
			possible = node.State == schedulingtypes.NODE_STATE_ACTIVE || node.State == schedulingtypes.NODE_STATE_PAUSED
			_, err := m.Scheduling.LeaveNode(ctx, node.Operator)
			return err
		case "register":
			_, possible = m.Staking.Validator(ctx, operator)
			return m.Scheduling.RegisterNode(ctx, &schedulingtypes.MsgRegisterNode{
				Operator: node.Operator, Capacity: node.Capacity, MemoryBytes: node.MemoryBytes, TaskClasses: node.TaskClasses,
			})
		default:
			possible = node.State != schedulingtypes.NODE_STATE_LEFT
			status := NodeStatus(m.Nodes[i].Class)
			status.Ready = false
			return m.Scheduling.SetStatus(ctx, operator, status)
		}
	})
	require.Equal(t, possible, err == nil, "%s of a node that is %s: %v", change, node.State, err)
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
		power, err := m.Staking.GetLastValidatorPower(m.Ctx(), operator)
		require.NoError(t, err)
		if power == 0 {
			m.Staking.Remove(m.Ctx(), operator)
			return
		}
		v.Status = stakingtypes.Unbonding // nobody is gone at once
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
	free := node.IsJailed() && m.Height() >= node.JailedUntil
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
	m.noticeRuns()
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
			"plan": m.step(m.plan), "replan": m.step(m.replan), "operate": m.step(m.operate),
			"disable": m.step(m.disable), "unload": m.step(m.unload),
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
	for _, want := range []string{"run of a schedule", "restarts", "reused", "answered before", "model disabled", "unloaded"} {
		require.NotZero(t, ends[want], "expected each to come, got none of: %s", want)
	}
}
