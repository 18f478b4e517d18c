//go:build nettest

package access

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sdkmath "cosmossdk.io/math"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	sdk "github.com/cosmos/cosmos-sdk/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/opengradient/opengradient/docs/openapi"
	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/onnxwrite"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/apischema"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// routes asks every route of this chain in the OpenAPI document, right and wrong, and holds what comes against it.
func routes(t *testing.T, b *bed) {
	a := newAPI(t, b)
	t.Run("every route", a.everyRoute)
	t.Run("of the SDK", a.sdkRoutes)
	t.Run("waiting", a.waiting)
	t.Run("tensors", a.tensors)
	t.Run("events", a.events)
	t.Run("reflection", a.reflection)
	a.deliver(t, a.other, &modelstypes.MsgCancelUpload{Owner: a.other.Address.String(), UploadId: a.upload},
		&inferencetypes.MsgCancelSchedule{Owner: a.other.Address.String(), Id: a.schedule})
}

// api is a node's REST API with what there is to ask for.
type api struct {
	*bed
	doc  *apischema.Document
	base string

	other    *chainclient.Signer // a second requester and owner
	requests []uint64            // of the faucet, settled
	sealed   uint64              // of other, settled
	schedule uint64              // of other
	upload   uint64              // of other
	operator string
	live     int64 // a height at which rounds and tasks are open
	liveID   uint64
	height   int64 // a height at which all of that is there
}

// names of the second model, and of the key of a message.
const (
	otherModel = "routes"
	otherLabel = "linear maps"
	key        = "routes-1"
)

func newAPI(t *testing.T, b *bed) *api {
	t.Helper()
	doc, err := apischema.Load(openapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{bed: b, doc: doc, base: b.Net.Nodes[0].REST, operator: nettest.Operator(t, b.Net, b.Net.Nodes[1])}
	if served := a.get(t, "/swagger/swagger.json", 0); !bytes.Equal(served.body, openapi.Document) {
		t.Fatal("expected the node to serve the document of this repository")
	}
	if page := a.get(t, "/swagger/", 0); page.status != http.StatusOK || !bytes.Contains(page.body, []byte("swagger-ui")) {
		t.Fatalf("expected the node to serve Swagger UI, got %d: %.200s", page.status, page.body)
	}
	ctx := nettest.Patience(t)
	if a.other, err = chainclient.GenerateSigner(localnet.ChainID, b.Net.Codecs); err != nil {
		t.Fatal(err)
	}
	a.deliver(t, b.Signer, &banktypes.MsgSend{
		FromAddress: b.Signer.Address.String(), ToAddress: a.other.Address.String(), Amount: sdk.NewCoins(sdk.NewInt64Coin("uopg", 100_000_000)),
	})
	onnx := linear(t)
	if _, err := b.Client.Admit(ctx, a.other, chainclient.Fees{Gas: 5_000_000}, &modelstypes.MsgRegisterModel{
		Owner: a.other.Address.String(), Onnx: onnx, Manifest: modelstypes.Manifest{
			Name: otherModel, TaskClass: schedulingtypes.TASK_CLASS_REGRESSION, Royalty: sdkmath.NewInt(3), Card: "# routes", Labels: []string{otherLabel},
		},
	}); err != nil {
		t.Fatal(err)
	}
	a.openUpload(t)
	a.requests = b.MustSubmit(t, b.Fresh(2)...)
	msg := b.Message(a.other.Address, b.Fresh(1)...)
	msg.Tier, msg.Sealing, msg.IdempotencyKey = inferencetypes.TIER_COMMITTEE, inferencetypes.SEALING_SEALED, key
	ids, err := b.Client.RequestIDs(a.deliver(t, a.other, msg))
	if err != nil {
		t.Fatal(err)
	}
	a.sealed = ids[0]
	row := b.Fresh(1)[0]
	var created inferencetypes.MsgCreateScheduleResponse
	a.answer(t, a.deliver(t, a.other, &inferencetypes.MsgCreateSchedule{
		Owner: a.other.Address.String(), Model: irisclient.ModelName, Inputs: []inferencetypes.Tensor{irisclient.Features(row)}, Tier: inferencetypes.TIER_QUORUM,
		MaxFee: b.Price.MulRaw(100), Every: 1_000, Count: 2, Deposit: b.Price.MulRaw(200),
	}), &created)
	a.schedule = created.Id
	for _, id := range append(slices.Clone(a.requests), a.sealed) {
		if _, err := b.Client.WaitReceipt(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	live := a.deliver(t, b.Signer, b.Message(b.Signer.Address, b.Fresh(3)...))
	if ids, err = b.Client.RequestIDs(live); err != nil {
		t.Fatal(err)
	}
	a.live, a.liveID = live.Height, ids[0]
	for _, id := range ids {
		if _, err := b.Client.WaitReceipt(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	a.height = b.Height(t)
	return a
}

// linear is the model x FP32[N,2] to y FP32[N,1].
func linear(t *testing.T) []byte {
	t.Helper()
	rows := onnxwrite.Symbolic("N")
	onnx, err := onnxwrite.Model{Graph: onnxwrite.Graph{
		Name:         otherModel,
		Nodes:        []onnxwrite.Node{{Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
		Inputs:       []onnxwrite.ValueInfo{{Name: "x", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{rows, onnxwrite.Fixed(2)}}},
		Outputs:      []onnxwrite.ValueInfo{{Name: "y", Type: onnxwrite.ElementFloat, Dims: []onnxwrite.Dim{rows, onnxwrite.Fixed(1)}}},
		Initializers: []onnxwrite.Tensor{onnxwrite.FloatTensor("w", []int64{2, 1}, 2, 3)},
	}}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return onnx
}

// openUpload begins an upload that is never finished.
func (a *api) openUpload(t *testing.T) {
	t.Helper()
	file := bytes.Repeat([]byte("routes"), 60_000)
	digest, err := modelpush.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	msg := &modelstypes.MsgOpenUpload{
		Owner: a.other.Address.String(), Sha256: hex.EncodeToString(digest.SHA256[:]), Size_: uint64(len(file)),
		Manifest: modelstypes.Manifest{Name: otherModel, TaskClass: schedulingtypes.TASK_CLASS_OTHER, Royalty: sdkmath.ZeroInt()},
	}
	for _, chunk := range digest.Chunks {
		msg.ChunkHashes = append(msg.ChunkHashes, chunk[:])
	}
	var opened modelstypes.MsgOpenUploadResponse
	a.answer(t, a.deliver(t, a.other, msg), &opened)
	a.upload = opened.UploadId
}

func (a *api) deliver(t *testing.T, s *chainclient.Signer, msgs ...sdk.Msg) *sdk.TxResponse {
	t.Helper()
	resp, err := a.Client.Deliver(nettest.Patience(t), s, chainclient.Fees{Gas: 10_000_000}, msgs...)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func (a *api) answer(t *testing.T, resp *sdk.TxResponse, into sdk.Msg) {
	t.Helper()
	if err := a.Client.Response(resp, into); err != nil {
		t.Fatal(err)
	}
}

// restAnswer is what a GET came back with.
type restAnswer struct {
	status int
	body   []byte
}

// get asks the node for a path, in the state after a height; 0 is the last one.
func (a *api) get(t *testing.T, path string, height int64) restAnswer {
	t.Helper()
	request, err := http.NewRequestWithContext(nettest.Patience(t), http.MethodGet, a.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if height > 0 {
		request.Header.Set("x-cosmos-block-height", strconv.FormatInt(height, 10))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return restAnswer{response.StatusCode, body}
}

// fileRoute answers with a file, which has no schema.
const fileRoute = "/opengradient/models/{sha256}"

// checked asks for a path of a route and holds the answer against the document.
func (a *api) checked(t *testing.T, route, path string, height int64, status int) []byte {
	t.Helper()
	got := a.get(t, path, height)
	if got.status != status {
		t.Fatalf("%s: expected status %d, got %d: %.300s", path, status, got.status, got.body)
	}
	if err := a.doc.Check(route, got.status, got.body); err != nil && (route != fileRoute || !errors.Is(err, apischema.ErrNoSchema)) {
		t.Fatalf("%s: %v\n%.2000s", path, err, got.body)
	}
	return got.body
}

// everyRoute asks each route of the document what its example says. A route without an example fails, and so does an example
// without a route.
func (a *api) everyRoute(t *testing.T) {
	examples := a.examples()
	for _, route := range a.doc.Routes() {
		e, ok := examples[route]
		if !ok {
			t.Errorf("%s: expected an example of this route", route)
			continue
		}
		delete(examples, route)
		t.Run(route, func(t *testing.T) {
			height := e.height
			if height == 0 {
				height = a.height
			}
			for _, path := range e.right {
				a.checked(t, route, path, height, http.StatusOK)
			}
			for path, status := range e.wrong {
				a.checked(t, route, path, 0, status)
			}
			if e.list != "" {
				a.pages(t, route, e, height)
				a.filters(t, route, e, height)
			}
			if len(e.right)+len(e.list) == 0 && len(e.wrong) == 0 {
				t.Error("expected something to ask for")
			}
		})
	}
	for route := range examples {
		t.Errorf("%s: the document does not have this route", route)
	}
}

// page asks for a page of a list.
func (a *api) page(t *testing.T, route string, e example, query url.Values, height int64) (elements []json.RawMessage, next string) {
	t.Helper()
	path := e.right[0]
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	body := a.checked(t, route, path+separator+query.Encode(), height, http.StatusOK)
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatal(err)
	}
	var pagination struct {
		Next *string `json:"next_key"`
	}
	if err := errors.Join(json.Unmarshal(members[e.list], &elements), json.Unmarshal(members["pagination"], &pagination)); err != nil {
		t.Fatalf("%s: %v in %.300s", path, err, body)
	}
	if pagination.Next != nil {
		next = *pagination.Next
	}
	return elements, next
}

// pages follows a list with one element a page in both directions: together the pages are the whole list.
func (a *api) pages(t *testing.T, route string, e example, height int64) {
	t.Helper()
	whole, next := a.page(t, route, e, url.Values{"pagination.limit": {"1000"}}, height)
	if next != "" || len(whole) == 0 && !e.empty {
		t.Fatalf("expected a whole list with elements, got %d and next key %q", len(whole), next)
	}
	for _, reverse := range []bool{false, true} {
		var got []json.RawMessage
		query := url.Values{"pagination.limit": {"1"}, "pagination.reverse": {strconv.FormatBool(reverse)}}
		for {
			elements, next := a.page(t, route, e, query, height)
			if len(elements) > 1 {
				t.Fatalf("expected at most one element, got %d", len(elements))
			}
			got = append(got, elements...)
			if next == "" {
				break
			}
			query.Set("pagination.key", next)
		}
		if reverse {
			slices.Reverse(got)
		}
		if fmt.Sprintf("%s", got) != fmt.Sprintf("%s", whole) {
			t.Errorf("reverse %t: expected the pages to be the list of %d, got %d elements", reverse, len(whole), len(got))
		}
	}
	for query, status := range map[string]int{
		"pagination.offset=1": http.StatusBadRequest, "pagination.count_total=true": http.StatusBadRequest,
		"pagination.limit=1001": http.StatusBadRequest, "pagination.limit=x": http.StatusBadRequest, "pagination.key=%25": http.StatusBadRequest,
	} {
		separator := "?"
		if strings.Contains(e.right[0], "?") {
			separator = "&"
		}
		a.checked(t, route, e.right[0]+separator+query, 0, status)
	}
}

// filters checks that each filter leaves just the elements that it says. Together they leave some and take some away.
func (a *api) filters(t *testing.T, route string, e example, height int64) {
	t.Helper()
	if len(e.filters) == 0 {
		return
	}
	whole, _ := a.page(t, route, e, url.Values{"pagination.limit": {"1000"}}, height)
	left, taken := false, false
	for query, keep := range e.filters {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		values.Set("pagination.limit", "1000")
		got, _ := a.page(t, route, e, values, height)
		var want []json.RawMessage
		for _, raw := range whole {
			var element map[string]any
			if err := json.Unmarshal(raw, &element); err != nil {
				t.Fatal(err)
			}
			if keep(element) {
				want = append(want, raw)
			}
		}
		if fmt.Sprintf("%s", got) != fmt.Sprintf("%s", want) {
			t.Errorf("%s: expected %d elements, got %d:\n%s", query, len(want), len(got), got)
		}
		left, taken = left || len(want) > 0, taken || len(want) < len(whole)
	}
	if !e.empty && (!left || !taken) {
		t.Errorf("expected filters with an effect, got some left: %t, some taken away: %t", left, taken)
	}
}

// sdkRoutes asks three routes of the SDK.
func (a *api) sdkRoutes(t *testing.T) {
	for route, path := range map[string]string{
		"/cosmos/bank/v1beta1/balances/{address}":   "/cosmos/bank/v1beta1/balances/" + a.other.Address.String(),
		"/cosmos/staking/v1beta1/validators":        "/cosmos/staking/v1beta1/validators?status=BOND_STATUS_BONDED",
		"/cosmos/base/tendermint/v1beta1/node_info": "/cosmos/base/tendermint/v1beta1/node_info",
	} {
		a.checked(t, route, path, 0, http.StatusOK)
	}
	// An enum by its name.
	a.checked(t, "/cosmos/gov/v1/proposals", "/cosmos/gov/v1/proposals?proposal_status=PROPOSAL_STATUS_PASSED", 0, http.StatusOK)
}

// waiting observes calls that wait: they come back with the block in which the request reached the stage.
func (a *api) waiting(t *testing.T) {
	id := a.MustSubmit(t, a.Fresh(1)...)[0]
	const route = "/opengradient/node/v1/requests/{id}/wait"
	type waited struct {
		Request struct {
			Status      string `json:"status"`
			FinalHeight string `json:"final_height"`
		} `json:"request"`
		Stage   string `json:"stage"`
		Reached bool   `json:"reached"`
		Height  string `json:"height"`
	}
	wait := func(query string) (w waited) {
		body := a.checked(t, route, fmt.Sprintf("/opengradient/node/v1/requests/%d/wait%s", id, query), 0, http.StatusOK)
		if err := json.Unmarshal(body, &w); err != nil {
			t.Fatal(err)
		}
		return w
	}
	if now := wait("?until=settled&timeout=0s"); now.Reached {
		t.Errorf("expected an answer at once, before the request is settled, got %+v", now)
	}
	final := wait("?until=final&timeout=60s")
	if !final.Reached || final.Request.Status != "REQUEST_STATUS_FINALIZED" || final.Height != final.Request.FinalHeight {
		t.Errorf("expected an answer at the block of finality, got %+v", final)
	}
	settled := wait("?until=STAGE_SETTLED&timeout=60s")
	receipt, err := a.Client.Inference.Receipt(nettest.Patience(t), &inferencetypes.QueryReceiptRequest{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	if !settled.Reached || settled.Height != strconv.FormatInt(receipt.Receipt.SettledHeight, 10) {
		t.Errorf("expected an answer at height %d, where the receipt was sealed, got %+v", receipt.Receipt.SettledHeight, settled)
	}
}

// tensors compares the outputs and inputs in JSON with those that gRPC gives.
func (a *api) tensors(t *testing.T) {
	ctx, id := nettest.Patience(t), a.requests[0]
	result, err := a.Client.Inference.Result(ctx, &inferencetypes.QueryResultRequest{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	inputs, err := a.Client.Inference.Inputs(ctx, &inferencetypes.QueryInputsRequest{Id: id})
	if err != nil {
		t.Fatal(err)
	}
	for member, want := range map[string][]inferencetypes.Tensor{"outputs": result.Outputs, "inputs": inputs.Inputs} {
		ts := make([]tensor.Tensor, len(want))
		for i := range want {
			if ts[i], err = want[i].Tensor(); err != nil {
				t.Fatal(err)
			}
		}
		document, err := oipjson.MarshalTensors(ts)
		if err != nil {
			t.Fatal(err)
		}
		got := a.get(t, fmt.Sprintf("/opengradient/node/v1/requests/%d/%s", id, member), 0)
		var members map[string]json.RawMessage
		if err := json.Unmarshal(got.body, &members); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(members[member], document) {
			t.Errorf("%s: expected %s, got %s", member, document, members[member])
		}
		if member == "outputs" && string(members["root"]) != fmt.Sprintf("%q", hex.EncodeToString(result.Result.OutputRoot)) {
			t.Errorf("expected root %x, got %s", result.Result.OutputRoot, members["root"])
		}
	}
}

// events follows requests by the events that the document of events names.
func (a *api) events(t *testing.T) {
	// The life of a sealed request, stage by stage.
	told := make(map[string]bool)
	receipt, err := a.Client.Inference.Receipt(nettest.Patience(t), &inferencetypes.QueryReceiptRequest{Id: a.sealed})
	if err != nil {
		t.Fatal(err)
	}
	for height := receipt.Receipt.SubmittedHeight; height <= receipt.Receipt.SettledHeight; height++ {
		results, err := a.Client.RPC.BlockResults(nettest.Patience(t), &height)
		if err != nil {
			t.Fatal(err)
		}
		events := results.FinalizeBlockEvents
		for _, tx := range results.TxsResults {
			events = append(events, tx.Events...)
		}
		for _, e := range events {
			for _, attribute := range e.Attributes {
				if (attribute.Key == "id" || attribute.Key == "request_id") && attribute.Value == fmt.Sprintf("%q", strconv.FormatUint(a.sealed, 10)) {
					told[e.Type] = true
				}
			}
		}
	}
	for _, name := range []string{
		"inference.v1.EventRequestSubmitted", "inference.v1.EventRequestAssigned", "verification.v1.EventRoundSealed",
		"verification.v1.EventRoundRevealed", "inference.v1.EventRequestFinalized", "inference.v1.EventRequestSettled",
	} {
		if !told["opengradient."+name] {
			t.Errorf("expected %s of the sealed request, got %v", name, told)
		}
	}

	// A subscription to the end of one request, by its attribute.
	ctx := nettest.Patience(t)
	rpc, err := rpchttp.New(a.Net.Nodes[0].RPC, "/websocket")
	if err != nil {
		t.Fatal(err)
	}
	if err := rpc.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rpc.Stop() }()
	id := a.MustSubmit(t, a.Fresh(1)...)[0]
	query := fmt.Sprintf(`tm.event='NewBlockEvents' AND opengradient.inference.v1.EventRequestSettled.id='"%d"'`, id)
	came, err := rpc.Subscribe(ctx, "routes", query)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case message := <-came:
		if ids := message.Events["opengradient.inference.v1.EventRequestSettled.id"]; !slices.Contains(ids, fmt.Sprintf("%q", strconv.FormatUint(id, 10))) {
			t.Errorf("expected the event of request %d, got %v", id, ids)
		}
	case <-ctx.Done():
		t.Fatalf("expected an event by %s, got none", query)
	}
	found, err := rpc.BlockSearch(ctx, fmt.Sprintf(`opengradient.inference.v1.EventRequestFinalized.id='"%d"'`, id), nil, nil, "desc")
	if err != nil || found.TotalCount != 1 {
		t.Errorf("expected one block with the event, got %+v, %v", found, err)
	}
	a.checked(t, "/cosmos/tx/v1beta1/txs", "/cosmos/tx/v1beta1/txs?"+url.Values{
		"query": {fmt.Sprintf(`opengradient.inference.v1.EventRequestSubmitted.id='"%d"'`, id)}, "order_by": {"ORDER_BY_DESC"},
	}.Encode(), 0, http.StatusOK)
}

// reflection lists and describes the services with grpcurl, and calls one.
func (a *api) reflection(t *testing.T) {
	run := func(args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, a.grpcurl, append([]string{"-plaintext"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("grpcurl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	server := a.Net.Nodes[0].GRPC
	list := strings.Fields(run(server, "list"))
	for service, method := range map[string]string{
		"opengradient.inference.v1.Query": "Requests", "opengradient.models.v1.Query": "Names", "opengradient.scheduling.v1.Query": "Tasks",
		"opengradient.verification.v1.Query": "Rounds", "opengradient.node.v1.Service": "WaitRequest", "cosmos.bank.v1beta1.Query": "Balance",
	} {
		if !slices.Contains(list, service) {
			t.Errorf("expected %s in %v", service, list)
		}
		if described := run(server, "describe", service); !strings.Contains(described, "rpc "+method+" (") {
			t.Errorf("expected method %s of %s, got:\n%s", method, service, described)
		}
	}
	for _, version := range []string{"v1", "v1alpha"} {
		if service := "grpc.reflection." + version + ".ServerReflection"; !slices.Contains(list, service) {
			t.Errorf("expected %s in %v", service, list)
		}
	}
	request := fmt.Sprintf(`{"id": %d, "until": "STAGE_SETTLED", "timeout": "1s"}`, a.requests[0])
	if called := run("-d", request, server, "opengradient.node.v1.Service/WaitRequest"); !strings.Contains(called, `"reached": true`) {
		t.Errorf("expected a settled request, got:\n%s", called)
	}
}
