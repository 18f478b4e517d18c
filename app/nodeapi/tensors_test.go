package nodeapi_test

import (
	"encoding/binary"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

func ask(read nodeapi.ReadTensors, path, height string) *httptest.ResponseRecorder {
	router := mux.NewRouter()
	router.Handle(nodeapi.OutputsPath, nodeapi.TensorsHandler("outputs", read))
	request := httptest.NewRequest(http.MethodGet, path, nil)
	if height != "" {
		request.Header.Set("x-cosmos-block-height", height)
	}
	recorder := httptest.NewRecorder()
	router.ServeHTTP(recorder, request)
	return recorder
}

// TestTensorsAsJSON: 64-bit integers are numbers, floats have as many digits as they need, and what JSON has no number for
// is text.
func TestTensorsAsJSON(t *testing.T) {
	class := binary.LittleEndian.AppendUint64(nil, math.MaxUint64)
	var scores []byte
	for _, v := range []float32{0.1, -0, float32(math.Inf(1)), 3} {
		scores = binary.LittleEndian.AppendUint32(scores, math.Float32bits(v))
	}
	//nolint:unparam // The handler takes a reader that may fail.
	read := func(height int64, id uint64) (nodeapi.Tensors, error) {
		if height == 0 {
			height = 12
		}
		return nodeapi.Tensors{
			Request: inferencetypes.Request{Id: id, Model: "ab", Status: inferencetypes.REQUEST_STATUS_FINALIZED},
			Root:    []byte{0xcd, 0xef}, Height: height,
			Tensors: []tensor.Tensor{
				{Name: "class", Datatype: tensor.Uint64, Shape: []int64{1}, Data: class},
				{Name: "scores", Datatype: tensor.FP32, Shape: []int64{2, 2}, Data: scores},
			},
		}, nil
	}
	const (
		classJSON  = `{"name":"class","datatype":"UINT64","shape":[1],"data":[18446744073709551615]}`
		scoresJSON = `{"name":"scores","datatype":"FP32","shape":[2,2],"data":[0.1,0,"Infinity",3]}`
	)
	for name, tc := range map[string]struct{ query, height, atHeight, want string }{
		"all":               {"", "", "12", classJSON + "," + scoresJSON},
		"one":               {"?tensor=scores", "", "12", scoresJSON},
		"both, in order":    {"?tensor=scores&tensor=class", "", "12", classJSON + "," + scoresJSON},
		"one twice":         {"?tensor=class&tensor=class", "", "12", classJSON},
		"at another height": {"", "5", "5", classJSON + "," + scoresJSON},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(read, "/opengradient/node/v1/requests/7/outputs"+tc.query, tc.height)
			require.Equal(t, http.StatusOK, answer.Code)
			require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
			require.Equal(t, tc.atHeight, answer.Header().Get("x-cosmos-block-height"))
			// Byte by byte: a comparison as JSON would round the numbers.
			require.Equal(t, `{"height":"`+tc.atHeight+`","id":"7","model":"ab","outputs":[`+tc.want+
				`],"root":"cdef","status":"REQUEST_STATUS_FINALIZED"}`, answer.Body.String())
		})
	}
}

func TestTensorsRefused(t *testing.T) {
	read := func(_ int64, id uint64) (nodeapi.Tensors, error) {
		switch id {
		case 8:
			return nodeapi.Tensors{}, inferencetypes.ErrRequestNotFound.Wrap("id 8")
		case 9:
			return nodeapi.Tensors{}, inferencetypes.ErrNotFinal.Wrap("request 9")
		case 10:
			return nodeapi.Tensors{}, status.Error(codes.Unavailable, "no block")
		}
		return nodeapi.Tensors{Tensors: []tensor.Tensor{{Name: "y"}}}, nil
	}
	for name, tc := range map[string]struct {
		path, height string
		status, code int
		message      string
	}{
		"a number that is none":  {"x/outputs", "", 400, 3, "id: expected the number of a request"},
		"a number too large":     {"18446744073709551616/outputs", "", 400, 3, "id: expected"},
		"an unknown request":     {"8/outputs", "", 404, 5, "request not found"},
		"a request that is open": {"9/outputs", "", 400, 9, "not final"},
		"a node without a block": {"10/outputs", "", 503, 14, "no block"},
		"a tensor that is none":  {"7/outputs?tensor=z", "", 400, 3, "tensor: expected one of y"},
		"an unknown parameter":   {"7/outputs?name=y", "", 400, 3, "expected the parameters tensor, got"},
		"a query that is none":   {"7/outputs?tensor=%zz", "", 400, 3, "query string: expected NAME=VALUE"},
		"a height that is none":  {"7/outputs", "high", 400, 3, "x-cosmos-block-height: expected a height"},
		"a negative height":      {"7/outputs", "-1", 400, 3, "x-cosmos-block-height"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(read, "/opengradient/node/v1/requests/"+tc.path, tc.height)
			require.Equal(t, tc.status, answer.Code, answer.Body)
			require.Contains(t, answer.Body.String(), tc.message)
			require.Regexp(t, `^\{"code":[0-9]+,"message":".+","details":\[\]\}`, answer.Body.String())
		})
	}
}
