package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func TestAdmission(t *testing.T) {
	f := newFixture(t)
	m := f.register("iris", onnx(1))
	f.attest(0, f.ran(m, 1, 1))
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("iris:1"), "40 of 100")
	f.attest(1, f.ran(m, 1, 1))
	require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("iris:1"), "verdicts come at the end of the block")
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	f.endBlock()
	m = f.model("iris")
	require.Equal(t, types.MODEL_STATUS_ACTIVE, m.Status, "70 of 100, and latest points to it")
	require.True(t, m.Usable())
	require.EqualValues(t, 11, m.AdmittedHeight)
	require.Zero(t, m.Deadline)
	requireEvent(t, f.ctx, "opengradient.models.v1.EventClassProven", "environment_class", "1")

	cert := f.certificate(m)
	outputs, root := f.outputs(m, 1)
	require.Equal(t, types.Certificate{
		Model: m.Sha256, OutputRoot: root, Outputs: outputs, Classes: []types.ClassProof{{EnvironmentClass: 1, OutputRoot: root, ProvenHeight: 11}},
	}, cert)
	require.Equal(t, []bool{true, true, false}, []bool{f.proved(m, 0, 1), f.proved(m, 1, 1), f.proved(m, 2, 1)})

	// A node that comes later proves itself by the root of its class, at once.
	f.attest(2, without(f.ran(m, 1, 1)))
	require.True(t, f.proved(m, 2, 1))
	checkState(f)
}

// TestWhoDisagreesIsNotProved: the model is admitted, but not for a node that computes something else.
func TestWhoDisagreesIsNotProved(t *testing.T) {
	f := newFixture(t)
	m := f.register("iris", onnx(1))
	for i, value := range []float32{1, 1, 1.000001} {
		f.attest(i, f.ran(m, 1, value))
	}
	f.attest(2, failure(m, 2, types.MODEL_FAILURE_LOAD))
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ACTIVE, f.status("iris"))
	require.True(t, f.proved(m, 1, 1))
	require.False(t, f.proved(m, 2, 1), "within the tolerance, but in a class that has another root")
	require.False(t, f.proved(m, 2, 2))
}

func TestRejection(t *testing.T) {
	f := newFixture(t)
	m := f.register("crash", onnx(1))
	f.attest(0, failure(m, 1, types.MODEL_FAILURE_CRASH))
	f.endBlock()
	m = f.model("crash:1")
	require.Equal(t, types.MODEL_STATUS_REJECTED, m.Status, "40 of 100 keep more than two thirds from being reached")
	require.Equal(t, "crash", m.Verdict.Reason)
	require.Equal(t, "nodes with 40 of 100 power failed or disagree", m.Verdict.Detail)
	proofs, err := f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: "crash:1"})
	require.NoError(t, err)
	require.Equal(t, []types.NodeProof{{Operator: operator(0), EnvironmentClass: 1, Failure: types.MODEL_FAILURE_CRASH, Height: 10}}, proofs.Proofs, "who said what")
	_, err = f.queries.Certificate(f.ctx, &types.QueryCertificateRequest{Model: "crash:1"})
	require.ErrorIs(t, err, types.ErrNoCertificate)
	checkState(f)

	other := f.register("split", onnx(2))
	for i, value := range []float32{1, 2, 3} {
		f.attest(i, f.ran(other, 1, value))
	}
	f.endBlock()
	require.Equal(t, types.ReasonDisagreement, f.model("split:1").Verdict.Reason)
	checkState(f)
}

func TestExpiry(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.AdmissionBlocks = 3 })
	m := f.register("slow", onnx(1))
	f.attest(1, f.ran(m, 1, 1))
	f.attest(2, failure(m, 1, types.MODEL_FAILURE_TIMEOUT))
	f.endBlocks(3)
	require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("slow:1"))
	f.endBlock()
	m = f.model("slow:1")
	require.Equal(t, types.MODEL_STATUS_EXPIRED, m.Status)
	require.Equal(t, types.ReasonNoQuorum, m.Verdict.Reason)
	require.Equal(t, "nodes with 30 of 100 power agree, 40 said nothing that could be compared", m.Verdict.Detail)
	checkState(f)

	// Another admission: the fee again, failures forgotten, roots kept.
	f.requireUnchanged(func() { require.ErrorIs(t, f.k.RequestAdmission(f.ctx, bob, "slow:1"), types.ErrNotOwner) })
	before := f.balance(communityPool)
	_, err := f.msgs.RequestAdmission(f.ctx, &types.MsgRequestAdmission{Owner: alice.String(), Model: "slow:1"})
	require.NoError(t, err)
	require.EqualValues(t, fee, f.balance(communityPool)-before)
	m = f.model("slow:1")
	require.Equal(t, types.MODEL_STATUS_ADMITTING, m.Status)
	require.Empty(t, m.Verdict)
	proofs, err := f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: "slow:1"})
	require.NoError(t, err)
	require.Len(t, proofs.Proofs, 1)
	require.Equal(t, operator(1), proofs.Proofs[0].Operator)
	require.Equal(t, f.ctx.BlockHeight()+3, m.Deadline)
	f.attest(0, f.ran(m, 1, 1))
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ACTIVE, f.status("slow:1"), "40 and the 30 that stood")
	require.ErrorIs(t, f.k.RequestAdmission(f.ctx, alice, "slow:1"), types.ErrStatus)
	checkState(f)
}

// TestBlockOfTheDeadlineCounts: what comes with the last block of an admission still counts.
func TestBlockOfTheDeadlineCounts(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.AdmissionBlocks = 2 })
	m := f.register("iris", onnx(1))
	f.endBlocks(2)
	require.Equal(t, m.Deadline, f.ctx.BlockHeight())
	f.admit(m)
}

// TestEveryAdmissionEnds: also when the nodes cannot be counted.
func TestEveryAdmissionEnds(t *testing.T) {
	for name, breakIt := range map[string]func(*fixture){
		"no voters":             func(f *fixture) { f.scheduling.voters = nil },
		"voters that fail":      func(f *fixture) { f.scheduling.broken = errBroken },
		"a voter of no address": func(f *fixture) { f.scheduling.voters[0].Operator = "nobody" },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.setParams(func(p *types.Params) { p.AdmissionBlocks = 2 })
			m := f.register("iris", onnx(1))
			f.attest(0, f.ran(m, 1, 1))
			breakIt(f)
			f.endBlocks(3)
			require.Equal(t, types.MODEL_STATUS_EXPIRED, f.status("iris:1"))
			checkState(f)
		})
	}
}

// TestNodesAreCountedOncePerBlock: judging many models asks for the voters once, whatever memory each needs.
func TestNodesAreCountedOncePerBlock(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		m := f.register("many", onnx(i))
		id, err := m.ID()
		require.NoError(t, err)
		m.Inspection.SessionBytes += uint64(i)
		require.NoError(t, f.k.Models.Set(f.ctx, id, m))
		f.attest(0, f.ran(m, 1, 1))
	}
	f.endBlock()
	require.Equal(t, 1, f.scheduling.asked)
}

func TestTolerance(t *testing.T) {
	f := newFixture(t)
	f.nodes(1, 40, 35, 25)
	f.scheduling.voters[1].EnvironmentClass = 2
	m := f.register("iris", onnx(1))
	f.attest(0, f.ran(m, 1, 1))
	f.attest(1, without(f.ran(m, 2, 1.000001)))
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("iris:1"), "nobody has shown what class 2 gives")
	f.attest(1, f.ran(m, 2, 1.000001))
	f.endBlock()
	m = f.model("iris")
	require.Equal(t, types.MODEL_STATUS_ACTIVE, m.Status)
	cert := f.certificate(m)
	require.Len(t, cert.Classes, 2)
	_, root := f.outputs(m, 1)
	_, other := f.outputs(m, 1.000001)
	require.Equal(t, root, cert.OutputRoot)
	require.Equal(t, other, cert.Classes[1].OutputRoot)
	require.True(t, f.proved(m, 1, 2))
	f.attest(2, f.ran(m, 2, 1))
	f.endBlock()
	require.False(t, f.proved(m, 2, 2), "not the root of its class")
	checkState(f)

	far := f.register("far", onnx(2))
	f.attest(0, f.ran(far, 1, 1))
	f.attest(1, f.ran(far, 2, 1.1))
	f.endBlock()
	require.Equal(t, types.ReasonDisagreement, f.model("far:1").Verdict.Reason)
}

// TestCertificateGrows: classes that come after the admission, and nodes that prepare one.
func TestCertificateGrows(t *testing.T) {
	f := newFixture(t)
	m := f.active(1)
	// All nodes pre-attest class 7, whose bits differ within the tolerance; the first shows the outputs.
	f.attest(0, without(f.ran(m, 7, 1.000001)))
	f.endBlock()
	require.False(t, f.proved(m, 0, 7), "not to be compared yet")
	f.attest(1, f.ran(m, 7, 1.000001))
	f.attest(2, without(f.ran(m, 7, 1.000001)))
	f.ctx = f.ctx.WithEventManager(sdk.NewEventManager())
	f.endBlock()
	require.Len(t, f.certificate(m).Classes, 2)
	requireEvent(t, f.ctx, "opengradient.models.v1.EventClassProven", "environment_class", "7")
	for node := range 3 {
		require.True(t, f.proved(m, node, 7), "no gap when they restart in it")
	}
	// A class that is far away is not proven, one with the very root is, whatever else it shows.
	f.attest(0, f.ran(m, 8, 2), without(f.ran(m, 9, 1)))
	f.endBlock()
	require.False(t, f.proved(m, 0, 8))
	require.True(t, f.proved(m, 0, 9))
	checkState(f)
}

// TestFirstOfAClassCannotKeepOthersOut: within a class the root with most power counts, also after the admission.
func TestFirstOfAClassCannotKeepOthersOut(t *testing.T) {
	f := newFixture(t)
	m := f.active(1)
	f.attest(2, f.ran(m, 5, 1)) // 30, copied from class 1
	f.endBlock()
	require.True(t, f.proved(m, 2, 5))
	f.attest(1, f.ran(m, 5, 1.000001)) // 30: no more than the first
	f.endBlock()
	require.False(t, f.proved(m, 1, 5))
	f.attest(0, f.ran(m, 5, 1.000001)) // 70
	f.endBlock()
	require.True(t, f.proved(m, 0, 5))
	require.True(t, f.proved(m, 1, 5))
	root, _ := f.certificate(m).ClassRoot(5)
	_, want := f.outputs(m, 1.000001)
	require.Equal(t, want, root)
}

// TestOutputsThatNobodyShows: a model is admitted on equal roots alone; the certificate gets the outputs when they come.
func TestOutputsThatNobodyShows(t *testing.T) {
	f := newFixture(t)
	m := f.register("iris", onnx(1))
	f.attest(0, without(f.ran(m, 1, 1)))
	f.attest(1, without(f.ran(m, 1, 1)))
	f.endBlock()
	m = f.model("iris")
	require.Empty(t, f.certificate(m).Outputs)
	f.attest(2, f.ran(m, 1, 1))
	f.endBlock()
	outputs, _ := f.outputs(m, 1)
	require.Equal(t, outputs, f.certificate(m).Outputs)
	require.True(t, f.proved(m, 2, 1))
}

func TestAttestationsThatAreIgnored(t *testing.T) {
	f := newFixture(t)
	m := f.register("iris", onnx(1))
	over := f.register("over", onnx(2))
	f.attest(0, failure(over, 1, types.MODEL_FAILURE_LOAD))
	f.endBlock()
	f.attest(0, f.ran(m, 1, 1))
	good := f.ran(m, 1, 1)
	for name, a := range map[string]types.ModelAttestation{
		"a model that is unknown":     {Model: make([]byte, 32), EnvironmentClass: 1, OutputRoot: good.OutputRoot},
		"a model id of 31 bytes":      {Model: good.Model[1:], EnvironmentClass: 1, OutputRoot: good.OutputRoot},
		"no model":                    {EnvironmentClass: 1, OutputRoot: good.OutputRoot},
		"a class that is unknown":     {Model: good.Model, EnvironmentClass: 100, OutputRoot: good.OutputRoot},
		"class 0":                     {Model: good.Model, OutputRoot: good.OutputRoot},
		"a root of 31 bytes":          {Model: good.Model, EnvironmentClass: 2, OutputRoot: good.OutputRoot[1:]},
		"neither root nor failure":    {Model: good.Model, EnvironmentClass: 2},
		"both":                        {Model: good.Model, EnvironmentClass: 2, OutputRoot: good.OutputRoot, Failure: types.MODEL_FAILURE_LOAD},
		"a failure that is unknown":   {Model: good.Model, EnvironmentClass: 2, Failure: 99},
		"another root":                {Model: good.Model, EnvironmentClass: 1, OutputRoot: make([]byte, 32)},
		"a failure after a root":      failure(m, 1, types.MODEL_FAILURE_CRASH),
		"the same again":              good,
		"a model that was rejected":   failure(over, 2, types.MODEL_FAILURE_LOAD),
		"a failure that shows output": {Model: good.Model, EnvironmentClass: 2, Failure: types.MODEL_FAILURE_LOAD, Outputs: []byte{1}},
	} {
		t.Run(name, func(t *testing.T) {
			f.requireUnchanged(func() { f.attest(0, a) })
		})
	}
	f.requireUnchanged(func() {
		require.NoError(t, f.k.RecordAttestations(f.ctx, []types.OperatorAttestations{{Operator: "nobody", Attestations: []types.ModelAttestation{good}}}))
	})

	// A failure gives way to a root, and to no other failure: nobody has a model judged again and again.
	f.attest(1, failure(m, 1, types.MODEL_FAILURE_RESOURCES))
	f.requireUnchanged(func() { f.attest(1, failure(m, 1, types.MODEL_FAILURE_TIMEOUT)) })
	f.attest(1, f.ran(m, 1, 1))
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ACTIVE, f.status("iris"))
}

func TestOutputsThatAreNotTaken(t *testing.T) {
	f := newFixture(t)
	m := f.register("iris", onnx(1))
	outputs, root := f.outputs(m, 1)
	id, err := m.ID()
	require.NoError(t, err)
	shown := func() (n int) {
		it, err := f.k.Outputs.Iterate(f.ctx, nil)
		require.NoError(t, err)
		keys, err := it.Keys()
		require.NoError(t, err)
		return len(keys)
	}
	other := []byte("no golden output")
	f.attest(0, types.ModelAttestation{Model: id, EnvironmentClass: 1, OutputRoot: root, Outputs: other})
	require.Zero(t, shown(), "not those of the root")
	elsewhere, _ := f.outputs(m, 2)
	f.attest(0, types.ModelAttestation{Model: id, EnvironmentClass: 1, OutputRoot: root, Outputs: elsewhere})
	require.Zero(t, shown(), "those of another root")
	junk := f.ran(m, 2, 1)
	junk.Outputs = other
	sum := merkle(other)
	junk.OutputRoot = sum
	f.attest(0, junk)
	require.Zero(t, shown(), "not of the signature")
	f.setParams(func(p *types.Params) { p.MaxGoldenOutputBytes = uint64(len(outputs) - 1) })
	f.attest(0, f.ran(m, 1, 1))
	require.Zero(t, shown(), "too large")
	f.setParams(func(p *types.Params) { p.MaxGoldenOutputBytes = uint64(len(outputs)) })
	f.attest(0, f.ran(m, 1, 1))
	require.Equal(t, 1, shown(), "a root that stands may still be shown")
	checkState(f)
}

// TestAttestationsAreBounded: a node attests a model in at most 32 classes, and at most 64 attestations of a vote count.
func TestAttestationsAreBounded(t *testing.T) {
	f := newFixture(t)
	m := f.register("iris", onnx(1))
	for class := uint32(1); class <= 40; class++ {
		f.attest(0, without(f.ran(m, class, 1)))
	}
	proofs, err := f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: "iris:1"})
	require.NoError(t, err)
	require.Len(t, proofs.Proofs, types.MaxClasses)

	flood := make([]types.ModelAttestation, types.MaxAttestations+1)
	for i := range flood {
		flood[i] = without(f.ran(m, 1, 1))
	}
	flood[types.MaxAttestations] = without(f.ran(m, 2, 1))
	f.attest(1, flood...)
	proofs, err = f.queries.Proofs(f.ctx, &types.QueryProofsRequest{Model: "iris:1"})
	require.NoError(t, err)
	require.Len(t, proofs.Proofs, types.MaxClasses+1)
}

// TestPowersThatAreGreat: sums of powers near 2^63 do not overflow.
func TestPowersThatAreGreat(t *testing.T) {
	f := newFixture(t)
	f.scheduling.voters = []schedulingtypes.Voter{
		{Operator: operator(0), Power: 1 << 61, EnvironmentClass: 1}, {Operator: operator(1), Power: 1 << 61, EnvironmentClass: 1},
		{Operator: operator(2), Power: 1<<62 - 1, EnvironmentClass: 1},
	}
	f.scheduling.total = 1<<63 - 1
	m := f.register("iris", onnx(1))
	f.attest(0, f.ran(m, 1, 1))
	f.attest(2, f.ran(m, 1, 1))
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ACTIVE, f.status("iris"))
}

func TestRequestAdmissionNeedsAPlaceAndTheFee(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.MaxAdmissions = 1 })
	m := f.register("iris", onnx(1))
	f.attest(0, failure(m, 1, types.MODEL_FAILURE_LOAD))
	f.endBlock()
	f.register("next", onnx(2))
	cached, _ := f.ctx.CacheContext()
	require.ErrorIs(t, f.k.RequestAdmission(cached, alice, "iris:1"), types.ErrTooManyAdmissions)
	f.bank.set(f.ctx, alice.String(), sdkmath.ZeroInt())
	cached, _ = f.ctx.CacheContext()
	require.ErrorContains(t, f.k.RequestAdmission(cached, alice, "iris:1"), "admission fee")
}
