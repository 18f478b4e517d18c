package jobs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Ask is what a client asks for.
type Ask struct {
	// Model is a name, name:version, name:tag or sha256. Version, when set, is a version or tag of the name.
	Model, Version string
	ID             string // the client's own identifier; it is not part of the content
	Inputs         []tensor.Tensor
	Outputs        []string
	Tier           string
	Sealing        string
	FeeClass       string
	MaxFee         uint64 // 0 leaves it to the gateway
	ReuseBlocks    uint32
	IdempotencyKey string // empty: every call is a job of its own
	Watched        bool   // the client hears of every stage as it comes
}

// Reference is how the chain names the model.
func Reference(model, version string) string {
	if version == "" {
		return model
	}
	return model + ":" + version
}

// content is a hash of what is asked for: equal when an answer to the one is an answer to the other.
func (a Ask) content() (string, error) {
	inputs, err := tensor.Encode(a.Inputs)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	write := func(b []byte) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		_, _ = h.Write(b)
	}
	for _, s := range []string{a.Model, a.Version, a.Tier, a.Sealing, a.FeeClass} {
		write([]byte(s))
	}
	write(inputs)
	for _, o := range a.Outputs {
		write([]byte(o))
	}
	write(binary.BigEndian.AppendUint64(nil, a.MaxFee))
	write(binary.BigEndian.AppendUint32(nil, a.ReuseBlocks))
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Stage is how far a job has come. The words are part of the interface.
type Stage string

// The stages. A job that failed has no stage after it, unless its fee is settled later.
const (
	StageAccepted  Stage = "accepted"  // on disk; nothing is signed yet
	StageSubmitted Stage = "submitted" // a block has the request
	StageAssigned  Stage = "assigned"  // validators run it
	StageFinal     Stage = "final"     // the outputs are there
	StageFailed    Stage = "failed"    // ended without outputs
	StageSettled   Stage = "settled"   // paid out, the receipt is sealed
)

// Event is one step of a job.
type Event struct {
	N      int       `json:"n"` // counts from 1
	Stage  Stage     `json:"stage"`
	Time   time.Time `json:"time"`
	Height int64     `json:"height,omitempty"`
}

// Failure says why a job has no outputs.
type Failure struct {
	// Reason is a stable word: refused, price, unavailable, quota, unknown, or that of a request on the chain: deadline,
	// no_agreement, execution, output_limit, internal, cancelled.
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Again is true when nothing was accepted by the chain and a new call with the same idempotency key makes a new job.
	Again bool `json:"again,omitempty"`
}

// gas counts what the transactions of a job cost. Budget is at least Paid and Live together.
type gas struct {
	Budget uint64 `json:"budget"`           // what the quota has granted
	Signed bool   `json:"signed,omitempty"` // a transaction is under way
	Live   uint64 `json:"live,omitempty"`   // what it costs, and those before it in vain, at most
	Paid   uint64 `json:"paid,omitempty"`   // transactions whose end is known
}

// Job is one request of one client, as it is on disk. It is changed by the book only.
type Job struct {
	ID       string    `json:"id"` // 32 hexadecimal digits
	Revision uint64    `json:"revision"`
	Key      string    `json:"key"` // id of the API key
	Created  time.Time `json:"created"`
	Day      string    `json:"day"` // whose quota it counts against

	Model       string   `json:"model"` // as the client named it
	Name        string   `json:"name"`  // as the chain names it
	Version     string   `json:"version"`
	SHA256      string   `json:"sha256"`
	ClientID    string   `json:"client_id,omitempty"`
	Outputs     []string `json:"outputs,omitempty"`
	Tier        string   `json:"tier,omitempty"`
	Sealing     string   `json:"sealing,omitempty"`
	FeeClass    string   `json:"fee_class,omitempty"`
	MaxFee      uint64   `json:"max_fee"`
	FixedMaxFee bool     `json:"fixed_max_fee,omitempty"` // by the client
	ReuseBlocks uint32   `json:"reuse_blocks,omitempty"`
	Idempotency string   `json:"idempotency,omitempty"` // key of its index entry

	// Watched is whether the client hears of every stage as it comes; otherwise the assignment is told with the answer.
	Watched bool    `json:"watched,omitempty"`
	Stage   Stage   `json:"stage"`
	Events  []Event `json:"events"`
	// Done is when nothing more will happen; nil while the job is open.
	Done *time.Time `json:"done,omitempty"`

	Attempts  int    `json:"attempts,omitempty"` // that the chain has refused
	RequestID uint64 `json:"request_id,omitempty"`
	TxHash    string `json:"tx_hash,omitempty"`
	Height    int64  `json:"height,omitempty"` // of the block with the transaction
	Reused    bool   `json:"reused,omitempty"`

	FinalHeight   int64  `json:"final_height,omitempty"`
	OutputRoot    string `json:"output_root,omitempty"`    // hexadecimal
	RequestDigest string `json:"request_digest,omitempty"` // hexadecimal

	Fee      uint64   `json:"fee,omitempty"`     // charged for the request, beside gas
	Charged  bool     `json:"charged,omitempty"` // Fee is known; until then MaxFee is reserved
	Gas      gas      `json:"gas"`
	Refunded uint64   `json:"refunded,omitempty"`
	Failure  *Failure `json:"failure,omitempty"`
}

// Answered tells whether the outputs are there or will never be.
func (j Job) Answered() bool {
	return j.Stage == StageFinal || j.Stage == StageFailed || j.Stage == StageSettled
}

// GasFee is what its transactions have cost so far, in uopg.
func (j Job) GasFee() uint64 { return j.Gas.Paid }

// Amounts are what the job counts with.
func (j Job) Amounts() ledger.Amounts {
	a := ledger.Amounts{Reserved: j.Gas.Budget - j.Gas.Paid, Spent: ledger.Add(j.Gas.Paid, j.Fee), Refunded: j.Refunded}
	if !j.Charged {
		a.Reserved = ledger.Add(a.Reserved, j.MaxFee)
	}
	return a
}

// step takes the job to a stage.
func (j *Job) step(s Stage, now time.Time, height int64) {
	j.Stage = s
	j.Events = append(j.Events, Event{N: len(j.Events) + 1, Stage: s, Time: now.UTC().Truncate(time.Millisecond), Height: height})
	if s != StageAccepted {
		// Only what was signed may still cost gas.
		j.Gas.Budget = ledger.Add(j.Gas.Paid, j.Gas.Live)
	}
}

// assigned adds the stage between submission and the answer after the fact. Its time follows from its height, as blocks come
// evenly.
func (j *Job) assigned(height, final int64, now time.Time) {
	last := j.Events[len(j.Events)-1]
	if j.Stage != StageSubmitted || height < last.Height || height > final {
		return
	}
	at := now
	if span := final - last.Height; span > 0 {
		at = last.Time.Add(time.Duration(float64(now.Sub(last.Time)) * float64(height-last.Height) / float64(span)))
	}
	j.step(StageAssigned, at, height)
}

// end marks that nothing more will happen.
func (j *Job) end(now time.Time) {
	now = now.UTC().Truncate(time.Millisecond)
	j.Done = &now
}
