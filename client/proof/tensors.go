package proof

import (
	"bytes"
	"slices"

	"github.com/opengradient/opengradient/internal/proofwire"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// loadInputs checks the inputs against their root and the signature. It gives the values of the symbols that they bind:
// none without inputs.
func (r *Record) loadInputs(encoded []byte) (map[string]int64, error) {
	if len(encoded) == 0 {
		return map[string]int64{}, nil
	}
	if root := tensor.MerkleRoot(encoded); !bytes.Equal(root[:], r.Request.InputRoot) {
		return nil, differs(PartInputRoot, "", r.Request.InputRoot, root[:])
	}
	if uint64(len(encoded)) != r.Request.InputBytes {
		return nil, differs(PartInputs, "length", r.Request.InputBytes, len(encoded))
	}
	inputs, err := tensor.Decode(encoded, tensor.DefaultLimits)
	if err != nil {
		return nil, fails(PartInputs, "", err)
	}
	specs, err := r.Model.InputSpecs()
	if err != nil {
		return nil, fails(PartModel, "signature", err)
	}
	symbols, err := tensor.Bind(specs, inputs)
	if err != nil {
		return nil, fails(PartInputs, "", err)
	}
	r.Inputs = inputs
	return symbols, nil
}

// loadResult checks the result against the outcome of the receipt and what the request wants. A failure has none.
func (r *Record) loadResult(s state, symbols map[string]int64) error {
	if failed := r.Receipt.Outcome.Failed(); failed == s.has(proofwire.KIND_RESULT) {
		return &Error{Part: PartResult, Expected: map[bool]string{true: "none with a failure", false: "the result"}[failed], Got: "the other"}
	} else if failed {
		return nil
	}
	key, err := inferencetypes.ResultKey(r.Request.Id)
	result, err := load[inferencetypes.Result](s, proofwire.KIND_RESULT, key, err)
	if err != nil {
		return err
	}
	if result.RequestId != r.Request.Id {
		return differs(PartResult, "", r.Request.Id, result.RequestId)
	}
	root := tensor.MerkleRoot(result.Output)
	for of, want := range map[string][]byte{"receipt": r.Receipt.Outcome.OutputRoot, "result": result.OutputRoot} {
		if !bytes.Equal(want, root[:]) {
			return differs(PartOutputRoot, of, want, root[:])
		}
	}
	if uint64(len(result.Output)) != r.Request.OutputBytes {
		return differs(PartResult, "length", r.Request.OutputBytes, len(result.Output))
	}
	outputs, err := tensor.Decode(result.Output, tensor.DefaultLimits)
	if err != nil {
		return fails(PartResult, "", err)
	}
	specs, err := r.Model.OutputSpecs(r.Request.Outputs)
	if err != nil {
		return fails(PartModel, "outputs", err)
	}
	bound, err := tensor.Bind(specs, outputs)
	if err != nil {
		return fails(PartResult, "", err)
	}
	for i, o := range outputs {
		if o.Name != r.Request.Outputs[i] {
			return differs(PartResult, "outputs", r.Request.Outputs[i], o.Name)
		}
	}
	for _, symbol := range sorted(bound) {
		if value, known := symbols[symbol]; known && value != bound[symbol] {
			return differs(PartResult, "symbol "+symbol, value, bound[symbol])
		}
	}
	r.Result, r.Outputs = &result, outputs
	return nil
}

func sorted(m map[string]int64) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
