package gatewaytest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Process is the chain as one process sees it: with its journal. Once it is killed, nothing it does has an effect.
type Process struct {
	*Chain
	journal chain.Journal
	alive   func() bool
}

var _ chain.Chain = (*Process)(nil)

var errKilled = errors.New("killed")

// Process starts a process, which first goes on with the transactions in its journal. alive is asked at every point at which a
// process may be killed; nil for one that is not.
func (c *Chain) Process(journal chain.Journal, alive func() bool) (*Process, error) {
	if alive == nil {
		alive = func() bool { return true }
	}
	p := &Process{Chain: c, journal: journal, alive: alive}
	list, err := journal.Unsettled()
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if _, err := p.execute(t); err != nil && !errors.As(err, new(*chain.RefusedError)) {
			return p, err
		}
	}
	return p, nil
}

// Address implements chain.Chain.
func (p *Process) Address() string { return "og1fake" }

// Ready implements chain.Chain.
func (p *Process) Ready(context.Context) error { return p.gone() }

// Balance implements chain.Chain.
func (p *Process) Balance(context.Context) (uint64, error) { return 1e12 - p.Spent(), nil }

// Model implements chain.Chain.
func (p *Process) Model(_ context.Context, ref string) (chain.Model, error) {
	if err := p.gone(); err != nil {
		return chain.Model{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var found chain.Model
	for _, m := range p.models {
		if ref == m.SHA256 || ref == fmt.Sprintf("%s:%d", m.Name, m.Version) || ref == m.Name && m.Version > found.Version {
			found = m
		}
	}
	if found.Name == "" {
		return found, fmt.Errorf("%w: %q", chain.ErrNotFound, ref)
	}
	return found, nil
}

// Models implements chain.Chain.
func (p *Process) Models(_ context.Context, name string) ([]chain.Model, error) {
	if err := p.gone(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.models), func(m chain.Model) bool { return name != "" && m.Name != name }), nil
}

// Check implements chain.Chain.
func (p *Process) Check(ctx context.Context, r chain.Request) (chain.Checked, error) {
	p.mu.Lock()
	checking := p.checking
	p.mu.Unlock()
	if checking != nil {
		checking()
	}
	m, err := p.Model(ctx, r.Model)
	if err != nil {
		return chain.Checked{}, err
	}
	if !m.Ready() {
		return chain.Checked{}, &chain.UnavailableError{Reason: "model: expected one that is active, got one that is " + m.Status}
	}
	_, err = tensor.Bind(m.Inputs, r.Inputs)
	var wrong *tensor.SignatureError
	if errors.As(err, &wrong) {
		return chain.Checked{}, &chain.InvalidError{Field: fmt.Sprintf("inputs[%q].%s", wrong.Tensor, wrong.Field), Expected: wrong.Expected, Got: wrong.Got}
	}
	for _, o := range r.Outputs {
		if o != "y" {
			return chain.Checked{}, &chain.InvalidError{Field: fmt.Sprintf("outputs[%q]", o), Expected: "y", Got: "an unknown name"}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r.MaxFee == 0:
		r.MaxFee = p.price + p.price/4
	case r.MaxFee < p.price:
		return chain.Checked{}, &chain.InvalidError{Field: "max_fee", Expected: fmt.Sprintf("at least %duopg", p.price), Got: fmt.Sprintf("%duopg", r.MaxFee)}
	}
	return chain.Checked{Model: m, Request: r, Fee: p.price, GasFee: GasFee}, nil
}

// Submit implements chain.Chain.
func (p *Process) Submit(ctx context.Context, r chain.Request) (chain.Submission, error) {
	if err := ctx.Err(); err != nil {
		return chain.Submission{}, err
	}
	return p.sign(r, 0)
}

// sign makes a transaction, after others for the request that were in vain, and goes on with it.
func (p *Process) sign(r chain.Request, paid uint64) (chain.Submission, error) {
	p.mu.Lock()
	p.sequence++
	data, err := json.Marshal(transaction{Sequence: p.sequence, Request: r})
	p.mu.Unlock()
	if err != nil {
		return chain.Submission{}, err
	}
	t := chain.Transaction{Key: r.IdempotencyKey, Data: data, GasFee: paid + GasFee}
	if !p.alive() {
		return chain.Submission{}, errKilled
	}
	switch err := p.journal.Signed(t); {
	case errors.Is(err, chain.ErrDenied):
		refused := &chain.RefusedError{Reason: err.Error(), Denied: true, GasFee: paid}
		if paid > 0 {
			return p.settle(t.Key, outcome{refused: refused})
		}
		return chain.Submission{}, refused
	case err != nil:
		return chain.Submission{}, fmt.Errorf("journal: %w", err)
	}
	return p.execute(t)
}

// execute puts a transaction into a block unless one has it, and tells the journal.
func (p *Process) execute(t chain.Transaction) (chain.Submission, error) {
	if !p.alive() {
		return chain.Submission{}, errKilled
	}
	var tx transaction
	if err := json.Unmarshal(t.Data, &tx); err != nil {
		return chain.Submission{}, err
	}
	o := p.block(tx)
	if o.thirsty {
		return p.sign(tx.Request, t.GasFee)
	}
	o.submission.GasFee = t.GasFee
	if o.refused != nil {
		refused := *o.refused
		refused.GasFee = t.GasFee
		o.refused = &refused
	}
	if !p.alive() {
		return chain.Submission{}, errKilled
	}
	return p.settle(t.Key, o)
}

// settle tells the journal.
func (p *Process) settle(key string, o outcome) (chain.Submission, error) {
	if err := p.journal.Settled(key, chain.Outcome{Submission: o.submission, Refused: o.refused}); err != nil {
		return o.submission, err
	}
	if !p.alive() {
		return chain.Submission{}, errKilled
	}
	if o.refused != nil {
		return o.submission, o.refused
	}
	return o.submission, nil
}

// block is how a block executes a transaction, which it does once.
func (p *Process) block(tx transaction) outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.executed[tx.Sequence]
	if !ok {
		o = p.deliver(tx.Request)
		p.executed[tx.Sequence] = o
	}
	return o
}

func (p *Process) deliver(r chain.Request) outcome {
	p.spent += GasFee
	if p.thirst > 0 {
		p.thirst--
		return outcome{thirsty: true}
	}
	id, known := p.byKey[r.IdempotencyKey]
	if !known && r.ReuseBlocks > 0 && p.next > 0 {
		p.spent += ReuseFee
		return outcome{submission: chain.Submission{RequestID: p.next, TxHash: hash(p.next), Height: int64(p.next) + 10, Reused: true}}
	}
	if !known {
		if len(p.refusals) > 0 {
			refused := p.refusals[0]
			p.refusals = p.refusals[1:]
			return outcome{refused: &refused}
		}
		if r.MaxFee < p.price {
			return outcome{refused: &chain.RefusedError{Reason: "maximum fee below the quote", Price: true}}
		}
		p.next++
		id = p.next
		p.requests[id] = &request{Request: r, fee: p.price, failure: p.failure, outputs: []tensor.Tensor{double(r.Inputs[0])}}
		p.byKey[r.IdempotencyKey] = id
		p.spent += p.price
	}
	return outcome{submission: chain.Submission{RequestID: id, TxHash: hash(id), Height: int64(id) + 10}}
}

func double(x tensor.Tensor) tensor.Tensor {
	data := slices.Clone(x.Data)
	for i := 0; i < len(data); i += 4 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(data[i:]))
		binary.LittleEndian.PutUint32(data[i:], math.Float32bits(2*v))
	}
	return tensor.Tensor{Name: "y", Datatype: tensor.FP32, Shape: x.Shape, Data: data}
}

func hash(id uint64) string {
	return fmt.Sprintf("%X", sha256.Sum256(binary.BigEndian.AppendUint64(nil, id)))
}

// ReuseFee implements chain.Chain.
func (p *Process) ReuseFee(context.Context, chain.Submission) (uint64, bool, error) {
	return ReuseFee, true, nil
}

// Wait implements chain.Chain.
func (p *Process) Wait(ctx context.Context, id uint64, until chain.Stage) (chain.Status, error) {
	for {
		if !p.alive() {
			return chain.Status{}, errKilled
		}
		p.mu.Lock()
		reached, moved, r := p.reached, p.moved, p.requests[id]
		p.mu.Unlock()
		if r == nil {
			return chain.Status{}, fmt.Errorf("request %d: not found", id)
		}
		if reached >= until {
			return status(id, r, until, reached), nil
		}
		select {
		case <-ctx.Done():
			return chain.Status{}, ctx.Err()
		case <-moved:
		}
	}
}

func status(id uint64, r *request, until, reached chain.Stage) chain.Status {
	s := chain.Status{Stage: until, Height: int64(id) + 10 + int64(until), Fee: r.fee}
	if until >= chain.StageFinal {
		s.AssignedHeight, s.FinalHeight = int64(id)+12, int64(id)+13
		s.Failure = r.failure
		if r.failure == nil {
			root := sha256.Sum256(r.outputs[0].Data)
			s.Outputs, s.OutputRoot, s.RequestDigest = r.outputs, root[:], root[:]
		}
	}
	if until == chain.StageSettled && reached == chain.StageSettled {
		s.Refunded = Refund
	}
	return s
}
