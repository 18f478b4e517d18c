package verify

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/opengradient/opengradient/client/proof"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

// answer is what the command prints. Fields are added to and never renamed.
type answer struct {
	// Valid is true when every check held, the recomputation included, a header was trusted or need not be, and the verdict was
	// derived or need not be.
	Valid bool `json:"valid"`
	// Refused is the word of the part that does not hold; Error says it in words. Both are empty when all holds.
	Refused string `json:"refused"`
	Error   string `json:"error"`
	proof.Report
	// What is recorded; empty when the verification failed.
	Requester  string          `json:"requester"`
	Model      string          `json:"model"`
	ModelHash  string          `json:"model_sha256"`
	Tier       string          `json:"tier"`
	Sealed     bool            `json:"sealed"`
	Digest     string          `json:"digest"`
	InputRoot  string          `json:"input_root"`
	OutputRoot string          `json:"output_root"`
	Failure    string          `json:"failure"`
	Inputs     json.RawMessage `json:"inputs"`
	Outputs    json.RawMessage `json:"outputs"`
	// Exact and Arbitrated say how the verdict was reached.
	Exact      bool `json:"exact"`
	Arbitrated bool `json:"arbitrated"`
	// Recomputation is null unless the model was run.
	Recomputation *rerun `json:"recomputation"`
	// Saved is the file that was written; empty for none.
	Saved string `json:"saved"`
}

func newAnswer(report proof.Report, failed error) *answer {
	a := &answer{Valid: failed == nil, Report: report}
	a.fail(failed)
	r := report.Record
	if r == nil {
		return a
	}
	a.Requester, a.Model, a.ModelHash = r.Request.Requester, fmt.Sprintf("%s:%d", r.Model.Name, r.Model.Version), r.Model.Sha256
	a.Tier, a.Sealed = r.Request.Tier.Word(), r.Request.Sealed
	a.Digest, a.InputRoot = hex.EncodeToString(r.Request.Digest), hex.EncodeToString(r.Request.InputRoot)
	a.OutputRoot, a.Arbitrated = hex.EncodeToString(r.Receipt.Outcome.OutputRoot), r.Receipt.Arbitrated
	if r.Receipt.Outcome.Failed() {
		a.Failure = r.Receipt.Outcome.Failure.Word()
	}
	a.Exact = r.Verdict != nil && r.Verdict.Exact
	a.Inputs, a.Outputs = tensors(r.Inputs), tensors(r.Outputs)
	return a
}

// tensors writes tensors as the Open Inference Protocol does. Ones that cannot be written so are left out: their root is
// there.
func tensors(ts []tensor.Tensor) json.RawMessage {
	if ts == nil {
		return nil
	}
	b, err := oipjson.MarshalTensors(ts)
	if err != nil {
		return nil
	}
	return b
}

func (a *answer) fail(err error) {
	if err == nil {
		return
	}
	a.Valid, a.Refused, a.Error = false, string(proof.PartOf(err)), err.Error()
}

func (a *answer) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return view.JSON(w, a)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "request %d of chain %s\n\n", a.RequestID, view.Plain(a.ChainID, false))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	marks := map[proof.Status]string{proof.Shown: "✓", proof.NotShown: "–", proof.Refused: "✗"}
	for _, c := range a.Checks {
		fmt.Fprintf(table, "%s\t%s\t%s\n", marks[c.Status], c.Name, view.Plain(c.Shows, false))
	}
	if r := a.Recomputation; r != nil {
		fmt.Fprintf(table, "%s\trecomputation\t%s\n", marks[map[bool]proof.Status{true: proof.Shown, false: proof.Refused}[r.Within]], r.words())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, list := range []struct {
		name string
		data json.RawMessage
	}{{"inputs", a.Inputs}, {"outputs", a.Outputs}} {
		if len(list.data) > 0 && len(list.data) <= maxShown {
			fmt.Fprintf(&b, "\n%s %s\n", list.name, view.Plain(string(list.data), false))
		}
	}
	if a.Saved != "" {
		fmt.Fprintf(&b, "\nsaved to %s\n", a.Saved)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// maxShown bounds the tensors that are printed for people, in bytes.
const maxShown = 2_000

func (r *rerun) words() string {
	far := "incomparable"
	if r.Error != nil {
		far = fmt.Sprintf("%.3g of the scale apart", *r.Error)
	}
	switch {
	case r.Exact:
		return "this machine computes the very same, bit by bit, in " + r.Environment
	case r.Within:
		return fmt.Sprintf("this machine computes the same within the tolerance (%s), %s, in %s", r.Tolerance, far, r.Environment)
	default:
		return fmt.Sprintf("this machine computes something else, %s, in %s", far, r.Environment)
	}
}
