// Command openapi finishes the OpenAPI document that the generator merges from the chain's schemas: it gives it a title
// and makes every operation's id unique, since each module calls its service Query and most have a method Params.
//
//	go run ./scripts/openapi < merged.json > swagger.json
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// document is an OpenAPI v2 document, of which only the parts edited here are typed.
type document struct {
	Swagger     string                                `json:"swagger"`
	Info        info                                  `json:"info"`
	Tags        json.RawMessage                       `json:"tags"`
	Consumes    []string                              `json:"consumes"`
	Produces    []string                              `json:"produces"`
	Paths       map[string]map[string]json.RawMessage `json:"paths"`
	Definitions json.RawMessage                       `json:"definitions"`
}

type info struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	var doc document
	if err := decoder.Decode(&doc); err != nil {
		return fmt.Errorf("read the merged document: %w", err)
	}
	if doc.Swagger != "2.0" {
		return fmt.Errorf("expected an OpenAPI 2.0 document, got %q", doc.Swagger)
	}
	doc.Info = info{
		Title:       "OpenGradient REST API",
		Description: "Queries and transaction broadcast of an OpenGradient node.",
		Version:     "v1",
	}
	seen := make(map[string]string)
	for path, operations := range doc.Paths {
		for method, raw := range operations {
			named, id, err := qualify(raw)
			if err != nil {
				return fmt.Errorf("%s %s: %w", method, path, err)
			}
			if other, taken := seen[id]; taken {
				return fmt.Errorf("%s and %s share the operation id %s", path, other, id)
			}
			seen[id] = path
			operations[method] = named
		}
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(doc)
}

// qualify puts the service's full name, which is the operation's tag, in front of its id: Query_Params tagged
// cosmos.bank.v1beta1.Query becomes cosmos.bank.v1beta1.Query_Params.
func qualify(raw json.RawMessage) (json.RawMessage, string, error) {
	var operation struct {
		ID   string   `json:"operationId"`
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(raw, &operation); err != nil {
		return nil, "", err
	}
	if len(operation.Tags) != 1 || operation.ID == "" {
		return nil, "", errors.New("expected an operation id and exactly one tag")
	}
	service, method, ok := strings.Cut(operation.ID, "_")
	if !ok || !strings.HasSuffix(operation.Tags[0], "."+service) {
		return nil, "", fmt.Errorf("operation id %s does not belong to service %s", operation.ID, operation.Tags[0])
	}
	id := operation.Tags[0] + "_" + method
	was := fmt.Appendf(nil, "%q", operation.ID)
	key := []byte(`"operationId":`)
	at := bytes.Index(raw, key)
	if at < 0 {
		return nil, "", errors.New("no operation id")
	}
	value := at + len(key) + bytes.Index(raw[at+len(key):], was)
	named := append([]byte{}, raw[:value]...)
	named = append(named, fmt.Appendf(nil, "%q", id)...)
	return append(named, raw[value+len(was):]...), id, nil
}
