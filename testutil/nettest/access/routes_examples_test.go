//go:build nettest

package access

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// example is what a route is asked.
type example struct {
	// right are paths that are found; those of a list are asked for pages and filters, too.
	right []string
	// wrong are paths and the status of their refusal.
	wrong map[string]int
	// height is the height of the state that is asked for; 0 is that at which everything was made.
	height int64
	// list is the member of a list, if the route is one. It may have nothing in it when empty is set.
	list  string
	empty bool
	// filters are queries, with what they leave.
	filters map[string]func(element map[string]any) bool
}

// field keeps the elements in which a field, given by its path, has a value.
func field(value any, path ...string) func(map[string]any) bool {
	return func(element map[string]any) bool {
		var found any = element
		for _, name := range path {
			object, _ := found.(map[string]any)
			found = object[name]
		}
		return found == value
	}
}

func never(map[string]any) bool { return false }

const (
	bad     = http.StatusBadRequest
	missing = http.StatusNotFound
)

// examples are those of all routes.
func (a *api) examples() map[string]example {
	all := make(map[string]example)
	for _, module := range []map[string]example{a.modelExamples(), a.inferenceExamples(), a.schedulingExamples(), a.verificationExamples(), a.nodeExamples()} {
		for route, e := range module {
			all[route] = e
		}
	}
	return all
}

func (a *api) modelExamples() map[string]example {
	const base = "/opengradient/models/v1"
	other := a.other.Address.String()
	// part is a route below a model, asked by each kind of reference.
	part := func(path string) example {
		return example{
			right: []string{base + "/models/iris" + path, base + "/models/iris:1" + path, base + "/models/iris:latest" + path, base + "/models/" + a.Model + path},
			wrong: map[string]int{base + "/models/rose" + path: missing, base + "/models/iris:2" + path: missing, base + "/models/Iris" + path: bad},
		}
	}
	model, chunk, proofs := part(""), part("/chunks/0"), part("/proofs")
	chunk.wrong[base+"/models/iris/chunks/1"] = bad
	chunk.wrong[base+"/models/iris/chunks/x"] = bad
	proofs.list = "proofs"
	proofs.filters = map[string]func(map[string]any) bool{
		"operator=" + a.operator: field(a.operator, "operator"),
		"environment_class=1":    field(float64(1), "environment_class"),
		"environment_class=99":   never,
		"failed=true":            never,
		"environment_class=1&operator=" + a.operator: func(e map[string]any) bool {
			return e["operator"] == a.operator && e["environment_class"] == float64(1)
		},
	}
	proofs.wrong[base+"/models/iris/proofs?operator=x"] = bad
	return map[string]example{
		base + "/params":         {right: []string{base + "/params"}},
		base + "/models/{model}": model,
		base + "/models": {
			right: []string{base + "/models"}, list: "models",
			wrong: map[string]int{base + "/models?owner=x": bad, base + "/models?status=x": bad, base + "/models?tag=No": bad, base + "/models?pagination.key=AQ==": bad},
			filters: map[string]func(map[string]any) bool{
				"owner=" + other:                   field("routes", "name"),
				"task_class=TASK_CLASS_REGRESSION": field("TASK_CLASS_REGRESSION", "task_class"),
				"task_class=1":                     field("TASK_CLASS_CLASSIFICATION", "task_class"),
				"status=MODEL_STATUS_ACTIVE":       field("MODEL_STATUS_ACTIVE", "status"),
				"status=MODEL_STATUS_REJECTED":     field("MODEL_STATUS_REJECTED", "status"),
				"label=linear+maps":                field("routes", "name"),
				"label=linear":                     never,
				"tag=beta":                         never,
				"tag=latest&label=linear+maps":     field("routes", "name"),
				"owner=" + other + "&task_class=TASK_CLASS_CLASSIFICATION": never,
			},
		},
		base + "/names": {
			right: []string{base + "/names"}, list: "names", wrong: map[string]int{base + "/names?owner=x": bad},
			filters: map[string]func(map[string]any) bool{"owner=" + other: field(other, "owner")},
		},
		base + "/names/{name}": {
			right: []string{base + "/names/iris", base + "/names/routes"}, wrong: map[string]int{base + "/names/rose": missing, base + "/names/-": bad},
		},
		base + "/names/{name}/versions": {
			right: []string{base + "/names/iris/versions"}, list: "models",
			wrong: map[string]int{base + "/names/rose/versions": missing, base + "/names/-/versions": bad, base + "/names/iris/versions?pagination.key=AQ==": bad},
			filters: map[string]func(map[string]any) bool{
				"status=MODEL_STATUS_ACTIVE": field("MODEL_STATUS_ACTIVE", "status"), "status=MODEL_STATUS_EXPIRED": never,
			},
		},
		base + "/models/{model}/card":           part("/card"),
		base + "/models/{model}/chunks/{index}": chunk,
		base + "/models/{model}/golden":         part("/golden"),
		base + "/models/{model}/certificate":    part("/certificate"),
		base + "/models/{model}/proofs":         proofs,
		base + "/uploads": {
			right: []string{base + "/uploads"}, list: "uploads", wrong: map[string]int{base + "/uploads?owner=x": bad, base + "/uploads?pagination.key=AQ==": bad},
			filters: map[string]func(map[string]any) bool{"owner=" + other: field(other, "owner"), "owner=" + a.Signer.Address.String(): never},
		},
		base + "/uploads/{upload_id}": {
			right: []string{fmt.Sprintf("%s/uploads/%d", base, a.upload)}, wrong: map[string]int{base + "/uploads/99999": missing, base + "/uploads/x": bad},
		},
		base + "/cost": {
			right: []string{base + "/cost?size=1000&card_size=10", base + "/cost?size=100000000&reference=true"},
			wrong: map[string]int{base + "/cost?size=99999999999": bad, base + "/cost?size=-1": bad},
		},
	}
}

func (a *api) inferenceExamples() map[string]example {
	const base = "/opengradient/inference/v1"
	other, faucet := a.other.Address.String(), a.Signer.Address.String()
	request := fmt.Sprintf("%s/requests/%d", base, a.requests[0])
	schedule := fmt.Sprintf("%s/schedules/%d", base, a.schedule)
	// part is a route below a request.
	part := func(path string) example {
		return example{
			right: []string{request + path, fmt.Sprintf("%s/requests/%d%s", base, a.sealed, path)},
			wrong: map[string]int{base + "/requests/99999" + path: missing, base + "/requests/x" + path: bad, base + "/requests/-1" + path: bad},
		}
	}
	return map[string]example{
		base + "/params": {right: []string{base + "/params"}},
		base + "/models/{model}/quote": {
			right: []string{base + "/models/iris/quote", base + "/models/iris:1/quote?tier=TIER_COMMITTEE&fee_class=FEE_CLASS_PRIORITY&symbols=" + "N%3D10"},
			wrong: map[string]int{
				base + "/models/rose/quote": missing, base + "/models/Rose/quote": bad, base + "/models/iris/quote?symbols=x": bad,
				base + "/models/iris/quote?tier=TIER_NONE": bad, base + "/models/iris/quote?outputs=none": bad, base + "/models/iris/quote?symbols=N%3D99999999": bad,
			},
		},
		base + "/requests": {
			right: []string{base + "/requests"}, list: "requests",
			wrong: map[string]int{base + "/requests?requester=x": bad, base + "/requests?model=rose": missing, base + "/requests?status=x": bad, base + "/requests?pagination.key=AQ==": bad},
			filters: map[string]func(map[string]any) bool{
				"requester=" + other:              field(other, "requester"),
				"model=iris":                      field(a.Model, "model"),
				"model=routes":                    never,
				"status=REQUEST_STATUS_FINALIZED": field("REQUEST_STATUS_FINALIZED", "status"),
				"status=REQUEST_STATUS_SUBMITTED": field("REQUEST_STATUS_SUBMITTED", "status"),
				"tier=TIER_COMMITTEE":             field("TIER_COMMITTEE", "tier"),
				"requester=" + faucet + "&tier=TIER_COMMITTEE": func(e map[string]any) bool {
					return e["requester"] == faucet && e["tier"] == "TIER_COMMITTEE"
				},
				"requester=" + other + "&model=iris&status=4&tier=2": func(e map[string]any) bool {
					return e["requester"] == other && e["tier"] == "TIER_COMMITTEE" && e["status"] == "REQUEST_STATUS_FINALIZED"
				},
			},
		},
		base + "/requests/{id}":         part(""),
		base + "/requests/{id}/inputs":  part("/inputs"),
		base + "/requests/{id}/result":  part("/result"),
		base + "/requests/{id}/receipt": part("/receipt"),
		base + "/schedules": {
			right: []string{base + "/schedules"}, list: "schedules",
			wrong: map[string]int{base + "/schedules?owner=x": bad, base + "/schedules?model=rose": missing, base + "/schedules?pagination.key=AQ==": bad},
			filters: map[string]func(map[string]any) bool{
				"owner=" + other: field(other, "owner"), "owner=" + faucet: field(faucet, "owner"), "model=routes": never,
				"model=iris&status=SCHEDULE_STATUS_ACTIVE": field("SCHEDULE_STATUS_ACTIVE", "status"), "status=SCHEDULE_STATUS_PAUSED": field("SCHEDULE_STATUS_PAUSED", "status"),
			},
		},
		base + "/schedules/{id}": {right: []string{schedule}, wrong: map[string]int{base + "/schedules/99999": missing, base + "/schedules/x": bad}},
		base + "/schedules/{id}/runs": {
			right: []string{schedule + "/runs"}, list: "runs",
			wrong: map[string]int{base + "/schedules/99999/runs": missing, base + "/schedules/x/runs": bad, schedule + "/runs?pagination.key=AQ==": bad},
		},
		base + "/idempotency_keys/{requester}/{key}": {
			right: []string{base + "/idempotency_keys/" + other + "/" + key},
			wrong: map[string]int{base + "/idempotency_keys/" + other + "/none": missing, base + "/idempotency_keys/x/" + key: bad},
		},
	}
}

func (a *api) schedulingExamples() map[string]example {
	const base = "/opengradient/scheduling/v1"
	unknown := sdk.ValAddress(make([]byte, 20)).String()
	return map[string]example{
		base + "/params": {right: []string{base + "/params"}},
		base + "/market": {right: []string{base + "/market"}},
		base + "/nodes": {
			right: []string{base + "/nodes"}, list: "nodes",
			wrong: map[string]int{base + "/nodes?model=iris": bad, base + "/nodes?task_class=x": bad, base + "/nodes?environment_class=x": bad},
			filters: map[string]func(map[string]any) bool{
				"eligible=true":                    field(true, "eligible"),
				"environment_class=1":              field(float64(1), "node", "environment_class"),
				"environment_class=99":             never,
				"model=" + a.Model:                 func(map[string]any) bool { return true },
				"model=" + strings.Repeat("0", 64): never,
				"task_class=TASK_CLASS_REGRESSION": func(e map[string]any) bool {
					return slices.Contains(e["node"].(map[string]any)["task_classes"].([]any), any("TASK_CLASS_REGRESSION"))
				},
			},
		},
		base + "/nodes/{operator}": {right: []string{base + "/nodes/" + a.operator}, wrong: map[string]int{base + "/nodes/" + unknown: missing, base + "/nodes/x": bad}},
		base + "/nodes/{operator}/models": {
			right: []string{base + "/nodes/" + a.operator + "/models"}, wrong: map[string]int{base + "/nodes/" + unknown + "/models": missing, base + "/nodes/x/models": bad},
		},
		base + "/environment_classes": {
			right: []string{base + "/environment_classes"}, list: "environment_classes", wrong: map[string]int{base + "/environment_classes?pagination.key=AQ==": bad},
		},
		base + "/tasks": {
			right: []string{base + "/tasks"}, list: "tasks", height: a.live,
			wrong: map[string]int{base + "/tasks?leader=x": bad, base + "/tasks?model=iris": bad, base + "/tasks?pagination.key=AQ==": bad},
			filters: map[string]func(map[string]any) bool{
				"leader=" + a.operator: field(a.operator, "assignment", "leader"),
				"leader=" + unknown:    never,
				"model=" + a.Model:     func(map[string]any) bool { return true },
			},
		},
		base + "/tasks/{request_id}": {
			right: []string{fmt.Sprintf("%s/tasks/%d", base, a.liveID)}, height: a.live, wrong: map[string]int{base + "/tasks/99999": missing, base + "/tasks/x": bad},
		},
		base + "/queue": {right: []string{base + "/queue"}, list: "tasks", empty: true, wrong: map[string]int{base + "/queue?pagination.key=AQ==": bad}},
	}
}

func (a *api) verificationExamples() map[string]example {
	const base = "/opengradient/verification/v1"
	unknown := sdk.ValAddress(make([]byte, 20)).String()
	return map[string]example{
		base + "/params":           {right: []string{base + "/params"}},
		base + "/params/{version}": {right: []string{base + "/params/1"}, wrong: map[string]int{base + "/params/99": missing, base + "/params/x": bad}},
		base + "/rounds": {
			right: []string{base + "/rounds"}, list: "rounds", height: a.live,
			wrong: map[string]int{base + "/rounds?leader=x": bad, base + "/rounds?model=iris": bad, base + "/rounds?phase=x": bad, base + "/rounds?pagination.key=AQ==": bad},
			filters: map[string]func(map[string]any) bool{
				"phase=PHASE_OPEN":        field("PHASE_OPEN", "phase"),
				"phase=PHASE_ARBITRATING": never,
				"leader=" + a.operator:    field(a.operator, "leader"),
				"model=" + a.Model:        func(map[string]any) bool { return true },
			},
		},
		base + "/rounds/{request_id}": {
			right: []string{fmt.Sprintf("%s/rounds/%d", base, a.liveID)}, height: a.live, wrong: map[string]int{base + "/rounds/99999": missing, base + "/rounds/x": bad},
		},
		base + "/snapshots/{id}": {right: []string{base + "/snapshots/1"}, wrong: map[string]int{base + "/snapshots/99999": missing, base + "/snapshots/x": bad}},
		base + "/conduct": {
			right: []string{base + "/conduct"}, list: "conducts",
			filters: map[string]func(map[string]any) bool{"faulty=true": never, "faulty=false": func(map[string]any) bool { return true }},
		},
		base + "/conduct/{operator}": {
			right: []string{base + "/conduct/" + a.operator}, wrong: map[string]int{base + "/conduct/" + unknown: missing, base + "/conduct/x": bad},
		},
		// All nodes compute the same bits: nothing diverges, and no round leaves evidence.
		base + "/divergences": {
			right: []string{base + "/divergences"}, list: "divergences", empty: true,
			wrong:   map[string]int{base + "/divergences?model=iris": bad, base + "/divergences?environment_class=x": bad, base + "/divergences?pagination.key=AQ==": bad},
			filters: map[string]func(map[string]any) bool{"model=" + a.Model + "&environment_class=1": never},
		},
		base + "/evidence/{request_id}": {wrong: map[string]int{fmt.Sprintf("%s/evidence/%d", base, a.requests[0]): missing, base + "/evidence/x": bad}},
	}
}

func (a *api) nodeExamples() map[string]example {
	const base = "/opengradient/node/v1"
	tensors := func(member string) example {
		return example{
			right: []string{fmt.Sprintf("%s/requests/%d/%s", base, a.requests[0], member)},
			wrong: map[string]int{
				base + "/requests/99999/" + member: missing, base + "/requests/x/" + member: bad,
				fmt.Sprintf("%s/requests/%d/%s?tensor=none", base, a.requests[0], member): bad,
			},
		}
	}
	wait := fmt.Sprintf("%s/requests/%d/wait", base, a.requests[0])
	return map[string]example{
		base + "/models":                {right: []string{base + "/models"}},
		base + "/requests/{id}/inputs":  tensors("inputs"),
		base + "/requests/{id}/outputs": tensors("outputs"),
		base + "/requests/{id}/wait": {
			// It reads the last block only: a height, which the right paths are asked with, is refused.
			wrong: map[string]int{
				wait + "?until=settled": http.StatusOK, wait: http.StatusOK, base + "/requests/99999/wait": missing, base + "/requests/x/wait": bad,
				wait + "?until=never": bad, wait + "?timeout=61s": bad, wait + "?timeout=-1s": bad, wait + "?timeout=long": bad,
			},
		},
		"/opengradient/models/{sha256}": {
			right: []string{"/opengradient/models/" + a.Model}, wrong: map[string]int{"/opengradient/models/" + strings.Repeat("0", 64): missing},
		},
	}
}
