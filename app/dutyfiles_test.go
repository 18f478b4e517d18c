package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/client/flags"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/internal/worker/workertest"
	"github.com/opengradient/opengradient/testutil/chaintest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// A node serves the files that the chain holds, whole and in ranges, and tells that it runs no models when it does not.
func TestNodeRoutes(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{AppOptions: simtestutil.AppOptionsMap{flags.FlagHome: t.TempDir()}})
	router := mux.NewRouter()
	require.NoError(t, c.App.NodeRoutes(router))
	get := func(path, span string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if span != "" {
			r.Header.Set("Range", span)
		}
		recorder := httptest.NewRecorder()
		router.ServeHTTP(recorder, r)
		return recorder
	}
	c.Attest(answer)
	c.Next()
	c.Next()
	onnx, sum := workertest.Marshal(t, workertest.Weighted(100_000)) // two chunks
	require.Greater(t, len(onnx), modelstypes.ChunkBytes)
	require.Equal(t, http.StatusNotFound, get("/opengradient/models/"+sum, "").Code)
	deliver(t, c, c.Tx(c.Accounts[0], 0, chaintest.Registration(c.Accounts[0].Address, "weighted", onnx, 0)))

	whole := get("/opengradient/models/"+sum, "")
	require.Equal(t, http.StatusOK, whole.Code)
	require.True(t, bytes.Equal(onnx, whole.Body.Bytes()))
	from := modelstypes.ChunkBytes - 10
	part := get("/opengradient/models/"+sum, fmt.Sprintf("bytes=%d-%d", from, from+19))
	require.Equal(t, http.StatusPartialContent, part.Code)
	require.Equal(t, onnx[from:from+20], part.Body.Bytes(), "across two chunks")
	require.Equal(t, http.StatusNotFound, get("/opengradient/models/"+workertest.Name(nil), "").Code)
	require.Equal(t, http.StatusNotFound, get("/opengradient/models/v1/models", "").Code, "left to the routes of the module")

	none := get(nodeapi.ModelsPath, "")
	require.Equal(t, http.StatusNotFound, none.Code)
	require.Contains(t, none.Body.String(), nodeapi.ErrNoDuty.Error())
}

// The executor finds models, their files and proofs, the queue and the classes in the stores of the real application.
func TestDutyStoresOfModels(t *testing.T) {
	c := start(t, chaintest.Options{})
	model := register(t, c)
	id, err := model.ID()
	require.NoError(t, err)
	view, err := executor.NewStateReader(func() (sdk.Context, error) { return c.Ctx(), nil }, c.App.DutyStores()).View()
	require.NoError(t, err)

	active, err := view.ModelsWith(modelstypes.MODEL_STATUS_ACTIVE)
	require.NoError(t, err)
	require.Equal(t, []executor.ModelID{executor.ModelID(id)}, active)
	waiting, err := view.ModelsWith(modelstypes.MODEL_STATUS_ADMITTING)
	require.NoError(t, err)
	require.Empty(t, waiting)
	got, ok, err := view.Model(active[0])
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, model, got)
	file, err := view.ModelFile(got)
	require.NoError(t, err)
	require.Equal(t, linear(1), file)
	_, err = view.Golden(active[0])
	require.NoError(t, err)

	class, ok, err := view.Environment(*chaintest.Environment())
	require.NoError(t, err)
	require.True(t, ok)
	proof, ok, err := view.Proof(active[0], c.Validators[0].Operator.String(), class)
	require.NoError(t, err)
	require.True(t, ok)
	shown, err := view.Shown(active[0], proof.OutputRoot)
	require.NoError(t, err)
	require.True(t, shown)
	most, err := view.MaxGoldenOutput()
	require.NoError(t, err)
	require.Equal(t, modelstypes.DefaultParams().MaxGoldenOutputBytes, most)

	queued, err := view.QueuedModels(10)
	require.NoError(t, err)
	require.Empty(t, queued)
}
