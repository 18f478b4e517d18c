package executor

import (
	"bytes"
	"fmt"
	"time"

	"github.com/opengradient/opengradient/app/voteext"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Prover is an engine on which the node tries models before it vouches for them.
type Prover struct {
	Engine Engine
	// Shared is true for the engine that runs requests: models are tried while it has none.
	Shared bool
	// Next is true for an engine in the class that the node prepares to move to.
	Next bool
	// Timeout bounds a trial on an engine that may have no deadlines of its own; 0 for none.
	Timeout time.Duration
}

// prover is a Prover with what the node has found out on it. All of it belongs to one environment class.
type prover struct {
	Prover
	class schedulingtypes.EnvironmentClass
	// index is that of the class; 0 while the class is not known or not registered.
	index uint32
	// proven are the models of which the chain holds a root of this node.
	proven map[ModelID]struct{}
	// said are the failures of this node that the chain holds.
	said map[ModelID]modelstypes.ModelFailure
	// found is what this process found out and the chain need not hold yet.
	found map[ModelID]finding
	// shown are the models of which the chain holds the golden outputs behind the root that was found.
	shown   map[ModelID]struct{}
	retries map[ModelID]trialRetry
	// pending are the models without a proof, in the order of their trials.
	pending []listed
}

// trialRetry is what is known of the trials of a model that came to nothing.
type trialRetry struct {
	retry
	// crashes counts the trials in a row that ended the engine.
	crashes int
}

func newProver(p Prover) *prover {
	made := &prover{Prover: p}
	made.forgetAll()
	return made
}

func (p *prover) forgetAll() {
	p.proven = make(map[ModelID]struct{})
	p.said = make(map[ModelID]modelstypes.ModelFailure)
	p.found = make(map[ModelID]finding)
	p.shown = make(map[ModelID]struct{})
	p.retries = make(map[ModelID]trialRetry)
	p.pending = nil
}

func (p *prover) forget(id ModelID) {
	delete(p.proven, id)
	delete(p.said, id)
	delete(p.found, id)
	delete(p.shown, id)
	delete(p.retries, id)
}

// readClass reads in which class the engine is. It tells whether that changed; then nothing found before counts any more.
func (p *prover) readClass(view View) (changed bool, err error) {
	class := p.Engine.Status().Environment
	if class == nil {
		return false, nil // it was not there yet, or has not come back
	}
	index, _, err := view.Environment(*class)
	if err != nil {
		return false, fmt.Errorf("environment class: %w", err)
	}
	if index == p.index && voteext.SameEnvironment(class, &p.class) {
		return false, nil
	}
	p.class, p.index = *class, index
	p.forgetAll()
	return true, nil
}

// readProof reads what the chain holds of this node's word on a model.
func (p *prover) readProof(view View, operator string, id ModelID) error {
	proof, ok, err := view.Proof(id, operator, p.index)
	if err != nil {
		return fmt.Errorf("proof of model %s: %w", id, err)
	}
	delete(p.proven, id)
	delete(p.said, id)
	switch {
	case !ok:
	case proof.Failure != modelstypes.MODEL_FAILURE_NONE:
		p.said[id] = proof.Failure
	default:
		p.proven[id] = struct{}{}
	}
	found, mine := p.found[id]
	if !mine || found.root == nil {
		return nil
	}
	if ok && len(proof.OutputRoot) > 0 && !bytes.Equal(proof.OutputRoot, found.root) {
		// A root never changes: there is nothing more to say.
		delete(p.found, id)
		return fmt.Errorf("%w: model %s: expected %x, got %x", errOtherRoot, id, proof.OutputRoot, found.root)
	}
	shown, err := view.Shown(id, found.root)
	if err != nil {
		return fmt.Errorf("golden outputs of model %s: %w", id, err)
	}
	if shown {
		p.shown[id] = struct{}{}
	}
	if _, proven := p.proven[id]; proven && (shown || len(found.outputs) == 0) {
		// The chain has all of it.
		delete(p.found, id)
		delete(p.shown, id)
	}
	return nil
}

// settled tells whether no trial of the model is wanted. A failure that depends on what the machine gives is tried once more
// by each process.
func (p *prover) settled(id ModelID) bool {
	if _, ok := p.proven[id]; ok {
		return true
	}
	if _, ok := p.found[id]; ok {
		return true
	}
	failure, ok := p.said[id]
	return ok && finding{failure: failure}.lasting()
}

// words are what the node has to say of the models, with golden outputs of at most maxOutput bytes.
func (p *prover) words(models map[ModelID]listed, maxOutput uint64) []modelstypes.ModelAttestation {
	if p.index == 0 {
		return nil
	}
	var words []modelstypes.ModelAttestation
	for id, found := range p.found {
		if _, ok := models[id]; !ok {
			continue
		}
		word := modelstypes.ModelAttestation{
			Model: id[:], EnvironmentClass: p.index, OutputRoot: found.root, Failure: found.failure,
		}
		_, shown := p.shown[id]
		if !shown && uint64(len(found.outputs)) <= maxOutput {
			word.Outputs = found.outputs
		}
		_, proven := p.proven[id]
		if proven && len(word.Outputs) == 0 || found.root == nil && p.said[id] == found.failure {
			continue
		}
		words = append(words, word)
	}
	return words
}
