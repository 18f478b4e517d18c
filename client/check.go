package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/pricing"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
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
	m, err := c.findModel(ctx, r.Model)
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
		return invalid(inferencetypes.ErrTierUnavailable, "tier", "quorum or committee", word(r.Tier.String(), "TIER_"))
	}
	if err := inferencetypes.ValidateSealing(r.Sealing); err != nil {
		return invalid(inferencetypes.ErrSealing, "sealing", "default, sealed or open", word(r.Sealing.String(), "SEALING_"))
	}
	if !r.FeeClass.IsKnown() {
		return invalid(inferencetypes.ErrFeeClass, "fee_class", "standard, economy or priority", word(r.FeeClass.String(), "FEE_CLASS_"))
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

// word writes the value of an enum as flags and people do.
func word(name, prefix string) string { return strings.ToLower(strings.TrimPrefix(name, prefix)) }

// findModel reads the record of a model that has a signature.
func (c *Client) findModel(ctx context.Context, reference string) (modelstypes.Model, error) {
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
		fmt.Sprintf("%s:%d, which is %s", m.Name, m.Version, word(m.Status.String(), "MODEL_STATUS_")))
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

// price checks limits, price and what the network can do now.
func (c *Client) price(ctx context.Context, checked Checked) (Checked, error) {
	if !checked.Model.Usable() {
		return Checked{}, notUsable(checked.Model)
	}
	params, err := c.records.inferenceParams(ctx)
	if err != nil {
		return Checked{}, fmt.Errorf("parameters: %w", err)
	}
	limits, err := c.records.schedulingParams(ctx)
	if err != nil {
		return Checked{}, fmt.Errorf("parameters: %w", err)
	}
	if err := checked.measure(params, limits); err != nil {
		return Checked{}, err
	}
	if err := c.quote(ctx, &checked, params); err != nil {
		return Checked{}, err
	}
	if checked.EligiblePower < params.MinEligiblePower && checked.quoted() {
		return Checked{}, invalid(inferencetypes.ErrEligiblePower, "model",
			fmt.Sprintf("one that at least %s of all power can run now", percent(params.MinEligiblePower)),
			fmt.Sprintf("%s:%d, which %s can", checked.Model.Name, checked.Model.Version, percent(checked.EligiblePower)))
	}
	return checked, checked.checkMaxFee(params)
}

// percent writes basis points.
func percent(points uint32) string { return fmt.Sprintf("%d.%02d%%", points/100, points%100) }

// measure takes the size of the run, within the limits.
func (c *Checked) measure(params inferencetypes.Params, limits schedulingtypes.Params) error {
	var err error
	if c.Work.Units, err = c.Model.ComputeUnits(c.Symbols); err != nil {
		return invalid(inferencetypes.ErrComputeTooLarge, "inputs", "shapes for which the cost can be counted", err.Error())
	}
	outputBytes, err := tensor.ResolvedSize(c.Outputs, c.Symbols)
	if err != nil {
		return invalid(inferencetypes.ErrOutputTooLarge, "inputs", "shapes for which the size of the outputs can be counted", err.Error())
	}
	c.Work.OutputBytes = uint64(outputBytes)
	return checkWork(c.Work, params, limits)
}

func checkWork(w pricing.Work, params inferencetypes.Params, limits schedulingtypes.Params) error {
	units, bytes := min(params.MaxComputeUnits, limits.BlockComputeUnits), min(params.MaxOutputBytes, limits.BlockOutputBytes)
	switch {
	case w.InputBytes > params.MaxInputBytes:
		return invalid(inferencetypes.ErrInputTooLarge, "inputs", fmt.Sprintf("at most %d bytes together", params.MaxInputBytes),
			fmt.Sprintf("%d bytes", w.InputBytes))
	case w.Units > units:
		return invalid(inferencetypes.ErrComputeTooLarge, "inputs", fmt.Sprintf("shapes that take at most %d compute units", units),
			fmt.Sprintf("shapes that take %d", w.Units))
	case w.OutputBytes > bytes:
		return invalid(inferencetypes.ErrOutputTooLarge, "outputs", fmt.Sprintf("at most %d bytes with these input shapes", bytes),
			fmt.Sprintf("%d bytes", w.OutputBytes))
	default:
		return nil
	}
}

// quoted tells whether the chain can quote the request: the length of BYTES inputs does not follow from their shape.
func (c *Checked) quoted() bool {
	return !slices.ContainsFunc(c.Inputs, func(s Spec) bool { return s.Datatype == Bytes })
}

// quote prices the request.
func (c *Client) quote(ctx context.Context, checked *Checked, params inferencetypes.Params) error {
	r := checked.Request
	base := math.Int{}
	if checked.quoted() {
		q, err := c.records.quote(ctx, &inferencetypes.QueryQuoteRequest{
			Model: checked.Model.Sha256, Tier: r.Tier, Symbols: symbolValues(checked.Inputs, checked.Symbols), Outputs: r.Outputs, FeeClass: r.FeeClass,
		})
		if err != nil {
			return fmt.Errorf("quote for model %s: %w", r.Model, err)
		}
		base, checked.EligiblePower, checked.WaitingBlocks = q.BasePrice, q.EligiblePower, q.WaitingBlocks
	} else {
		m, err := c.records.market(ctx)
		if err != nil {
			return fmt.Errorf("base price: %w", err)
		}
		base, checked.WaitingBlocks = m.Market.BasePrice, m.WaitingBlocks
	}
	var err error
	checked.Fee, err = params.Quote(inferencetypes.Service{Tier: r.Tier, Class: r.FeeClass}, base, checked.Work, checked.Model.Royalty)
	if err != nil {
		return fmt.Errorf("quote for model %s: %w", r.Model, err)
	}
	checked.Sealed = params.Sealed(r.Sealing, checked.Fee)
	_, checked.ReuseFee = params.ReuseFee(checked.Fee)
	return nil
}

// checkMaxFee sets the most that is paid, or checks the one that was given.
func (c *Checked) checkMaxFee(params inferencetypes.Params) error {
	if c.Request.MaxFee.IsNil() {
		c.MaxFee = withRoom(c.Fee)
		return nil
	}
	least, what := c.Fee.Total, "the fee now"
	if c.Request.ReuseBlocks > 0 && params.ReuseBlocks > 0 && c.ReuseFee.LT(least) {
		least, what = c.ReuseFee, "the fee for a receipt that stands for the request"
	}
	if c.Request.MaxFee.LT(least) {
		return invalid(inferencetypes.ErrMaxFee, "max_fee", fmt.Sprintf("at least %s, %s", coin(least), what), coin(c.Request.MaxFee))
	}
	c.MaxFee = c.Request.MaxFee
	return nil
}

// withRoom is a fee with a quarter of its compute part more, rounded up. The other parts do not move.
func withRoom(fee inferencetypes.Fee) math.Int {
	return fee.Total.Add(fee.Compute.AddRaw(3).QuoRaw(4))
}

// symbolValues writes bindings as the quote takes them, in the order of the signature.
func symbolValues(specs []Spec, bindings map[string]int64) []string {
	var values []string
	seen := make(map[string]bool)
	for _, s := range specs {
		for _, d := range s.Dims {
			if d.Symbol != "" && !seen[d.Symbol] {
				seen[d.Symbol] = true
				values = append(values, fmt.Sprintf("%s=%d", d.Symbol, bindings[d.Symbol]))
			}
		}
	}
	return values
}
