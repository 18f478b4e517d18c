package proof

import (
	"context"
	"fmt"
	"time"

	"github.com/opengradient/opengradient/internal/proofwire"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// CollectOptions say what a proof begins with and what it carries.
type CollectOptions struct {
	// Trust is the header that the proof begins with.
	Trust Trust
	// TrustNode takes the last header of the source in its place. Then the source is believed.
	TrustNode bool
	Clock
	// Height is that of the block after which the state is proved; 0 for the last one that can be.
	Height int64
	// Witnesses have to have the same header at the height of the proof. They are other nodes than the source.
	Witnesses []Witness
	// Inputs and Evidence are used in the place of what the source has, when they are given: nodes drop them after a time.
	// Inputs are the canonical encoding.
	Inputs, Evidence []byte
}

// Collect gathers a proof of a settled request. When the last state has more of the request than the last header shows, it waits
// for the next header. Headers and paths are checked while they come; what the values say is for
// [File.Verify] to check, with the same trust.
func Collect(ctx context.Context, source Source, id uint64, opts CollectOptions) (file *File, err error) {
	defer func() {
		// A source of somebody else's making may give what stops the code of others with a panic.
		if p := recover(); p != nil {
			file, err = nil, &Error{
				Part: PartNotAvailable, Subject: "the source", Expected: "answers that a node gives", Got: fmt.Sprintf("some that stop the check: %v", p),
				Help: "The node is faulty or lies: ask another",
			}
		}
	}()
	opts.Clock = opts.withDefaults()
	if !opts.TrustNode {
		if err := opts.Trust.Validate(); err != nil {
			return nil, err
		}
	}
	c := collector{source: source, opts: opts}
	if opts.Height == 0 {
		c.await(ctx, id)
	}
	if err := c.headers(ctx); err != nil {
		return nil, err
	}
	if err := c.crossCheck(ctx); err != nil {
		return nil, err
	}
	c.proof.ChainId, c.proof.RequestId = c.last.ChainID, id
	if err := c.state(ctx, id); err != nil {
		return nil, err
	}
	return newFile(&c.proof)
}

type collector struct {
	source Source
	opts   CollectOptions
	proof  proofwire.Proof
	// last is the header against which the state is proved.
	last block
	// fetched counts light blocks.
	fetched int
}

// state gathers the values.
func (c *collector) state(ctx context.Context, id uint64) error {
	for _, l := range layout {
		c.proof.Stores = append(c.proof.Stores, &proofwire.Store{Name: l.store})
	}
	request, receipt, err := c.inference(ctx, id)
	if err != nil {
		return err
	}
	model, ok := modelstypes.ParseModelID(request.Model)
	if !ok {
		return differs(PartModel, "", "a SHA-256 in the request", request.Model)
	}
	key, err := modelstypes.ModelKey(model)
	if err := c.needed(ctx, proofwire.KIND_MODEL, key, err, new(modelstypes.Model)); err != nil {
		return err
	}
	key, err = verificationtypes.SnapshotKey(receipt.SnapshotId)
	if err := c.needed(ctx, proofwire.KIND_SNAPSHOT, key, err, new(verificationtypes.Snapshot)); err != nil {
		return err
	}
	if err := c.inputs(ctx, id); err != nil {
		return err
	}
	return c.evidence(ctx, id, receipt)
}

// height is that of the state.
func (c *collector) height() int64 { return c.last.Height - 1 }

// inference gathers request, result and receipt, in the order of kinds. There is no result of a failure.
func (c *collector) inference(ctx context.Context, id uint64) (request inferencetypes.Request, receipt inferencetypes.Receipt, err error) {
	subject := fmt.Sprintf("request %d", id)
	key, err := inferencetypes.RequestKey(id)
	found, err := c.value(ctx, proofwire.KIND_REQUEST, key, err, &request)
	if err != nil {
		return request, receipt, err
	}
	if !found {
		return request, receipt, &Error{
			Part: PartNotOnChain, Subject: subject, Expected: "a request", Got: "none, as the node says",
			Help: fmt.Sprintf("Asked for the state after block %d", c.height()),
		}
	}
	key, err = inferencetypes.ResultKey(id)
	if _, err = c.value(ctx, proofwire.KIND_RESULT, key, err, new(inferencetypes.Result)); err != nil {
		return request, receipt, err
	}
	key, err = inferencetypes.ReceiptKey(id)
	found, err = c.value(ctx, proofwire.KIND_RECEIPT, key, err, &receipt)
	if err == nil && !found {
		err = &Error{
			Part: PartNotSettled, Subject: subject, Expected: "a receipt", Got: fmt.Sprintf("none after block %d", c.height()),
			Help: fmt.Sprintf("The request is %s. A receipt comes some blocks after the verdict: wait for it. A request that ended without a verdict has none",
				request.Status.Word()),
		}
	}
	return request, receipt, err
}

// unmarshaler is a stored message.
type unmarshaler interface{ Unmarshal(b []byte) error }

const (
	// headerPatience is how long the header after the last state may take.
	headerPatience = 15 * time.Second
	headerInterval = 200 * time.Millisecond
)

// await waits until the last header shows as much of a request as the last state of the source has: the state after a block is
// in the header of the next. What the source says here decides nothing but how long it takes, so that errors are left to
// what comes after.
func (c *collector) await(ctx context.Context, id uint64) {
	ctx, cancel := context.WithTimeout(ctx, headerPatience)
	defer cancel()
	ticker := time.NewTicker(headerInterval)
	defer ticker.Stop()
	for c.behind(ctx, id) {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// behind tells whether the last state has request or receipt, and the one that the last header shows has not.
func (c *collector) behind(ctx context.Context, id uint64) bool {
	newest, err := lightBlock(ctx, c.source, 0)
	if err != nil || newest.Height < 2 {
		return false
	}
	for _, keyOf := range []func(uint64) ([]byte, error){inferencetypes.RequestKey, inferencetypes.ReceiptKey} {
		key, err := keyOf(id)
		if err != nil {
			return false
		}
		shown, _, err := c.source.Value(ctx, inferencetypes.StoreKey, key, newest.Height-1)
		if err != nil {
			return false
		}
		if len(shown) > 0 {
			continue
		}
		if last, _, err := c.source.Value(ctx, inferencetypes.StoreKey, key, 0); err != nil || len(last) > 0 {
			return err == nil
		}
	}
	return false
}

// value gathers a value that may be absent.
func (c *collector) value(ctx context.Context, kind proofwire.Kind, key []byte, keyErr error, into unmarshaler) (bool, error) {
	if keyErr != nil {
		return false, fails(PartStoreProof, kindName(kind), keyErr)
	}
	store := c.storeOf(kind)
	raw, ops, err := c.source.Value(ctx, store.Name, key, c.height())
	if err != nil {
		return false, sourceError(kindName(kind), err)
	}
	if len(raw) == 0 {
		return false, nil
	}
	value, proved, err := fromOps(store.Name, key, raw, ops)
	if err == nil {
		err = proveStore(proved, c.last.AppHash)
	}
	if err != nil {
		return false, &Error{Part: PartStoreProof, Subject: kindName(kind), Err: err, Help: "The node is faulty or lies: ask another"}
	}
	if err := into.Unmarshal(raw); err != nil {
		return false, fails(PartValue, kindName(kind), err)
	}
	value.Kind = kind
	store.Root, store.Path = proved.Root, proved.Path
	store.Values = append(store.Values, value)
	return true, nil
}

// needed gathers a value that must be there.
func (c *collector) needed(ctx context.Context, kind proofwire.Kind, key []byte, keyErr error, into unmarshaler) error {
	found, err := c.value(ctx, kind, key, keyErr, into)
	if err == nil && !found {
		err = &Error{Part: PartStoreProof, Subject: kindName(kind), Expected: "the value", Got: "none", Help: "The node is faulty or lies: ask another"}
	}
	return err
}

func (c *collector) storeOf(kind proofwire.Kind) *proofwire.Store {
	for i, l := range layout {
		for _, k := range l.kinds {
			if k == kind {
				return c.proof.Stores[i]
			}
		}
	}
	return nil
}

// inputs takes the inputs that are given, or those that the source still has. Their root is in the request, so that no
// proof of theirs is needed.
func (c *collector) inputs(ctx context.Context, id uint64) error {
	if c.proof.Inputs = c.opts.Inputs; len(c.proof.Inputs) > 0 {
		return nil
	}
	key, err := inferencetypes.InputsKey(id)
	if err != nil {
		return fails(PartInputs, "", err)
	}
	if c.proof.Inputs, _, err = c.source.Value(ctx, inferencetypes.StoreKey, key, c.height()); err != nil {
		return sourceError("inputs", err)
	}
	return nil
}

// evidence takes the evidence that is given, or that the source still has, and the parameters that it was judged under.
// Its root is in the receipt.
func (c *collector) evidence(ctx context.Context, id uint64, receipt inferencetypes.Receipt) error {
	encoded := c.opts.Evidence
	if len(encoded) == 0 {
		key, err := verificationtypes.EvidenceKey(id)
		if err != nil {
			return fails(PartEvidence, "", err)
		}
		raw, _, err := c.source.Value(ctx, verificationtypes.StoreKey, key, c.height())
		if err != nil {
			return sourceError("evidence", err)
		}
		var stored verificationtypes.StoredEvidence
		if err := stored.Unmarshal(raw); err != nil {
			return fails(PartEvidence, "", err)
		}
		encoded = stored.Evidence
	}
	if len(encoded) == 0 {
		return nil
	}
	// Nothing in the bytes is used before they are known to be what the receipt names.
	opened, err := receipt.Claim().OpenEvidence(encoded)
	if err != nil {
		return fails(PartEvidenceRoot, "", err)
	}
	c.proof.Evidence = encoded
	key, err := verificationtypes.ParamsVersionKey(opened.Round.ParamsVersion)
	return c.needed(ctx, proofwire.KIND_PARAMS, key, err, new(verificationtypes.Params))
}
