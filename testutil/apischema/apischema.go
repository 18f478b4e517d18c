// Package apischema holds what a node answers over REST against its OpenAPI document.
package apischema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// ours begins the names of the definitions and the paths of this chain.
const ours = "opengradient"

// Document is an OpenAPI document that is taken at its word: an object has no members but those that it lists, and messages
// of this chain have all of them, since the node writes them also while they are not set.
type Document struct{ v3 *openapi3.T }

// Load reads an OpenAPI v2 document and checks that it is sound.
func Load(raw []byte) (*Document, error) {
	var v2 openapi2.T
	if err := json.Unmarshal(raw, &v2); err != nil {
		return nil, err
	}
	v3, err := openapi2conv.ToV3(&v2)
	if err != nil {
		return nil, fmt.Errorf("as OpenAPI 3: %w", err)
	}
	if err := v3.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, err
	}
	for name, schema := range v3.Components.Schemas {
		strict(name, schema.Value)
	}
	return &Document{v3: v3}, nil
}

// strict takes an object at its word.
func strict(name string, schema *openapi3.Schema) {
	if schema == nil || len(schema.Properties) == 0 {
		return
	}
	if schema.AdditionalProperties.Has == nil && schema.AdditionalProperties.Schema == nil {
		no := false
		schema.AdditionalProperties.Has = &no
	}
	if len(schema.Required) == 0 && strings.HasPrefix(name, ours) {
		schema.Required = slices.Sorted(maps.Keys(schema.Properties))
	}
}

// Routes are the paths of this chain's own routes, sorted.
func (d *Document) Routes() []string {
	var routes []string
	for path := range d.v3.Paths.Map() {
		if strings.HasPrefix(path, "/"+ours+"/") {
			routes = append(routes, path)
		}
	}
	slices.Sort(routes)
	return routes
}

// Check holds the JSON that a GET of a path, as the document writes it, was answered with against the schema for its
// status.
func (d *Document) Check(path string, status int, body []byte) error {
	schema, err := d.schema(path, status)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return fmt.Errorf("%s: status %d: %w in %.200s", path, status, err, body)
	}
	if err := schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors()); err != nil {
		return fmt.Errorf("%s: status %d: %w", path, status, err)
	}
	return nil
}

func (d *Document) schema(path string, status int) (*openapi3.Schema, error) {
	item := d.v3.Paths.Value(path)
	if item == nil || item.Get == nil {
		return nil, fmt.Errorf("%s: expected a GET in the document", path)
	}
	response := item.Get.Responses.Value(strconv.Itoa(status))
	if response == nil {
		response = item.Get.Responses.Default()
	}
	if response == nil || response.Value == nil {
		return nil, fmt.Errorf("%s: expected a response of status %d in the document", path, status)
	}
	content := response.Value.Content.Get("application/json")
	if content == nil || content.Schema == nil || content.Schema.Value == nil {
		return nil, fmt.Errorf("%s: status %d: %w", path, status, ErrNoSchema)
	}
	return content.Schema.Value, nil
}

// ErrNoSchema is the error of an answer that the document describes without a schema.
var ErrNoSchema = errors.New("the document has no schema of this answer")
