package nodeapi

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	grpctypes "github.com/cosmos/cosmos-sdk/types/grpc"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// The routes of tensors, with the pattern of gorilla/mux.
const (
	InputsPath  = "/opengradient/node/v1/requests/{id}/inputs"
	OutputsPath = "/opengradient/node/v1/requests/{id}/outputs"
)

// Tensors are the inputs or the outputs of a request in the state of one block.
type Tensors struct {
	Request inferencetypes.Request
	// Root is the Merkle root of their canonical encoding: 32 bytes.
	Root    []byte
	Tensors []tensor.Tensor
	Height  int64
}

// ReadTensors reads tensors of a request in the state after a height; 0 is the last one. Its errors have gRPC codes.
type ReadTensors func(height int64, id uint64) (Tensors, error)

// TensorsHandler serves tensors in the JSON form of the Open Inference Protocol, in which every number is exact, under the
// member that is named. The query parameter tensor picks some of them by name. Errors have the body of all routes of
// queries: code, message and details.
func TensorsHandler(member string, read ReadTensors) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, height, err := tensorsBody(member, read, r)
		if err != nil {
			writeError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(grpctypes.GRPCBlockHeightHeader, strconv.FormatInt(height, 10))
		_, _ = w.Write(body) // the client is gone otherwise
	})
}

func tensorsBody(member string, read ReadTensors, r *http.Request) (body []byte, height int64, err error) {
	id, err := strconv.ParseUint(mux.Vars(r)["id"], 10, 64)
	if err != nil {
		return nil, 0, status.Errorf(codes.InvalidArgument, "id: expected the number of a request, got %.64q", mux.Vars(r)["id"])
	}
	if text := r.Header.Get(grpctypes.GRPCBlockHeightHeader); text != "" {
		if height, err = strconv.ParseInt(text, 10, 64); err != nil || height < 0 {
			return nil, 0, status.Errorf(codes.InvalidArgument, "%s: expected a height, got %.32q", grpctypes.GRPCBlockHeightHeader, text)
		}
	}
	names, err := tensorNames(r)
	if err != nil {
		return nil, 0, err
	}
	found, err := read(height, id)
	if err != nil {
		return nil, 0, err
	}
	picked, err := pick(found.Tensors, names)
	if err != nil {
		return nil, 0, err
	}
	data, err := oipjson.MarshalTensors(picked)
	if err != nil {
		return nil, 0, err
	}
	body, err = json.Marshal(map[string]any{
		"id":     strconv.FormatUint(found.Request.Id, 10),
		"model":  found.Request.Model,
		"status": found.Request.Status.String(),
		"root":   hex.EncodeToString(found.Root),
		"height": strconv.FormatInt(found.Height, 10),
		member:   json.RawMessage(data),
	})
	return body, found.Height, err
}

// tensorNames reads the parameters of a request.
func tensorNames(r *http.Request) ([]string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformed(err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if name != "tensor" {
			return nil, status.Errorf(codes.InvalidArgument, "expected the parameters tensor, got %.64q", name)
		}
	}
	return query["tensor"], nil
}

// pick gives the tensors of some names, in the order in which they are; all without names.
func pick(ts []tensor.Tensor, names []string) ([]tensor.Tensor, error) {
	if len(names) == 0 {
		return ts, nil
	}
	known := make([]string, len(ts))
	var picked []tensor.Tensor
	for i, t := range ts {
		known[i] = t.Name
		if slices.Contains(names, t.Name) {
			picked = append(picked, t)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, status.Errorf(codes.InvalidArgument, "tensor: expected one of %s, got %.128q", strings.Join(known, ", "), name)
		}
	}
	return picked, nil
}
