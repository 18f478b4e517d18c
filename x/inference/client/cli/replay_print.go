package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/cosmos/cosmos-sdk/client/flags"

	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// replayedMember is one member of the snapshot with its conduct, as it is printed.
type replayedMember struct {
	Operator  string `json:"operator"`
	Power     int64  `json:"power,string"`
	Seat      bool   `json:"seat"`
	Outcome   string `json:"outcome"`
	Tolerated bool   `json:"tolerated"`
}

func (r replayed) members() ([]replayedMember, error) {
	members := make([]replayedMember, len(r.snapshot.Members))
	for i, m := range r.snapshot.Members {
		outcome, err := r.receipt.MemberOutcome(i)
		if err != nil {
			return nil, err
		}
		members[i] = replayedMember{
			Operator: m.Operator, Power: m.Power, Seat: r.receipt.HasSeat(i),
			Outcome: outcome.Word(), Tolerated: r.receipt.IsTolerated(i),
		}
	}
	return members, nil
}

// verdictWord is a root in hexadecimal, or a failure in a word.
func verdictWord(o verificationtypes.Outcome) string {
	if o.Failed() {
		return "failure " + failureWord(o)
	}
	return "root " + hex.EncodeToString(o.OutputRoot)
}

// print writes a verdict for people, or as JSON.
func (r replayed) print(w io.Writer, format string) error {
	members, err := r.members()
	if err != nil {
		return err
	}
	if format == flags.OutputFormatJSON {
		return r.printJSON(w, members)
	}
	var b strings.Builder
	how := "exact"
	if !r.verdict.Exact {
		how = "arbitrated: within the tolerance of one published output"
	}
	from := "receipt and snapshot"
	if r.evidence {
		from = "receipt, snapshot and evidence"
	}
	for _, line := range [][2]string{
		{"request", fmt.Sprint(r.receipt.RequestId)},
		{"verdict", verdictWord(r.verdict.Outcome)},
		{"power", fmt.Sprintf("%d agreed, %d needed, %d in all", r.verdict.Power, r.verdict.Threshold, r.snapshot.TotalPower)},
		{"how", how},
		{"derived from", from},
		{"attempt", fmt.Sprint(r.receipt.Attempt)},
		{"sealed", map[bool]string{true: "yes", false: "no"}[r.receipt.Sealed]},
		{"leader", r.receipt.Leader},
		{"publisher", r.receipt.Publisher},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", line[0], line[1])
		}
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "operator\tpower\tseat\toutcome")
	for _, m := range members {
		seat, outcome := "yes", m.Outcome
		if !m.Seat {
			seat = "no"
		}
		if m.Tolerated {
			outcome += " within the tolerance"
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", m.Operator, m.Power, seat, outcome)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func (r replayed) printJSON(w io.Writer, members []replayedMember) error {
	text, err := json.Marshal(struct {
		ID         uint64           `json:"id,string"`
		OutputRoot string           `json:"output_root,omitempty"`
		Failure    string           `json:"failure,omitempty"`
		Power      int64            `json:"power,string"`
		Threshold  int64            `json:"threshold,string"`
		TotalPower int64            `json:"total_power,string"`
		Exact      bool             `json:"exact"`
		Evidence   bool             `json:"evidence"`
		Attempt    uint32           `json:"attempt"`
		Sealed     bool             `json:"sealed"`
		Leader     string           `json:"leader"`
		Publisher  string           `json:"publisher,omitempty"`
		Members    []replayedMember `json:"members"`
	}{
		ID: r.receipt.RequestId, OutputRoot: hex.EncodeToString(r.verdict.Outcome.OutputRoot), Failure: failureWord(r.verdict.Outcome),
		Power: r.verdict.Power, Threshold: r.verdict.Threshold, TotalPower: r.snapshot.TotalPower, Exact: r.verdict.Exact,
		Evidence: r.evidence, Attempt: r.receipt.Attempt, Sealed: r.receipt.Sealed, Leader: r.receipt.Leader,
		Publisher: r.receipt.Publisher, Members: members,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

func failureWord(o verificationtypes.Outcome) string {
	if !o.Failed() {
		return ""
	}
	return o.Failure.Word()
}
