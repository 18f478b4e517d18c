// Package byzantine says how a validator of a test network misbehaves. The plan is a file that the daemon and the worker
// of that validator read again and again, so that one network serves many tests. No shipped program imports it.
package byzantine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// PlanVariable is the environment variable that names a daemon's plan file.
const PlanVariable = "OPENGRADIENT_BYZANTINE_PLAN"

// Vote is what a validator makes of its vote extension.
type Vote string

// The ways to misbehave in a vote extension.
const (
	VoteHonest Vote = ""
	// VoteRandom says random bytes.
	VoteRandom Vote = "random"
	// VoteEmpty says nothing, ever.
	VoteEmpty Vote = "empty"
	// VoteOversized says more than the cap allows.
	VoteOversized Vote = "oversized"
	// VoteOversizedLate does so in precommits that come after the block was committed, which nobody verifies.
	VoteOversizedLate Vote = "oversized-late"
	// VoteLate says what was to be said some blocks ago.
	VoteLate Vote = "late"
	// VoteCopy repeats what the leader of a round said, in place of a word of its own.
	VoteCopy Vote = "copy"
	// VoteEquivocate attests a second outcome once the first is recorded.
	VoteEquivocate Vote = "equivocate"
	// VoteUnassigned attests attempts that nobody has assigned to it.
	VoteUnassigned Vote = "unassigned"
	// VoteConceal commits and never reveals.
	VoteConceal Vote = "conceal"
	// VoteOtherReveal reveals another outcome than the one committed to.
	VoteOtherReveal Vote = "other-reveal"
	// VoteWithhold attests the right root or, on every second request, one of no output, and never publishes bytes.
	VoteWithhold Vote = "withhold"
	// VoteOtherBytes publishes bytes of another root than the one it attests.
	VoteOtherBytes Vote = "other-bytes"
	// VoteInvent attests a root of its own invention for every round, without waiting for a run.
	VoteInvent Vote = "invent"
)

// Proposal is what a validator makes of its proposals.
type Proposal string

// The ways to misbehave in a proposal.
const (
	ProposalHonest Proposal = ""
	// ProposalDrop leaves out the word of one validator or, at every second height, the whole injection.
	ProposalDrop Proposal = "drop"
	// ProposalReorder swaps the words of two validators.
	ProposalReorder Proposal = "reorder"
	// ProposalForge alters the word of another validator and keeps its signature.
	ProposalForge Proposal = "forge"
	// ProposalStuff adds an entry that is nobody's.
	ProposalStuff Proposal = "stuff"
	// ProposalMark puts a marker in the place of an honest validator's word: less than a third of the power, so the block
	// is sound.
	ProposalMark Proposal = "mark"
	// ProposalMarkMany does so for two of them.
	ProposalMarkMany Proposal = "mark-many"
)

// Worker is what a validator's worker makes of inferences.
type Worker string

// The ways to misbehave in a run.
const (
	WorkerHonest Worker = ""
	// WorkerWrong adds Amount to the first byte of every output.
	WorkerWrong Worker = "wrong"
	// WorkerRandom answers random bytes.
	WorkerRandom Worker = "random"
	// WorkerPerturb moves every FP32 of the outputs by Amount places in the last bits.
	WorkerPerturb Worker = "perturb"
	// WorkerNudge moves every FP32 of the inputs by Amount places in the last bits: the run itself goes another way.
	WorkerNudge Worker = "nudge"
	// WorkerCrash ends the worker's process in every run.
	WorkerCrash Worker = "crash"
	// WorkerHang never answers a run and says that it is ready.
	WorkerHang Worker = "hang"
	// WorkerSlow takes Amount milliseconds more for every run. It is no misbehaviour: it is a small machine.
	WorkerSlow Worker = "slow"
)

// Plan says how a validator misbehaves. The zero value is an honest one.
type Plan struct {
	Vote     Vote     `json:"vote,omitempty"`
	Proposal Proposal `json:"proposal,omitempty"`
	Worker   Worker   `json:"worker,omitempty"`
	// Amount belongs to the worker's ways, see there.
	Amount int32 `json:"amount,omitempty"`
	// ISA is the class of instruction sets that the worker names instead of its own.
	ISA string `json:"isa,omitempty"`
}

// File keeps a plan, and counts the deeds done for it.
type File struct {
	path string
}

// OpenFile names the file of a plan. There need not be one.
func OpenFile(path string) File { return File{path: path} }

// Path is the path of the file.
func (f File) Path() string { return f.path }

// Write puts a plan in the file, all or nothing.
func (f File) Write(p Plan) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	temporary := f.path + ".tmp"
	if err := os.WriteFile(temporary, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, f.path)
}

// Read returns the plan: that of an honest validator when there is no file.
func (f File) Read() (Plan, error) {
	b, err := os.ReadFile(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return Plan{}, nil
	}
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	if err := json.Unmarshal(b, &p); err != nil {
		return Plan{}, fmt.Errorf("plan %s: %w", filepath.Base(f.path), err)
	}
	return p, nil
}

func (f File) deeds() string { return f.path + ".deeds" }

// Did notes that a deed was done: a validator that could not misbehave proves nothing.
func (f File) Did(deed string) error {
	file, err := os.OpenFile(f.deeds(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(deed + "\n")
	return errors.Join(err, file.Close())
}

// Deeds counts how often a deed was done.
func (f File) Deeds(deed string) (int, error) {
	b, err := os.ReadFile(f.deeds())
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	count := 0
	for line := range strings.Lines(string(b)) {
		if strings.TrimSpace(line) == deed {
			count++
		}
	}
	return count, nil
}
