package proof

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"

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

// loadReceipt checks that the receipt is that of the request.
func (r *Record) loadReceipt(s state, id uint64) error {
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

// loadInputs checks the inputs against their root and the signature. It gives the values of the symbols, nil without
// inputs.
func (r *Record) loadInputs(encoded []byte) (map[string]int64, error) {
	if len(encoded) == 0 {
		return nil, nil //nolint:nilnil // A file without inputs has no symbols, which is no failure.
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

// loadSnapshot checks the electorate that the receipt refers to.
func (r *Record) loadSnapshot(s state) error {
	key, err := verificationtypes.SnapshotKey(r.Receipt.SnapshotId)
	if r.Snapshot, err = load[verificationtypes.Snapshot](s, proofwire.KIND_SNAPSHOT, key, err); err != nil {
		return err
	}
	if r.Snapshot.Id != r.Receipt.SnapshotId {
		return differs(PartSnapshot, "", r.Receipt.SnapshotId, r.Snapshot.Id)
	}
	if err := r.Snapshot.Validate(); err != nil {
		return fails(PartSnapshot, "", err)
	}
	return nil
}

// loadEvidence checks the evidence against its root, and the parameters that it was judged under.
func (r *Record) loadEvidence(s state, encoded []byte) error {
	if carried := len(encoded) > 0; carried != s.has(proofwire.KIND_PARAMS) {
		return differs(PartStores, "verification", "parameters with evidence and not without", fmt.Sprintf("evidence %t, parameters %t", carried, !carried))
	} else if !carried {
		return nil
	}
	if root := tensor.MerkleRoot(encoded); !bytes.Equal(root[:], r.Receipt.EvidenceRoot) {
		return differs(PartEvidenceRoot, "", r.Receipt.EvidenceRoot, root[:])
	}
	evidence, err := verificationtypes.DecodeEvidence(encoded)
	if err != nil {
		return fails(PartEvidence, "", err)
	}
	for i, candidate := range evidence.Round.Candidates {
		if err := candidate.Outcome.Validate(); err != nil {
			return fails(PartEvidence, fmt.Sprintf("candidate %d", i+1), err)
		}
	}
	if id := hex.EncodeToString(evidence.Round.Model); id != r.Request.Model {
		return differs(PartEvidence, "model", r.Request.Model, id)
	}
	key, err := verificationtypes.ParamsVersionKey(evidence.Round.ParamsVersion)
	params, err := load[verificationtypes.Params](s, proofwire.KIND_PARAMS, key, err)
	if err != nil {
		return err
	}
	if err := params.Validate(); err != nil {
		return fails(PartParams, "", err)
	}
	r.Evidence, r.Params = &evidence, &params
	return nil
}

// replay derives the verdict again.
func (r *Record) replay(evidence []byte) error {
	claim := r.Receipt.Claim()
	if !claim.Arbitrated {
		verdict, err := claim.Replay(r.Snapshot)
		if err != nil {
			return fails(PartVerdict, "", err)
		}
		r.Verdict = &verdict
	}
	if r.Params != nil {
		verdict, err := claim.ReplayEvidence(r.Snapshot, *r.Params, evidence)
		if err != nil {
			return fails(PartVerdict, "", err)
		}
		r.Verdict = &verdict
	}
	return nil
}
