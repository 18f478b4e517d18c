package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// merged is a document with one operation per given path, as the generator merges it.
func merged(operations map[string]string) string {
	paths := make([]string, 0, len(operations))
	for path, operation := range operations {
		paths = append(paths, fmt.Sprintf("%q: {\"get\": %s}", path, operation))
	}
	return fmt.Sprintf(`{"swagger": "2.0", "info": {"title": "first file", "version": "none"}, "tags": [],
		"consumes": [], "produces": [], "paths": {%s}, "definitions": {}}`, strings.Join(paths, ","))
}

func TestRunMakesOperationIDsUnique(t *testing.T) {
	in := merged(map[string]string{
		"/a/params": `{"summary": "a < b", "operationId": "Query_Params", "tags": ["a.v1.Query"]}`,
		"/b/params": `{"operationId": "Query_Params", "tags": ["b.v1.Query"]}`,
	})
	var out bytes.Buffer
	if err := run(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"operationId": "a.v1.Query_Params"`, `"operationId": "b.v1.Query_Params"`, `"a < b"`, "OpenGradient REST API",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("expected %s in:\n%s", want, &out)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	same := `{"operationId": "Query_Params", "tags": ["a.v1.Query"]}`
	for name, test := range map[string]struct{ in, want string }{
		"two operations with one id":        {merged(map[string]string{"/a": same, "/b": same}), "share the operation id"},
		"an operation of another service":   {merged(map[string]string{"/a": `{"operationId": "Msg_Send", "tags": ["a.v1.Query"]}`}), "does not belong"},
		"an operation without a service":    {merged(map[string]string{"/a": `{"operationId": "Query_Params"}`}), "exactly one tag"},
		"another version of the format":     {`{"swagger": "3.0"}`, "expected an OpenAPI 2.0 document"},
		"a part this program does not know": {`{"swagger": "2.0", "security": []}`, "unknown field"},
		"something that is not a document":  {`[]`, "read the merged document"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(strings.NewReader(test.in), new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("expected an error with %q, got %v", test.want, err)
			}
		})
	}
}
