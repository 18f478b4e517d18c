package app_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelskeeper "github.com/opengradient/opengradient/x/models/keeper"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// instructions is an environment class that differs from that of test chains in its instruction set.
func instructions(isa string) *schedulingtypes.EnvironmentClass {
	environment := chaintest.Environment()
	environment.Isa = isa
	return environment
}

// models asks x/models of a chain.
func models(c *chaintest.Chain) modelstypes.QueryServer {
	return modelskeeper.NewQueryServer(c.App.ModelsKeeper)
}

// proofs are what the nodes of a chain attest of a model.
func proofs(t *testing.T, c *chaintest.Chain, reference string) []modelstypes.NodeProof {
	t.Helper()
	resp, err := models(c).Proofs(c.Ctx(), &modelstypes.QueryProofsRequest{Model: reference})
	require.NoError(t, err)
	return resp.Proofs
}

// certificate is that of the model "linear".
func certificate(t *testing.T, c *chaintest.Chain) modelstypes.Certificate {
	t.Helper()
	resp, err := models(c).Certificate(c.Ctx(), &modelstypes.QueryCertificateRequest{Model: "linear"})
	require.NoError(t, err)
	return resp.Certificate
}

// ready is the number of nodes that have a model loaded and could run it now.
func ready(t *testing.T, c *chaintest.Chain, reference string) uint32 {
	t.Helper()
	resp, err := models(c).Model(c.Ctx(), &modelstypes.QueryModelRequest{Model: reference})
	require.NoError(t, err)
	return resp.NodesReady
}

// eligible is the power that a request for a model counts.
func eligible(t *testing.T, c *chaintest.Chain, m modelstypes.Model) int64 {
	t.Helper()
	id, err := m.ID()
	require.NoError(t, err)
	power, _, err := c.App.SchedulingKeeper.EligiblePower(c.Ctx(), id, m.TaskClass, m.Inspection.SessionBytes)
	require.NoError(t, err)
	return power
}

// members are the operators that take part in the attempt of a request.
func members(t *testing.T, c *chaintest.Chain, id uint64) (operators []string) {
	t.Helper()
	round, err := c.App.VerificationKeeper.Rounds.Get(c.Ctx(), id)
	require.NoError(t, err)
	snapshot, err := c.App.VerificationKeeper.Snapshot(c.Ctx(), round.SnapshotId)
	require.NoError(t, err)
	for _, m := range snapshot.Members {
		operators = append(operators, m.Operator)
	}
	return operators
}

// ask submits requests of the first account, and returns the id of the first.
func ask(t *testing.T, c *chaintest.Chain, n int) uint64 {
	t.Helper()
	id := nextRequestID(t, c)
	deliver(t, c, c.Tx(c.Accounts[0], 0, submission(c.Accounts[0].Address, n)))
	return id
}

func requireFinal(t *testing.T, c *chaintest.Chain, ids ...uint64) {
	t.Helper()
	for _, id := range ids {
		r := request(t, c, id)
		require.Equal(t, inferencetypes.REQUEST_STATUS_FINALIZED, r.Status, "request %d: %s", id, r.FailureReason)
	}
}

// blocks lets so many pass.
func blocks(c *chaintest.Chain, n int) {
	for range n {
		c.Next()
	}
}

// twoClasses has the last two of four validators run in another environment class, in which golden outputs are moved by a
// part of their scale.
func twoClasses(c *chaintest.Chain, moved float64) chaintest.Attester {
	return chaintest.Attester{
		Output: answer,
		Environment: func(i int) *schedulingtypes.EnvironmentClass {
			return instructions(map[bool]string{true: "avx512", false: "avx2"}[i >= 2])
		},
		Try: func(i int, m modelstypes.Model, _ uint32) chaintest.Trial {
			if i < 2 {
				return chaintest.Trial{Outputs: c.Golden(m, 0)}
			}
			return chaintest.Trial{Outputs: c.Golden(m, moved)}
		},
	}
}

// TestAdmissionAcrossClasses: two classes whose outputs are within the tolerance share a certificate, and all their nodes
// are members of what follows.
func TestAdmissionAcrossClasses(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	c.AttestWith(twoClasses(c, 1e-6))
	blocks(c, 2)
	m := register(t, c)
	require.Equal(t, modelstypes.MODEL_STATUS_ACTIVE, m.Status)
	require.Equal(t, c.Height(), m.AdmittedHeight)

	cert := certificate(t, c)
	require.Equal(t, m.Sha256, cert.Model)
	require.Len(t, cert.Classes, 2)
	var roots []tensor.Root
	for i, moved := range []float64{0, 1e-6} {
		roots = append(roots, tensor.MerkleRoot(c.Golden(m, moved)))
		require.EqualValues(t, i+1, cert.Classes[i].EnvironmentClass)
		require.Equal(t, roots[i][:], cert.Classes[i].OutputRoot, "what every node of the class computes")
	}
	require.NotEqual(t, roots[0], roots[1])
	shown := tensor.MerkleRoot(cert.Outputs)
	require.Equal(t, cert.OutputRoot, shown[:], "the outputs are there for everybody to compare with")
	require.EqualValues(t, 4, ready(t, c, "linear"))
	require.EqualValues(t, 40, eligible(t, c, m))

	id := ask(t, c, 1)
	require.Len(t, members(t, c, id), 4)
	blocks(c, 3)
	requireFinal(t, c, id)
}

// TestDisagreementRejects: beyond the tolerance no class has a quorum, and the reason says so.
func TestDisagreementRejects(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	c.AttestWith(twoClasses(c, 1e-3))
	blocks(c, 2)
	from := c.Accounts[0]
	deliver(t, c, c.Tx(from, 0, registration(from.Address, "linear", 1)))
	c.Next()
	m := c.Model("linear:1")
	require.Equal(t, modelstypes.MODEL_STATUS_REJECTED, m.Status)
	require.Equal(t, modelstypes.ReasonDisagreement, m.Verdict.Reason)
	require.Len(t, proofs(t, c, "linear:1"), 4)
	require.Zero(t, ready(t, c, "linear:1"))
}

// TestFailuresReject: a model that crashes workers is never schedulable, and everybody can read who said what.
func TestFailuresReject(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	said := []modelstypes.ModelFailure{
		modelstypes.MODEL_FAILURE_CRASH, modelstypes.MODEL_FAILURE_TIMEOUT, modelstypes.MODEL_FAILURE_CRASH, modelstypes.MODEL_FAILURE_CRASH,
	}
	c.AttestWith(chaintest.Attester{Output: answer, Try: func(i int, _ modelstypes.Model, _ uint32) chaintest.Trial {
		return chaintest.Trial{Failure: said[i]}
	}})
	blocks(c, 2)
	from := c.Accounts[0]
	deliver(t, c, c.Tx(from, 0, registration(from.Address, "linear", 1)))
	resp := c.Next()
	m := c.Model("linear:1")
	require.Equal(t, modelstypes.MODEL_STATUS_REJECTED, m.Status)
	require.Equal(t, "crash", m.Verdict.Reason)
	require.Equal(t, c.Height(), m.Verdict.Height)
	status := typedEvents(t, resp, &modelstypes.EventModelStatus{})
	require.Len(t, status, 1)
	require.Equal(t, "crash", status[0].Reason)
	found := map[string]modelstypes.ModelFailure{}
	for _, p := range proofs(t, c, "linear:1") {
		found[p.Operator] = p.Failure
	}
	for i, failure := range said {
		require.Equal(t, failure, found[chaintest.Operator(i).String()], "validator %d", i)
	}
	resp = c.Next(c.Tx(from, 0, &inferencetypes.MsgSubmitRequests{
		Requester: from.Address.String(), Model: "linear:1", Tier: inferencetypes.TIER_QUORUM,
		MaxFee: submission(from.Address, 1).MaxFee, Requests: submission(from.Address, 1).Requests,
	}))
	require.Equal(t, inferencetypes.ErrModelNotUsable.ABCICode(), resp.TxResults[1].Code, resp.TxResults[1].Log)
	require.Contains(t, resp.TxResults[1].Log, "got MODEL_STATUS_REJECTED")
}

// TestSilenceExpires: without a quorum an admission ends at its deadline, and its owner may ask for another.
func TestSilenceExpires(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{Edit: func(state map[string]json.RawMessage) {
		editGenesis(t, state, modelstypes.ModuleName, func(g *modelstypes.GenesisState) { g.Params.AdmissionBlocks = 6 })
	}})
	silent := true
	c.AttestWith(chaintest.Attester{Output: answer, Try: func(i int, m modelstypes.Model, _ uint32) chaintest.Trial {
		if silent && i >= 2 {
			return chaintest.Trial{}
		}
		return chaintest.Trial{Outputs: c.Golden(m, 0)}
	}})
	blocks(c, 2)
	from := c.Accounts[0]
	deliver(t, c, c.Tx(from, 0, registration(from.Address, "linear", 1)))
	deadline := c.Height() + 6
	require.Equal(t, deadline, c.Model("linear:1").Deadline)
	for c.Height() < deadline-1 {
		c.Next()
		require.Equal(t, modelstypes.MODEL_STATUS_ADMITTING, c.Model("linear:1").Status)
	}
	c.Next()
	m := c.Model("linear:1")
	require.Equal(t, modelstypes.MODEL_STATUS_EXPIRED, m.Status)
	require.Equal(t, modelstypes.ReasonNoQuorum, m.Verdict.Reason)
	require.Zero(t, eligible(t, c, m))

	silent = false
	deliver(t, c, c.Tx(from, 0, &modelstypes.MsgRequestAdmission{Owner: from.Address.String(), Model: "linear:1"}))
	c.Admitted("linear")
	id := ask(t, c, 1)
	blocks(c, 3)
	requireFinal(t, c, id)
}
