package preblock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/app/abcitypes"
	"github.com/opengradient/opengradient/app/preblock"
	"github.com/opengradient/opengradient/app/proposal"
	"github.com/opengradient/opengradient/app/voteext"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// world is everything the handler works on. The fakes write to a real store before they fail, so that whatever is not
// rolled back shows.
type world struct {
	ctx       sdk.Context
	key       storetypes.StoreKey
	operators map[string]sdk.ValAddress
	setStatus func(operator sdk.ValAddress) error
	record    func() error
	modules   error
	votes     []verificationtypes.OperatorVotes
	recorded  int
	tried     []modelstypes.OperatorAttestations
	try       func() error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key := storetypes.NewKVStoreKey("fake")
	ctx := testutil.DefaultContext(key, storetypes.NewTransientStoreKey("transient")).
		WithConsensusParams(cmtproto.ConsensusParams{Abci: &cmtproto.ABCIParams{VoteExtensionsEnableHeight: 1}}).
		WithEventManager(sdk.NewEventManager())
	w := &world{
		ctx: ctx, key: key, operators: map[string]sdk.ValAddress{},
		setStatus: func(sdk.ValAddress) error { return nil },
		record:    func() error { return nil },
		try:       func() error { return nil },
	}
	for i := range byte(6) {
		w.operators[string(consensus(i))] = operator(i)
	}
	return w
}

func consensus(i byte) []byte        { return []byte{0xC0, i} }
func operator(i byte) sdk.ValAddress { return sdk.ValAddress{0x0E, i} }

func (w *world) OperatorByConsAddr(_ sdk.Context, addr []byte) (sdk.ValAddress, bool) {
	o, ok := w.operators[string(addr)]
	return o, ok
}

func (w *world) SetStatus(ctx context.Context, o sdk.ValAddress, s schedulingtypes.NodeStatus) error {
	w.store(ctx).Set(append([]byte("status/"), o...), []byte(s.WorkerVersion))
	return w.setStatus(o)
}

func (w *world) RecordVotes(ctx context.Context, votes []verificationtypes.OperatorVotes) error {
	w.recorded++
	w.votes = votes
	w.store(ctx).Set([]byte("votes"), []byte{1})
	return w.record()
}

func (w *world) RecordAttestations(ctx context.Context, votes []modelstypes.OperatorAttestations) error {
	w.tried = votes
	if len(votes) > 0 {
		w.store(ctx).Set([]byte("models"), []byte{1})
	}
	return w.try()
}

func (w *world) store(ctx context.Context) storetypes.KVStore {
	return sdk.UnwrapSDKContext(ctx).KVStore(w.key)
}

// state is what the store holds.
func (w *world) state() map[string]string {
	it := w.store(w.ctx).Iterator(nil, nil)
	defer func() { _ = it.Close() }()
	found := map[string]string{}
	for ; it.Valid(); it.Next() {
		found[string(it.Key())] = string(it.Value())
	}
	return found
}

// modulesKey is what the modules' own pre-blockers write.
const modulesKey = "modules"

// run executes the pre-blocker on entries, the i-th of which is that of the validator with the i-th consensus address.
func (w *world) run(t *testing.T, entries ...abcitypes.InjectedEntry) error {
	t.Helper()
	tx, err := proposal.Encode(abcitypes.InjectedCommit{Version: proposal.Version, Entries: entries})
	require.NoError(t, err)
	return w.runTxs(t, len(entries), tx)
}

func (w *world) runTxs(t *testing.T, validators int, txs ...[]byte) error {
	t.Helper()
	modules := func(ctx sdk.Context) (*sdk.ResponsePreBlock, error) {
		w.store(ctx).Set([]byte(modulesKey), []byte{1})
		return &sdk.ResponsePreBlock{ConsensusParamsChanged: true}, w.modules
	}
	var last abci.CommitInfo
	for i := range validators {
		last.Votes = append(last.Votes, abci.VoteInfo{
			Validator: abci.Validator{Address: consensus(byte(i)), Power: 10}, BlockIdFlag: cmtproto.BlockIDFlagCommit,
		})
	}
	resp, err := preblock.NewHandler(modules, w, w, w, w).PreBlock(w.ctx, &abci.RequestFinalizeBlock{
		Height: 5, Txs: txs, DecidedLastCommit: last,
	})
	require.True(t, resp.ConsensusParamsChanged, "the answer of the modules is passed on")
	return err
}

func (w *world) ignored(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, e := range events(t, w.ctx, &abcitypes.EventExtensionIgnored{}) {
		out = append(out, e.Validator+" "+e.Reason)
	}
	return out
}

func (w *world) dropped(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, e := range events(t, w.ctx, &abcitypes.EventInjectionDropped{}) {
		out = append(out, e.Cause)
	}
	return out
}

func events[T proto.Message](t *testing.T, ctx sdk.Context, example T) []T {
	t.Helper()
	var found []T
	for _, event := range ctx.EventManager().ABCIEvents() {
		if event.Type == proto.MessageName(example) {
			typed, err := sdk.ParseTypedEvent(event)
			require.NoError(t, err)
			found = append(found, typed.(T))
		}
	}
	return found
}

// status is the entry of a validator that tells its status and attests one request.
func status(t *testing.T, version string) abcitypes.InjectedEntry {
	t.Helper()
	b, err := voteext.Encode(abcitypes.VoteExtension{
		Version:      voteext.Version,
		Status:       &schedulingtypes.NodeStatus{WorkerVersion: version},
		Attestations: []verificationtypes.Attestation{attestation()},
	})
	require.NoError(t, err)
	return present(b)
}

func attestation() verificationtypes.Attestation {
	return verificationtypes.Attestation{
		RequestId: 1, Attempt: 1, EnvironmentClass: 1,
		Outcome: verificationtypes.Outcome{Failure: verificationtypes.FAILURE_EXECUTION},
	}
}

func present(extension []byte) abcitypes.InjectedEntry {
	return abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_PRESENT, Extension: extension, Signature: []byte("checked before")}
}

func marker() abcitypes.InjectedEntry {
	return abcitypes.InjectedEntry{Kind: abcitypes.ENTRY_KIND_MARKER}
}

// TestBadContentChangesNothing gives validator 1 bad content between two good validators: the others count, and an
// event says why it does not.
func TestBadContentChangesNothing(t *testing.T) {
	unknownField := append(status(t, "x").Extension, 0x7a, 0x00)
	for name, tc := range map[string]struct {
		entry   abcitypes.InjectedEntry
		prepare func(w *world)
		reason  string
		// attests is true when the attestations beside the bad status still count.
		attests bool
		// attends is true when the validator was there all the same, and says nothing.
		attends bool
	}{
		"garbage":                    {entry: present([]byte{0xff}), reason: preblock.ReasonMalformed, attends: true},
		"an unknown field":           {entry: present(unknownField), reason: preblock.ReasonMalformed, attends: true},
		"over the cap":               {entry: present(make([]byte, voteext.MaxBytes+1)), reason: preblock.ReasonMalformed, attends: true},
		"a marker for what is large": {entry: marker(), reason: preblock.ReasonOversized},
		"a key nobody has": {
			entry: status(t, "bad"), reason: preblock.ReasonUnknownKey,
			prepare: func(w *world) { delete(w.operators, string(consensus(1))) },
		},
		"a second key of one operator": {
			entry: status(t, "bad"), reason: preblock.ReasonRepeatedOperator,
			prepare: func(w *world) { w.operators[string(consensus(1))] = operator(0) },
		},
		"the status of no node": {
			entry: status(t, "bad"), reason: preblock.ReasonUnknownNode, attests: true,
			prepare: failStatus(schedulingtypes.ErrNodeNotFound.Wrap("none")),
		},
		"one environment class too many": {
			entry: status(t, "bad"), reason: preblock.ReasonRefusedStatus, attests: true,
			prepare: failStatus(schedulingtypes.ErrTooManyEnvironmentClasses.Wrap("full")),
		},
		"a status the module refuses": {
			entry: status(t, "bad"), reason: preblock.ReasonRefusedStatus, attests: true,
			prepare: failStatus(schedulingtypes.ErrInvalidStatus.Wrap("bad")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tc.prepare != nil {
				tc.prepare(w)
			}
			require.NoError(t, w.run(t, status(t, "zero"), tc.entry, status(t, "two")))
			require.Equal(t, []string{"C001 " + tc.reason}, w.ignored(t))
			require.Empty(t, w.dropped(t))
			require.Equal(t, map[string]string{
				modulesKey: "\x01", "votes": "\x01", "status/\x0e\x00": "zero", "status/\x0e\x02": "two",
			}, w.state())
			var voters []string
			for _, v := range w.votes {
				voters = append(voters, v.Operator)
				if tc.attends && v.Operator == operator(1).String() {
					require.Equal(t, verificationtypes.OperatorVotes{Operator: v.Operator}, v)
					continue
				}
				require.Equal(t, []verificationtypes.Attestation{attestation()}, v.Attestations)
			}
			want := []string{operator(0).String(), operator(2).String()}
			if tc.attests || tc.attends {
				want = []string{operator(0).String(), operator(1).String(), operator(2).String()}
			}
			require.Equal(t, want, voters)
		})
	}
}

// failStatus makes the scheduling keeper fail with the status of validator 1.
func failStatus(err error) func(w *world) {
	return func(w *world) {
		w.setStatus = func(o sdk.ValAddress) error {
			if o.Equals(operator(1)) {
				return err
			}
			return nil
		}
	}
}

// TestSilenceIsNoOffence checks that absent validators and empty extensions cause no events, and that an empty
// extension is a vote that says nothing: the validator was there.
func TestSilenceIsNoOffence(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.run(t, abcitypes.InjectedEntry{}, present(nil), status(t, "two")))
	require.Empty(t, w.ignored(t))
	require.Len(t, w.votes, 2)
	require.Equal(t, verificationtypes.OperatorVotes{Operator: operator(1).String()}, w.votes[0])
	require.Equal(t, operator(2).String(), w.votes[1].Operator)
}

// TestEverythingSaidIsPassedOn checks that each list of an extension reaches the keeper as it is.
func TestEverythingSaidIsPassedOn(t *testing.T) {
	fill := bytes.Repeat([]byte{7}, 32)
	ext := abcitypes.VoteExtension{
		Version:      voteext.Version,
		Attestations: []verificationtypes.Attestation{attestation()},
		Outputs:      []verificationtypes.PublishedOutput{{RequestId: 2, Attempt: 1, Output: []byte("output")}},
		Commitments:  []verificationtypes.Commitment{{RequestId: 3, Attempt: 1, Commitment: fill}},
		Reveals: []verificationtypes.Reveal{{
			Attestation: verificationtypes.Attestation{
				RequestId: 4, Attempt: 2, EnvironmentClass: 1, Outcome: verificationtypes.Outcome{OutputRoot: fill},
			},
			Salt: fill,
		}},
		Models: []modelstypes.ModelAttestation{
			{Model: fill, EnvironmentClass: 1, OutputRoot: fill, Outputs: []byte("golden")},
			{Model: fill, EnvironmentClass: 2, Failure: modelstypes.MODEL_FAILURE_CRASH},
		},
	}
	b, err := voteext.Encode(ext)
	require.NoError(t, err)
	w := newWorld(t)
	require.NoError(t, w.run(t, present(b), present(nil)))
	require.Equal(t, []modelstypes.OperatorAttestations{{Operator: operator(0).String(), Attestations: ext.Models}}, w.tried)
	require.Equal(t, []verificationtypes.OperatorVotes{{
		Operator: operator(0).String(), Commitments: ext.Commitments, Attestations: ext.Attestations,
		Reveals: ext.Reveals, Outputs: ext.Outputs,
	}, {Operator: operator(1).String()}}, w.votes)
}

// TestReasonsKeepTheOrderOfTheCommit checks that several bad extensions give one event each, the same everywhere.
func TestReasonsKeepTheOrderOfTheCommit(t *testing.T) {
	w := newWorld(t)
	delete(w.operators, string(consensus(2)))
	require.NoError(t, w.run(t, marker(), present([]byte("x")), status(t, "two"), status(t, "three"), marker()))
	require.Equal(t, []string{
		"C000 " + preblock.ReasonOversized, "C001 " + preblock.ReasonMalformed, "C002 " + preblock.ReasonUnknownKey,
		"C004 " + preblock.ReasonOversized,
	}, w.ignored(t))
}

// TestFaultsDropTheInjectionWhole checks that an inconsistent state below costs a block its vote extensions and
// nothing else: the modules' own work stays, no error leaves the pre-blocker, an event says why.
func TestFaultsDropTheInjectionWhole(t *testing.T) {
	broken := errors.New("broken index")
	for name, tc := range map[string]struct {
		prepare func(w *world)
		cause   string
	}{
		"the inference keeper fails": {func(w *world) { w.record = func() error { return broken } }, "broken index"},
		"the inference keeper panics": {
			func(w *world) { w.record = func() error { panic(broken) } }, "panicked: broken index",
		},
		"the inference keeper panics with nil": {
			func(w *world) { w.record = func() error { panic(fmt.Sprint(nil)) } }, "panicked",
		},
		"the inference keeper runs out of gas": {
			func(w *world) {
				w.record = func() error { panic(storetypes.ErrorOutOfGas{Descriptor: "x"}) }
			}, "panicked",
		},
		"the models keeper fails":      {func(w *world) { w.try = func() error { return broken } }, "attestations of models: broken index"},
		"the models keeper panics":     {func(w *world) { w.try = func() error { panic(broken) } }, "panicked: broken index"},
		"the scheduling keeper fails":  {failStatus(broken), "broken index"},
		"the scheduling keeper panics": {func(w *world) { w.setStatus = func(sdk.ValAddress) error { panic(broken) } }, "panicked: broken index"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.prepare(w)
			require.NoError(t, w.run(t, status(t, "zero"), status(t, "one"), present([]byte("garbage"))))
			require.Equal(t, map[string]string{modulesKey: "\x01"}, w.state())
			require.Len(t, w.dropped(t), 1)
			require.Contains(t, w.dropped(t)[0], tc.cause)
			require.Empty(t, w.ignored(t), "events of what was rolled back")
		})
	}
}

// TestInjectionsThatCannotBe checks blocks that no honest validator accepts: still no halt.
func TestInjectionsThatCannotBe(t *testing.T) {
	for name, tx := range map[string][]byte{
		"an ordinary transaction": []byte("transaction"),
		"the magic alone":         proposal.Magic,
		"nothing":                 nil,
		"a cut off commit":        append(append([]byte{}, proposal.Magic...), 0x08),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.runTxs(t, 2, tx))
			require.Len(t, w.dropped(t), 1)
			require.Zero(t, w.recorded)
			require.Equal(t, map[string]string{modulesKey: "\x01"}, w.state())
		})
	}
	t.Run("more entries than validators", func(t *testing.T) {
		w := newWorld(t)
		tx, err := proposal.Encode(abcitypes.InjectedCommit{
			Version: proposal.Version, Entries: []abcitypes.InjectedEntry{status(t, "zero"), status(t, "one"), marker()},
		})
		require.NoError(t, err)
		require.NoError(t, w.runTxs(t, 1, tx))
		require.Len(t, w.votes, 1)
		require.Empty(t, w.ignored(t))
	})
	t.Run("fewer entries than validators", func(t *testing.T) {
		w := newWorld(t)
		tx, err := proposal.Encode(abcitypes.InjectedCommit{Version: proposal.Version, Entries: []abcitypes.InjectedEntry{status(t, "zero")}})
		require.NoError(t, err)
		require.NoError(t, w.runTxs(t, 3, tx))
		require.Len(t, w.votes, 1)
	})
}

// TestBlocksWithoutInjection checks the blocks that carry none: nothing is recorded and nothing is missed.
func TestBlocksWithoutInjection(t *testing.T) {
	for name, run := range map[string]func(w *world) error{
		"the first block": func(w *world) error { return w.runTxs(t, 0, []byte("transaction")) },
		"no transactions": func(w *world) error { return w.runTxs(t, 2) },
		"before extensions": func(w *world) error {
			w.ctx = w.ctx.WithConsensusParams(cmtproto.ConsensusParams{Abci: &cmtproto.ABCIParams{VoteExtensionsEnableHeight: 5}})
			return w.runTxs(t, 2, []byte("transaction"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, run(w))
			require.Zero(t, w.recorded)
			require.Empty(t, w.dropped(t))
			require.Equal(t, map[string]string{modulesKey: "\x01"}, w.state())
		})
	}
}

// TestModulesComeFirst checks that a fault of the modules' own pre-blockers is an error, and comes before any vote.
func TestModulesComeFirst(t *testing.T) {
	w := newWorld(t)
	w.modules = errors.New("upgrade needed")
	require.ErrorIs(t, w.run(t, status(t, "zero")), w.modules)
	require.Zero(t, w.recorded)
}
