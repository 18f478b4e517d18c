// Package openapi holds the OpenAPI document of the node's REST API and serves it with Swagger UI.
package openapi

import (
	_ "embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"github.com/cosmos/cosmos-sdk/client/docs"
)

// Prefix is the path below which RegisterSwagger serves.
const Prefix = "/swagger/"

// Document is the OpenAPI v2 document of every REST route of the chain, in JSON. It is generated from proto/ and must
// not be modified.
//
//go:embed swagger.json
var Document []byte

// RegisterSwagger serves Swagger UI below Prefix, to which the root leads. The user interface is the one the Cosmos SDK ships; the document it
// shows is ours, under the name the page asks for (swagger.yaml: JSON is YAML) and as swagger.json.
func RegisterSwagger(router *mux.Router) error {
	ui, err := fs.Sub(docs.SwaggerUI, "swagger-ui")
	if err != nil {
		return fmt.Errorf("open the embedded Swagger UI: %w", err)
	}
	for _, path := range []string{"/", strings.TrimSuffix(Prefix, "/")} {
		router.Path(path).Methods(http.MethodGet, http.MethodHead).Handler(http.RedirectHandler(Prefix, http.StatusFound))
	}
	router.Path(Prefix + "swagger.yaml").HandlerFunc(serveDocument)
	router.Path(Prefix + "swagger.json").HandlerFunc(serveDocument)
	router.PathPrefix(Prefix).Handler(http.StripPrefix(Prefix, http.FileServerFS(ui)))
	return nil
}

func serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	// A failed write means that the client has gone: there is nobody left to tell.
	_, _ = w.Write(Document)
}
