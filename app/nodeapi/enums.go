package nodeapi

import (
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Enums lets the REST handlers of queries take the values of enums by name, as answers have them. By themselves the
// handlers that the SDK generates take numbers only.
type Enums struct {
	// packages has the numbers by package of the service, query parameter and name of a value.
	packages map[protoreflect.FullName]map[string]map[string]protoreflect.EnumNumber
}

// NewEnums reads which query parameters are enums from the descriptors of all services.
func NewEnums(files interface {
	RangeFiles(visit func(protoreflect.FileDescriptor) bool)
}) Enums {
	e := Enums{packages: make(map[protoreflect.FullName]map[string]map[string]protoreflect.EnumNumber)}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			for j, methods := 0, file.Services().Get(i).Methods(); j < methods.Len(); j++ {
				e.add(file.Package(), methods.Get(j).Input())
			}
		}
		return true
	})
	return e
}

func (e Enums) add(name protoreflect.FullName, request protoreflect.MessageDescriptor) {
	for i := range request.Fields().Len() {
		field := request.Fields().Get(i)
		if field.Kind() != protoreflect.EnumKind {
			continue
		}
		if e.packages[name] == nil {
			e.packages[name] = make(map[string]map[string]protoreflect.EnumNumber)
		}
		parameter := string(field.Name())
		if e.packages[name][parameter] == nil {
			e.packages[name][parameter] = make(map[string]protoreflect.EnumNumber)
		}
		// Names of values are unique in their package.
		for j, values := 0, field.Enum().Values(); j < values.Len(); j++ {
			e.packages[name][parameter][string(values.Get(j).Name())] = values.Get(j).Number()
		}
	}
}

// Handler writes the numbers of enums in place of their names before next sees the request. The path of a route begins
// with the package of its service.
func (e Enums) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if parameters := e.of(r.URL.Path); parameters != nil && r.URL.RawQuery != "" {
			r = rewrite(r, func(parameter, value string) string {
				if number, known := parameters[parameter][value]; known {
					return strconv.Itoa(int(number))
				}
				return value
			})
		}
		next.ServeHTTP(w, r)
	})
}

// of gives the parameters of the package that a path begins with.
func (e Enums) of(path string) map[string]map[string]protoreflect.EnumNumber {
	const deepest = 6 // more parts than any package has
	name := protoreflect.FullName("")
	for _, part := range strings.SplitN(strings.TrimPrefix(path, "/"), "/", deepest) {
		name = protoreflect.FullName(strings.TrimPrefix(string(name)+"."+part, "."))
		if parameters, known := e.packages[name]; known {
			return parameters
		}
	}
	return nil
}

// rewrite gives the request with other values of query parameters.
func rewrite(r *http.Request, value func(parameter, value string) string) *http.Request {
	query := r.URL.Query()
	for parameter, values := range query {
		for i := range values {
			values[i] = value(parameter, values[i])
		}
	}
	clone := r.Clone(r.Context())
	clone.URL.RawQuery = query.Encode()
	return clone
}
