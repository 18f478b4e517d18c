// Command openapi finishes the OpenAPI document that the generator merges from the chain's schemas. It gives it a title and
// makes every operation's id unique, since each module calls its service Query and most have a method Params. It marks what
// the node's JSON gives as null, states the errors of this chain's own routes, and adds the routes that are written by hand.
//
//	go run ./scripts/openapi -image schemas.binpb -routes routes.json < merged.json > swagger.json
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// ours begins the names of this chain's own services.
const ours = "opengradient."

// document is an OpenAPI v2 document. What is edited here keeps the order of its members, but for the paths, which are
// sorted.
type document struct {
	Swagger     string            `json:"swagger"`
	Info        info              `json:"info"`
	Tags        []json.RawMessage `json:"tags"`
	Consumes    []string          `json:"consumes"`
	Produces    []string          `json:"produces"`
	Paths       map[string]object `json:"paths"`
	Definitions object            `json:"definitions"`
}

type info struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

func main() {
	image := flag.String("image", "", "file with the descriptors of the schemas, as `buf build` writes it")
	routes := flag.String("routes", "", "file with the routes that are written by hand")
	flag.Parse()
	if err := files(*image, *routes, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func files(image, routes string, in io.Reader, out io.Writer) error {
	descriptors, err := os.ReadFile(image)
	if err != nil {
		return fmt.Errorf("-image: %w", err)
	}
	byHand, err := os.ReadFile(routes)
	if err != nil {
		return fmt.Errorf("-routes: %w", err)
	}
	schemas, err := readSchemas(descriptors)
	if err != nil {
		return fmt.Errorf("%s: %w", image, err)
	}
	return run(in, out, schemas, byHand)
}

func run(in io.Reader, out io.Writer, schemas schemas, byHand []byte) error {
	var doc document
	if err := decode(in, &doc); err != nil {
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
	// The SDK has two methods for one route, of which a node serves the one that was registered last.
	delete(doc.Paths, shadowed)
	if err := finishOperations(doc.Paths); err != nil {
		return err
	}
	if err := schemas.markNull(doc.Definitions); err != nil {
		return err
	}
	if err := doc.add(byHand); err != nil {
		return fmt.Errorf("routes written by hand: %w", err)
	}
	if err := errors.Join(checkIDs(doc.Paths), checkPaths(doc.Paths)); err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(doc)
}

func decode(in io.Reader, into any) error {
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// add puts the routes and definitions written by hand into the document. None may be there already.
func (d *document) add(byHand []byte) error {
	var more struct {
		Tags        []json.RawMessage `json:"tags"`
		Paths       map[string]object `json:"paths"`
		Definitions object            `json:"definitions"`
	}
	if err := decode(bytes.NewReader(byHand), &more); err != nil {
		return err
	}
	for path, operations := range more.Paths {
		if _, taken := d.Paths[path]; taken {
			return fmt.Errorf("path %s is there already", path)
		}
		d.Paths[path] = operations
	}
	for _, definition := range more.Definitions {
		if d.Definitions.get(definition.name) != nil {
			return fmt.Errorf("definition %s is there already", definition.name)
		}
		d.Definitions = append(d.Definitions, definition)
	}
	d.Tags = append(d.Tags, more.Tags...)
	return nil
}

// finishOperations makes ids unique, and states the errors of this chain's own services.
func finishOperations(paths map[string]object) error {
	for path, operations := range paths {
		for i, method := range operations {
			var operation object
			if err := json.Unmarshal(method.value, &operation); err != nil {
				return fmt.Errorf("%s %s: %w", method.name, path, err)
			}
			service, err := qualify(operation)
			if err == nil && strings.HasPrefix(service, ours) {
				err = finishOurs(operation)
			}
			if err != nil {
				return fmt.Errorf("%s %s: %w", method.name, path, err)
			}
			if operations[i].value, err = encode(operation); err != nil {
				return err
			}
		}
	}
	return nil
}

// qualify puts the service's full name, which is the operation's tag, in front of its id: Query_Params tagged
// cosmos.bank.v1beta1.Query becomes cosmos.bank.v1beta1.Query_Params. It returns the name of the service.
func qualify(operation object) (string, error) {
	var id string
	var tags []string
	if err := errors.Join(operation.read("operationId", &id), operation.read("tags", &tags)); err != nil {
		return "", err
	}
	if len(tags) != 1 || id == "" {
		return "", errors.New("expected an operation id and exactly one tag")
	}
	service, method, ok := strings.Cut(id, "_")
	if !ok || !strings.HasSuffix(tags[0], "."+service) {
		return "", fmt.Errorf("operation id %s does not belong to service %s", id, tags[0])
	}
	return tags[0], operation.set("operationId", tags[0]+"_"+method)
}

// failures are the errors that clients of this chain's services act on. All others have the default body too.
var failures = []struct{ status, description string }{
	{"400", "A malformed argument, or the state does not allow it yet. The message says what was expected and what came."},
	{"404", "Nothing with this name or id."},
}

// finishOurs states errors, and the words that the node takes for an enum.
func finishOurs(operation object) error {
	var responses object
	if err := operation.read("responses", &responses); err != nil {
		return err
	}
	for _, failure := range failures {
		body, err := encode(object{
			{"description", quote(failure.description)},
			{"schema", json.RawMessage(`{"$ref": "#/definitions/google.rpc.Status"}`)},
		})
		if err != nil {
			return err
		}
		responses = append(responses, member{failure.status, body})
	}
	if err := operation.set("responses", responses); err != nil {
		return err
	}
	var id string
	if err := operation.read("operationId", &id); err != nil || id != waitOperation {
		return err
	}
	return takeWords(operation)
}

const waitOperation = "opengradient.node.v1.Service_WaitRequest"

// takeWords replaces the names of the stages by the words that the REST handler takes.
func takeWords(operation object) error {
	var parameters []object
	if err := operation.read("parameters", &parameters); err != nil {
		return err
	}
	for _, parameter := range parameters {
		var name string
		if err := parameter.read("name", &name); err != nil {
			return err
		}
		if name != "until" {
			continue
		}
		err := errors.Join(
			parameter.set("enum", []string{"accepted", "assigned", "final", "settled"}),
			parameter.set("default", "final"),
			parameter.set("description", "The stage to wait for. Each includes those before it."),
		)
		if err != nil {
			return err
		}
		return operation.set("parameters", parameters)
	}
	return fmt.Errorf("%s: expected a parameter until", waitOperation)
}

// shadowed is a route that a node never serves: cosmos.auth.v1beta1.Query/AddressStringToBytes answers for it.
const shadowed = "/cosmos/auth/v1beta1/bech32/{address_bytes}"

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// checkPaths refuses two paths that differ in the names of their parameters only.
func checkPaths(paths map[string]object) error {
	seen := make(map[string]string)
	for path := range paths {
		plain := parameter.ReplaceAllString(path, "{}")
		if other, taken := seen[plain]; taken {
			return fmt.Errorf("%s and %s are one route", min(path, other), max(path, other))
		}
		seen[plain] = path
	}
	return nil
}

func checkIDs(paths map[string]object) error {
	seen := make(map[string]string)
	for path, operations := range paths {
		for _, method := range operations {
			var operation object
			var id string
			if err := json.Unmarshal(method.value, &operation); err != nil {
				return fmt.Errorf("%s %s: %w", method.name, path, err)
			}
			if err := operation.read("operationId", &id); err != nil {
				return fmt.Errorf("%s %s: %w", method.name, path, err)
			}
			if other, taken := seen[id]; taken {
				return fmt.Errorf("%s and %s share the operation id %s", path, other, id)
			}
			seen[id] = path
		}
	}
	return nil
}
