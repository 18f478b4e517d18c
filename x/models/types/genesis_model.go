package types

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/address"
	"github.com/opengradient/opengradient/internal/tensor"
)

// validate checks a model with all that belongs to it.
func (entry GenesisModel) validate() error {
	for _, check := range []func() error{
		entry.validateModel, entry.validateStatus, entry.validateFile, entry.validateCard, entry.validateSignature,
		entry.validateProofs, entry.validateOutputs, entry.validateCertificate,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (entry GenesisModel) validateModel() error {
	m := entry.Model
	if _, err := m.ID(); err != nil {
		return err
	}
	if err := ValidateTaskClass(m.TaskClass); err != nil {
		return err
	}
	if err := checkAmount(m.Royalty); err != nil {
		return fmt.Errorf("royalty: %w", err)
	}
	if m.Size_ == 0 || m.Size_ > maxReferenceBytesLimit {
		return fmt.Errorf("size: expected 1 to %d bytes, got %d", int64(maxReferenceBytesLimit), m.Size_)
	}
	return validateTerms(m.License, m.Labels)
}

func (entry GenesisModel) validateStatus() error {
	m := entry.Model
	if !m.Status.IsKnown() {
		return fmt.Errorf("status: expected a known one, got %s", m.Status)
	}
	if admitting := m.Status == MODEL_STATUS_ADMITTING; admitting != (m.Deadline != 0) || m.Deadline < 0 || m.Deadline > maxRelativeHeight {
		return fmt.Errorf("deadline: expected 1 to %d blocks while %s, and 0 otherwise, got %d as %s",
			int64(maxRelativeHeight), MODEL_STATUS_ADMITTING, m.Deadline, m.Status)
	}
	if m.Status.Admitted() != (m.AdmittedHeight > 0) {
		return fmt.Errorf("admitted height: expected one of an admitted model only, got %d as %s", m.AdmittedHeight, m.Status)
	}
	if m.Status.Over() != (m.Verdict.Reason != "") || !knownReason(m.Verdict.Reason) {
		return fmt.Errorf("verdict: expected a known reason of a model that came to nothing only, got %.32q as %s", m.Verdict.Reason, m.Status)
	}
	if m.Status == MODEL_STATUS_EXPIRED != (m.Verdict.Reason == ReasonNoQuorum) {
		return fmt.Errorf("verdict: expected %s of an expired model, got %.32q as %s", ReasonNoQuorum, m.Verdict.Reason, m.Status)
	}
	return nil
}

func knownReason(reason string) bool {
	if slices.Contains([]string{"", ReasonRefused, ReasonDisagreement, ReasonNoQuorum}, reason) {
		return true
	}
	for f := range ModelFailure_name {
		if reason == ModelFailure(f).Reason() {
			return true
		}
	}
	return false
}

func (entry GenesisModel) validateFile() error {
	m := entry.Model
	if m.IsReference() {
		if m.Status == MODEL_STATUS_INSPECTING || m.Verdict.Reason == ReasonRefused {
			return fmt.Errorf("expected a file of a model that is %s %s, got none", m.Status, m.Verdict.Reason)
		}
		id, err := m.ID()
		if err != nil {
			return err
		}
		if len(entry.Onnx) > 0 {
			return fmt.Errorf("expected no file of a model by reference, got %d bytes", len(entry.Onnx))
		}
		return ValidateSources(id, m.Size_, m.Sources)
	}
	if m.Size_ > maxModelBytesLimit || len(m.Sources) > 0 {
		return fmt.Errorf("expected at most %d bytes and no sources, got %d and %d", maxModelBytesLimit, m.Size_, len(m.Sources))
	}
	want := uint64(0)
	if m.HasFile() {
		want = m.Size_
	}
	if uint64(len(entry.Onnx)) != want {
		return fmt.Errorf("expected a file of %d bytes, got %d", want, len(entry.Onnx))
	}
	// The hash of a file that waits for its inspection was not looked at yet.
	if sum := sha256.Sum256(entry.Onnx); m.HasFile() && m.Status != MODEL_STATUS_INSPECTING && hex.EncodeToString(sum[:]) != m.Sha256 {
		return fmt.Errorf("expected a file with this sha256, got %x", sum)
	}
	return nil
}

// inspected reports whether the signature is known.
func (m Model) inspected() bool {
	return m.Status != MODEL_STATUS_INSPECTING && m.Verdict.Reason != ReasonRefused
}

func (entry GenesisModel) validateSignature() error {
	m := entry.Model
	if err := entry.Golden.Validate(maxGoldenBytesLimit); err != nil {
		return err
	}
	if !m.inspected() {
		if m.Inspection.Size() != 0 {
			return fmt.Errorf("inspection: expected none of a model that is %s %s", m.Status, m.Verdict.Reason)
		}
		return nil
	}
	check := m.CheckSignature
	if m.IsReference() {
		check = m.CheckInspection
	}
	if err := check(); err != nil {
		return err
	}
	return m.CheckGolden(entry.Golden)
}

func (entry GenesisModel) validateProofs() error {
	if len(entry.Proofs) > 0 && !entry.Model.inspected() {
		return fmt.Errorf("proofs: expected none of a model that is %s %s, got %d", entry.Model.Status, entry.Model.Verdict.Reason, len(entry.Proofs))
	}
	var last sdk.ValAddress
	class, count := uint32(0), 0
	for i, p := range entry.Proofs {
		operator, err := address.ParseOperator(p.Operator)
		if err != nil {
			return fmt.Errorf("proof %d: %w", i, err)
		}
		if order := bytes.Compare(operator, last); order < 0 || order == 0 && p.EnvironmentClass <= class {
			return fmt.Errorf("proofs: expected ascending operators and classes, got %s with %d", p.Operator, p.EnvironmentClass)
		}
		if !bytes.Equal(operator, last) {
			count = 0
		}
		if count++; count > MaxClasses {
			return fmt.Errorf("proofs: expected at most %d classes of %s, got more", MaxClasses, p.Operator)
		}
		if operator.String() != p.Operator {
			return fmt.Errorf("proof %d: expected the operator to be written %s, got %s", i, operator, p.Operator)
		}
		if p.EnvironmentClass == 0 {
			return fmt.Errorf("proof %d: expected an environment class from 1, got 0", i)
		}
		if err := checkWordOf(p.OutputRoot, p.Failure); err != nil {
			return fmt.Errorf("proof %d: %w", i, err)
		}
		last, class = operator, p.EnvironmentClass
	}
	return nil
}

func (entry GenesisModel) validateOutputs() error {
	var last []byte
	for _, o := range entry.Outputs {
		root := tensor.MerkleRoot(o.Outputs)
		if !bytes.Equal(root[:], o.OutputRoot) || bytes.Compare(o.OutputRoot, last) <= 0 || len(o.Outputs) > maxGoldenOutputLimit {
			return fmt.Errorf("outputs: expected at most %d bytes with their root, ascending, got %d with %x for %x",
				maxGoldenOutputLimit, len(o.Outputs), root, o.OutputRoot)
		}
		attested := func(p NodeProof) bool { return bytes.Equal(p.OutputRoot, o.OutputRoot) }
		if !slices.ContainsFunc(entry.Proofs, attested) {
			return fmt.Errorf("outputs: expected a root that a node attests, got %x", o.OutputRoot)
		}
		if _, err := entry.Model.CheckGoldenOutputs(entry.Golden, o.Outputs); err != nil {
			return err
		}
		last = o.OutputRoot
	}
	return nil
}

func (entry GenesisModel) validateCertificate() error {
	cert := entry.Certificate
	if entry.Model.Status.Admitted() != (cert != nil) {
		return fmt.Errorf("certificate: expected one of an admitted model only, got %t as %s", cert != nil, entry.Model.Status)
	}
	if cert == nil {
		return nil
	}
	if cert.Model != entry.Model.Sha256 || len(cert.OutputRoot) != sha256.Size || len(cert.Classes) == 0 {
		return fmt.Errorf("certificate: expected one of this model with a root and a class, got %q, %x and %d", cert.Model, cert.OutputRoot, len(cert.Classes))
	}
	if root := tensor.MerkleRoot(cert.Outputs); len(cert.Outputs) > 0 && !bytes.Equal(root[:], cert.OutputRoot) {
		return fmt.Errorf("certificate: expected outputs with root %x, got %x", cert.OutputRoot, root)
	}
	for i, c := range cert.Classes {
		if len(c.OutputRoot) != sha256.Size || i > 0 && c.EnvironmentClass <= cert.Classes[i-1].EnvironmentClass {
			return fmt.Errorf("certificate: expected ascending classes with roots, got %d with %x", c.EnvironmentClass, c.OutputRoot)
		}
	}
	return nil
}
