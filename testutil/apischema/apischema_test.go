package apischema_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/docs/openapi"
	"github.com/opengradient/opengradient/testutil/apischema"
)

// TestDocumentIsTakenAtItsWord: what differs from the schema of a route is found.
func TestDocumentIsTakenAtItsWord(t *testing.T) {
	doc, err := apischema.Load(openapi.Document)
	require.NoError(t, err)
	require.Greater(t, len(doc.Routes()), 45)
	const path = "/opengradient/scheduling/v1/queue"
	for name, tc := range map[string]struct {
		path   string
		status int
		body   string
		want   string // part of the error, empty when there is none
	}{
		"sound":                    {path, 200, `{"depth":"0","tasks":[],"pagination":{"next_key":null,"total":"0"},"load":{"tasks":"0","compute_units":"0","output_bytes":"0"}}`, ""},
		"a message that is null":   {path, 200, `{"depth":"0","tasks":[],"pagination":null,"load":{"tasks":"0","compute_units":"0","output_bytes":"0"}}`, ""},
		"a value that is null":     {path, 200, `{"depth":"0","tasks":[],"pagination":null,"load":null}`, "load"},
		"a number for a text":      {path, 200, `{"depth":0,"tasks":[],"pagination":null,"load":{"tasks":"0","compute_units":"0","output_bytes":"0"}}`, "depth"},
		"a member too many":        {path, 200, `{"depth":"0","tasks":[],"pagination":null,"more":1,"load":{"tasks":"0","compute_units":"0","output_bytes":"0"}}`, "more"},
		"a member too few":         {path, 200, `{"tasks":[],"pagination":null,"load":{"tasks":"0","compute_units":"0","output_bytes":"0"}}`, "depth"},
		"an error":                 {path, 404, `{"code":5,"message":"no","details":[]}`, ""},
		"another error":            {path, 503, `{"code":14,"message":"no","details":[]}`, ""},
		"an error of another form": {path, 404, `{"error":"no"}`, "error"},
		"no JSON":                  {path, 200, `queue`, "invalid character"},
		"a route that is none":     {"/none", 200, `{}`, "expected a GET"},
		"a file":                   {"/opengradient/models/{sha256}", 404, `no`, "no schema"},
	} {
		t.Run(name, func(t *testing.T) {
			err := doc.Check(tc.path, tc.status, []byte(tc.body))
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err = apischema.Load([]byte(`{"swagger": "2.0", "info": {"title": "x", "version": "1"}, "paths": {"/a": {"get": {"responses": {"200": {"description": "", "schema": {"$ref": "#/definitions/none"}}}}}}}`))
	require.Error(t, err)
}
