package nodeapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/app/nodeapi"
)

func get(t *testing.T, models nodeapi.Models, err error) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	nodeapi.Handler(func(context.Context) (nodeapi.Models, error) { return models, err }).
		ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, nodeapi.ModelsPath, nil))
	require.Equal(t, "application/json", recorder.Header().Get("Content-Type"))
	return recorder.Code, recorder.Body.String()
}

// The document is read by programs: its form is fixed.
func TestModelsAsJSON(t *testing.T) {
	used := time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC)
	class := &nodeapi.Environment{Index: 2, RuntimeVersion: "1.27.0", LibrarySHA256: "0a", Provider: "CPUExecutionProvider", Profile: 1, ISA: "avx2"}
	code, body := get(t, nodeapi.Models{
		Operator: "ogvaloper1x", Height: 7, Ready: true, Environment: class, BudgetBytes: 100, UsedBytes: 50,
		Models: []nodeapi.Model{{
			SHA256: "ab", Name: "iris", Version: 3, Status: "active", SizeBytes: 10, MemoryBytes: 50, Reference: true, Pinned: true,
			State: nodeapi.StateLoaded, LastUsed: &used, OutputRoot: "cd",
		}, {SHA256: "ac", State: nodeapi.StateFailed, Failure: "timeout", Detail: "10s"}},
		Next:  &nodeapi.Preparation{Environment: class, Ready: true, Proven: 1, Total: 2},
		Cache: &nodeapi.Cache{Files: []nodeapi.CacheFile{{SHA256: "ab", SizeBytes: 10, LastUsed: used, Complete: true}}, UsedBytes: 10, MaxBytes: 20},
	}, nil)
	require.Equal(t, http.StatusOK, code)
	const environment = `{"index":2,"runtime_version":"1.27.0","library_sha256":"0a","provider":"CPUExecutionProvider","profile":1,"isa":"avx2"}`
	require.JSONEq(t, `{
		"operator":"ogvaloper1x","height":7,"ready":true,"environment":`+environment+`,"budget_bytes":100,"used_bytes":50,
		"models":[
			{"sha256":"ab","name":"iris","version":3,"status":"active","size_bytes":10,"memory_bytes":50,"reference":true,"pinned":true,
			 "state":"loaded","last_used":"2026-11-02T03:04:05Z","output_root":"cd"},
			{"sha256":"ac","name":"","version":0,"status":"","size_bytes":0,"memory_bytes":0,"reference":false,"pinned":false,
			 "state":"failed","last_used":null,"failure":"timeout","detail":"10s"}],
		"next":{"environment":`+environment+`,"ready":true,"proven":1,"total":2},
		"cache":{"files":[{"sha256":"ab","size_bytes":10,"last_used":"2026-11-02T03:04:05Z","complete":true,"in_use":false}],"used_bytes":10,"max_bytes":20}}`, body)
}

func TestModelsThatAreNotToBeHad(t *testing.T) {
	code, body := get(t, nodeapi.Models{}, nodeapi.ErrNoDuty)
	require.Equal(t, http.StatusNotFound, code)
	require.JSONEq(t, `{"error":"this node has no inference duty"}`, body)
	code, _ = get(t, nodeapi.Models{}, errors.New("busy"))
	require.Equal(t, http.StatusServiceUnavailable, code)
}
