package pipelinetest

import (
	"math/rand/v2"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	_ "github.com/opengradient/opengradient/testutil/prefixes" // addresses of this chain
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Weather says how vote extensions travel, in parts of a thousand.
type Weather struct {
	// Lost extensions are carried by no block, and a dropped block carries none at all.
	Lost, Dropped int
	// Late extensions are those of the block before, once more.
	Late int
}

// Requester of every request.
var Requester = sdk.AccAddress("requester of all____")

// Network is a world with nodes. A node speaks over the state of a block, and what it says is carried two blocks later,
// as the vote extensions of a real network are.
type Network struct {
	*World
	Nodes   []*Node
	Weather Weather

	rng       *rand.Rand
	statuses  uint64
	snapshots map[uint64]verificationtypes.Snapshot
	params    map[uint64]verificationtypes.Params
	said      map[int64][]verificationtypes.OperatorVotes // by the height that carries them, by node
	facts     map[uint64]run
	plans     map[uint64]run // by schedule
	seen      uint64         // requests below this id are known
	watch
}

// Stake of one unit of power.
var unit = sdk.DefaultPowerReduction.Int64()

// NewNetwork starts a chain whose nodes have these policies and powers, with parameters of one's own. The block under
// way is the second, which carries nothing yet.
func NewNetwork(t TB, nodes []*Node, powers []int64, edit func(*Genesis)) *Network {
	t.Helper()
	g := template()
	// The template is shared: what is edited is cloned.
	g.Inference.Params = append([]inferencetypes.ParamsVersion(nil), g.Inference.Params...)
	g.Scheduling.Params = append([]schedulingtypes.ParamsVersion(nil), g.Scheduling.Params...)
	g.Verification.Params = append([]verificationtypes.ParamsVersion(nil), g.Verification.Params...)
	if edit != nil {
		edit(&g)
	}
	n := &Network{
		World: newWorld(t, 1), Nodes: nodes, rng: rand.New(rand.NewPCG(1, 2)), statuses: 3,
		snapshots: map[uint64]verificationtypes.Snapshot{}, params: map[uint64]verificationtypes.Params{},
		said: map[int64][]verificationtypes.OperatorVotes{}, facts: map[uint64]run{}, plans: map[uint64]run{}, seen: 1,
		watch: newWatch(),
	}
	n.Bank.Blocked = map[string]bool{}
	n.Bank.Fund(n.ctx, Requester.String(), 1e15)
	n.Bank.Fund(n.ctx, delegator, 1e15)
	for i, power := range powers {
		nodes[i].Operator = Operator(i)
		nodes[i].Name = Operator(i).String()
		n.Staking.Set(n.ctx, Operator(i), Validator{Tokens: power * unit, Status: stakingtypes.Bonded})
	}
	n.Staking.endBlock(n.ctx)
	n.Init(g)
	n.supply = n.Bank.Supply(n.ctx)
	n.report(1<<MaxNodes - 1)
	n.Block()
	return n
}

// Seed makes what the network draws by itself begin anew.
func (n *Network) Seed(seed uint64) { n.rng = rand.New(rand.NewPCG(seed, 3)) }

// report sends the statuses of the nodes whose bit is set.
func (n *Network) report(mask int) {
	for i, node := range n.Nodes {
		if mask>>i&1 == 0 {
			continue
		}
		branch, write := n.ctx.CacheContext()
		require.NoError(n.t, n.Scheduling.SetStatus(branch, node.Operator, NodeStatus(node.Class)))
		write()
	}
}

// Block ends the block under way, checks what must hold between blocks, lets the nodes speak over its state, and begins
// the next one with the votes that it carries.
func (n *Network) Block() {
	n.t.Helper()
	n.EndBlock()
	n.noticeRuns()
	n.check()
	height := n.Height() - 1
	n.said[height+2] = n.speak(height)
	n.carry()
}

// signs tells whether the node's validator is in the set that votes.
func (n *Network) signs(node *Node) bool {
	power, err := n.Staking.GetLastValidatorPower(n.ctx, node.Operator)
	require.NoError(n.t, err)
	return power > 0
}

func (n *Network) chance(perMille int) bool { return perMille > 0 && n.rng.IntN(1000) < perMille }

func (n *Network) speak(height int64) []verificationtypes.OperatorVotes {
	scenes := n.scenes(height)
	said := make([]verificationtypes.OperatorVotes, len(n.Nodes))
	for i, node := range n.Nodes {
		if before := n.said[height+1]; before != nil && n.chance(n.Weather.Late) {
			said[i] = before[i]
			continue
		}
		if node.Policy == Forgetful && n.chance(50) {
			node.secret++
		}
		said[i] = node.says(scenes, n.rng)
	}
	return said
}

// scenes are the rounds of committed state.
func (n *Network) scenes(height int64) (scenes []scene) {
	err := n.Verification.Rounds.Walk(n.ctx, nil, func(id uint64, round verificationtypes.Round) (bool, error) {
		params := n.paramsOf(round.ParamsVersion)
		scenes = append(scenes, scene{
			run: n.facts[id], round: round, snapshot: n.snapshot(round.SnapshotId), turn: params.PublisherTurnBlocks, height: height,
		})
		return false, nil
	})
	require.NoError(n.t, err)
	return scenes
}

func (n *Network) snapshot(id uint64) verificationtypes.Snapshot {
	s, ok := n.snapshots[id]
	if !ok {
		var err error
		s, err = n.Verification.Snapshot(n.ctx, id)
		require.NoError(n.t, err)
		n.snapshots[id] = s
	}
	return s
}

func (n *Network) paramsOf(version uint64) verificationtypes.Params {
	p, ok := n.params[version]
	if !ok {
		var err error
		p, err = n.Verification.ParamsAt(n.ctx, version)
		require.NoError(n.t, err)
		n.params[version] = p
	}
	return p
}

// carry applies the votes that the block under way carries.
func (n *Network) carry() {
	said := n.said[n.Height()]
	delete(n.said, n.Height()-1)
	if said == nil || n.chance(n.Weather.Dropped) {
		return
	}
	var votes []verificationtypes.OperatorVotes
	var statuses []Status
	for i, node := range n.Nodes {
		if !n.signs(node) || n.chance(n.Weather.Lost) {
			continue
		}
		if (n.Height()+int64(i))%4 == 0 {
			statuses = append(statuses, Status{Operator: node.Operator, Status: NodeStatus(node.Class)})
		}
		votes = append(votes, said[i])
	}
	n.RecordVotes(statuses, votes)
}

// Restart goes on with the exported state on a new chain whose first block has the height.
func (n *Network) Restart(next int64) {
	n.t.Helper()
	moved := next - n.Height()
	n.World = n.World.Restart(next)
	n.shift(moved)
	n.said = map[int64][]verificationtypes.OperatorVotes{next + 1: n.speak(next - 1)}
}
