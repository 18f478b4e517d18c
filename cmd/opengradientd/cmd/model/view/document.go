// Package view shows what the chain knows of models: as tables for people, and as JSON whose fields are added to and never
// renamed. Sizes are in bytes and numbers; amounts are decimal texts in uopg; hashes are lower-case hexadecimal.
package view

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/push"
	"github.com/opengradient/opengradient/x/models/types"
)

// JSON writes one document, and nothing else.
func JSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

// Model is one version of a model.
type Model struct {
	// Reference is name:version.
	Reference string   `json:"reference"`
	Name      string   `json:"name"`
	Version   uint32   `json:"version"`
	SHA256    string   `json:"sha256"`
	Task      string   `json:"task"`
	Status    string   `json:"status"`
	Verdict   *Verdict `json:"verdict"`
	SizeBytes uint64   `json:"size_bytes"`
	// OnChain is true when the chain holds the file; Sources are where it is otherwise.
	OnChain bool     `json:"on_chain"`
	Sources []string `json:"sources"`
	Royalty string   `json:"royalty"`
	License string   `json:"license"`
	Labels  []string `json:"labels"`
	// Signature and counts are those of the inspection; empty before it.
	Opset        int64    `json:"opset"`
	Inputs       []Tensor `json:"inputs"`
	Outputs      []Tensor `json:"outputs"`
	Parameters   uint64   `json:"parameters"`
	SessionBytes uint64   `json:"session_bytes"`
	Cost         []Cost   `json:"cost"`
	// ComputeUnits are those of a run with every symbol 1; null before the inspection.
	ComputeUnits     *uint64 `json:"compute_units_with_symbols_at_1"`
	CardSHA256       string  `json:"card_sha256"`
	RegisteredHeight int64   `json:"registered_height"`
	AdmittedHeight   int64   `json:"admitted_height"`
	// DeadlineHeight is 0 when no admission is under way.
	DeadlineHeight int64 `json:"deadline_height"`
}

// Verdict is how the last inspection or admission ended.
type Verdict struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Height int64  `json:"height"`
}

// Tensor is an input or output. Each dimension is a number, a symbol, or a number times a symbol.
type Tensor struct {
	Name     string   `json:"name"`
	Datatype string   `json:"datatype"`
	Shape    []string `json:"shape"`
}

// Cost is work times the product of symbols.
type Cost struct {
	Symbols  []string `json:"symbols"`
	MACs     uint64   `json:"macs"`
	Elements uint64   `json:"elements"`
}

// NewModel is the document of a model.
func NewModel(m types.Model) Model {
	d := Model{
		Reference: fmt.Sprintf("%s:%d", m.Name, m.Version), Name: m.Name, Version: m.Version, SHA256: m.Sha256,
		Task: m.TaskClass.Word(), Status: m.Status.Word(), SizeBytes: m.Size_, OnChain: m.HasFile(),
		Sources: list(m.Sources), Royalty: m.Royalty.String(), License: m.License, Labels: list(m.Labels),
		Opset: m.Inspection.Opset, Inputs: tensors(m.Inspection.Inputs), Outputs: tensors(m.Inspection.Outputs),
		Parameters: m.Inspection.Parameters, SessionBytes: m.Inspection.SessionBytes, Cost: []Cost{},
		CardSHA256: m.CardSha256, RegisteredHeight: m.RegisteredHeight, AdmittedHeight: m.AdmittedHeight, DeadlineHeight: m.Deadline,
	}
	if m.Verdict.Height != 0 {
		d.Verdict = &Verdict{Reason: m.Verdict.Reason, Detail: m.Verdict.Detail, Height: m.Verdict.Height}
	}
	ones := make(map[string]int64)
	for _, in := range m.Inspection.Inputs {
		for _, dim := range in.Dims {
			if dim.Symbol != "" {
				ones[dim.Symbol] = 1
			}
		}
	}
	for _, c := range m.Inspection.Cost {
		d.Cost = append(d.Cost, Cost{Symbols: list(c.Symbols), MACs: c.Macs, Elements: c.Elements})
	}
	if units, err := m.ComputeUnits(ones); err == nil && len(m.Inspection.Inputs) > 0 {
		d.ComputeUnits = &units
	}
	return d
}

// list is never null in JSON.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

func tensors(specs []types.TensorSpec) []Tensor {
	out := make([]Tensor, len(specs))
	for i, s := range specs {
		out[i] = Tensor{Name: s.Name, Datatype: s.Datatype, Shape: make([]string, len(s.Dims))}
		for j, d := range s.Dims {
			switch {
			case d.Symbol == "":
				out[i].Shape[j] = fmt.Sprint(d.Size_)
			case d.Size_ == 1:
				out[i].Shape[j] = d.Symbol
			default:
				out[i].Shape[j] = fmt.Sprintf("%d*%s", d.Size_, d.Symbol)
			}
		}
	}
	return out
}

// Details is a model with all that belongs to it.
type Details struct {
	Model
	Owner      string   `json:"owner"`
	Tags       []string `json:"tags"`
	NodesReady uint32   `json:"nodes_ready"`
	// Versions are all versions of the name, ascending.
	Versions []Version `json:"versions"`
	// Certificate is null until the model is admitted.
	Certificate *Certificate `json:"certificate"`
	Proofs      []Proof      `json:"proofs"`
}

// Version is another version of the same name.
type Version struct {
	Version uint32   `json:"version"`
	SHA256  string   `json:"sha256"`
	Status  string   `json:"status"`
	Tags    []string `json:"tags"`
}

// Certificate is the determinism certificate.
type Certificate struct {
	OutputRoot  string  `json:"output_root"`
	OutputBytes int     `json:"output_bytes"` // 0 when the chain does not hold the golden outputs
	Classes     []Class `json:"classes"`
}

// Class is what an environment class computes.
type Class struct {
	EnvironmentClass uint32 `json:"environment_class"`
	OutputRoot       string `json:"output_root"`
	ProvenHeight     int64  `json:"proven_height"`
}

// Proof is what a node said.
type Proof struct {
	Operator         string `json:"operator"`
	EnvironmentClass uint32 `json:"environment_class"`
	OutputRoot       string `json:"output_root"` // empty with a failure
	Failure          string `json:"failure"`     // none without one
	Height           int64  `json:"height"`
}

// NewCertificate is the document of a certificate.
func NewCertificate(c types.Certificate) *Certificate {
	d := &Certificate{OutputRoot: hex.EncodeToString(c.OutputRoot), OutputBytes: len(c.Outputs), Classes: []Class{}}
	for _, class := range c.Classes {
		d.Classes = append(d.Classes, Class{
			EnvironmentClass: class.EnvironmentClass, OutputRoot: hex.EncodeToString(class.OutputRoot), ProvenHeight: class.ProvenHeight,
		})
	}
	return d
}

// NewProofs is the document of what nodes said.
func NewProofs(proofs []types.NodeProof) []Proof {
	list := make([]Proof, len(proofs))
	for i, p := range proofs {
		list[i] = Proof{
			Operator: p.Operator, EnvironmentClass: p.EnvironmentClass, OutputRoot: hex.EncodeToString(p.OutputRoot),
			Failure: p.Failure.Word(), Height: p.Height,
		}
	}
	return list
}

// Upload is an upload under way.
type Upload struct {
	ID        uint64 `json:"id"`
	Name      string `json:"name"`
	Owner     string `json:"owner"`
	SHA256    string `json:"sha256"`
	SizeBytes uint64 `json:"size_bytes"`
	Chunks    int    `json:"chunks"`
	Received  uint32 `json:"received"`
	Deposit   string `json:"deposit"`
	// ExpiresHeight is the height at whose end it is given up.
	ExpiresHeight int64 `json:"expires_height"`
}

// NewUploads is the document of uploads.
func NewUploads(uploads []types.Upload) []Upload {
	list := make([]Upload, len(uploads))
	for i, u := range uploads {
		list[i] = Upload{
			ID: u.Id, Name: u.Manifest.Name, Owner: u.Owner, SHA256: u.Sha256, SizeBytes: u.Size_, Chunks: len(u.ChunkHashes),
			Received: u.Received, Deposit: u.Deposit.String(), ExpiresHeight: u.Expires,
		}
	}
	return list
}

// Quote is a cost in full.
type Quote struct {
	ByteFee      string `json:"byte_fee"`
	AdmissionFee string `json:"admission_fee"`
	Gas          uint64 `json:"gas"`
	GasFee       string `json:"gas_fee"` // with its denomination
	Transactions int    `json:"transactions"`
	Total        string `json:"total"` // with denominations
}

// NewQuote is the document of a cost.
func NewQuote(c push.Cost) Quote {
	total := c.Total().String()
	if total == "" {
		total = "0" + types.Denom
	}
	return Quote{
		ByteFee: c.ByteFee.String(), AdmissionFee: c.AdmissionFee.String(), Gas: c.Gas, GasFee: c.GasFee.String(),
		Transactions: c.Transactions, Total: total,
	}
}
