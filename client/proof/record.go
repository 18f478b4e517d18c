package proof

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/opengradient/opengradient/internal/proofwire"
	"github.com/opengradient/opengradient/internal/tensor"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// Record is what a proof shows to be recorded by the chain.
type Record struct {
	Request inferencetypes.Request
	Receipt inferencetypes.Receipt
	Model   modelstypes.Model
	// Result is nil when the verdict is a failure.
	Result   *inferencetypes.Result
	Snapshot verificationtypes.Snapshot
	// Inputs are those whose root is in the request; nil when the file does not carry them.
	Inputs []tensor.Tensor
	// Outputs are those of the result; nil when the verdict is a failure.
	Outputs []tensor.Tensor
	// Evidence and Params are those of the round; nil when the file does not carry the evidence.
	Evidence *verificationtypes.Evidence
	Params   *verificationtypes.Params
	// Verdict is the one that was derived again; nil when that takes evidence that the file does not carry.
	Verdict *verificationtypes.Replayed
}

// message is a stored message.
type message[T any] interface {
	*T
	Marshal() ([]byte, error)
	Unmarshal(b []byte) error
}

// load decodes a value that is shown to be stored under its key. What this program does not know in it would be left
// out of every check, so such a value is refused.
func load[T any, P message[T]](s state, kind proofwire.Kind, key []byte, keyErr error) (T, error) {
	var value T
	if keyErr != nil {
		return value, fails(PartStoreProof, kindName(kind), keyErr)
	}
	raw, err := s.value(kind, key)
	if err != nil {
		return value, err
	}
	if err := P(&value).Unmarshal(raw); err != nil {
		return value, fails(PartValue, kindName(kind), err)
	}
	again, err := P(&value).Marshal()
	if err != nil {
		return value, fails(PartValue, kindName(kind), err)
	}
	if !bytes.Equal(again, raw) {
		return value, &Error{
			Part: PartValue, Subject: kindName(kind), Expected: "what this version knows", Got: "more",
			Help: "The chain may run a newer version: use the program of that version",
		}
	}
	return value, nil
}

// loadRequest checks the request and what its digest binds.
func (r *Record) loadRequest(s state, chainID string, id uint64) error {
	key, err := inferencetypes.RequestKey(id)
	if r.Request, err = load[inferencetypes.Request](s, proofwire.KIND_REQUEST, key, err); err != nil {
		return err
	}
	if r.Request.Id != id {
		return differs(PartRequest, "", id, r.Request.Id)
	}
	if err := r.Request.Validate(); err != nil {
		return fails(PartRequest, "", err)
	}
	if !r.Request.Settles() {
		return differs(PartRequest, "", "one with a verdict", r.Request.Status)
	}
	if !r.Request.Escrow.IsZero() {
		return differs(PartRequest, "", "a settled request without escrow", r.Request.Escrow)
	}
	digest, err := r.Request.ComputeDigest(chainID)
	if err != nil {
		return fails(PartDigest, "", err)
	}
	if !bytes.Equal(digest, r.Request.Digest) {
		return differs(PartDigest, "request", digest, r.Request.Digest)
	}
	return nil
}

// loadReceipt checks that the receipt is that of the request, in the state after the block of a height.
func (r *Record) loadReceipt(s state, id uint64, height int64) error {
	key, err := inferencetypes.ReceiptKey(id)
	if r.Receipt, err = load[inferencetypes.Receipt](s, proofwire.KIND_RECEIPT, key, err); err != nil {
		return err
	}
	if err := r.Receipt.Validate(); err != nil {
		return fails(PartReceipt, "", err)
	}
	if err := r.Receipt.Outcome.Validate(); err != nil {
		return fails(PartReceipt, "outcome", err)
	}
	if !bytes.Equal(r.Receipt.Digest, r.Request.Digest) {
		return differs(PartDigest, "receipt", r.Request.Digest, r.Receipt.Digest)
	}
	reason := inferencetypes.FAILURE_REASON_UNSPECIFIED
	switch r.Receipt.Outcome.Failure {
	case verificationtypes.FAILURE_EXECUTION:
		reason = inferencetypes.FAILURE_REASON_EXECUTION
	case verificationtypes.FAILURE_OUTPUT_LIMIT:
		reason = inferencetypes.FAILURE_REASON_OUTPUT_LIMIT
	case verificationtypes.FAILURE_NONE:
	}
	q, c := r.Request, r.Receipt
	for _, f := range []struct {
		name      string
		want, got any
	}{
		{"request id", q.Id, c.RequestId},
		{"model", q.Model, c.Model},
		{"input root", hex.EncodeToString(q.InputRoot), hex.EncodeToString(c.InputRoot)},
		{"tier", q.Tier, c.Tier},
		{"sealed", q.Sealed, c.Sealed},
		{"attempt", q.Attempt, c.Attempt},
		{"submitted height", q.SubmittedHeight, c.SubmittedHeight},
		{"assigned height", q.AssignedHeight, c.AssignedHeight},
		{"final height", q.FinalHeight, c.FinalHeight},
		{"fee", q.Fee.String(), c.Fee.String()},
		{"failure", q.FailureReason, reason},
	} {
		if f.want != f.got {
			return differs(PartReceipt, f.name, f.want, f.got)
		}
	}
	return r.checkHeights(height)
}

// checkHeights checks that what the receipt tells of happened one after the other, and before the state that is proved.
func (r *Record) checkHeights(proved int64) error {
	c, least := r.Receipt, int64(1)
	for _, h := range []struct {
		name   string
		height int64
	}{
		{"submitted", c.SubmittedHeight}, {"assigned", c.AssignedHeight}, {"final", c.FinalHeight}, {"settled", c.SettledHeight},
		{"proved", proved},
	} {
		if h.height < least {
			return differs(PartReceipt, h.name+" height", fmt.Sprintf("at least %d", least), h.height)
		}
		least = h.height
	}
	return nil
}

// loadModel checks that the model is the one that the request names.
func (r *Record) loadModel(s state) error {
	id, ok := modelstypes.ParseModelID(r.Request.Model)
	if !ok {
		return differs(PartModel, "", "a SHA-256 in the request", r.Request.Model)
	}
	key, err := modelstypes.ModelKey(id)
	if r.Model, err = load[modelstypes.Model](s, proofwire.KIND_MODEL, key, err); err != nil {
		return err
	}
	if r.Model.Sha256 != r.Request.Model {
		return differs(PartModel, "SHA-256", r.Request.Model, r.Model.Sha256)
	}
	if err := r.Model.CheckSignature(); err != nil {
		return fails(PartModel, "signature", err)
	}
	return nil
}
