package proof

import (
	"encoding/hex"
	"fmt"
	"math"

	"github.com/opengradient/opengradient/internal/agreement"
	"github.com/opengradient/opengradient/internal/tensor"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Computed is what a run of the model on the inputs of a proof gave.
type Computed struct {
	// Outputs are the wanted outputs in the order of the request; nil with a failure.
	Outputs []tensor.Tensor
	Failure verificationtypes.Failure
}

// Recomputation says how a run compares with the verdict.
type Recomputation struct {
	// Exact is true when the outputs are those of the result, bit by bit, or the failure is that of the receipt.
	Exact bool `json:"exact"`
	// Within is true when every number is within the tolerance of the result.
	Within bool `json:"within"`
	// Error is the largest difference relative to the scale of its output; null where there is no such number.
	Error *float64 `json:"error"`
	// OutputRoot is the root of what was computed, in hexadecimal; empty with a failure.
	OutputRoot string `json:"output_root"`
	// Tolerance says whose tolerance it is.
	Tolerance string `json:"tolerance"`
}

// Compare holds a run against the record. It fails with an [*Error] when the two differ beyond the tolerance: that of the
// round when the proof carries its parameters, otherwise the one that a network starts with.
func (r *Record) Compare(run Computed) (Recomputation, error) {
	result := Recomputation{Tolerance: "the one that a network starts with"}
	taus := agreement.DefaultTaus()
	if r.Params != nil {
		taus, result.Tolerance = r.Params.Taus(), fmt.Sprintf("version %d of the parameters", r.Evidence.Round.ParamsVersion)
	}
	if want := r.Receipt.Outcome; want.Failed() || run.Failure != verificationtypes.FAILURE_NONE {
		if result.Exact = want.Failure == run.Failure; !result.Exact {
			return result, differs(PartRecomputation, "", want.Failure, run.Failure)
		}
		result.Within = true
		return result, nil
	}
	encoded, err := tensor.EncodeOutputs(run.Outputs)
	if err != nil {
		return result, fails(PartRecomputation, "", err)
	}
	root := tensor.MerkleRoot(encoded)
	result.OutputRoot = hex.EncodeToString(root[:])
	result.Exact = string(root[:]) == string(r.Receipt.Outcome.OutputRoot)
	compared, err := agreement.Compare(r.Result.Output, encoded, taus, math.MaxInt64)
	if err != nil {
		return result, fails(PartRecomputation, "", err)
	}
	result.Within = compared.Relation == agreement.Within
	if compared.Error != agreement.ErrorUnbounded {
		relative := float64(compared.Error) / agreement.TauUnit
		result.Error = &relative
	}
	if !result.Within {
		return result, &Error{
			Part: PartRecomputation, Expected: "outputs within the tolerance of the result", Got: "others, which are " + compared.Relation.String(),
			Help: "Either this machine computes otherwise, or those who attested the result did",
		}
	}
	return result, nil
}
