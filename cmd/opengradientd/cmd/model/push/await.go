package push

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Stage is where a model stands on its way to being admitted.
type Stage struct {
	Status types.ModelStatus
	// Said is the power of the nodes that have attested the model, or a failure; Power that of all that take work.
	Said, Power int64
}

// Follower watches a model.
type Follower struct {
	Queries    types.QueryClient
	Scheduling schedulingtypes.QueryClient
	// Interval is the time between two looks.
	Interval time.Duration
}

// Await returns the model once a verdict has been reached. stage is told of every change; it may be nil.
func (f Follower) Await(ctx context.Context, sha256 string, stage func(Stage)) (types.Model, error) {
	ticker := time.NewTicker(f.Interval)
	defer ticker.Stop()
	var last Stage
	failures := 0
	for {
		model, now, err := f.look(ctx, sha256)
		switch {
		case err != nil && ctx.Err() == nil && failures < maxFailures:
			failures++
		case err != nil:
			return types.Model{}, fmt.Errorf("the model is registered, its verdict is still open (see \"model show %s\"): %w", sha256, err)
		default:
			failures = 0
			if stage != nil && now != last {
				stage(now)
			}
			last = now
			if now.Status != types.MODEL_STATUS_INSPECTING && now.Status != types.MODEL_STATUS_ADMITTING {
				return model, nil
			}
		}
		select {
		case <-ctx.Done():
			return types.Model{}, fmt.Errorf("the model is registered, its verdict is still open (see \"model show %s\"): %w", sha256, ctx.Err())
		case <-ticker.C:
		}
	}
}

// maxFailures is how often in a row a node may fail to answer.
const maxFailures = 10

func (f Follower) look(ctx context.Context, sha256 string) (types.Model, Stage, error) {
	res, err := f.Queries.Model(ctx, &types.QueryModelRequest{Model: sha256})
	if err != nil {
		return types.Model{}, Stage{}, err
	}
	stage := Stage{Status: res.Model.Status}
	if stage.Status != types.MODEL_STATUS_ADMITTING {
		return res.Model, stage, nil
	}
	powers, err := Powers(ctx, f.Scheduling)
	if err != nil {
		return types.Model{}, Stage{}, err
	}
	proofs, err := Proofs(ctx, f.Queries, sha256)
	if err != nil {
		return types.Model{}, Stage{}, err
	}
	said := make(map[string]bool)
	for _, p := range proofs {
		said[p.Operator] = true
	}
	for operator, power := range powers {
		stage.Power += power
		if said[operator] {
			stage.Said += power
		}
	}
	return res.Model, stage, nil
}

// Powers are the powers of the nodes that take work now, by operator.
func Powers(ctx context.Context, queries schedulingtypes.QueryClient) (map[string]int64, error) {
	powers := make(map[string]int64)
	var key []byte
	for {
		res, err := queries.Nodes(ctx, &schedulingtypes.QueryNodesRequest{Pagination: &query.PageRequest{Key: key}})
		if err != nil {
			return nil, err
		}
		for _, n := range res.Nodes {
			if n.Eligible {
				powers[n.Node.Operator] = n.Power
			}
		}
		if res.Pagination == nil || len(res.Pagination.NextKey) == 0 {
			return powers, nil
		}
		key = res.Pagination.NextKey
	}
}

// Proofs are what the nodes say of a model.
func Proofs(ctx context.Context, queries types.QueryClient, reference string) ([]types.NodeProof, error) {
	var list []types.NodeProof
	var key []byte
	for {
		res, err := queries.Proofs(ctx, &types.QueryProofsRequest{Model: reference, Pagination: &query.PageRequest{Key: key}})
		if err != nil {
			return nil, err
		}
		list = append(list, res.Proofs...)
		if res.Pagination == nil || len(res.Pagination.NextKey) == 0 {
			return list, nil
		}
		key = res.Pagination.NextKey
	}
}

// Rejection is the error of a model that was not admitted: the reason, the detail, and who said what.
func Rejection(m types.Model, proofs []types.NodeProof) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d is %s", m.Name, m.Version, m.Status.Word())
	if m.Verdict.Reason != "" {
		fmt.Fprintf(&b, ", reason %s", m.Verdict.Reason)
	}
	if m.Verdict.Detail != "" {
		fmt.Fprintf(&b, ": %s", m.Verdict.Detail)
	}
	for _, p := range proofs {
		if p.Failure != types.MODEL_FAILURE_NONE {
			fmt.Fprintf(&b, "\n  %s, class %d: %s", p.Operator, p.EnvironmentClass, p.Failure.Word())
			continue
		}
		fmt.Fprintf(&b, "\n  %s, class %d: output root %x", p.Operator, p.EnvironmentClass, p.OutputRoot)
	}
	return fmt.Errorf("%w: %s", ErrRejected, b.String())
}
