package nodeapi

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const durationName = "google.protobuf.Duration"

// Parameters reads the parameters of queries over REST before the handlers that the SDK generates do, which take enums as
// numbers only, pass over names that they do not know, and do not say which value is wrong. Enums are taken by name, as
// answers have them, and by word, as the commands have them.
type Parameters struct {
	// routes by the number of parts of their paths.
	routes map[int][]route
}

// NewParameters reads the routes and their parameters from the descriptors of all services.
func NewParameters(files interface {
	RangeFiles(visit func(protoreflect.FileDescriptor) bool)
}) Parameters {
	p := Parameters{routes: make(map[int][]route)}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			for j, methods := 0, file.Services().Get(i).Methods(); j < methods.Len(); j++ {
				for _, r := range routesOf(methods.Get(j)) {
					p.routes[len(r.parts)] = append(p.routes[len(r.parts)], r)
				}
			}
		}
		return true
	})
	return p
}

// Handler gives next the requests with the numbers of enums. On the routes of this chain's modules, parameters that next
// would not understand are refused; on others they are left to it.
func (p Parameters) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := p.of(r)
		if found == nil {
			next.ServeHTTP(w, r)
			return
		}
		query, err := url.ParseQuery(r.URL.RawQuery)
		switch {
		case found.ours && err != nil:
			writeError(w, malformed(err))
			return
		case err != nil:
			next.ServeHTTP(w, r) // which refuses it
			return
		}
		if err := found.read(split(r.URL.Path), query); err != nil {
			writeError(w, err)
			return
		}
		clone := r.Clone(r.Context())
		clone.URL.RawQuery = query.Encode()
		next.ServeHTTP(w, clone)
	})
}

func malformed(err error) error {
	return status.Errorf(codes.InvalidArgument, "query string: expected NAME=VALUE, joined by & and escaped, got another: %.128s", err)
}

// of gives the route of a request; nil when there is none.
func (p Parameters) of(r *http.Request) *route {
	if r.Method != http.MethodGet {
		return nil
	}
	parts := split(r.URL.Path)
	routes := p.routes[len(parts)]
	for i := range routes {
		if routes[i].match(parts) {
			return &routes[i]
		}
	}
	return nil
}

// read writes the numbers of enums in place of their names, and on routes of ours checks everything else.
func (r *route) read(parts []string, query url.Values) error {
	for i, field := range r.fields {
		if r.ours && field != nil {
			if _, err := value(string(field.Name()), field, parts[i]); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		field, known := r.named[name]
		if !known && r.ours {
			return r.unknown(name)
		}
		if !known {
			continue
		}
		if r.ours && len(values) > 1 && !field.IsList() {
			return invalid(name, "one value", strconv.Itoa(len(values)))
		}
		for i := range values {
			read, err := value(name, field, values[i])
			switch {
			case err == nil:
				values[i] = read
			case r.ours:
				return err
			}
		}
	}
	return nil
}

func (r *route) unknown(name string) error {
	if len(r.parameters) == 0 {
		return status.Errorf(codes.InvalidArgument, "expected no parameters, got %.64q", name)
	}
	return status.Errorf(codes.InvalidArgument, "expected the parameters %s, got %.64q", strings.Join(r.parameters, ", "), name)
}

func invalid(field, expected, got string) error {
	return status.Errorf(codes.InvalidArgument, "%s: expected %s, got %.128q", field, expected, got)
}

// value reads the text of a field as the handlers do, and gives it as they take it.
func value(name string, field protoreflect.FieldDescriptor, text string) (string, error) {
	if field.Enum() != nil {
		return number(name, field.Enum(), text)
	}
	var expected string
	var err error
	switch field.Kind() {
	case protoreflect.BoolKind:
		expected = "true or false"
		_, err = strconv.ParseBool(text)
	case protoreflect.Uint32Kind:
		expected = fmt.Sprintf("a number from 0 to %d", uint32(math.MaxUint32))
		_, err = strconv.ParseUint(text, 0, 32)
	case protoreflect.Uint64Kind:
		expected = fmt.Sprintf("a number from 0 to %d", uint64(math.MaxUint64))
		_, err = strconv.ParseUint(text, 0, 64)
	case protoreflect.BytesKind:
		expected = "base64"
		if _, err = base64.StdEncoding.DecodeString(text); err != nil {
			_, err = base64.URLEncoding.DecodeString(text)
		}
	case protoreflect.MessageKind:
		expected = "a time such as 30s"
		_, err = time.ParseDuration(text)
	}
	if err != nil {
		return "", invalid(name, expected, text)
	}
	return text, nil
}

// number reads a value of an enum: its number, its name, or its word, which is the name without that of the enum, in small
// letters.
func number(parameter string, enum protoreflect.EnumDescriptor, text string) (string, error) {
	prefix := wordPrefix(enum)
	var words []string
	for i := range enum.Values().Len() {
		v := enum.Values().Get(i)
		number := strconv.Itoa(int(v.Number()))
		word := strings.ToLower(strings.TrimPrefix(string(v.Name()), prefix))
		if slices.Contains([]string{number, string(v.Name()), word, strings.ReplaceAll(word, "_", "-")}, text) {
			return number, nil
		}
		if word != "unspecified" {
			words = append(words, word)
		}
	}
	return "", invalid(parameter, "one of "+strings.Join(words, ", "), text)
}

// wordPrefix is what the names of an enum's values begin with: REQUEST_STATUS_ for RequestStatus.
func wordPrefix(enum protoreflect.EnumDescriptor) string {
	var b strings.Builder
	for i, r := range string(enum.Name()) {
		if i > 0 && 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String()) + "_"
}
