package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"

	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	// minAgreement is the least share of receipts, in percent, that name every operator as agreeing while all workers
	// are up.
	minAgreement = 90
	// wantedAgreeing is the number of agreeing operators that every receipt names.
	wantedAgreeing = 3
	// maxBlocks is the most blocks from submission to the final result, as the median.
	maxBlocks = 3
	// sealBlocks is how many blocks more a sealed request takes.
	sealBlocks = 2
	// minAccuracy is the least accuracy on held-out flowers that this model must keep.
	minAccuracy = 0.9
)

// answered is what the chain said about one request.
type answered struct {
	request inferencetypes.Request
	receipt *inferencetypes.QueryReceiptResponse
	answer  irisclient.Answer
}

// agreeing counts the operators that the receipt names as agreeing.
func (a answered) agreeing() int {
	n := 0
	for _, m := range a.receipt.Members {
		if m.Outcome == verificationtypes.MEMBER_OUTCOME_AGREED {
			n++
		}
	}
	return n
}

// seats counts the members that took part in the deciding attempt.
func (a answered) seats() int {
	n := 0
	for _, m := range a.receipt.Members {
		if m.Seat {
			n++
		}
	}
	return n
}

// blocks is how many blocks it took from the submission to the final result.
func (a answered) blocks() int64 {
	return a.receipt.Receipt.FinalHeight - a.receipt.Receipt.SubmittedHeight
}

// collect waits for every receipt and reads results.
func (d *demonstration) collect(ctx context.Context) error {
	for i := range d.asked {
		a := &d.asked[i]
		var err error
		if a.request, err = d.client.WaitEnded(ctx, a.id); err != nil {
			return err
		}
		if a.request.Status != inferencetypes.REQUEST_STATUS_FINALIZED {
			return fmt.Errorf("request %d: expected it finalized, got %s (%s)", a.id, a.request.Status, a.request.FailureReason)
		}
		if a.receipt, err = d.client.WaitReceipt(ctx, a.id); err != nil {
			return err
		}
		if a.answer, err = d.classifier.Answer(ctx, a.id); err != nil {
			return err
		}
	}
	d.say("%d requests final and settled", len(d.asked))
	return nil
}

// report compares what came with what was expected and shows a receipt.
func (d *demonstration) report(ctx context.Context) error {
	d.checkPredictions()
	d.checkReceipts()
	d.checkSpecial()
	return d.showReceipt(ctx)
}

func (d *demonstration) checkPredictions() {
	e := iris.Evaluation{Rows: len(d.asked)}
	var differ []uint64
	local := 0
	for _, a := range d.asked {
		want := d.network.Predict(a.row.Features)
		if err := irisclient.CheckPrediction(want, a.answer.Prediction); err != nil {
			differ = append(differ, a.id)
		}
		if want.Label == a.row.Label {
			local++
		}
		if a.answer.Label == a.row.Label {
			e.Correct++
		}
	}
	d.expect("verified predictions equal the local forward pass", len(differ) == 0, "%d of %d", len(d.asked)-len(differ), len(d.asked))
	d.expect("accuracy on held-out flowers", e.Accuracy() >= minAccuracy && e.Correct == local,
		"%.4f (%d of %d; the local network finds %d)", e.Accuracy(), e.Correct, e.Rows, local)
}

func (d *demonstration) checkReceipts() {
	var blocks []int64
	up, upAll, down, downEnough := 0, 0, 0, 0
	back := false
	for _, a := range d.asked {
		if a.part == sealed || a.part == committee {
			continue
		}
		blocks = append(blocks, a.blocks())
		if a.part == workerKilled {
			down++
			if a.agreeing() >= wantedAgreeing {
				downEnough++
			}
			continue
		}
		up++
		if a.agreeing() == d.nodes {
			upAll++
		}
		for _, m := range a.receipt.Members {
			if down > 0 && m.Operator == d.killedOperator && m.Outcome == verificationtypes.MEMBER_OUTCOME_AGREED {
				back = true
			}
		}
	}
	d.expect("blocks from submitted to final", len(blocks) > 0 && median(blocks) <= maxBlocks, "median %d", median(blocks))
	d.expect(fmt.Sprintf("all workers up: receipts name %d agreeing operators", d.nodes), up > 0 && 100*upAll >= minAgreement*up,
		"%.0f %% (%d of %d)", 100*float64(upAll)/float64(max(up, 1)), upAll, up)
	if down > 0 {
		d.expect(fmt.Sprintf("a worker killed: receipts name at least %d", wantedAgreeing), downEnough == down, "%d of %d", downEnough, down)
		d.expect("the node of the killed worker agrees again", back, "%s", d.killedOperator)
	}
}

// checkSpecial looks at the requests that were sealed and at those of a committee, and prints what their receipts say. A
// committee that a member fails is followed by a quorum: then every member has a seat.
func (d *demonstration) checkSpecial() {
	var waited []int64
	sealedRight, seated, count := 0, 0, map[part]int{}
	fmt.Fprintln(d.out)
	for _, a := range d.asked {
		if a.part != sealed && a.part != committee {
			continue
		}
		count[a.part]++
		r := a.receipt.Receipt
		seats := a.seats()
		fmt.Fprintf(d.out, "Request %d: %s, sealed: %t, attempt %d, %d of %d members had a seat, %d agreed, final after %d blocks\n",
			a.id, r.Tier, r.Sealed, r.Attempt, seats, len(a.receipt.Members), a.agreeing(), a.blocks())
		if a.part == sealed {
			waited = append(waited, a.blocks())
			if r.Sealed && a.agreeing() >= wantedAgreeing {
				sealedRight++
			}
			continue
		}
		if r.Tier == inferencetypes.TIER_COMMITTEE && a.agreeing() >= min(seats, wantedAgreeing) {
			seated++
		}
	}
	d.expect(fmt.Sprintf("sealed: receipts say so and name at least %d", wantedAgreeing), sealedRight == count[sealed] && sealedRight > 0,
		"%d of %d", sealedRight, count[sealed])
	d.expect("sealed: blocks from submitted to final", len(waited) > 0 && median(waited) <= maxBlocks+sealBlocks, "median %d", median(waited))
	d.expect("a committee: those with a seat agree", seated == count[committee] && seated > 0, "%d of %d", seated, count[committee])
}

// showReceipt prints one receipt as read over gRPC and once more as curl gets it over REST, and compares the two.
func (d *demonstration) showReceipt(ctx context.Context) error {
	a := d.asked[len(d.asked)-1]
	fmt.Fprintf(d.out, "\nRequest %d: %v cm is %s (%s expected), probabilities %v\n\n", a.id, a.row.Features,
		iris.SpeciesNames[a.answer.Label], a.row.Species, a.answer.Probabilities)
	text, err := d.codecs.Codec.MarshalJSON(a.receipt)
	if err != nil {
		return err
	}
	if err := d.printJSON(text); err != nil {
		return err
	}
	args := []string{"-fsS", fmt.Sprintf("%s/opengradient/inference/v1/requests/%d/receipt", d.options.rest, a.id)}
	fmt.Fprintf(d.out, "\n$ curl %s\n", strings.Join(args, " "))
	read, err := exec.CommandContext(ctx, "curl", args...).Output()
	if err != nil {
		return fmt.Errorf("curl: %w", err)
	}
	if err := d.printJSON(read); err != nil {
		return err
	}
	var again inferencetypes.QueryReceiptResponse
	if err := d.codecs.Codec.UnmarshalJSON(read, &again); err != nil {
		return fmt.Errorf("receipt over REST: %w", err)
	}
	want, err := a.receipt.Marshal()
	if err != nil {
		return err
	}
	got, err := again.Marshal()
	if err != nil {
		return err
	}
	d.expect("the receipt over REST is the same", bytes.Equal(want, got), "request %d", a.id)
	return nil
}

func (d *demonstration) printJSON(text []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return err
	}
	fmt.Fprintln(d.out, b.String())
	return nil
}
