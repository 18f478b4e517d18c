// Package gatewaytest is a fake chain for tests of the gateway. It runs one model, which doubles its input, and keeps books:
// every coin that leaves the account is counted where it went.
package gatewaytest

import (
	"encoding/binary"
	"math"
	"strings"
	"sync"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/tensor"
)

// What things cost, in uopg.
const (
	Fee    = 1000
	GasFee = 70
	Refund = 100
	// ReuseFee is what the receipt of an earlier request costs.
	ReuseFee = 50
)

// Iris is the first version of the model: x FP32[N,2] → y FP32[N,2], twice x.
var Iris = chain.Model{
	Name: "iris", Version: 1, SHA256: strings.Repeat("ab", 32), Status: "active",
	Inputs:  []tensor.Spec{{Name: "x", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}, {Size: 2}}}},
	Outputs: []tensor.Spec{{Name: "y", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}, {Size: 2}}}},
}

// X is an input for the model with one row.
func X(a, b float32) tensor.Tensor { return row("x", a, b) }

// Y is the output for X.
func Y(a, b float32) tensor.Tensor { return row("y", 2*a, 2*b) }

func row(name string, values ...float32) tensor.Tensor {
	t := tensor.Tensor{Name: name, Datatype: tensor.FP32, Shape: []int64{1, int64(len(values))}}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

// Chain is what outlives processes: requests, idempotency keys and the account.
type Chain struct {
	mu       sync.Mutex
	models   []chain.Model
	requests map[uint64]*request
	byKey    map[string]uint64
	next     uint64
	spent    uint64
	sequence uint64
	executed map[uint64]outcome // by sequence number
	refusals []chain.RefusedError
	thirst   int
	price    uint64
	reached  chain.Stage
	moved    chan struct{}
	failure  *chain.Failure
	checking func()
	away     error
}

// transaction is what a process signs.
type transaction struct {
	Sequence uint64
	Request  chain.Request
}

type outcome struct {
	submission chain.Submission
	refused    *chain.RefusedError
	thirsty    bool // it paid its gas and had no effect
}

type request struct {
	chain.Request
	outputs []tensor.Tensor
	fee     uint64
	failure *chain.Failure
}

// New is a chain on which every request runs to its end at once.
func New() *Chain {
	return &Chain{
		models: []chain.Model{Iris}, requests: make(map[uint64]*request), byKey: make(map[string]uint64), executed: make(map[uint64]outcome),
		price: Fee, reached: chain.StageSettled, moved: make(chan struct{}),
	}
}

// Reach sets how far requests get.
func (c *Chain) Reach(s chain.Stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reached = s
	close(c.moved)
	c.moved = make(chan struct{})
}

// Refuse makes blocks refuse the next transactions, one for each error.
func (c *Chain) Refuse(list ...chain.RefusedError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals = append(c.refusals, list...)
}

// Thirst makes the next n transactions run out of gas in a block.
func (c *Chain) Thirst(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.thirst += n
}

// Fail makes requests that are accepted from now on end without outputs; nil ends that.
func (c *Chain) Fail(f *chain.Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = f
}

// Away makes every question fail with an error; nil ends that.
func (c *Chain) Away(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = err
}

func (c *Chain) gone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}

// Checking sets what is called at the begin of every check.
func (c *Chain) Checking(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checking = f
}

// Price sets the fee of requests.
func (c *Chain) Price(fee uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.price = fee
}

// Add adds a model.
func (c *Chain) Add(m chain.Model) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.models = append(c.models, m)
}

// Requests is the number of requests that were accepted.
func (c *Chain) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.requests)
}

// Spent is what the account has paid, less what came back: for requests that are settled.
func (c *Chain) Spent() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	spent := c.spent
	if c.reached == chain.StageSettled {
		spent -= Refund * uint64(len(c.requests))
	}
	return spent
}
