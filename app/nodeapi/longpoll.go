package nodeapi

import (
	"net/http"
	"reflect"
	"time"
)

// LongPoll lets next, the REST handler of WaitRequest, take longer than the server gives a request to be read: that time goes
// on while a handler runs, and ends its context. Where it cannot be set, a call comes back earlier.
func LongPoll(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 { // no body is still on its way
			deadline := time.Now().Add(MaxTimeout + answerTime)
			_ = http.NewResponseController(unwrap(w)).SetReadDeadline(deadline) // see above
		}
		next.ServeHTTP(w, r)
	})
}

// unwrap gives what is inside the writer of CometBFT's server, which embeds another and does not implement Unwrap.
func unwrap(w http.ResponseWriter) http.ResponseWriter {
	v := reflect.Indirect(reflect.ValueOf(w))
	if v.Kind() != reflect.Struct {
		return w
	}
	embedded := v.FieldByName("ResponseWriter")
	if !embedded.IsValid() || !embedded.CanInterface() {
		return w
	}
	if inner, ok := embedded.Interface().(http.ResponseWriter); ok {
		return inner
	}
	return w
}
