package nodeapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/app/nodeapi"
	_ "github.com/opengradient/opengradient/x/inference/types" // registers its descriptors
	_ "github.com/opengradient/opengradient/x/models/types"    // registers its descriptors
)

// TestEnumsByName: a name is the number of the enum that the parameter has in this module, and nothing else is touched.
func TestEnumsByName(t *testing.T) {
	files, err := proto.MergedRegistry()
	require.NoError(t, err)
	enums := nodeapi.NewEnums(files)
	for name, tc := range map[string]struct{ path, want string }{
		"a status of a request":  {"/opengradient/inference/v1/requests?status=REQUEST_STATUS_FINALIZED&tier=TIER_COMMITTEE", "status=4&tier=2"},
		"a status of a model":    {"/opengradient/models/v1/models?status=MODEL_STATUS_ACTIVE&label=MODEL_STATUS_ACTIVE", "label=MODEL_STATUS_ACTIVE&status=3"},
		"a status of a schedule": {"/opengradient/inference/v1/schedules?status=SCHEDULE_STATUS_PAUSED", "status=2"},
		"a number":               {"/opengradient/inference/v1/requests?status=4", "status=4"},
		"no such name":           {"/opengradient/inference/v1/requests?status=FINALIZED", "status=FINALIZED"},
		"another module's name":  {"/opengradient/inference/v1/requests?status=MODEL_STATUS_ACTIVE", "status=MODEL_STATUS_ACTIVE"},
		"no enum":                {"/opengradient/inference/v1/requests?pagination.limit=1&model=iris%3A1", "model=iris%3A1&pagination.limit=1"},
		"another service":        {"/other/v1/requests?status=REQUEST_STATUS_FINALIZED", "status=REQUEST_STATUS_FINALIZED"},
		"no query":               {"/opengradient/inference/v1/requests", ""},
		"the root":               {"/?status=REQUEST_STATUS_FINALIZED", "status=REQUEST_STATUS_FINALIZED"},
	} {
		t.Run(name, func(t *testing.T) {
			var got url.URL
			next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = *r.URL })
			enums.Handler(next).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, tc.path, nil))
			require.Equal(t, tc.want, got.RawQuery)
		})
	}
}
