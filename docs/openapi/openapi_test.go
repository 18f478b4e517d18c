package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"github.com/opengradient/opengradient/docs/openapi"
)

type document struct {
	Swagger string `json:"swagger"`
	Info    struct {
		Title string `json:"title"`
	} `json:"info"`
	Paths map[string]map[string]struct {
		ID string `json:"operationId"`
	} `json:"paths"`
	Definitions map[string]json.RawMessage `json:"definitions"`
}

func parse(t *testing.T, raw []byte) document {
	t.Helper()
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatalf("the document is not JSON: %v", err)
	}
	return doc
}

func TestDocumentIsConsistent(t *testing.T) {
	doc := parse(t, openapi.Document)
	if doc.Swagger != "2.0" || doc.Info.Title != "OpenGradient REST API" {
		t.Fatalf("expected OpenAPI 2.0 of this chain, got version %q, title %q", doc.Swagger, doc.Info.Title)
	}
	ids := make(map[string]string)
	for path, operations := range doc.Paths {
		for _, operation := range operations {
			if other, taken := ids[operation.ID]; taken {
				t.Errorf("%s and %s share the operation id %s", path, other, operation.ID)
			}
			ids[operation.ID] = path
		}
	}
	reference := regexp.MustCompile(`"\$ref": ?"#/definitions/([^"]+)"`)
	for _, match := range reference.FindAllSubmatch(openapi.Document, -1) {
		if _, ok := doc.Definitions[string(match[1])]; !ok {
			t.Errorf("definition %s is referred to and missing", match[1])
		}
	}
}

func TestDocumentCoversTheModules(t *testing.T) {
	doc := parse(t, openapi.Document)
	for _, prefix := range []string{
		"/opengradient/inference/v1/", "/opengradient/models/v1/", "/opengradient/node/v1/models", "/opengradient/node/v1/requests/{id}/wait",
		"/opengradient/node/v1/requests/{id}/inputs", "/opengradient/node/v1/requests/{id}/outputs", "/opengradient/models/{sha256}",
		"/opengradient/scheduling/v1/", "/opengradient/verification/v1/",
		"/cosmos/auth/", "/cosmos/authz/", "/cosmos/bank/", "/cosmos/base/node/", "/cosmos/base/tendermint/",
		"/cosmos/consensus/", "/cosmos/distribution/", "/cosmos/evidence/", "/cosmos/feegrant/", "/cosmos/gov/v1/",
		"/cosmos/mint/", "/cosmos/slashing/", "/cosmos/staking/", "/cosmos/tx/", "/cosmos/upgrade/",
	} {
		found := false
		for path := range doc.Paths {
			found = found || strings.HasPrefix(path, prefix)
		}
		if !found {
			t.Errorf("no route starts with %s", prefix)
		}
	}
}

func TestRegisterSwagger(t *testing.T) {
	router := mux.NewRouter()
	if err := openapi.RegisterSwagger(router); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path, want string
		status     int
	}{
		"the page":                            {"/swagger/", "SwaggerUIBundle", http.StatusOK},
		"the document the page asks for":      {"/swagger/swagger.yaml", "OpenGradient REST API", http.StatusOK},
		"the document under its own name":     {"/swagger/swagger.json", "OpenGradient REST API", http.StatusOK},
		"the page's script":                   {"/swagger/swagger-ui-bundle.js", "swagger", http.StatusOK},
		"a file that is not part of the page": {"/swagger/missing", "not found", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, test.path, nil))
			if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.want) {
				t.Errorf("expected status %d and a body with %q, got status %d and %d bytes",
					test.status, test.want, answer.Code, answer.Body.Len())
			}
		})
	}
}

func TestTheRootLeadsToThePage(t *testing.T) {
	router := mux.NewRouter()
	if err := openapi.RegisterSwagger(router); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/swagger"} {
		answer := httptest.NewRecorder()
		router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if location := answer.Header().Get("Location"); answer.Code != http.StatusFound || location != openapi.Prefix {
			t.Errorf("%s: expected status %d to %s, got %d to %q", path, http.StatusFound, openapi.Prefix, answer.Code, location)
		}
	}
}

// The page names the document it loads; should the SDK rename it, the page would show the SDK's instead of ours.
func TestPageAsksForOurDocument(t *testing.T) {
	router := mux.NewRouter()
	if err := openapi.RegisterSwagger(router); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	router.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/swagger/", nil))
	if !strings.Contains(answer.Body.String(), `url: "./swagger.yaml"`) {
		t.Error("the page no longer loads ./swagger.yaml")
	}
}
