package nodeapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// ErrNoDuty is the error of a node that runs no models.
var ErrNoDuty = errors.New("this node has no inference duty")

// answerTime is how long a node may take to answer, in which it may be busy with a block.
const answerTime = 5 * time.Second

// Handler serves the models of the node as JSON: 200, 404 without an inference duty, 503 when the node does not answer.
func Handler(models func(context.Context) (Models, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		document, err := models(ctx)
		if err != nil {
			status := http.StatusServiceUnavailable
			if errors.Is(err, ErrNoDuty) {
				status = http.StatusNotFound
			}
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // the client is gone otherwise
			return
		}
		_ = json.NewEncoder(w).Encode(document)
	})
}
