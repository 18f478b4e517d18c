package proof

import (
	"fmt"

	"github.com/opengradient/opengradient/internal/proofwire"
)

// Options say what is trusted, and when the verification takes place.
type Options struct {
	// Trust is the header that everything is derived from.
	Trust Trust
	// Untrusted takes a file without a trusted header. The report then says what it shows by itself: that it is consistent,
	// signed by validators of whom nothing is known. Anybody can make such a file.
	Untrusted bool
	Clock
}

// Verify checks everything that the file holds. It needs no node. The report lists the checks up to the first that does
// not hold; the error is then an [*Error] that names it.
func (f *File) Verify(opts Options) (report Report, err error) {
	opts.Clock = opts.withDefaults()
	v := verification{file: f.proof, opts: opts, record: new(Record)}
	v.report = Report{ChainID: f.proof.ChainId, RequestID: f.proof.RequestId, Blocks: len(f.proof.Blocks)}
	v.report.add("file", Shown, fmt.Sprintf("%d bytes, whole and in the one form they can have", len(f.raw)))
	defer func() {
		// Amounts and electorates of a state that no chain writes, signed by whoever made up the whole chain, stop parts of
		// the SDK with a panic. That is a refusal like any other.
		if p := recover(); p != nil {
			report, err = v.report, fails(PartValue, "", fmt.Errorf("expected values that a chain writes, got some that stop the check: %v", p))
			report.add(string(PartValue), Refused, err.Error())
		}
	}()
	if err := v.run(); err != nil {
		v.report.add(string(PartOf(err)), Refused, err.Error())
		return v.report, err
	}
	v.report.Record = v.record
	return v.report, nil
}

type verification struct {
	file   *proofwire.Proof
	opts   Options
	report Report
	chain  chain
	state  state
	record *Record
}

func (v *verification) run() error {
	for _, step := range []func() error{
		v.headers, v.stores, v.request, v.receipt, v.model, v.tensors, v.electorate, v.verdict,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) headers() (err error) {
	if v.chain, err = openChain(v.file.Blocks, v.file.ChainId); err != nil {
		return err
	}
	v.report.First, v.report.Proof = headerInfo(v.chain.blocks[0]), headerInfo(v.chain.last())
	if v.opts.Trust.IsZero() && !v.opts.Untrusted {
		return &Error{
			Part: PartTrustedHeader, Expected: "a header that is known by other means", Got: "none",
			Help: fmt.Sprintf("Give height and hash of one in the file, best of %s, which is its last", v.chain.last().name()),
		}
	}
	if err := v.chain.trust(v.opts.Trust); err != nil {
		return err
	}
	if err := v.chain.verify(v.opts.Clock); err != nil {
		return err
	}
	v.report.Trusted = v.chain.trusted >= 0
	signed := 1
	if !v.chain.backwards {
		signed = len(v.chain.blocks)
	}
	v.report.add("headers", Shown, fmt.Sprintf("%s of chain %s, %s to %s; signed by more than 2/3 of the validators: %d, every signature checked",
		count(len(v.chain.blocks), "header"), v.file.ChainId, v.chain.blocks[0].name(), v.chain.last().name(), signed))
	v.reportTrust()
	return nil
}

func (v *verification) reportTrust() {
	last := v.chain.last()
	if !v.report.Trusted {
		v.report.add("trusted header", NotShown,
			fmt.Sprintf("nothing ties these headers to the chain you mean: compare the hash of %s, %X, by other means", last.name(), last.hash))
		return
	}
	from := v.chain.blocks[v.chain.trusted]
	how := "is the header of the proof"
	switch {
	case from.Height == last.Height:
	case v.chain.backwards:
		how = "names the header of the proof by a chain of hashes"
	case v.opts.Sequential:
		how = "leads to the header of the proof by adjacent headers; how old they are was not asked"
	default:
		how = fmt.Sprintf("leads to the header of the proof by the rules of the light client, within %s at %s", v.opts.TrustingPeriod, rfc3339(v.opts.Now))
	}
	v.report.add("trusted header", Shown, fmt.Sprintf("%s with hash %X, which you trust, %s", from.name(), from.hash, how))
}

func (v *verification) stores() (err error) {
	last := v.chain.last()
	if v.state, err = openState(v.file.Stores, last.AppHash); err != nil {
		return err
	}
	v.report.add("state", Shown, fmt.Sprintf("the stores of %d modules after block %d are in the application hash of block %d",
		len(v.file.Stores), last.Height-1, last.Height))
	return nil
}

func (v *verification) request() error {
	if err := v.record.loadRequest(v.state, v.file.ChainId, v.file.RequestId); err != nil {
		return err
	}
	q := v.record.Request
	v.report.add("request", Shown, fmt.Sprintf("%d of %s, %s, submitted in block %d; its digest %X binds all it asks for",
		q.Id, q.Requester, q.Tier.Word(), q.SubmittedHeight, q.Digest))
	return nil
}

func (v *verification) receipt() error {
	if err := v.record.loadReceipt(v.state, v.file.RequestId, v.chain.last().Height-1); err != nil {
		return err
	}
	c := v.record.Receipt
	v.report.add("receipt", Shown, fmt.Sprintf("final in block %d, settled in block %d, of this request, model and input root", c.FinalHeight, c.SettledHeight))
	return nil
}

func (v *verification) model() error {
	if err := v.record.loadModel(v.state); err != nil {
		return err
	}
	m := v.record.Model
	v.report.add("model", Shown, fmt.Sprintf("%s:%d, SHA-256 %s of the file, with its signature of %s and %s",
		m.Name, m.Version, m.Sha256, count(len(m.Inspection.Inputs), "input"), count(len(m.Inspection.Outputs), "output")))
	return nil
}

func (v *verification) tensors() error {
	symbols, err := v.record.loadInputs(v.file.Inputs)
	if err != nil {
		return err
	}
	if v.record.Inputs == nil {
		v.report.add("inputs", NotShown, fmt.Sprintf("not in the file, their root %X alone: the chain had dropped them, or they were left out", v.record.Request.InputRoot))
	} else {
		v.report.add("inputs", Shown, fmt.Sprintf("%s, %d bytes with the root of the request", tensorNames(v.record.Inputs), len(v.file.Inputs)))
	}
	if err := v.record.loadResult(v.state, symbols); err != nil {
		return err
	}
	if v.record.Result == nil {
		v.report.add("result", Shown, "none: the verdict is that the model fails on these inputs, "+v.record.Receipt.Outcome.Failure.Word())
	} else {
		v.report.add("result", Shown, fmt.Sprintf("%s, %d bytes with the root %X of the receipt",
			tensorNames(v.record.Outputs), len(v.record.Result.Output), v.record.Result.OutputRoot))
	}
	return nil
}

func (v *verification) electorate() error {
	if err := v.record.loadSnapshot(v.state); err != nil {
		return err
	}
	s := v.record.Snapshot
	v.report.add("snapshot", Shown, fmt.Sprintf("%d: %s with power %d of %d", s.Id, count(len(s.Members), "member"), s.EligiblePower(), s.TotalPower))
	if err := v.record.loadEvidence(v.state, v.file.Evidence); err != nil {
		return err
	}
	if v.record.Evidence == nil {
		v.report.add("evidence", NotShown, "not in the file: nodes keep it for a time, of rounds with more than one outcome or a fault")
	} else {
		v.report.add("evidence", Shown, fmt.Sprintf("%d bytes with the root of the receipt: %s, %s, judged under parameters %d",
			len(v.file.Evidence), count(len(v.record.Evidence.Round.Candidates), "outcome"), count(len(v.record.Evidence.Round.Faults), "fault"), v.record.Evidence.Round.ParamsVersion))
	}
	return nil
}

func (v *verification) verdict() error {
	if err := v.record.replay(v.file.Evidence); err != nil {
		return err
	}
	v.reportSealing()
	d := v.record.Verdict
	if d == nil {
		v.report.Verdict = Recorded
		v.report.add("verdict", NotShown, "recorded and not derived: it was found by comparing outputs, and deriving it again takes the evidence")
		return nil
	}
	v.report.Verdict = Derived
	how, from := "attested the very same outcome", "receipt and snapshot"
	if !d.Exact {
		how = "stand behind the outcome within its tolerance"
	}
	if v.record.Evidence != nil {
		from = "receipt, snapshot and evidence"
	}
	v.report.add("verdict", Shown, fmt.Sprintf("derived again from %s: members with power %d, of %d needed, %s%s", from, d.Power, d.Threshold, how, v.committee()))
	return nil
}

// committee says what share of all power had a seat; nothing when every member had one.
func (v *verification) committee() string {
	seats, power := 0, int64(0)
	for i, member := range v.record.Snapshot.Members {
		if len(v.record.Receipt.Committee) > 0 && v.record.Receipt.HasSeat(i) {
			seats++
			power += member.Power
		}
	}
	if seats == 0 {
		return ""
	}
	return fmt.Sprintf("; a committee of %s with power %d of %d, drawn by the chain", count(seats, "member"), power, v.record.Snapshot.TotalPower)
}

// reportSealing says of a sealed request whether the answers were fixed before any was public.
func (v *verification) reportSealing() {
	switch {
	case !v.record.Request.Sealed:
	case v.record.Evidence == nil:
		v.report.add("sealing", NotShown, "sealed: recorded, commitments not in the file")
	default:
		v.report.add("sealing", Shown, "sealed: every answer opens the commitment to it")
	}
}
