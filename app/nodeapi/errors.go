package nodeapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrorHandler writes the errors of the REST server. For a route that is none the gateway's own handler says 501.
func ErrorHandler(ctx context.Context, mux *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, runtime.ErrUnknownURI) {
		err = status.Errorf(codes.NotFound, "expected a route of the REST API, got %s %.128q", r.Method, r.URL.Path)
	}
	runtime.DefaultHTTPProtoErrorHandler(ctx, mux, marshaler, w, r, err)
}

// writeError writes an error as the REST handlers of queries do.
func writeError(w http.ResponseWriter, err error) {
	s := status.Convert(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(runtime.HTTPStatusFromCode(s.Code()))
	_ = json.NewEncoder(w).Encode(struct { // the client is gone otherwise
		Code    codes.Code `json:"code"`
		Message string     `json:"message"`
		Details []any      `json:"details"`
	}{s.Code(), s.Message(), []any{}})
}
