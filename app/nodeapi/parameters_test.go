package nodeapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/cosmos/cosmos-sdk/x/gov/types/v1" // registers its descriptors
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/app/nodeapi"
	_ "github.com/opengradient/opengradient/app/nodetypes"     // registers its descriptors
	_ "github.com/opengradient/opengradient/x/inference/types" // registers its descriptors
	_ "github.com/opengradient/opengradient/x/models/types"    // registers its descriptors
)

func parameters(t *testing.T) nodeapi.Parameters {
	t.Helper()
	files, err := proto.MergedRegistry()
	require.NoError(t, err)
	return nodeapi.NewParameters(files)
}

// through gives the query that the next handler sees, or the answer in its place.
func through(t *testing.T, p nodeapi.Parameters, path, query string) (passed *url.URL, answer *httptest.ResponseRecorder) {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.URL.RawQuery = query
	answer = httptest.NewRecorder()
	p.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { passed = r.URL })).ServeHTTP(answer, request)
	return passed, answer
}

// TestEnumsByName: a name or a word is the number of the enum that the parameter has on this route, and nothing else is
// touched.
func TestEnumsByName(t *testing.T) {
	p := parameters(t)
	for name, tc := range map[string]struct{ path, query, want string }{
		"a status of a request":   {"/opengradient/inference/v1/requests", "status=REQUEST_STATUS_FINALIZED&tier=TIER_COMMITTEE", "status=4&tier=2"},
		"by its word":             {"/opengradient/inference/v1/requests", "status=finalized&tier=committee", "status=4&tier=2"},
		"a status of a model":     {"/opengradient/models/v1/models", "status=MODEL_STATUS_ACTIVE&label=MODEL_STATUS_ACTIVE", "label=MODEL_STATUS_ACTIVE&status=3"},
		"a status of a version":   {"/opengradient/models/v1/names/iris/versions", "status=active", "status=3"},
		"a status of a schedule":  {"/opengradient/inference/v1/schedules", "status=SCHEDULE_STATUS_PAUSED", "status=2"},
		"a class of a fee":        {"/opengradient/inference/v1/models/iris/quote", "fee_class=economy&outputs=a&outputs=b", "fee_class=1&outputs=a&outputs=b"},
		"a stage":                 {"/opengradient/node/v1/requests/7/wait", "until=settled&timeout=30s", "timeout=30s&until=4"},
		"a number":                {"/opengradient/inference/v1/requests", "status=4", "status=4"},
		"no enum":                 {"/opengradient/inference/v1/requests", "pagination.limit=1&pagination.reverse=true&model=iris%3A1", "model=iris%3A1&pagination.limit=1&pagination.reverse=true"},
		"a name as JSON has it":   {"/opengradient/models/v1/models", "taskClass=ranking", "taskClass=4"},
		"a module of the SDK":     {"/cosmos/gov/v1/proposals", "proposal_status=PROPOSAL_STATUS_PASSED&x=1", "proposal_status=3&x=1"},
		"what the SDK may refuse": {"/cosmos/gov/v1/proposals", "proposal_status=odd", "proposal_status=odd"},
		"what it is to refuse":    {"/cosmos/gov/v1/proposals", "proposal_status=%zz", "proposal_status=%zz"},
		"another service":         {"/other/v1/requests", "status=REQUEST_STATUS_FINALIZED", "status=REQUEST_STATUS_FINALIZED"},
		"no query":                {"/opengradient/inference/v1/requests", "", ""},
		"the root":                {"/", "status=REQUEST_STATUS_FINALIZED", "status=REQUEST_STATUS_FINALIZED"},
	} {
		t.Run(name, func(t *testing.T) {
			passed, answer := through(t, p, tc.path, tc.query)
			require.NotNil(t, passed, answer.Body)
			require.Equal(t, tc.want, passed.RawQuery)
		})
	}
}

// TestParametersAreRefused: whatever a query does not understand is a bad request that says why, and never a list without
// its filter.
func TestParametersAreRefused(t *testing.T) {
	p := parameters(t)
	const requests = "/opengradient/inference/v1/requests"
	for name, tc := range map[string]struct{ path, query, want string }{
		"a separator that is none":  {requests, "requester=og1xyz;status=4", "query string: expected NAME=VALUE"},
		"an escape that is none":    {requests, "requester=%zz", "query string: expected NAME=VALUE"},
		"an escape that is cut":     {"/opengradient/inference/v1/params", "a=1%", "query string: expected NAME=VALUE"},
		"a word that is none":       {requests, "status=foo", `status: expected one of submitted, assigned, retrying, finalized, failed, cancelled, got \"foo\"`},
		"another module's name":     {requests, "status=MODEL_STATUS_ACTIVE", "status: expected one of submitted"},
		"a number that is none":     {requests, "status=99", `status: expected one of submitted, assigned, retrying, finalized, failed, cancelled, got \"99\"`},
		"a negative number":         {requests, "status=-1", `got \"-1\"`},
		"a stage that is none":      {"/opengradient/node/v1/requests/7/wait", "until=never", `until: expected one of accepted, assigned, final, settled, got \"never\"`},
		"a time that is none":       {"/opengradient/node/v1/requests/7/wait", "timeout=30", `timeout: expected a time such as 30s, got \"30\"`},
		"a negative limit":          {requests, "pagination.limit=-1", `pagination.limit: expected a number from 0 to 18446744073709551615, got \"-1\"`},
		"a class beyond its number": {"/opengradient/models/v1/models/iris/proofs", "environment_class=4294967296", "environment_class: expected a number from 0 to 4294967295"},
		"a key that is none":        {requests, "pagination.key=*", `pagination.key: expected base64, got \"*\"`},
		"neither true nor false":    {requests, "pagination.reverse=yes", "pagination.reverse: expected true or false"},
		"a value twice":             {requests, "status=4&status=5", `status: expected one value, got \"2\"`},
		"an id that is none":        {requests + "/abc", "", `id: expected a number from 0 to 18446744073709551615, got \"abc\"`},
		"an unknown name":           {"/opengradient/models/v1/names", "bogus=1", `expected the parameters owner, pagination.key, pagination.offset, pagination.limit, pagination.count_total, pagination.reverse, got \"bogus\"`},
		"any name":                  {"/opengradient/inference/v1/params", "bogus=1", `expected no parameters, got \"bogus\"`},
	} {
		t.Run(name, func(t *testing.T) {
			passed, answer := through(t, p, tc.path, tc.query)
			require.Nil(t, passed)
			require.Equal(t, http.StatusBadRequest, answer.Code)
			require.Contains(t, answer.Body.String(), tc.want)
		})
	}
}
