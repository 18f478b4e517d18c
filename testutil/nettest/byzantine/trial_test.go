//go:build nettest

package byzantine

import (
	"bytes"
	"testing"

	"github.com/opengradient/opengradient/testutil/byzantine"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// trial is one way to misbehave and what the chain is to make of it.
type trial struct {
	name    string
	plan    byzantine.Plan
	tier    inferencetypes.Tier
	sealing inferencetypes.Sealing

	// fault is what is proven of the culprit, for which it is slashed and jailed. None by default.
	fault verificationtypes.FaultKind
	// jail is the reason for which its conduct sends it to jail, without a slash. None by default.
	jail string
	// named is the conduct by which receipts name it.
	named verificationtypes.MemberOutcome
	// ignored is the reason for which events name it.
	ignored string
	// absent is true when its precommits are refused, and rejected when none of its proposals becomes a block.
	absent, rejected bool
}

// deed is the name under which the plan's deeds are counted.
func (c trial) deed() string {
	return string(c.plan.Vote) + string(c.plan.Proposal) + string(c.plan.Worker)
}

// try lets one node misbehave while honest requests are in flight, and checks what must hold whatever it does: every
// request is final with the right output, blocks go on, and nobody else is slashed or jailed.
func (b *bed) try(t *testing.T, culprit int, c trial) {
	b.restore(t)
	b.loaded(t)
	before := b.standing(t)
	from := b.Height(t)
	done, err := b.plans[culprit].Deeds(c.deed())
	if err != nil {
		t.Fatal(err)
	}
	logs := b.Net.Nodes[0].LogSize(t)
	b.tell(t, culprit, c.plan)
	// The next block may have been proposed before the culprit was told.
	told := b.Height(t) + 1
	t.Cleanup(func() { b.tell(t, culprit, byzantine.Plan{}) })

	receipts := b.load(t, blocks, c.tier, c.sealing)
	to := b.Height(t)
	after := b.standing(t)
	w := b.read(t, from, to)

	if w.dropped > 0 {
		t.Errorf("expected every injection to be applied, got %d dropped", w.dropped)
	}
	if to-from < blocks {
		t.Errorf("expected %d blocks, got %d", blocks, to-from)
	}
	if now, err := b.plans[culprit].Deeds(c.deed()); err != nil || now == done {
		t.Errorf("expected the culprit to misbehave, got no deed and %v", err)
	}
	b.checkHonest(t, w, before, after)
	b.checkCulprit(t, culprit, c, w, receipts, before[culprit], after[culprit])
	if c.rejected {
		for _, height := range w.proposed[b.addresses[culprit]] {
			if height > told {
				t.Errorf("expected every proposal of the culprit after height %d to be rejected, got its block %d", told, height)
			}
		}
		if log := b.Net.Nodes[0].LogFrom(t, logs); !rejects(log, b.addresses[culprit]) {
			t.Error("expected the log of an honest node to name the proposer whose block it rejects")
		}
	}
	missing := 0
	for _, r := range receipts {
		for _, operator := range nettest.With(r, verificationtypes.MEMBER_OUTCOME_MISSING) {
			if operator != b.operators[culprit] {
				missing++
			}
		}
	}
	t.Logf("%d requests final in %d blocks (%d with more than one round); %d late words of honest operators; ignored: %v",
		len(receipts), to-from, w.rounds, missing, w.ignored)
}

// rejects tells whether a log rejects a proposal of an address.
func rejects(log []byte, address string) bool {
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte("proposal rejected")) && bytes.Contains(line, []byte(address)) {
			return true
		}
	}
	return false
}

// checkHonest checks that nobody but a culprit is named, slashed or jailed.
func (b *bed) checkHonest(t *testing.T, w window, before, after []standing) {
	t.Helper()
	for _, e := range w.faults {
		if b.honest(b.node(e.Operator)) {
			t.Errorf("expected no fault of an honest operator, got %v", e)
		}
	}
	for _, e := range w.jailed {
		if b.honest(b.node(e.Operator)) {
			t.Errorf("expected no honest operator to be jailed, got %v", e)
		}
	}
	for i := range after {
		if after[i].jailed {
			t.Errorf("%s: expected no validator to be jailed by consensus", b.Net.Nodes[i].Name)
		}
		if !b.honest(i) {
			continue
		}
		if !after[i].tokens.Equal(before[i].tokens) {
			t.Errorf("%s: expected %s tokens, got %s", b.Net.Nodes[i].Name, before[i].tokens, after[i].tokens)
		}
		if after[i].node.JailedUntil != 0 {
			t.Errorf("%s: expected no jail, got one for %q", b.Net.Nodes[i].Name, after[i].node.JailReason)
		}
	}
}

// checkCulprit checks that the culprit is named as expected, and punished exactly when its deed is provable.
func (b *bed) checkCulprit(
	t *testing.T, culprit int, c trial, w window, receipts []*inferencetypes.QueryReceiptResponse, before, after standing,
) {
	t.Helper()
	operator := b.operators[culprit]
	named := 0
	for _, r := range receipts {
		for _, m := range r.Members {
			if m.Operator == operator && m.Outcome == c.named {
				named++
			}
		}
	}
	if named == 0 {
		t.Errorf("expected receipts to name the culprit with %s, got none of %d", c.named, len(receipts))
	}
	if c.ignored != "" && w.ignored[[2]string{operator, c.ignored}]+w.ignored[[2]string{b.addresses[culprit], c.ignored}] == 0 {
		t.Errorf("expected events to name the culprit for %q, got %v", c.ignored, w.ignored)
	}
	// What comes after the commit is not verified, and carried as a marker.
	absent, late := w.absent[b.addresses[culprit]], int(w.ignored[[2]string{b.addresses[culprit], "oversized"}])
	if c.absent && (absent == 0 || absent+late < blocks/2) {
		t.Errorf("expected commits without the culprit, got %d and %d with its word too late, of %d", absent, late, w.to-w.from)
	}
	reason := c.jail
	if c.fault != verificationtypes.FAULT_KIND_UNSPECIFIED {
		reason = "fault"
	}
	proven := 0
	for _, e := range w.faults {
		if e.Operator == operator && e.Kind == c.fault {
			proven++
		} else {
			t.Errorf("expected faults of kind %s only, got %v", c.fault, e)
		}
	}
	if slashed := after.tokens.LT(before.tokens); slashed != (c.fault != verificationtypes.FAULT_KIND_UNSPECIFIED) || slashed != (proven > 0) {
		t.Errorf("expected the fault %s, got %d such faults, and %s of %s tokens left", c.fault, proven, after.tokens, before.tokens)
	}
	// What receipts name it with counts in its window as well: the rounds that were open when it was caught go there.
	counted := map[verificationtypes.MemberOutcome]string{missing: "missed", disagreed: "contradicted"}[c.named]
	jailed := make(map[string]bool)
	for _, e := range w.jailed {
		if e.Operator != operator || e.Reason != reason && e.Reason != counted {
			t.Errorf("expected the culprit's node to be jailed for %q only, got %v", reason, e)
		}
		jailed[e.Reason] = true
	}
	if reason != "" && !jailed[reason] || (after.node.JailedUntil != 0) != (len(w.jailed) > 0) {
		t.Errorf("expected jail for %q, got events %v and jail until %d", reason, w.jailed, after.node.JailedUntil)
	}
}
