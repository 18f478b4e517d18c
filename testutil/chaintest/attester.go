package chaintest

import (
	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Environment is the environment class of the validators of a test chain, unless an attester says otherwise.
func Environment() *schedulingtypes.EnvironmentClass {
	return &schedulingtypes.EnvironmentClass{
		RuntimeVersion: "1.27.0", LibrarySha256: make([]byte, 32), Provider: "cpu", Profile: 1, Isa: "avx2",
	}
}

// Output gives the canonical output that validator i computes for a request. No bytes mean that it stays silent.
type Output func(i int, requestID uint64) []byte

// Attester is what the validators of a chain do beside signing blocks. They say what the executor of a node would, of
// every open round in which they have a seat: attestations, commitments and reveals in sealed rounds, and bytes when it
// is for them to publish them; and of models, which they have loaded. The fields make them differ from each other, fail, or misbehave.
type Attester struct {
	Output Output
	// Failure, when set, gives the failure of a run; FAILURE_NONE leaves it to Output.
	Failure func(i int, requestID uint64) verificationtypes.Failure
	// SealKey, when set, gives the seal key of validator i after the block of a height. The default is one for each.
	SealKey func(i int, height int64) executor.SealKey
	// Try, when set, gives what validator i finds out about a model in an environment class. The default is that all of
	// them compute Golden.
	Try func(i int, m modelstypes.Model, class uint32) Trial
	// Unloaded, when set, tells which models validator i does not have loaded. The default is that all are.
	Unloaded func(i int, m modelstypes.Model) bool
	// Environment, when set, gives the class that validator i runs in; the default is that of the package.
	Environment func(i int) *schedulingtypes.EnvironmentClass
	// Next, when set, gives a class that validator i prepares; nil for none.
	Next func(i int) *schedulingtypes.EnvironmentClass
	// Edit, when set, changes what validator i says with its vote on the block of a height.
	Edit func(i int, height int64, ext *abcitypes.VoteExtension)
	// Late makes the validators know of a block only when they vote on the next one, as on a real network. Otherwise
	// their vote on a block takes note of that very block, and every verdict is a block earlier.
	Late bool

	pending map[int]voteext.Pending
}

// Attest makes every validator behave like a node whose worker computes output at once.
func (c *Chain) Attest(output Output) { c.AttestWith(Attester{Output: output}) }

// AttestWith makes the validators behave like an attester. Every extension has a heartbeat.
func (c *Chain) AttestWith(a Attester) {
	a.pending = make(map[int]voteext.Pending)
	c.Extend = func(i int, height int64) []byte {
		ext := c.extension(i, &a)
		if a.Edit != nil {
			a.Edit(i, height, &ext)
		}
		b, err := voteext.Encode(ext)
		require.NoError(c.t, err)
		return b
	}
}

// Extension is what validator i has to say about the committed state.
func (c *Chain) Extension(i int, output Output) abcitypes.VoteExtension {
	c.t.Helper()
	return c.extension(i, &Attester{Output: output})
}

func (c *Chain) extension(i int, a *Attester) abcitypes.VoteExtension {
	c.t.Helper()
	pending := c.pending(i, a)
	if a.Late {
		a.pending[i], pending = pending, a.pending[i]
	}
	seen := c.seen(i, pending)
	// The heartbeat does not depend on what the block says.
	seen.Own.Status = nil
	pending.Status = &schedulingtypes.NodeStatus{
		Ready: true, FreeCapacity: 100_000, Environment: a.environment(i), NextEnvironment: a.next(i), WorkerVersion: "test",
	}
	c.loads(i, a, pending.Status)
	hash := []byte("block")
	var cache voteext.SeenCache
	cache.Put(hash, seen)
	resp, err := voteext.NewHandler(said(pending), &cache, nil).ExtendVote(sdk.Context{}, &abci.RequestExtendVote{Hash: hash, Height: c.height})
	require.NoError(c.t, err)
	ext, err := voteext.Decode(resp.VoteExtension)
	require.NoError(c.t, err)
	return ext
}

// said is a source that says one thing.
type said voteext.Pending

func (s said) Pending() voteext.Pending { return voteext.Pending(s) }

// seen is what the block just committed shows to validator i.
func (c *Chain) seen(i int, pending voteext.Pending) voteext.Seen {
	if len(c.injected) == 0 {
		return voteext.Seen{}
	}
	injected, err := proposal.Decode(c.injected)
	if err != nil {
		return voteext.Seen{}
	}
	words := make(map[voteext.Key]verificationtypes.Outcome)
	for _, item := range pending.Items {
		words[item.Key] = item.Outcome
	}
	return voteext.Inspect(injected, i, words)
}

// pending is what validator i would say after the block just committed, having computed everything.
func (c *Chain) pending(i int, a *Attester) voteext.Pending {
	c.t.Helper()
	operator := c.Validators[i].Operator
	node, err := c.App.SchedulingKeeper.Nodes.Get(c.Ctx(), operator)
	require.NoError(c.t, err)
	pending := voteext.Pending{Models: c.trials(i, a)}
	if node.EnvironmentClass == 0 {
		return pending
	}
	self := executor.Self{Operator: operator.String(), Height: c.height, Key: executor.SealKey{'k', byte(i)}}
	if a.SealKey != nil {
		self.Key = a.SealKey(i, c.height)
	}
	view, err := c.committed().View()
	require.NoError(c.t, err)
	duties, err := view.Duties(self.Operator)
	require.NoError(c.t, err)
	for _, d := range duties {
		entry := abcitypes.OutboxEntry{
			RequestId: d.Round.RequestId, Attempt: d.Round.Attempt, Digest: d.Digest,
			EnvironmentClass: node.EnvironmentClass, Deadline: d.Deadline,
		}
		if a.Failure != nil {
			entry.Outcome.Failure = a.Failure(i, d.Round.RequestId)
		}
		if !entry.Outcome.Failed() {
			if entry.Output = a.Output(i, d.Round.RequestId); len(entry.Output) == 0 {
				continue
			}
			entry.Outcome = verificationtypes.NewRootOutcome(tensor.MerkleRoot(entry.Output))
		}
		if item, ok := self.Word(d, entry); ok {
			pending.Items = append(pending.Items, item)
		}
	}
	return pending
}

// committed reads the duties of the validators.
func (c *Chain) committed() executor.Committed {
	return executor.NewStateReader(func() (sdk.Context, error) { return c.Ctx(), nil }, c.App.DutyStores())
}
