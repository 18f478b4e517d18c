package nodeapi

import (
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// route is the REST route of a query, as its descriptor states it.
type route struct {
	// parts are those of the path, and fields the field that each part holds; nil for a literal.
	parts  []string
	fields []protoreflect.FieldDescriptor
	// parameters are the names of the query parameters, in the order of the fields.
	parameters []string
	named      map[string]protoreflect.FieldDescriptor
	// ours tells that the route is one of this chain's own modules.
	ours bool
}

// routesOf reads the GET routes of a method.
func routesOf(method protoreflect.MethodDescriptor) []route {
	rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok {
		return nil
	}
	var routes []route
	for _, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		if path := r.GetGet(); path != "" {
			routes = append(routes, newRoute(path, method.Input()))
		}
	}
	return routes
}

func newRoute(path string, request protoreflect.MessageDescriptor) route {
	r := route{
		parts: split(path), named: make(map[string]protoreflect.FieldDescriptor),
		ours: strings.HasPrefix(string(request.FullName()), "opengradient."),
	}
	r.fields = make([]protoreflect.FieldDescriptor, len(r.parts))
	inPath := make(map[protoreflect.FieldDescriptor]bool)
	for i, part := range r.parts {
		if name, isField := strings.CutPrefix(part, "{"); isField {
			name, _, _ = strings.Cut(strings.TrimSuffix(name, "}"), "=")
			r.fields[i] = request.Fields().ByName(protoreflect.Name(name))
			inPath[r.fields[i]] = true
		}
	}
	for i := range request.Fields().Len() {
		if field := request.Fields().Get(i); !inPath[field] {
			r.add("", field)
		}
	}
	return r
}

// add adds the parameters of a field. Those of a message are named by their path, but for a duration, which is one value.
func (r *route) add(prefix string, field protoreflect.FieldDescriptor) {
	name := prefix + string(field.Name())
	if field.Message() == nil || field.Message().FullName() == durationName {
		r.parameters = append(r.parameters, name)
		r.named[name] = field
		r.named[prefix+field.JSONName()] = field
		return
	}
	if prefix != "" || field.IsList() || field.IsMap() {
		return // no query has a filter so deep
	}
	for i := range field.Message().Fields().Len() {
		r.add(name+".", field.Message().Fields().Get(i))
	}
}

// match tells whether a path, in its parts, is one of the route.
func (r *route) match(parts []string) bool {
	if len(parts) != len(r.parts) {
		return false
	}
	for i, part := range r.parts {
		if !strings.HasPrefix(part, "{") && part != parts[i] {
			return false
		}
	}
	return true
}

func split(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }
