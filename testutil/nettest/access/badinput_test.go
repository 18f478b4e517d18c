//go:build nettest

package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// refusal is a request that must be refused wherever it is made.
type refusal struct {
	reason string
	// inputs and outputs are those of the request in JSON; model is "iris" when it is empty.
	model, inputs, outputs string
	// flags are what the command is given beside them, parameters what the gateway is.
	flags      []string
	parameters string
	// raw makes the same of a good message, and want is how the chain refuses that.
	raw  func(m *inferencetypes.MsgSubmitRequests)
	want error
	// says are the field, what was expected and what was given, as the command says it; rest is the same of the gateway where it
	// has other words for it.
	says, rest []string
}

// badInput has the same bad requests refused by the command and by the gateway, before anything is signed, and by the chain, which
// takes gas for them and nothing else.
func badInput(t *testing.T, b *bed) {
	cases := badRequests(b)
	if len(cases) < 25 {
		t.Fatalf("expected at least 25 bad requests, got %d", len(cases))
	}
	payer := newPayer(t, b)
	requests := requestCount(t, b)
	t.Run("command", func(t *testing.T) { refusedByCommand(t, b, payer, cases) })
	t.Run("gateway", func(t *testing.T) { refusedByGateway(t, b, cases) })
	t.Run("raw", func(t *testing.T) { refusedByChain(t, b, payer, cases) })
	if now := requestCount(t, b); now != requests {
		t.Errorf("expected %d requests as before, got %d", requests, now)
	}
}

// payerKey is the key of the account that pays in this part.
const payerKey = "badinput"

// newPayer makes an account with coins.
func newPayer(t *testing.T, b *bed) *chainclient.Signer {
	t.Helper()
	b.run(t, "keys", "add", payerKey)
	s, err := chainclient.NewSigner(b.home, payerKey, localnet.ChainID, b.Net.Codecs)
	if err != nil {
		t.Fatal(err)
	}
	var sent struct {
		Hash string `json:"txhash"`
	}
	out := b.run(t, "tx", "bank", "send", "faucet", s.Address.String(), "100000000uopg", "--yes", "--output", "json")
	if err := json.Unmarshal([]byte(out), &sent); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if _, err := b.Client.WaitTx(nettest.Patience(t), sent.Hash); err != nil {
		t.Fatal(err)
	}
	return s
}

// requestCount is the number of requests that the chain has ever taken, by the id of the last one.
func requestCount(t *testing.T, b *bed) uint64 {
	t.Helper()
	res, err := b.Client.Inference.Requests(nettest.Patience(t), &inferencetypes.QueryRequestsRequest{Pagination: &query.PageRequest{Reverse: true, Limit: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Requests) == 0 {
		return 0
	}
	return res.Requests[0].Id
}

// standing is what an account has done and has.
type standing struct {
	sequence uint64
	balance  sdkmath.Int
}

func standingOf(t *testing.T, b *bed, account sdk.AccAddress) standing {
	t.Helper()
	info, err := b.Client.Auth.AccountInfo(nettest.Patience(t), &authtypes.QueryAccountInfoRequest{Address: account.String()})
	if err != nil {
		t.Fatal(err)
	}
	return standing{sequence: info.Info.Sequence, balance: b.Balance(t, account)}
}

// requireUntouched checks that an account has signed and paid nothing.
func requireUntouched(t *testing.T, b *bed, account sdk.AccAddress, before standing) {
	t.Helper()
	if now := standingOf(t, b, account); now.sequence != before.sequence || now.balance.LT(before.balance) { // what settles pays back
		t.Errorf("expected sequence %d and at least %s as before, got %d and %s", before.sequence, before.balance, now.sequence, now.balance)
	}
}

// body is a request in JSON.
func (c refusal) body(parameters bool) string {
	text := `{"inputs":` + c.inputs
	if c.outputs != "" {
		text += `,"outputs":` + c.outputs
	}
	if parameters && c.parameters != "" {
		text += `,"parameters":{` + c.parameters + `}`
	}
	return text + "}"
}

func (c refusal) name() string {
	if c.model == "" {
		return "iris"
	}
	return c.model
}

// requireSays checks that a message names everything that it has to.
func requireSays(t *testing.T, message string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(message, part) {
			t.Errorf("expected the message to name %q, got %q", part, message)
		}
	}
}

func refusedByCommand(t *testing.T, b *bed, payer *chainclient.Signer, cases []refusal) {
	before := standingOf(t, b, payer.Address)
	dir := t.TempDir()
	for i, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			file := filepath.Join(dir, fmt.Sprintf("%d.json", i))
			if err := os.WriteFile(file, []byte(c.body(false)), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			cmd := b.command(t, append([]string{"run", c.name(), "--input", file, "--from", payerKey, "--gas-prices", "0.01uopg", "--yes"}, c.flags...)...)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err == nil {
				t.Fatalf("expected a refusal, got %s", stdout.Bytes())
			}
			if stdout.Len() > 0 {
				t.Errorf("expected no answer, got %s", stdout.Bytes())
			}
			requireSays(t, stderr.String(), c.says)
		})
	}
	requireUntouched(t, b, payer.Address, before)
}

func refusedByGateway(t *testing.T, b *bed, cases []refusal) {
	before := standingOf(t, b, b.payer.Address)
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			name, version, found := strings.Cut(c.name(), ":")
			path := "/v2/models/" + url.PathEscape(name)
			if found {
				path += "/versions/" + version
			}
			request, err := http.NewRequestWithContext(nettest.Patience(t), http.MethodPost, b.gateway+path+"/infer", strings.NewReader(c.body(true)))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+b.key)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			content, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
			if err != nil {
				t.Fatal(err)
			}
			var refused struct {
				Error string `json:"error"`
			}
			if err := json.Unmarshal(content, &refused); err != nil || refused.Error == "" {
				t.Fatalf("expected an error, got %d %s", response.StatusCode, content)
			}
			if response.StatusCode != http.StatusBadRequest && response.StatusCode != http.StatusNotFound {
				t.Errorf("expected 400 or 404, got %d", response.StatusCode)
			}
			says := c.rest
			if len(says) == 0 {
				says = c.says
			}
			requireSays(t, refused.Error, says)
		})
	}
	requireUntouched(t, b, b.payer.Address, before)
}

// refusedByChain sends all of them in a row, so that few blocks take them.
func refusedByChain(t *testing.T, b *bed, payer *chainclient.Signer, cases []refusal) {
	before, escrow := standingOf(t, b, payer.Address), b.Escrow(t)
	ctx := nettest.Patience(t)
	paid := sdkmath.ZeroInt()
	hashes := make([]string, len(cases))
	for i, c := range cases {
		msg := b.Message(payer.Address, b.Rows[0])
		c.raw(msg)
		fee := sdkmath.NewInt(int64(1000 + i))
		gas := uint64(2_000_000)
		if msg.Size() > 100_000 {
			gas = 100_000_000
		}
		var err error
		hashes[i], err = b.Client.Send(ctx, payer, chainclient.Fees{Gas: gas, Amount: sdk.NewCoins(sdk.NewCoin(inferencetypes.Denom, fee))}, msg)
		if err != nil {
			t.Fatalf("%s: expected the node to take the transaction, got %v", c.reason, err)
		}
		paid = paid.Add(fee)
	}
	for i, c := range cases {
		_, err := b.Client.WaitTx(ctx, hashes[i])
		if !errors.Is(err, c.want) {
			t.Errorf("%s: expected %q, got %v", c.reason, c.want, err)
		}
	}
	now := standingOf(t, b, payer.Address)
	if now.sequence != before.sequence+uint64(len(cases)) {
		t.Errorf("expected %d transactions, got %d", len(cases), now.sequence-before.sequence)
	}
	if lost := before.balance.Sub(now.balance); !lost.Equal(paid) {
		t.Errorf("expected to lose the gas fees of %s, lost %s", paid, lost)
	}
	if e := b.Escrow(t); !e.Equal(escrow) {
		t.Errorf("expected an escrow of %s as before, got %s", escrow, e)
	}
}

// zeros are as many in JSON.
func zeros(elements int) string {
	return "[" + strings.TrimSuffix(strings.Repeat("0,", elements), ",") + "]"
}

// one is a list with one input.
func one(name, datatype, shape, data string) string {
	return fmt.Sprintf(`[{"name":%q,"datatype":%q,"shape":%s,"data":%s}]`, name, datatype, shape, data)
}

// tensorOf changes the only input of a message.
func tensorOf(edit func(v *inferencetypes.Tensor)) func(m *inferencetypes.MsgSubmitRequests) {
	return func(m *inferencetypes.MsgSubmitRequests) { edit(&m.Requests[0].Inputs[0]) }
}

func shaped(bytes int, dims ...int64) func(m *inferencetypes.MsgSubmitRequests) {
	return tensorOf(func(v *inferencetypes.Tensor) { v.Shape, v.Contents = dims, make([]byte, bytes) })
}

func typed(d tensor.Datatype, bytes int) func(m *inferencetypes.MsgSubmitRequests) {
	return tensorOf(func(v *inferencetypes.Tensor) { v.Datatype, v.Contents = d.String(), make([]byte, bytes) })
}

func named(name string) func(m *inferencetypes.MsgSubmitRequests) {
	return tensorOf(func(v *inferencetypes.Tensor) { v.Name = name })
}

// more adds an input.
func more(name string) func(m *inferencetypes.MsgSubmitRequests) {
	return func(m *inferencetypes.MsgSubmitRequests) {
		another := m.Requests[0].Inputs[0]
		another.Name = name
		m.Requests[0].Inputs = append(m.Requests[0].Inputs, another)
	}
}

func badRequests(b *bed) []refusal {
	const in, field = iris.InputFeatures, `inputs["` + iris.InputFeatures + `"]`
	four := "[5.1,3.5,1.4,0.2]"
	good := one(in, "FP32", "[1,4]", four)
	long := strings.Repeat("n", tensor.MaxNameBytes+1)
	price := b.Price.String() + inferencetypes.Denom
	return []refusal{
		{
			reason: "unknown datatype", inputs: one(in, "FLOAT", "[1,4]", four), want: inferencetypes.ErrInputDatatype,
			raw:  tensorOf(func(v *inferencetypes.Tensor) { v.Datatype = "FLOAT" }),
			says: []string{"datatype", "FP32", "FLOAT"},
		},
		{
			reason: "datatype in small letters", inputs: one(in, "fp32", "[1,4]", four), want: inferencetypes.ErrInputDatatype,
			raw:  tensorOf(func(v *inferencetypes.Tensor) { v.Datatype = "fp32" }),
			says: []string{"datatype", "FP32", `"fp32"`},
		},
		{
			reason: "wider datatype", inputs: one(in, "FP64", "[1,4]", four), want: inferencetypes.ErrInputDatatype,
			raw: typed(tensor.FP64, 32), says: []string{field + ".datatype", "expected FP32", "got FP64"},
		},
		{
			reason: "integers", inputs: one(in, "INT32", "[1,4]", "[5,3,1,0]"), want: inferencetypes.ErrInputDatatype,
			raw: typed(tensor.Int32, 16), says: []string{field + ".datatype", "expected FP32", "got INT32"},
		},
		{
			reason: "texts", inputs: one(in, "BYTES", "[1,4]", `["","","",""]`), want: inferencetypes.ErrInputDatatype,
			raw: typed(tensor.Bytes, 16), says: []string{field + ".datatype", "expected FP32", "got BYTES"},
		},
		{
			reason: "one dimension", inputs: one(in, "FP32", "[4]", four), want: inferencetypes.ErrInputShape,
			raw: shaped(16, 4), says: []string{field + ".shape", "expected 2 dimensions as in FP32[N,4]", "got 1, [4]"},
		},
		{
			reason: "three dimensions", inputs: one(in, "FP32", "[1,1,4]", four), want: inferencetypes.ErrInputShape,
			raw: shaped(16, 1, 1, 4), says: []string{field + ".shape", "expected 2 dimensions as in FP32[N,4]", "got 3, [1 1 4]"},
		},
		{
			reason: "a column too few", inputs: one(in, "FP32", "[1,3]", "[5.1,3.5,1.4]"), want: inferencetypes.ErrInputShape,
			raw: shaped(12, 1, 3), says: []string{field + ".shape", "expected dimension 1 = 4 as in FP32[N,4]", "got 3 in [1 3]"},
		},
		{
			reason: "a column too many", inputs: one(in, "FP32", "[1,5]", "[5.1,3.5,1.4,0.2,0]"), want: inferencetypes.ErrInputShape,
			raw: shaped(20, 1, 5), says: []string{field + ".shape", "expected dimension 1 = 4 as in FP32[N,4]", "got 5 in [1 5]"},
		},
		{
			reason: "rows for columns", inputs: one(in, "FP32", "[4,1]", four), want: inferencetypes.ErrInputShape,
			raw: shaped(16, 4, 1), says: []string{field + ".shape", "expected dimension 1 = 4", "got 1 in [4 1]"},
		},
		{
			reason: "no rows", inputs: one(in, "FP32", "[0,4]", "[]"), want: inferencetypes.ErrInputShape,
			raw: shaped(0, 0, 4), says: []string{field + ".shape", "expected dimension 0 = N with N at least 1", "got 0 in [0 4]"},
		},
		{
			reason: "a dimension below zero", inputs: one(in, "FP32", "[-1,4]", four), want: inferencetypes.ErrInputShape,
			raw: shaped(16, -1, 4), says: []string{"shape", "at least 0", "-1"},
		},
		{
			reason: "a shape without end", inputs: one(in, "FP32", "[4611686018427387904,4]", four), want: inferencetypes.ErrInputShape,
			raw: shaped(16, 1<<62, 4), says: []string{in, "shape", "expected", "4611686018427387904"},
		},
		{
			reason: "an element too few", inputs: one(in, "FP32", "[1,4]", "[5.1,3.5,1.4]"), want: inferencetypes.ErrInputMalformed,
			raw: shaped(12, 1, 4), says: []string{in, "data", "16 bytes for 4 elements", "got 12"},
		},
		{
			reason: "an element too many", inputs: one(in, "FP32", "[1,4]", "[5.1,3.5,1.4,0.2,0]"), want: inferencetypes.ErrInputMalformed,
			raw: shaped(20, 1, 4), says: []string{in, "data", "16 bytes for 4 elements", "got 20"},
		},
		{
			reason: "another name", inputs: one("petals", "FP32", "[1,4]", four), want: inferencetypes.ErrInputName,
			raw: named("petals"), says: []string{`inputs["petals"]`, "expected an input of the model: " + in, "got an unknown name"},
		},
		{
			reason: "the name in other letters", inputs: one("Features", "FP32", "[1,4]", four), want: inferencetypes.ErrInputName,
			raw: named("Features"), says: []string{`inputs["Features"]`, "expected an input of the model: " + in, "got an unknown name"},
		},
		{
			reason: "a name without end", inputs: one(long, "FP32", "[1,4]", four), want: inferencetypes.ErrInputName,
			raw: named(long), says: []string{"name", "expected 1 to 256 bytes", "got 257"},
		},
		{
			reason: "no inputs", inputs: "[]", want: inferencetypes.ErrInputName,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.Requests[0].Inputs = nil },
			says: []string{"inputs", "expected", "got none"},
		},
		{
			reason: "an input twice", want: inferencetypes.ErrInputName,
			inputs: strings.TrimSuffix(good, "]") + "," + strings.TrimPrefix(good, "["),
			raw:    more(in), says: []string{field, "expected one tensor of this name", "got two"},
			rest: []string{"inputs", `expected tensor "features" once`, "got it twice"},
		},
		{
			reason: "an input too many", want: inferencetypes.ErrInputName,
			inputs: strings.TrimSuffix(good, "]") + "," + strings.TrimPrefix(one("extra", "FP32", "[1,4]", four), "["),
			raw:    more("extra"), says: []string{`inputs["extra"]`, "expected an input of the model: " + in, "got an unknown name"},
		},
		{
			reason: "inputs that are too large", inputs: one(in, "FP32", "[50000,4]", zeros(200_000)), want: inferencetypes.ErrInputTooLarge,
			raw: shaped(800_000, 50_000, 4), says: []string{"inputs", "expected at most 655360 bytes", "got 8000"},
		},
		{
			reason: "outputs that are too large", inputs: one(in, "FP32", "[1000,4]", zeros(4_000)), want: inferencetypes.ErrOutputTooLarge,
			raw: shaped(16_000, 1_000, 4), says: []string{"outputs", "expected at most 8192 bytes", "got 20"},
		},
		{
			reason: "an unknown output", inputs: good, outputs: `[{"name":"scent"}]`, want: modelstypes.ErrOutputUnknown,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.Outputs = []string{"scent"} },
			says: []string{`outputs["scent"]`, "expected an output of the model", "got an unknown name"},
		},
		{
			reason: "an output twice", inputs: good, outputs: `[{"name":"label"},{"name":"label"}]`, want: modelstypes.ErrOutputUnknown,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.Outputs = []string{"label", "label"} },
			says: []string{`outputs["label"]`, "expected each output once", "got the name twice"},
			rest: []string{"outputs", `expected output "label" once`, "got it twice"},
		},
		{
			reason: "an unknown model", model: "irix", inputs: good, want: modelstypes.ErrModelNotFound,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.Model = "irix" },
			says: []string{"model", "expected a model of the chain", `got "irix"`, "Did you mean iris?"}, rest: []string{"model", "expected a model of the chain", `got "irix"`},
		},
		{
			reason: "an unknown version", model: "iris:99", inputs: good, want: modelstypes.ErrModelNotFound,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.Model = "iris:99" },
			says: []string{"model", "expected a model of the chain", `got "iris:99"`, "query models versions iris"}, rest: []string{"model", "expected a model of the chain", "99"},
		},
		{
			reason: "no name of a model", model: "Iris!", inputs: good, want: modelstypes.ErrInvalidName,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.Model = "Iris!" },
			says: []string{"model", "expected", "Iris!"},
		},
		{
			reason: "a maximum below the fee", inputs: good, want: inferencetypes.ErrMaxFee,
			flags: []string{"--max-fee", "7"}, parameters: `"max_fee":7`,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.MaxFee = sdkmath.NewInt(7) },
			says: []string{"max_fee", "expected at least " + price, "got 7uopg", "--max-fee " + price}, rest: []string{"max_fee", "expected at least " + price, "got 7uopg"},
		},
		{
			reason: "an unknown tier", inputs: good, want: inferencetypes.ErrTierUnavailable,
			flags: []string{"--tier", "sampled"}, parameters: `"tier":"sampled"`,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.Tier = 99 },
			says: []string{"tier", "expected", "quorum", "committee", `got "sampled"`},
		},
		{
			reason: "an unknown sealing", inputs: good, want: inferencetypes.ErrSealing,
			flags: []string{"--sealing", "closed"}, parameters: `"sealed":"closed"`,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.Sealing = 99 },
			says: []string{"seal", "expected", "closed"},
		},
		{
			reason: "an unknown fee class", inputs: good, want: inferencetypes.ErrFeeClass,
			flags: []string{"--fee-class", "gold"}, parameters: `"fee_class":"gold"`,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.FeeClass = schedulingtypes.FeeClass(99) },
			says: []string{"--fee-class", "expected", "standard, economy, priority", `got "gold"`}, rest: []string{"fee_class", "expected standard, economy or priority", `got "gold"`},
		},
		{
			reason: "a key without end", inputs: good, want: inferencetypes.ErrIdempotencyKey,
			flags: []string{"--idempotency-key", strings.Repeat("k", 300)}, parameters: `"idempotency_key":"` + strings.Repeat("k", 300) + `"`,
			raw:  func(m *inferencetypes.MsgSubmitRequests) { m.IdempotencyKey = strings.Repeat("k", 300) },
			says: []string{"idempotency-key", "expected 1 to 64 bytes", "got 300"}, rest: []string{"idempotency_key", "expected", "bytes", "300"},
		},
	}
}
