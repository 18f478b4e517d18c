package executor

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"

	"github.com/opengradient/opengradient/internal/modelref"
	"github.com/opengradient/opengradient/internal/worker/wire"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// ModelID is the SHA-256 of a model's file.
type ModelID [sha256.Size]byte

// String is the lower-case hexadecimal by which the chain and engines name the model.
func (id ModelID) String() string { return hex.EncodeToString(id[:]) }

// parseModelID reads what String writes; ok is false for anything else.
func parseModelID(s string) (id ModelID, ok bool) {
	sum, err := modelref.ParseSHA256(s)
	return sum, err == nil
}

// toModelID reads the bytes of a SHA-256.
func toModelID(sum []byte) (ModelID, error) {
	if len(sum) != sha256.Size {
		return ModelID{}, fmt.Errorf("expected a SHA-256 of %d bytes, got %d", sha256.Size, len(sum))
	}
	return ModelID(sum), nil
}

func compareModels(a, b ModelID) int { return bytes.Compare(a[:], b[:]) }

// listed is a model of the chain that the node follows.
type listed struct {
	id ModelID
	modelstypes.Model
	// weight is that of a trial, see weightOf.
	weight int
}

func newListed(id ModelID, m modelstypes.Model) listed {
	return listed{id: id, Model: m, weight: weightOf(m)}
}

// charge is the memory that an engine counts the loaded model with, in bytes.
func (m listed) charge() uint64 { return wire.SessionFactor * m.Size_ }

// fits tells whether an engine takes the model at all.
func (m listed) fits(engine EngineStatus) bool {
	return m.charge() <= engine.ModelBudget && m.Size_ <= engine.MaxModelBytes
}

// reference is where the file of a model by reference can be had.
func (m listed) reference() modelref.Reference {
	return modelref.Reference{SHA256: m.id, Size: m.Size_, Sources: m.Sources}
}

// admitting tells whether the chain waits for a verdict on the model.
func (m listed) admitting() bool { return m.Status == modelstypes.MODEL_STATUS_ADMITTING }

// follows tells whether what was found out about a model before still counts: it is neither registered anew nor in another
// admission.
func (m listed) follows(before listed) bool {
	return m.RegisteredHeight == before.RegisteredHeight && (!m.admitting() || m.Deadline == before.Deadline)
}

// lightUnits are the compute units up to which one model is as light as another: a run takes a blink.
const lightUnits = 1024

// weightOf grows by one with every doubling of what a run costs above lightUnits, with every symbol at 1.
func weightOf(m modelstypes.Model) int {
	ones := make(map[string]int64)
	for _, input := range m.Inspection.Inputs {
		for _, dim := range input.Dims {
			ones[dim.Symbol] = 1
		}
	}
	units, err := m.ComputeUnits(ones)
	if err != nil {
		return 64 // it costs more than can be counted
	}
	return bits.Len64(units / lightUnits)
}

// compareTrials orders models by which is to be tried first: those that wait for a verdict, the light ones before the heavy
// ones and then by their deadline, so that a few that take minutes do not let the others expire; then those in use, the oldest
// first.
func compareTrials(a, b listed) int {
	if a.admitting() && b.admitting() {
		if order := cmp.Compare(a.weight, b.weight); order != 0 {
			return order
		}
	}
	return cmp.Or(
		compareFirst(a.admitting(), b.admitting()),
		cmp.Compare(a.Deadline, b.Deadline),
		cmp.Compare(a.AdmittedHeight, b.AdmittedHeight),
		compareModels(a.id, b.id),
	)
}
