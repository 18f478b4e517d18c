package run

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client/flags"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/internal/oipjson"
)

// document is an answer in the form of the Open Inference Protocol. Its fields are added to and never renamed.
type document struct {
	ModelName    string     `json:"model_name"`
	ModelVersion string     `json:"model_version"`
	ID           string     `json:"id,omitempty"`
	Parameters   parameters `json:"parameters"`
	// Outputs is empty until the request is final.
	Outputs json.RawMessage `json:"outputs"`
}

// parameters say where the answer comes from. Amounts are in uopg; hashes are lower-case hexadecimal, but for that of the
// transaction. What is not known yet is left out.
type parameters struct {
	RequestID       uint64 `json:"request_id,omitempty"`
	Stage           string `json:"stage,omitempty"`
	IdempotencyKey  string `json:"idempotency_key"`
	AnsweredBefore  bool   `json:"answered_before"`
	Reused          bool   `json:"reused"`
	TxHash          string `json:"tx_hash,omitempty"`
	SubmittedHeight int64  `json:"submitted_height,omitempty"`
	Height          int64  `json:"height,omitempty"` // at which it became final
	SettledHeight   int64  `json:"settled_height,omitempty"`
	ModelSHA256     string `json:"model_sha256"`
	InputRoot       string `json:"input_root"`
	OutputRoot      string `json:"output_root,omitempty"`
	RequestDigest   string `json:"request_digest,omitempty"`
	Tier            string `json:"tier"`
	Sealed          bool   `json:"sealed"`
	Fee             amount `json:"fee"`
	MaxFee          amount `json:"max_fee"`
	Refunded        amount `json:"refunded"`
	GasFee          amount `json:"gas_fee"`
	Error           string `json:"error,omitempty"`
}

// amount is a number of uopg, of any size.
type amount = json.Number

func amountOf(i sdkmath.Int) amount {
	if i.IsNil() {
		return "0"
	}
	return amount(i.String())
}

// document is what is known of a request.
func (r *oneRun) document() (document, error) {
	m, s := r.checked.Model, r.status
	d := document{
		ModelName: m.Name, ModelVersion: fmt.Sprint(m.Version), ID: r.id, Outputs: json.RawMessage("[]"),
		Parameters: parameters{
			RequestID: r.submission.RequestID, IdempotencyKey: r.request.IdempotencyKey, AnsweredBefore: r.submission.AnsweredBefore,
			Reused: r.submission.Reused, TxHash: r.submission.TxHash, ModelSHA256: m.Sha256, InputRoot: hex.EncodeToString(r.checked.InputRoot()),
			Tier: r.request.Tier.Word(), Sealed: s.Request.Sealed, MaxFee: amountOf(r.checked.MaxFee),
			Fee: "0", Refunded: "0", GasFee: amountOf(r.submission.GasFee.Amount),
			SubmittedHeight: s.Request.SubmittedHeight, Height: s.Request.FinalHeight,
			OutputRoot: hex.EncodeToString(s.OutputRoot), RequestDigest: hex.EncodeToString(s.Request.Digest),
		},
	}
	p := &d.Parameters
	if s.Stage > 0 {
		p.Stage = s.Stage.String()
	}
	if r.submission.RequestID != 0 {
		p.Fee = amountOf(r.fee())
	}
	if s.Receipt != nil {
		p.SettledHeight, p.Refunded = s.Receipt.Receipt.SettledHeight, amountOf(s.Receipt.Receipt.Refunded)
	}
	if r.err != nil {
		p.Error = r.err.Error()
	}
	if s.Stage < client.StageFinal {
		return d, nil
	}
	var err error
	d.Outputs, err = oipjson.MarshalTensors(s.Outputs)
	return d, err
}

// fee is what the request was charged.
func (r *oneRun) fee() sdkmath.Int {
	switch {
	case r.submission.AnsweredBefore:
		return sdkmath.ZeroInt()
	case r.submission.Reused:
		return r.checked.ReuseFee
	case !r.status.Request.Fee.Total.IsNil():
		return r.status.Request.Fee.Total
	default:
		return r.checked.Fee.Total
	}
}

// print shows what is known of all requests.
func (j *job) print() error {
	if !j.json {
		for i, r := range j.runs {
			if r.submission.RequestID == 0 || r.err != nil {
				continue
			}
			if err := r.print(j.cmd.OutOrStdout(), i > 0, sameNode(j.cmd)); err != nil {
				return err
			}
		}
		return nil
	}
	list := make([]document, len(j.runs))
	for i, r := range j.runs {
		var err error
		if list[i], err = r.document(); err != nil {
			return err
		}
	}
	if len(list) == 1 {
		if j.runs[0].submission.RequestID == 0 {
			return nil // there is nothing to tell but the error
		}
		return view.JSON(j.cmd.OutOrStdout(), list[0])
	}
	return view.JSON(j.cmd.OutOrStdout(), list)
}

// sameNode are the flags with which another command talks to the same node.
func sameNode(cmd *cobra.Command) string {
	var b strings.Builder
	for _, name := range []string{flags.FlagHome, flags.FlagNode, flags.FlagGRPC, flags.FlagChainID} {
		if f := cmd.Flag(name); f != nil && f.Changed {
			fmt.Fprintf(&b, " --%s %s", name, f.Value)
		}
	}
	return b.String()
}

// print shows an answer to people. node are flags for the commands that go on from there.
func (r *oneRun) print(w io.Writer, another bool, node string) error {
	d, err := r.document()
	if err != nil {
		return err
	}
	p := d.Parameters
	if another {
		fmt.Fprintln(w)
	}
	at := p.SubmittedHeight
	switch r.status.Stage {
	case client.StageFinal:
		at = p.Height
	case client.StageSettled:
		at = p.SettledHeight
	}
	fmt.Fprintf(w, "%s:%s  request %d  %s at height %d\n", d.ModelName, d.ModelVersion, p.RequestID, p.Stage, at)
	if r.status.Stage < client.StageFinal {
		_, err := fmt.Fprintf(w, "fee %suopg  gas %suopg\nwait with: opengradientd query inference wait %d%s\n", p.Fee, p.GasFee, p.RequestID, node)
		return err
	}
	t := view.NewTable("OUTPUT", "DATATYPE", "SHAPE", "VALUES")
	for _, o := range r.status.Outputs {
		values, err := values(o)
		if err != nil {
			return err
		}
		t.AppendRow(table.Row{view.Plain(o.Name, false), o.Datatype.String(), strings.Join(strings.Fields(fmt.Sprint(o.Shape)), ", "), view.Plain(values, false)})
	}
	fmt.Fprintf(w, "\n%s\n\nreceipt %d  output root %s\nfee %suopg  gas %suopg", t.Render(), p.RequestID, p.OutputRoot, p.Fee, p.GasFee)
	if p.Refunded != "0" {
		fmt.Fprintf(w, "  refunded %suopg", p.Refunded)
	}
	_, err = fmt.Fprintf(w, "\nverify with: opengradientd verify %d --trust-node%s\n", p.RequestID, node)
	return err
}

// maxShown is the number of elements that are shown of a tensor.
const maxShown = 24

// values writes the elements of a tensor, nested as its shape when it has more than one row.
func values(t client.Tensor) (string, error) {
	text, err := oipjson.MarshalData(t)
	if err != nil {
		return "", err
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(text, &elements); err != nil {
		return "", err
	}
	parts := make([]string, 0, maxShown+1)
	for i, e := range elements {
		if i == maxShown {
			parts = append(parts, fmt.Sprintf("… %d in all", len(elements)))
			break
		}
		parts = append(parts, opening(t.Shape, i)+string(e)+closing(t.Shape, i))
	}
	return strings.Join(parts, ", "), nil
}

// opening and closing are the brackets before and after an element: those of the rows that begin or end with it. The innermost
// dimension has them only when there is more than one row.
func opening(shape []int64, i int) string { return strings.Repeat("[", rows(shape, int64(i))) }

func closing(shape []int64, i int) string { return strings.Repeat("]", rows(shape, int64(i)+1)) }

// rows is the number of dimensions, beside the outermost that are 1, at whose border an element is.
func rows(shape []int64, i int64) int {
	for len(shape) > 0 && shape[0] == 1 {
		shape = shape[1:]
	}
	count, size := 0, int64(1)
	for d := len(shape) - 1; d > 0; d-- {
		if size *= shape[d]; size == 0 || i%size != 0 {
			break
		}
		count++
	}
	return count
}
