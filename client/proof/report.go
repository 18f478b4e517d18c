package proof

import (
	"encoding/hex"
	"time"
)

// Status says how a check ended. The words are stable.
type Status string

// The statuses.
const (
	// Shown: the check holds.
	Shown Status = "shown"
	// NotShown: the file does not carry what the check needs, or no trusted header was given. Nothing contradicts it.
	NotShown Status = "not shown"
	// Refused: the check does not hold. It is the last of the report.
	Refused Status = "refused"
)

// Check is one check and what it shows.
type Check struct {
	Name   string `json:"check"`
	Status Status `json:"status"`
	Shows  string `json:"shows"`
}

// Basis says where the verdict comes from. The words are stable.
type Basis string

// The bases.
const (
	// Derived: the verdict follows, on this machine, from who attested what.
	Derived Basis = "derived"
	// Recorded: the chain has stored the verdict. It was arbitrated, and deriving it takes evidence that the file does not carry. Who
	// hands on a file can take the evidence out of it, so this is worth no more than the word of the validators.
	Recorded Basis = "recorded"
)

// HeaderInfo names a header.
type HeaderInfo struct {
	Height int64     `json:"height,string"`
	Hash   string    `json:"hash"`
	Time   time.Time `json:"time"`
}

// Report says what a verification has shown.
type Report struct {
	ChainID   string `json:"chain_id"`
	RequestID uint64 `json:"request_id,string"`
	// Trusted is true when everything was derived from a header that the caller trusts.
	Trusted bool `json:"trusted"`
	// Proof is the header whose application hash the values are proved against. Its hash is what has to be compared by
	// other means when no header was trusted.
	Proof HeaderInfo `json:"proof_header"`
	// First is the first header of the file.
	First  HeaderInfo `json:"first_header"`
	Blocks int        `json:"blocks"`
	Checks []Check    `json:"checks"`
	// Verdict says whether the verdict was derived again; empty when the verification failed before.
	Verdict Basis `json:"verdict"`
	// Record is what is shown; nil when the verification failed.
	Record *Record `json:"-"`
}

// Valid tells whether no check was refused. What was not asked for it does not tell: see Trusted and Verdict.
func (r Report) Valid() bool { return r.Record != nil }

func (r *Report) add(name string, status Status, shows string) {
	r.Checks = append(r.Checks, Check{Name: name, Status: status, Shows: shows})
}

func headerInfo(b block) HeaderInfo {
	return HeaderInfo{Height: b.Height, Hash: hex.EncodeToString(b.hash), Time: b.Time.UTC()}
}
