package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// Check makes every check of the chain that can be made beforehand, and prices the request: against the record of the model, the
// parameters and the base price as they were a few seconds ago at most. Nothing is signed. A request that the chain would
// refuse is an *InvalidError; any other error is one of the connection.
func (c *Client) Check(ctx context.Context, r Request) (Checked, error) {
	checked, err := c.checkForm(ctx, r)
	if err != nil {
		return Checked{}, err
	}
	return c.price(ctx, checked)
}

// checkForm checks what a request says, whatever it costs and whether the model takes requests now.
func (c *Client) checkForm(ctx context.Context, r Request) (Checked, error) {
	if r.Tier == inferencetypes.TIER_UNSPECIFIED {
		r.Tier = inferencetypes.TIER_QUORUM
	}
	if err := checkWords(r); err != nil {
		return Checked{}, err
	}
	m, err := c.Model(ctx, r.Model)
	if err != nil {
		return Checked{}, err
	}
	checked := Checked{Request: r, Model: m}
	if checked.Inputs, err = m.InputSpecs(); err != nil {
		return Checked{}, fmt.Errorf("signature of model %s: %w", r.Model, err)
	}
	if checked.Outputs, err = wantedOutputs(m, r.Outputs); err != nil {
		return Checked{}, err
	}
	if checked.Symbols, err = checkInputs(checked.Inputs, r.Inputs); err != nil {
		return Checked{}, err
	}
	return checked, checked.encode()
}

// encode puts the inputs in the order of the signature and takes their root.
func (c *Checked) encode() error {
	c.tensors = make([]Tensor, len(c.Inputs))
	for i, s := range c.Inputs {
		c.tensors[i] = c.Request.Inputs[slices.IndexFunc(c.Request.Inputs, func(t Tensor) bool { return t.Name == s.Name })]
	}
	encoded, err := tensor.Encode(c.tensors)
	if err != nil {
		return invalid(inferencetypes.ErrInputMalformed, "inputs", "tensors that can be encoded", err.Error())
	}
	root := tensor.MerkleRoot(encoded)
	c.root, c.Work.InputBytes = root[:], uint64(len(encoded))
	return nil
}

// checkWords checks what needs no look at the chain.
func checkWords(r Request) error {
	if err := inferencetypes.ValidateTier(r.Tier); err != nil {
		return invalid(inferencetypes.ErrTierUnavailable, "tier", "quorum or committee", r.Tier.Word())
	}
	if err := inferencetypes.ValidateSealing(r.Sealing); err != nil {
		return invalid(inferencetypes.ErrSealing, "sealing", "default, sealed or open", r.Sealing.Word())
	}
	if !r.FeeClass.IsKnown() {
		return invalid(inferencetypes.ErrFeeClass, "fee_class", "standard, economy or priority", r.FeeClass.Word())
	}
	if !r.MaxFee.IsNil() && r.MaxFee.IsNegative() {
		return invalid(inferencetypes.ErrMaxFee, "max_fee", "an amount of at least 0"+inferencetypes.Denom, r.MaxFee.String()+inferencetypes.Denom)
	}
	return checkKey(r.IdempotencyKey)
}

// checkKey checks the form of an idempotency key. Without one the account draws it.
func checkKey(key string) error {
	if key == "" {
		return nil
	}
	if err := inferencetypes.ValidateIdempotencyKey(key); err != nil {
		got := fmt.Sprintf("%.80q", key)
		if len(key) > inferencetypes.MaxIdempotencyKeyLength {
			got = fmt.Sprintf("%d bytes", len(key))
		}
		return invalid(inferencetypes.ErrIdempotencyKey, "idempotency_key",
			fmt.Sprintf("1 to %d characters of printable ASCII", inferencetypes.MaxIdempotencyKeyLength), got)
	}
	return nil
}

// Model reads the record of a model that was admitted, by name, name:version, name:tag or SHA-256: as it was a few seconds ago at
// most. It fails with an *InvalidError when there is none.
func (c *Client) Model(ctx context.Context, reference string) (modelstypes.Model, error) {
	if _, err := modelstypes.ParseReference(reference); err != nil {
		cause := modelstypes.ErrInvalidName
		if errors.Is(err, modelstypes.ErrInvalidTag) {
			cause = modelstypes.ErrInvalidTag
		}
		return modelstypes.Model{}, invalid(cause, "model", "name, name:version, name:tag or a SHA-256 in lower-case hexadecimal",
			fmt.Sprintf("%.80q", reference))
	}
	m, err := c.records.model(ctx, reference)
	switch {
	case status.Code(err) == codes.NotFound:
		return modelstypes.Model{}, invalid(modelstypes.ErrModelNotFound, "model",
			`a model of the chain (see "opengradientd model list")`, fmt.Sprintf("%q, which it does not know", reference))
	case err != nil:
		return modelstypes.Model{}, fmt.Errorf("model %s: %w", reference, err)
	case !m.Status.Admitted():
		return modelstypes.Model{}, notUsable(m)
	}
	return m, nil
}

// notUsable says that a model takes no requests.
func notUsable(m modelstypes.Model) error {
	return invalid(inferencetypes.ErrModelNotUsable, "model", "a model that is active or deprecated",
		fmt.Sprintf("%s:%d, which is %s", m.Name, m.Version, m.Status.Word()))
}

func wantedOutputs(m modelstypes.Model, names []string) ([]Spec, error) {
	all, err := m.OutputSpecs(nil)
	if err != nil {
		return nil, fmt.Errorf("signature of model %s: %w", m.Name, err)
	}
	known := make([]string, len(all))
	for i, s := range all {
		known[i] = s.Name
	}
	for i, name := range names {
		field := fmt.Sprintf("outputs[%.64q]", name)
		if !slices.Contains(known, name) {
			return nil, invalid(modelstypes.ErrOutputUnknown, field, "an output of the model: "+list(known), "an unknown name")
		}
		if slices.Contains(names[:i], name) {
			return nil, invalid(modelstypes.ErrOutputUnknown, field, "each output once", "the name twice")
		}
	}
	return m.OutputSpecs(names)
}

// list writes names for people, not more than a line of them.
func list(names []string) string {
	const most = 16
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
