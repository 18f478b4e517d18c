package executor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/internal/tensor"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// operators are three members in the order of a snapshot.
var operators = []string{
	sdk.ValAddress(bytes.Repeat([]byte{1}, 20)).String(),
	sdk.ValAddress(bytes.Repeat([]byte{2}, 20)).String(),
	sdk.ValAddress(bytes.Repeat([]byte{3}, 20)).String(),
}

// self is the operator of the node under test.
var self = operators[1]

var (
	modelFile = []byte("an ONNX file")
	modelName = idOf(modelFile)
)

func idOf(onnx []byte) ModelID { return sha256.Sum256(onnx) }

func operatorBytes(operator string) []byte {
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil {
		panic(err)
	}
	return address
}

// nextEnvironment is a class that a node may prepare to move to.
func nextEnvironment() schedulingtypes.EnvironmentClass {
	class := environment()
	class.RuntimeVersion = "1.28.0"
	return class
}

// catalogued is a model in use of the signature x UINT8[N] to y UINT8[N], held by the chain.
func catalogued(onnx []byte, edits ...func(*modelstypes.Model)) modelstypes.Model {
	dims := []modelstypes.Dim{{Size_: 1, Symbol: "N"}}
	m := modelstypes.Model{
		Sha256: idOf(onnx).String(), Name: "model", Version: 1, Size_: uint64(len(onnx)), File: 1,
		Status: modelstypes.MODEL_STATUS_ACTIVE, RegisteredHeight: 1, AdmittedHeight: 1,
		Inspection: modelstypes.Inspection{
			Inputs:  []modelstypes.TensorSpec{{Name: "x", Datatype: "UINT8", Dims: dims}},
			Outputs: []modelstypes.TensorSpec{{Name: "y", Datatype: "UINT8", Dims: dims}},
		},
	}
	for _, edit := range edits {
		edit(&m)
	}
	return m
}

// admitting makes a model wait for a verdict until a height.
func admitting(deadline int64) func(*modelstypes.Model) {
	return func(m *modelstypes.Model) {
		m.Status, m.Deadline, m.AdmittedHeight = modelstypes.MODEL_STATUS_ADMITTING, deadline, 0
	}
}

// elsewhere makes a model one whose file the chain does not hold.
func elsewhere(m *modelstypes.Model) { m.File = 0 }

func environment() schedulingtypes.EnvironmentClass {
	return schedulingtypes.EnvironmentClass{
		RuntimeVersion: "1.27.0",
		LibrarySha256:  bytes.Repeat([]byte{9}, 32),
		Provider:       "cpu",
		Profile:        1,
		Isa:            "avx2",
	}
}

func vector(name string, values ...byte) tensor.Tensor {
	return tensor.Tensor{Name: name, Datatype: tensor.Uint8, Shape: []int64{int64(len(values))}, Data: values}
}

func encoded(t require.TestingT, ts ...tensor.Tensor) []byte {
	b, err := tensor.Encode(ts)
	require.NoError(t, err)
	return b
}

func digest(id uint64) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, id))
	return sum[:]
}

// chain is committed state in memory.
type chain struct {
	mu       sync.Mutex
	height   int64
	operator string
	node     *schedulingtypes.Node
	models   [][]byte
	duties   map[voteext.Key]Duty
	inputs   map[uint64][]byte
	model    []byte // the file of every model that the chain holds, unless files has another
	err      error
	panics   bool

	catalog map[ModelID]modelstypes.Model
	files   map[ModelID][]byte
	proofs  map[proofKey]modelstypes.NodeProof
	shown   map[ModelID]bool
	queue   []ModelID
	classes map[string]uint32
	walks   int // walks over the models in use
}

type proofKey struct {
	model ModelID
	class uint32
}

// register puts a model in the catalogue of the chain.
func (c *chain) register(onnx string, edits ...func(*modelstypes.Model)) ModelID {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := idOf([]byte(onnx))
	c.catalog[id], c.files[id] = catalogued([]byte(onnx), edits...), []byte(onnx)
	return id
}

// edit changes a model in the catalogue.
func (c *chain) edit(id ModelID, edits ...func(*modelstypes.Model)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.catalog[id]
	for _, edit := range edits {
		edit(&m)
	}
	c.catalog[id] = m
}

// takeWords stores what the node says of models.
func (c *chain) takeWords(words []modelstypes.ModelAttestation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range words {
		key := proofKey{ModelID(w.Model), w.EnvironmentClass}
		if len(c.proofs[key].OutputRoot) == 0 {
			c.proofs[key] = modelstypes.NodeProof{Operator: self, EnvironmentClass: w.EnvironmentClass, OutputRoot: w.OutputRoot, Failure: w.Failure}
		}
		if len(w.Outputs) > 0 {
			c.shown[key.model] = true
		}
	}
}

func newChain() *chain {
	class := environment()
	return &chain{
		height:   100,
		operator: self,
		node: &schedulingtypes.Node{
			Operator:         self,
			Capacity:         1000,
			EnvironmentClass: 4,
			StatusHeight:     100,
			Status:           &schedulingtypes.NodeStatus{Ready: true, FreeCapacity: 1000, Environment: &class, WorkerVersion: "v1"},
		},
		duties: make(map[voteext.Key]Duty),
		inputs: make(map[uint64][]byte),
		model:  modelFile,

		catalog: map[ModelID]modelstypes.Model{modelName: catalogued(modelFile)},
		files:   make(map[ModelID][]byte),
		proofs:  make(map[proofKey]modelstypes.NodeProof),
		shown:   make(map[ModelID]bool),
		classes: map[string]uint32{string(class.Identity()): 4},
	}
}

// open opens the first attempt of a request led by another member.
func (c *chain) open(id uint64, change ...func(*Duty)) voteext.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	in, err := tensor.Encode([]tensor.Tensor{vector("x", byte(id))})
	if err != nil {
		panic(err)
	}
	root := tensor.MerkleRoot(in)
	d := Duty{
		Round: verificationtypes.Round{
			RequestId:      id,
			Attempt:        1,
			Phase:          verificationtypes.PHASE_OPEN,
			Leader:         operators[0],
			OpenedHeight:   c.height,
			Digest:         digest(id),
			MaxOutputBytes: 8192,
			Votes:          make([]verificationtypes.MemberVote, len(operators)),
		},
		Snapshot:      verificationtypes.Snapshot{Id: 1, TotalPower: 30},
		TurnBlocks:    2,
		MaxCandidates: 8,
		Digest:        digest(id),
		Model:         modelName,
		InputRoot:     root[:],
		Outputs:       []string{"y"},
		ComputeUnits:  100,
		Deadline:      c.height + 10,
	}
	for _, operator := range operators {
		d.Snapshot.Members = append(d.Snapshot.Members, verificationtypes.Member{Operator: operator, Power: 10})
	}
	for _, f := range change {
		f(&d)
	}
	c.duties[d.Key()] = d
	c.inputs[id] = in
	return d.Key()
}

// change edits a round.
func (c *chain) change(key voteext.Key, edits ...func(*Duty)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.duties[key]
	d.Round.Votes = append([]verificationtypes.MemberVote(nil), d.Round.Votes...)
	d.Round.Candidates = append([]verificationtypes.Candidate(nil), d.Round.Candidates...)
	for _, f := range edits {
		f(&d)
	}
	c.duties[key] = d
}

// record places a member's attestation in the round.
func record(d *Duty, operator string, outcome verificationtypes.Outcome) {
	candidate := d.Round.FindCandidate(outcome)
	if candidate == 0 {
		d.Round.Candidates = append(d.Round.Candidates, verificationtypes.Candidate{Outcome: outcome})
		candidate = uint32(len(d.Round.Candidates))
	}
	d.Round.Votes[d.Snapshot.Position(operator)].Candidate = candidate
}

func (c *chain) set(f func(*chain)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

func (c *chain) close(key voteext.Key) { c.set(func(c *chain) { delete(c.duties, key) }) }

func (c *chain) View() (View, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.panics {
		panic("version pruned")
	}
	if c.err != nil {
		return nil, c.err
	}
	v := &chainView{
		chain: c, height: c.height, operator: c.operator, node: c.node, models: c.models, model: c.model, inputs: make(map[uint64][]byte),
		catalog: maps.Clone(c.catalog), files: maps.Clone(c.files), proofs: maps.Clone(c.proofs), shown: maps.Clone(c.shown),
		queue: slices.Clone(c.queue), classes: maps.Clone(c.classes),
	}
	for _, d := range c.duties {
		v.duties = append(v.duties, d)
	}
	for id, in := range c.inputs {
		v.inputs[id] = in
	}
	return v, nil
}

type chainView struct {
	chain    *chain
	height   int64
	operator string
	node     *schedulingtypes.Node
	models   [][]byte
	duties   []Duty
	inputs   map[uint64][]byte
	model    []byte
	catalog  map[ModelID]modelstypes.Model
	files    map[ModelID][]byte
	proofs   map[proofKey]modelstypes.NodeProof
	shown    map[ModelID]bool
	queue    []ModelID
	classes  map[string]uint32
}

func (v *chainView) QueuedModels(limit int) ([]ModelID, error) {
	return v.queue[:min(limit, len(v.queue))], nil
}

func (v *chainView) Environment(class schedulingtypes.EnvironmentClass) (uint32, bool, error) {
	index, ok := v.classes[string(class.Identity())]
	return index, ok, nil
}

func (v *chainView) ModelsWith(status modelstypes.ModelStatus) (models []ModelID, err error) {
	if status == modelstypes.MODEL_STATUS_ACTIVE {
		v.chain.set(func(c *chain) { c.walks++ })
	}
	for id, m := range v.catalog {
		if m.Status == status {
			models = append(models, id)
		}
	}
	slices.SortFunc(models, compareModels)
	return models, nil
}

func (v *chainView) Model(id ModelID) (modelstypes.Model, bool, error) {
	m, ok := v.catalog[id]
	return m, ok, nil
}

func (v *chainView) ModelFile(m modelstypes.Model) ([]byte, error) {
	id, _ := parseModelID(m.Sha256)
	if onnx, ok := v.files[id]; ok {
		return onnx, nil
	}
	return v.model, nil
}

func (v *chainView) Golden(ModelID) (modelstypes.Golden, error) { return modelstypes.Golden{}, nil }

func (v *chainView) Proof(id ModelID, _ string, class uint32) (modelstypes.NodeProof, bool, error) {
	proof, ok := v.proofs[proofKey{id, class}]
	return proof, ok, nil
}

func (v *chainView) Shown(id ModelID, _ []byte) (bool, error) { return v.shown[id], nil }
func (v *chainView) MaxGoldenOutput() (uint64, error)         { return 8192, nil }

func (v *chainView) Height() int64 { return v.height }

func (v *chainView) Operator(sdk.ConsAddress) (string, bool, error) {
	return v.operator, v.operator != "", nil
}

func (v *chainView) Node(string) (schedulingtypes.Node, bool, error) {
	if v.node == nil {
		return schedulingtypes.Node{}, false, nil
	}
	return *v.node, true, nil
}

func (v *chainView) NodeModels(string) ([][]byte, error) { return v.models, nil }

func (v *chainView) Duties(string) ([]Duty, error) { return v.duties, nil }

func (v *chainView) Inputs(id uint64) ([]byte, error) {
	in, ok := v.inputs[id]
	if !ok {
		return nil, errors.New("no inputs")
	}
	return in, nil
}

// engine doubles its input, unless told otherwise.
type engine struct {
	mu     sync.Mutex
	status EngineStatus
	loads  int
	infers int
	load   func() error
	infer  func(ctx context.Context, inputs []tensor.Tensor) (Run, error)

	// keeps makes the engine hold what is loaded into it, and tell so.
	keeps bool
	// behave is how a model by its name fails, in place of load and infer.
	behave   map[string]error
	loaded   []string // in the order of the loads
	unloaded []string
}

func newEngine() *engine {
	class := environment()
	return &engine{status: EngineStatus{Ready: true, Environment: &class, WorkerVersion: "v1", MaxOutputBytes: 8192, ModelBudget: 1 << 20, MaxModelBytes: 1 << 20}}
}

func (e *engine) set(f func(*engine)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(e)
}

func (e *engine) counts() (loads, infers int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.loads, e.infers
}

func (e *engine) Status() EngineStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	status := e.status
	status.Models = slices.Clone(status.Models)
	return status
}

func (e *engine) LoadFile(ctx context.Context, name, path string) error {
	onnx, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return e.Load(ctx, name, onnx)
}

func (e *engine) Unload(_ context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unloaded = append(e.unloaded, name)
	e.status.Models = slices.DeleteFunc(e.status.Models, func(held string) bool { return held == name })
	return nil
}

func (e *engine) Load(_ context.Context, name string, onnx []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.loads++
	if e.keeps {
		if err := e.behave["load "+name]; err != nil {
			return err
		}
		if idOf(onnx).String() != name {
			return errors.New("another file")
		}
		e.loaded = append(e.loaded, name)
		e.status.Models = append(e.status.Models, name)
		return nil
	}
	if e.load != nil {
		return e.load()
	}
	if !bytes.Equal(onnx, modelFile) {
		return errors.New("another file")
	}
	return nil
}

func (e *engine) Infer(ctx context.Context, name string, inputs []tensor.Tensor, outputs []string) (Run, error) {
	e.mu.Lock()
	e.infers++
	f := e.infer
	err := e.behave["run "+name]
	if err == nil && e.keeps && !slices.Contains(e.status.Models, name) {
		err = ErrNotLoaded
	}
	e.mu.Unlock()
	if err != nil {
		return Run{}, err
	}
	if f != nil {
		return f(ctx, inputs)
	}
	return double(inputs, outputs[0]), nil
}

func double(inputs []tensor.Tensor, name string) Run {
	data := bytes.Clone(inputs[0].Data)
	for i := range data {
		data[i] *= 2
	}
	return Run{Outputs: []tensor.Tensor{{Name: name, Datatype: tensor.Uint8, Shape: inputs[0].Shape, Data: data}}}
}

// result is the outcome and the bytes of request 1: its doubled input.
func result(t require.TestingT) (verificationtypes.Outcome, []byte) {
	b := encoded(t, vector("y", 2))
	return verificationtypes.NewRootOutcome(tensor.MerkleRoot(b)), b
}

// clock stands still until it is moved.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	alarms []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarms = append(c.alarms, d)
	return make(chan time.Time)
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// counter counts events.
type counter struct {
	mu     sync.Mutex
	counts map[Event]int
	levels map[Level]uint64
}

func (c *counter) Count(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[e]++
}

func (c *counter) Measure(l Level, value uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.levels == nil {
		c.levels = make(map[Level]uint64)
	}
	c.levels[l] = value
}

func (c *counter) of(e Event) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[e]
}

// bench drives a loop step by step.
type bench struct {
	*loop
	t       *testing.T
	chain   *chain
	engine  *engine
	clock   *clock
	counter *counter
	dir     string
	sealKey SealKey
	syncing bool
	provers []Prover
	files   Files
}

func newBench(t *testing.T, setUp ...func(*bench)) *bench {
	b := &bench{
		t:       t,
		chain:   newChain(),
		engine:  newEngine(),
		clock:   &clock{now: time.Unix(1_700_000_000, 0)},
		counter: &counter{counts: make(map[Event]int)},
		dir:     t.TempDir(),
		sealKey: SealKey{1},
	}
	for _, f := range setUp {
		f(b)
	}
	b.restart()
	return b
}

// restart makes a new executor over the same folder, as after a crash.
func (b *bench) restart() {
	b.t.Helper()
	outbox, err := OpenOutbox(b.dir)
	require.NoError(b.t, err)
	e, err := New(Options{
		Operator:  self,
		Committed: b.chain,
		Engine:    b.engine,
		Outbox:    outbox,
		SealKey:   b.sealKey,
		Syncing:   func() bool { return b.syncing },
		Clock:     b.clock,
		Metrics:   b.counter,
		Provers:   b.provers,
		Files:     b.files,
	})
	require.NoError(b.t, err)
	b.loop = newLoop(e)
	b.t.Cleanup(func() { require.NoError(b.t, e.Close()) })
}

// commit lets the loop see the state as it is, without waiting for a run.
func (b *bench) commit() {
	b.observe()
	b.settle()
}

// block commits a further block and finishes everything that can be run.
func (b *bench) block() {
	b.chain.set(func(c *chain) { c.height++ })
	b.commit()
	b.drain()
}

// drain finishes what is under way, one after another, until nothing is.
func (b *bench) drain() {
	for {
		switch {
		case b.active != nil:
			b.finish(<-b.results)
		case len(b.fetching.active) > 0:
			b.finishFetch(<-b.fetching.results)
		case b.admissions.active != nil:
			b.finishTrial(<-b.admissions.results)
		default:
			return
		}
		b.settle()
	}
}

// items are what a vote extension would be offered.
func (b *bench) items() []voteext.Item { return b.Pending().Items }

// say is what is offered about one attempt; ok is false when nothing is.
func (b *bench) say(key voteext.Key) (voteext.Item, bool) {
	for _, it := range b.items() {
		if it.Key == key {
			return it, true
		}
	}
	return voteext.Item{}, false
}
