package types

import (
	"bytes"
	"fmt"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/internal/tensor"
)

// DefaultGenesis is the state of a new chain: the default parameters as version 1, no requests or schedules.
func DefaultGenesis() *GenesisState {
	return &GenesisState{Params: []ParamsVersion{{Version: 1, Params: DefaultParams()}}, NextRequestId: 1, NextScheduleId: 1}
}

// Held is the sum of what is held for all requests and schedules, in uopg.
func (g GenesisState) Held() math.Int {
	sum := math.ZeroInt()
	for _, r := range g.Requests {
		sum = sum.Add(r.Request.Escrow)
	}
	for _, s := range g.Schedules {
		sum = sum.Add(s.Schedule.Deposit)
	}
	return sum
}

// Validate checks that the state is whole: versions, hashes, order, references, escrows and deposits. It fails with
// ErrInvalidGenesis. The balance of the module account, and whether the
// models are registered, is checked on import.
func (g GenesisState) Validate() error {
	if err := g.validate(); err != nil {
		return ErrInvalidGenesis.Wrap(err.Error())
	}
	return nil
}

func (g GenesisState) validate() error {
	if err := g.validateParams(); err != nil {
		return err
	}
	requests, err := g.validateRequests()
	if err != nil {
		return err
	}
	if err := g.validateRecords(requests); err != nil {
		return err
	}
	if err := g.validateSchedules(requests); err != nil {
		return err
	}
	if err := g.validateKeys(requests); err != nil {
		return err
	}
	return g.validateReusable(requests)
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

func (g GenesisState) validateRequests() (map[uint64]Request, error) {
	requests := make(map[uint64]Request, len(g.Requests))
	receipts := make(map[uint64]struct{}, len(g.Receipts))
	for _, r := range g.Receipts {
		receipts[r.RequestId] = struct{}{}
	}
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
		if r.ParamsVersion == 0 || r.ParamsVersion > uint64(len(g.Params)) {
			return nil, fmt.Errorf("request %d: expected a params version of 1 to %d, got %d", r.Id, len(g.Params), r.ParamsVersion)
		}
		_, settled := receipts[r.Id]
		ended := !r.Status.Open() && (!r.Settles() || settled)
		if err := entry.validateInputs(ended, g.Params[r.ParamsVersion-1].Params.InputBlocks); err != nil {
			return nil, err
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

// validateInputs checks that the inputs are those of the request, and are there unless the request has ended and the
// parameters it was accepted under do not keep them for ever.
func (g GenesisRequest) validateInputs(ended bool, inputBlocks uint32) error {
	r := g.Request
	limited := ended && inputBlocks > 0
	if limited && len(g.Inputs) == 0 && g.InputBlocks == 0 {
		return nil
	}
	root := tensor.MerkleRoot(g.Inputs)
	if !bytes.Equal(root[:], r.InputRoot) || uint64(len(g.Inputs)) != r.InputBytes {
		return fmt.Errorf("request %d: expected %d bytes of inputs with root %x, got %d and %x",
			r.Id, r.InputBytes, r.InputRoot, len(g.Inputs), root)
	}
	low, high := int64(0), int64(0)
	if limited {
		low, high = 1, int64(inputBlocks)
	}
	if g.InputBlocks < low || g.InputBlocks > high {
		return fmt.Errorf("request %d: expected the inputs to be kept for %d to %d blocks more, got %d", r.Id, low, high, g.InputBlocks)
	}
	return nil
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
