//go:build nettest

// Package byzantine tests what the chain makes of validators that misbehave, on networks of real nodes. The honest ones
// run the programs that are shipped.
package byzantine

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	sdkmath "cosmossdk.io/math"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// bed is a network in which some nodes can be told to misbehave.
type bed struct {
	*nettest.Fixture
	// operators and addresses are those of the nodes, by index; an address is the hexadecimal one of consensus.
	operators, addresses []string
	// plans are those of the nodes that can misbehave, by index.
	plans map[int]byzantine.File
	// asked counts the requests on the edge.
	asked int
}

// conductParams make punishments come, and go, within a test.
var conductParams = map[string]any{
	"settle_blocks": 6, "conduct_window": 60, "max_missed": 30, "max_contradicted": 10,
	"conduct_jail_blocks": 8, "fault_jail_blocks": 8,
}

// newBed starts a network whose culprits follow the plans given for them from the start.
func newBed(t *testing.T, opts localnet.Options, culprits map[int]byzantine.Plan, verification map[string]any) *bed {
	t.Helper()
	b := &bed{plans: make(map[int]byzantine.File)}
	opts.TimeoutCommit, opts.TimeoutRound = 150*time.Millisecond, 400*time.Millisecond
	opts.Workers, opts.Daemons = make(map[int]string), make(map[int]string)
	for i, plan := range culprits {
		dir := t.TempDir()
		b.plans[i] = byzantine.OpenFile(filepath.Join(dir, "plan.json"))
		if err := b.plans[i].Write(plan); err != nil {
			t.Fatal(err)
		}
		opts.Daemons[i], opts.Workers[i] = programs.Daemon(t, b.plans[i]), programs.Worker(t, b.plans[i])
	}
	opts.EditGenesis = func(genesis map[string]any) error { return editGenesis(genesis, verification) }
	b.Fixture = nettest.Start(t, opts)
	for _, node := range b.Net.Nodes {
		b.operators = append(b.operators, nettest.Operator(t, b.Net, node))
		status, err := node.Client().RPC.Status(nettest.Patience(t))
		if err != nil {
			t.Fatal(err)
		}
		b.addresses = append(b.addresses, status.ValidatorInfo.Address.String())
	}
	return b
}

// editGenesis sets parameters of verification, and keeps x/slashing from jailing a validator whose votes are refused: what
// is tested is what the chain's own modules do.
func editGenesis(genesis map[string]any, verification map[string]any) error {
	state, ok := genesis["app_state"].(map[string]any)
	if !ok {
		return fmt.Errorf("genesis: expected app_state, got %T", genesis["app_state"])
	}
	state["slashing"].(map[string]any)["params"].(map[string]any)["signed_blocks_window"] = "100000"
	versions := state["verification"].(map[string]any)["params"].([]any)
	params := versions[len(versions)-1].(map[string]any)["params"].(map[string]any)
	for name, value := range verification {
		if _, known := params[name]; !known {
			return fmt.Errorf("genesis: expected a parameter %q of verification", name)
		}
		params[name] = value
	}
	return nil
}

// tell gives a culprit a plan.
func (b *bed) tell(t *testing.T, node int, plan byzantine.Plan) {
	t.Helper()
	if err := b.plans[node].Write(plan); err != nil {
		t.Fatal(err)
	}
}

// honest tells whether no plan is given to a node.
func (b *bed) honest(node int) bool {
	_, culprit := b.plans[node]
	return !culprit
}

// standing is how the chain sees an operator.
type standing struct {
	tokens sdkmath.Int
	jailed bool // by x/slashing
	node   schedulingtypes.Node
}

// standing reads how the chain sees every node's operator.
func (b *bed) standing(t *testing.T) []standing {
	t.Helper()
	ctx := nettest.Patience(t)
	staking := stakingtypes.NewQueryClient(b.Client.Conn())
	all := make([]standing, len(b.operators))
	for i, operator := range b.operators {
		validator, err := staking.Validator(ctx, &stakingtypes.QueryValidatorRequest{ValidatorAddr: operator})
		if err != nil {
			t.Fatal(err)
		}
		node, err := b.Client.Scheduling.Node(ctx, &schedulingtypes.QueryNodeRequest{Operator: operator})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = standing{tokens: validator.Validator.Tokens, jailed: validator.Validator.Jailed, node: node.Node.Node}
	}
	return all
}

// restore brings back every node that was jailed and waits until all take part.
func (b *bed) restore(t *testing.T) {
	t.Helper()
	for i, s := range b.standing(t) {
		if s.node.JailedUntil == 0 {
			continue
		}
		ctx := nettest.Patience(t)
		if err := b.Client.WaitHeight(ctx, s.node.JailedUntil+1); err != nil {
			t.Fatal(err)
		}
		signer := nettest.Validator(t, b.Net, b.Net.Nodes[i])
		if _, err := b.Client.Deliver(ctx, signer, chainclient.Fees{}, &schedulingtypes.MsgUnjailNode{Operator: b.operators[i]}); err != nil {
			t.Fatalf("unjail %s: %v", b.Net.Nodes[i].Name, err)
		}
	}
	for _, operator := range b.operators {
		nettest.AwaitEligible(t, b.Client, operator, true)
	}
}

// loaded waits until every node has the model loaded, so that each is a member of the rounds to come: the worker of the last
// culprit may have begun anew.
func (b *bed) loaded(t *testing.T) {
	t.Helper()
	ctx := nettest.Patience(t)
	err := chainclient.Until(ctx, "all nodes to have the model loaded", func() (bool, error) {
		resp, err := b.Client.Models.Model(ctx, &modelstypes.QueryModelRequest{Model: b.Model})
		return err == nil && int(resp.NodesReady) == len(b.operators), err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// node is the index of the node of an operator.
func (b *bed) node(operator string) int { return slices.Index(b.operators, operator) }
