package types

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/tensor"
)

// DefaultGenesis is the state of a new chain: the default parameters as version 1, no models and no requests.
func DefaultGenesis() *GenesisState {
	return &GenesisState{Params: []ParamsVersion{{Version: 1, Params: DefaultParams()}}, NextRequestId: 1}
}

// Escrows is the sum of what is held for all requests, in uopg.
func (g GenesisState) Escrows() math.Int {
	sum := math.ZeroInt()
	for _, r := range g.Requests {
		sum = sum.Add(r.Request.Escrow)
	}
	return sum
}

// Validate checks that the state is whole: versions, hashes, order, references and escrows. It fails with
// ErrInvalidGenesis. The balance of the module account is checked on import.
func (g GenesisState) Validate() error {
	models, err := g.validateModels()
	if err == nil {
		err = g.validateParams()
	}
	var requests map[uint64]Request
	if err == nil {
		requests, err = g.validateRequests(models)
	}
	if err == nil {
		err = g.validateRecords(requests)
	}
	if err != nil {
		return ErrInvalidGenesis.Wrap(err.Error())
	}
	return nil
}

func (g GenesisState) validateParams() error {
	if len(g.Params) == 0 {
		return fmt.Errorf("params: expected at least one version, got none")
	}
	for i, p := range g.Params {
		if p.Version != uint64(i)+1 {
			return fmt.Errorf("params: expected version %d, got %d", i+1, p.Version)
		}
		if err := p.Params.Validate(); err != nil {
			return fmt.Errorf("params version %d: %w", p.Version, err)
		}
	}
	return nil
}

func (g GenesisState) validateModels() (map[string]struct{}, error) {
	ids, names := make(map[string]struct{}, len(g.Models)), make(map[string]struct{}, len(g.Models))
	previous := ""
	for _, m := range g.Models {
		if err := m.Model.Validate(); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(m.Onnx)
		if got := hex.EncodeToString(sum[:]); got != m.Model.Sha256 || uint64(len(m.Onnx)) != m.Model.Size_ {
			return nil, fmt.Errorf("model %s: expected a file of %d bytes with sha256 %s, got %d and %s",
				m.Model.Name, m.Model.Size_, m.Model.Sha256, len(m.Onnx), got)
		}
		if m.Model.Sha256 <= previous {
			return nil, fmt.Errorf("models: expected ascending sha256, got %s after %s", m.Model.Sha256, previous)
		}
		if _, taken := names[m.Model.Name]; taken {
			return nil, fmt.Errorf("models: expected unique names, got %s twice", m.Model.Name)
		}
		previous = m.Model.Sha256
		ids[previous], names[m.Model.Name] = struct{}{}, struct{}{}
	}
	return ids, nil
}

func (g GenesisState) validateRequests(models map[string]struct{}) (map[uint64]Request, error) {
	requests := make(map[uint64]Request, len(g.Requests))
	last := uint64(0)
	for _, entry := range g.Requests {
		r := entry.Request
		if err := r.Validate(); err != nil {
			return nil, err
		}
		if r.Id <= last {
			return nil, fmt.Errorf("requests: expected ascending ids, got %d after %d", r.Id, last)
		}
		last = r.Id
		if _, ok := models[r.Model]; !ok {
			return nil, fmt.Errorf("request %d: expected a registered model, got %s", r.Id, r.Model)
		}
		if r.ParamsVersion == 0 || r.ParamsVersion > uint64(len(g.Params)) {
			return nil, fmt.Errorf("request %d: expected a params version of 1 to %d, got %d", r.Id, len(g.Params), r.ParamsVersion)
		}
		root := tensor.MerkleRoot(entry.Inputs)
		if !bytes.Equal(root[:], r.InputRoot) || uint64(len(entry.Inputs)) != r.InputBytes {
			return nil, fmt.Errorf("request %d: expected %d bytes of inputs with root %x, got %d and %x",
				r.Id, r.InputBytes, r.InputRoot, len(entry.Inputs), root)
		}
		if r.Status.Open() && r.FinalDeadline < 1 {
			return nil, fmt.Errorf("request %d: expected an open request to have blocks left, got %d", r.Id, r.FinalDeadline)
		}
		requests[r.Id] = r
	}
	if g.NextRequestId <= last {
		return nil, fmt.Errorf("next request id: expected above %d, got %d", last, g.NextRequestId)
	}
	return requests, nil
}

func (g GenesisState) validateRecords(requests map[uint64]Request) error {
	last := uint64(0)
	finalized := 0
	for _, r := range g.Results {
		root := tensor.MerkleRoot(r.Output)
		switch {
		case r.RequestId <= last:
			return fmt.Errorf("results: expected ascending ids, got %d after %d", r.RequestId, last)
		case requests[r.RequestId].Status != REQUEST_STATUS_FINALIZED:
			return fmt.Errorf("result %d: expected a finalized request, got %s", r.RequestId, requests[r.RequestId].Status)
		case !bytes.Equal(root[:], r.OutputRoot):
			return fmt.Errorf("result %d: expected output with root %x, got %x", r.RequestId, r.OutputRoot, root)
		}
		last = r.RequestId
		finalized++
	}
	last = 0
	settled := make(map[uint64]struct{}, len(g.Receipts))
	for _, r := range g.Receipts {
		request, ok := requests[r.RequestId]
		switch {
		case r.RequestId <= last:
			return fmt.Errorf("receipts: expected ascending ids, got %d after %d", r.RequestId, last)
		case !ok || !request.Settles() || !request.Escrow.IsZero():
			return fmt.Errorf("receipt %d: expected a request with a verdict and no escrow", r.RequestId)
		case !bytes.Equal(r.Digest, request.Digest):
			return fmt.Errorf("receipt %d: expected digest %x, got %x", r.RequestId, request.Digest, r.Digest)
		}
		if err := r.Validate(); err != nil {
			return err
		}
		last = r.RequestId
		settled[last] = struct{}{}
	}
	for _, entry := range g.Requests {
		r := entry.Request
		if r.Status == REQUEST_STATUS_FINALIZED {
			finalized--
		}
		if _, ok := settled[r.Id]; r.Settles() && !ok && !r.Escrow.Equal(r.Fee.Escrow()) {
			return fmt.Errorf("request %d: expected escrow %s before the receipt, got %s", r.Id, r.Fee.Escrow(), r.Escrow)
		}
	}
	if finalized != 0 {
		return fmt.Errorf("results: expected one per finalized request, %d are missing", -finalized)
	}
	return nil
}
