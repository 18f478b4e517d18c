package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
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

// none adds no routes.
var none = []byte(`{}`)

func TestRunMakesOperationIDsUnique(t *testing.T) {
	in := merged(map[string]string{
		"/a/params": `{"summary": "a < b", "operationId": "Query_Params", "tags": ["a.v1.Query"]}`,
		"/b/params": `{"operationId": "Query_Params", "tags": ["b.v1.Query"]}`,
	})
	var out bytes.Buffer
	if err := run(strings.NewReader(in), &out, nil, none); err != nil {
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
	for name, test := range map[string]struct{ in, byHand, want string }{
		"two operations with one id":        {merged(map[string]string{"/a": same, "/b": same}), `{}`, "share the operation id"},
		"an operation of another service":   {merged(map[string]string{"/a": `{"operationId": "Msg_Send", "tags": ["a.v1.Query"]}`}), `{}`, "does not belong"},
		"an operation without a service":    {merged(map[string]string{"/a": `{"operationId": "Query_Params"}`}), `{}`, "exactly one tag"},
		"another version of the format":     {`{"swagger": "3.0"}`, `{}`, "expected an OpenAPI 2.0 document"},
		"a part this program does not know": {`{"swagger": "2.0", "security": []}`, `{}`, "unknown field"},
		"something that is not a document":  {`[]`, `{}`, "read the merged document"},
		"two paths for one route": {merged(map[string]string{
			"/a/{x}": `{"operationId": "Query_X", "tags": ["a.v1.Query"]}`, "/a/{y}": `{"operationId": "Query_Y", "tags": ["a.v1.Query"]}`,
		}), `{}`, "/a/{x} and /a/{y} are one route"},
		"a path by hand that is there":      {merged(map[string]string{"/a": same}), `{"paths": {"/a": {}}}`, "path /a is there already"},
		"an id by hand that is there":       {merged(map[string]string{"/a": same}), `{"paths": {"/b": {"get": {"operationId": "a.v1.Query_Params"}}}}`, "share the operation id"},
		"a part by hand that is not known":  {merged(nil), `{"info": {}}`, "unknown field"},
		"a call that waits without a stage": {merged(map[string]string{"/w": `{"operationId": "Service_WaitRequest", "tags": ["opengradient.node.v1.Service"], "responses": {}}`}), `{}`, "expected a parameter until"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(strings.NewReader(test.in), new(bytes.Buffer), nil, []byte(test.byHand))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("expected an error with %q, got %v", test.want, err)
			}
		})
	}
}

func TestRunAddsRoutesAndErrors(t *testing.T) {
	in := merged(map[string]string{
		"/ours":   `{"operationId": "Query_One", "tags": ["opengradient.a.v1.Query"], "responses": {"200": {}, "default": {}}}`,
		"/theirs": `{"operationId": "Query_One", "tags": ["cosmos.a.v1.Query"], "responses": {"200": {}}}`,
	})
	byHand := `{"tags": [{"name": "x"}], "paths": {"/hand": {"get": {"operationId": "x.Y_Z"}}}, "definitions": {"d": {}}}`
	var out bytes.Buffer
	if err := run(strings.NewReader(in), &out, nil, []byte(byHand)); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Tags  []any
		Paths map[string]struct {
			Get struct{ Responses map[string]any }
		}
		Definitions map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Tags) != 1 || len(doc.Paths) != 3 || len(doc.Definitions) != 1 {
		t.Errorf("expected 1 tag, 3 paths, 1 definition, got:\n%s", &out)
	}
	if got := len(doc.Paths["/ours"].Get.Responses); got != 4 {
		t.Errorf("expected 4 responses of this chain's route, got %d", got)
	}
	if got := len(doc.Paths["/theirs"].Get.Responses); got != 1 {
		t.Errorf("expected the responses of the SDK's route to stay, got %d", got)
	}
}

// TestNullIsMarked: a field that the node writes as null while it is not set may be null, and no other.
func TestNullIsMarked(t *testing.T) {
	field := func(name string, typ descriptorpb.FieldDescriptorProto_Type, repeated bool, options ...byte) *descriptorpb.FieldDescriptorProto {
		label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
		if repeated {
			label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
		}
		f := &descriptorpb.FieldDescriptorProto{Name: &name, Type: &typ, Label: &label}
		if options != nil {
			f.Options = &descriptorpb.FieldOptions{}
			f.Options.ProtoReflect().SetUnknown(options)
		}
		return f
	}
	varint := func(number protowire.Number, value uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), value)
	}
	custom := protowire.AppendString(protowire.AppendTag(nil, optionCustomType, protowire.BytesType), "Int")
	const message, bytesType, text = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, descriptorpb.FieldDescriptorProto_TYPE_BYTES, descriptorpb.FieldDescriptorProto_TYPE_STRING
	image, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{{
		Package: proto.String("p"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Outer"), NestedType: []*descriptorpb.DescriptorProto{{
			Name: proto.String("M"),
			Field: []*descriptorpb.FieldDescriptorProto{
				field("pointer", message, false),
				field("value", message, false, append(append([]byte{}, custom...), varint(optionNullable, 0)...)...),
				field("nullable", message, false, varint(optionNullable, 1)...),
				field("list", message, true),
				field("raw", bytesType, false),
				field("number", bytesType, false, custom...),
				field("text", text, false),
			},
		}}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	known, err := readSchemas(image)
	if err != nil {
		t.Fatal(err)
	}
	const ref = `{"$ref": "#/definitions/x", "description": "d"}`
	in := strings.Replace(merged(nil), `"definitions": {}`, `"definitions": {"p.Outer.M": {"type": "object", "properties": {
		"pointer": `+ref+`, "value": `+ref+`, "nullable": `+ref+`, "list": {"type": "array"},
		"raw": {"type": "string", "format": "byte"}, "number": {"type": "string", "format": "byte"}, "text": {"type": "string"}}},
		"p.Other": {"type": "object"}}`, 1)
	var out, compact bytes.Buffer
	if err := run(strings.NewReader(in), &out, known, none); err != nil {
		t.Fatal(err)
	}
	if err := json.Compact(&compact, out.Bytes()); err != nil {
		t.Fatal(err)
	}
	const null = `{"allOf":[{"$ref":"#/definitions/x"}],"description":"d","x-nullable":true}`
	want := `"properties":{"pointer":` + null + `,"value":{"$ref":"#/definitions/x","description":"d"},"nullable":` + null +
		`,"list":{"type":"array"},"raw":{"type":"string","format":"byte","x-nullable":true},"number":{"type":"string"},"text":{"type":"string"}}`
	if !strings.Contains(compact.String(), want) {
		t.Errorf("expected %s in:\n%s", want, &compact)
	}
}
