package client

import (
	"encoding/binary"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func x(shape ...int64) Tensor {
	count := int64(1)
	for _, d := range shape {
		count *= d
	}
	return Float32s("x", shape, make([]float32, count))
}

// mixed are sound inputs of the model with four.
func mixed() []Tensor {
	return []Tensor{
		Int64s("b", []int64{6}, make([]int64, 6)), Float32s("a", []int64{3}, make([]float32, 3)),
		Strings("words", []int64{3}, []string{"one", "", "three"}), Bools("flags", []int64{2}, []bool{true, false}),
	}
}

// replace gives the inputs with one changed.
func replace(name string, change func(*Tensor)) []Tensor {
	inputs := mixed()
	for i := range inputs {
		if inputs[i].Name == name {
			change(&inputs[i])
		}
	}
	return inputs
}

func TestCheckRefuses(t *testing.T) {
	good := Request{Model: "iris", Inputs: []Tensor{x(1, 4)}}
	with := func(change func(*Request)) Request {
		r := good
		change(&r)
		return r
	}
	inputs := func(model string, list ...Tensor) Request { return Request{Model: model, Inputs: list} }
	for name, tc := range map[string]struct {
		request              Request
		field, expected, got string
		err                  error
	}{
		"a reference that is none": {with(func(r *Request) { r.Model = "Iris!" }), "model", "name, name:version, name:tag or a SHA-256", `"Iris!"`, modelstypes.ErrInvalidName},
		"a tag that is none":       {with(func(r *Request) { r.Model = "iris:0" }), "model", "name, name:version", `"iris:0"`, modelstypes.ErrInvalidTag},
		"an unknown model":         {with(func(r *Request) { r.Model = "iriss" }), "model", `opengradientd model list`, `"iriss", which it does not know`, modelstypes.ErrModelNotFound},
		"a disabled model":         {with(func(r *Request) { r.Model = "asleep" }), "model", "active or deprecated", "asleep:1, which is disabled", inferencetypes.ErrModelNotUsable},
		"a model not admitted yet": {with(func(r *Request) { r.Model = "young" }), "model", "active or deprecated", "young:1, which is admitting", inferencetypes.ErrModelNotUsable},
		"a missing input":          {inputs("iris"), `inputs["x"]`, "a tensor FP32[N,4]", "none", inferencetypes.ErrInputName},
		"an unknown input":         {inputs("iris", x(1, 4), Float32s("y", nil, []float32{1})), `inputs["y"]`, "an input of the model: x", "an unknown name", inferencetypes.ErrInputName},
		"an input twice":           {inputs("iris", x(1, 4), x(1, 4)), `inputs["x"]`, "one tensor of this name", "two", inferencetypes.ErrInputName},
		"another datatype":         {inputs("iris", Float64s("x", []int64{1, 4}, make([]float64, 4))), `inputs["x"].datatype`, "FP32", "FP64", inferencetypes.ErrInputDatatype},
		"no datatype":              {inputs("iris", Tensor{Name: "x", Shape: []int64{1, 4}, Data: make([]byte, 16)}), `inputs["x"].datatype`, "a datatype such as FP32", "INVALID", inferencetypes.ErrInputDatatype},
		"another rank":             {inputs("iris", x(4)), `inputs["x"].shape`, "2 dimensions as in FP32[N,4]", "1, [4]", inferencetypes.ErrInputShape},
		"another dimension":        {inputs("iris", x(1, 3)), `inputs["x"].shape`, "dimension 1 = 4 as in FP32[N,4]", "3 in [1 3]", inferencetypes.ErrInputShape},
		"no rows":                  {inputs("iris", x(0, 4)), `inputs["x"].shape`, "dimension 0 = N with N at least 1", "0 in [0 4]", inferencetypes.ErrInputShape},
		"a negative dimension":     {inputs("iris", Tensor{Name: "x", Datatype: FP32, Shape: []int64{-1, 4}}), `inputs["x"].shape`, "dimensions of at least 0", "-1 in dimension 0", inferencetypes.ErrInputShape},
		"symbols that disagree":    {inputs("mixed", replace("b", func(t *Tensor) { t.Shape = []int64{8} })...), `inputs["b"].shape`, "dimension 0 = 2*N with N = 3", "8 in [8]", inferencetypes.ErrInputShape},
		"too little data":          {inputs("iris", Float32s("x", []int64{1, 4}, make([]float32, 3))), `inputs["x"].data`, "4 elements of FP32, 4 bytes each, for the shape [1 4]", "12 bytes", inferencetypes.ErrInputMalformed},
		"a boolean of 2":           {inputs("mixed", replace("flags", func(t *Tensor) { t.Data[1] = 2 })...), `inputs["flags"].data`, "element 1 of BOOL to be 0 or 1", "2", inferencetypes.ErrInputMalformed},
		"a string too long": {inputs("mixed", replace("words", func(t *Tensor) { binary.LittleEndian.PutUint32(t.Data, 99) })...), `inputs["words"].data`, "99 bytes in element 0 of BYTES",
			"16 bytes", inferencetypes.ErrInputMalformed},
		"a string without its length": {inputs("mixed", replace("words", func(t *Tensor) { t.Data = t.Data[:9] })...), `inputs["words"].data`, "3 elements of BYTES", "the end of the data in element 1", inferencetypes.ErrInputMalformed},
		"data after the strings":      {inputs("mixed", replace("words", func(t *Tensor) { t.Data = append(t.Data, 1) })...), `inputs["words"].data`, "no data after 3 elements of BYTES", "1 bytes more", inferencetypes.ErrInputMalformed},
		"an unknown output":           {with(func(r *Request) { r.Outputs = []string{"scores"} }), `outputs["scores"]`, "an output of the model: label, score", "an unknown name", modelstypes.ErrOutputUnknown},
		"an output twice":             {with(func(r *Request) { r.Outputs = []string{"label", "label"} }), `outputs["label"]`, "each output once", "the name twice", modelstypes.ErrOutputUnknown},
		"an unknown tier":             {with(func(r *Request) { r.Tier = 9 }), "tier", "quorum or committee", "9", inferencetypes.ErrTierUnavailable},
		"an unknown sealing":          {with(func(r *Request) { r.Sealing = 9 }), "sealing", "default, sealed or open", "9", inferencetypes.ErrSealing},
		"an unknown fee class":        {with(func(r *Request) { r.FeeClass = 9 }), "fee_class", "standard, economy or priority", "9", inferencetypes.ErrFeeClass},
		"a negative fee":              {with(func(r *Request) { r.MaxFee = sdkmath.NewInt(-1) }), "max_fee", "at least 0uopg", "-1uopg", inferencetypes.ErrMaxFee},
		"no fee":                      {with(func(r *Request) { r.MaxFee = sdkmath.ZeroInt() }), "max_fee", "at least 246uopg, the fee now", "0uopg", inferencetypes.ErrMaxFee},
		"a fee below the quote":       {with(func(r *Request) { r.MaxFee = sdkmath.NewInt(245) }), "max_fee", "at least 246uopg, the fee now", "245uopg", inferencetypes.ErrMaxFee},
		"inputs too large":            {inputs("iris", x(50_000, 4)), "inputs", "at most 655360 bytes together", "800038 bytes", inferencetypes.ErrInputTooLarge},
		"outputs too large":           {inputs("iris", x(1_000, 4)), "outputs", "at most 8192 bytes", "20067 bytes", inferencetypes.ErrOutputTooLarge},
		"too much computation":        {inputs("iris", x(20_001, 4)), "inputs", "at most 20000 compute units", "shapes that take 20001", inferencetypes.ErrComputeTooLarge},
		"a key too long":              {with(func(r *Request) { r.IdempotencyKey = strings.Repeat("k", 65) }), "idempotency_key", "1 to 64 characters", "65 bytes", inferencetypes.ErrIdempotencyKey},
		"a key with a line":           {with(func(r *Request) { r.IdempotencyKey = "a\nb" }), "idempotency_key", "printable ASCII", `"a\nb"`, inferencetypes.ErrIdempotencyKey},
	} {
		t.Run(name, func(t *testing.T) {
			c := newFakeNode(t).connect(t)
			_, err := c.Check(t.Context(), tc.request)
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, tc.field, invalid.Field)
			require.Contains(t, invalid.Expected, tc.expected)
			require.Contains(t, invalid.Got, tc.got)
			require.ErrorIs(t, err, tc.err)
			require.Equal(t, invalid.Field+": expected "+invalid.Expected+", got "+invalid.Got, err.Error())
		})
	}
}

func TestCheckRefusesWhatTheNetworkCannotDo(t *testing.T) {
	n := newFakeNode(t)
	n.power = 5_999
	_, err := n.connect(t).Check(t.Context(), Request{Model: "iris", Inputs: []Tensor{x(1, 4)}})
	require.ErrorIs(t, err, inferencetypes.ErrEligiblePower)
	require.ErrorContains(t, err, "model: expected one that at least 60.00% of all power can run now, got iris:1, which 59.99% can")
}

func TestCheckFillsIn(t *testing.T) {
	c := newFakeNode(t).connect(t)
	nan := Float32s("a", []int64{3}, []float32{1, 2, 3})
	binary.LittleEndian.PutUint32(nan.Data, 0x7fc00001)
	r := Request{Model: "mixed", Inputs: replace("a", func(t *Tensor) { *t = nan }), Outputs: []string{"score"}, FeeClass: schedulingtypes.FEE_CLASS_PRIORITY}
	checked, err := c.Check(t.Context(), r)
	require.NoError(t, err, "what is not a number may be an input")
	require.Equal(t, inferencetypes.TIER_QUORUM, checked.Request.Tier)
	require.Equal(t, map[string]int64{"N": 3}, checked.Symbols)
	require.EqualValues(t, 3, checked.Work.Units)
	require.Equal(t, sdkmath.NewInt(600), checked.Fee.Compute, "three units at twice the base price")
	require.Equal(t, checked.Fee.Total.AddRaw(150), checked.MaxFee, "a quarter of the compute part is room")
	shapes, err := checked.OutputShapes()
	require.NoError(t, err)
	require.Equal(t, [][]int64{{3, 3}}, shapes)
	var order []string
	for _, in := range checked.message("og1").Requests[0].Inputs {
		order = append(order, in.Name)
	}
	require.Equal(t, []string{"flags", "words", "a", "b"}, order, "the order of the signature")
	_, err = c.Check(t.Context(), Request{Model: "old", Inputs: []Tensor{x(2, 4)}, Tier: inferencetypes.TIER_COMMITTEE})
	require.NoError(t, err, "a deprecated model takes requests")
}

// TestReuseMayCostLess: a maximum below the fee is right when a receipt may stand for the request.
func TestReuseMayCostLess(t *testing.T) {
	c := newFakeNode(t).connect(t)
	r := Request{Model: "iris", Inputs: []Tensor{x(1, 4)}, MaxFee: sdkmath.NewInt(20), ReuseBlocks: 10}
	checked, err := c.Check(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, sdkmath.NewInt(15), checked.ReuseFee)
	r.MaxFee = sdkmath.NewInt(14)
	_, err = c.Check(t.Context(), r)
	require.ErrorContains(t, err, "at least 15uopg, the fee for a receipt that stands for the request")
}

// TestManyChecksAskLittle: 200 clients that check at one time share the questions to the node.
func TestManyChecksAskLittle(t *testing.T) {
	n := newFakeNode(t)
	c := n.connect(t)
	var checks sync.WaitGroup
	for range 200 {
		checks.Go(func() {
			_, err := c.Check(t.Context(), Request{Model: "iris", Inputs: []Tensor{x(1, 4)}})
			require.NoError(t, err)
		})
	}
	checks.Wait()
	for _, call := range []string{"Model", "Quote"} {
		require.LessOrEqual(t, n.count(call), 3, call)
	}
	require.LessOrEqual(t, n.count("Params"), 6)
}
