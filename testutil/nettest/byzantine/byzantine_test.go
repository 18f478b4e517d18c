//go:build nettest

// Package byzantine tests what the chain makes of validators whose workers answer wrong outputs.
package byzantine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	sdkmath "cosmossdk.io/math"

	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/localnet"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// TestOneOfFourWrong: every request is final with the right output, and every receipt names who disagreed.
func TestOneOfFourWrong(t *testing.T) {
	const liar = 2
	f := nettest.Start(t, localnet.Options{Workers: map[int]string{liar: lyingWorker(t, 1)}})
	operator := nettest.Operator(t, f.Net, f.Net.Nodes[liar])
	rows := f.Rows[:24]
	ids := submit(t, f, rows)
	led := 0
	for i, id := range ids {
		r := f.Settled(t, id, rows[i])
		if got := nettest.With(r, verificationtypes.MEMBER_OUTCOME_DISAGREED); !slices.Equal(got, []string{operator}) {
			t.Errorf("request %d: expected %s to be named as disagreeing, got %v", id, operator, r.Members)
		}
		if got := nettest.With(r, verificationtypes.MEMBER_OUTCOME_AGREED); len(got) != 3 {
			t.Errorf("request %d: expected three agreeing operators, got %v", id, r.Members)
		}
		if r.Receipt.Publisher == operator {
			t.Errorf("request %d: expected an agreeing operator's bytes, got those of %s", id, operator)
		}
		if r.Receipt.Leader == operator {
			led++
		}
	}
	t.Logf("%d requests final with the right output, %d of them led by the wrong operator", len(ids), led)
	if e := f.Escrow(t); !e.IsZero() {
		t.Errorf("expected an empty escrow, got %s", e)
	}
}

// TestTwoOfFourWrong: no request is final, all of them end as failed and are refunded, and the chain goes on.
func TestTwoOfFourWrong(t *testing.T) {
	for _, tc := range []struct {
		name  string
		wrong map[int]byte
	}{
		{"each in its own way", map[int]byte{1: 1, 3: 2}},
		{"both in the same way", map[int]byte{1: 1, 3: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			workers := make(map[int]string)
			for node, wrong := range tc.wrong {
				workers[node] = lyingWorker(t, wrong)
			}
			f := nettest.Start(t, localnet.Options{Workers: workers})
			before := f.Balance(t, f.Signer.Address)
			ids := submit(t, f, f.Rows[:16])
			kept := sdkmath.ZeroInt()
			for _, id := range ids {
				r := f.Ended(t, id, inferencetypes.REQUEST_STATUS_FAILED)
				if r.FailureReason != inferencetypes.FAILURE_REASON_NO_AGREEMENT {
					t.Errorf("request %d: expected %s, got %s", id, inferencetypes.FAILURE_REASON_NO_AGREEMENT, r.FailureReason)
				}
				if !r.Escrow.IsZero() || r.FinalHeight > r.FinalDeadline {
					t.Errorf("request %d: expected an empty escrow by height %d, got %s at %d", id, r.FinalDeadline, r.Escrow, r.FinalHeight)
				}
				if _, err := f.Answer(nettest.Patience(t), id); err == nil {
					t.Errorf("request %d: expected no result", id)
				}
				kept = kept.Add(r.Fee.Bytes)
			}
			if e := f.Escrow(t); !e.IsZero() {
				t.Errorf("expected an empty escrow, got %s", e)
			}
			if got, want := f.Balance(t, f.Signer.Address), before.Sub(kept); !got.Equal(want) {
				t.Errorf("expected all but the byte fees back, a balance of %s, got %s", want, got)
			}
			ctx := nettest.Patience(t)
			height, err := f.Client.Height(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, node := range f.Net.Nodes {
				if err := node.Client().WaitHeight(ctx, height+3); err != nil {
					t.Errorf("expected the chain to go on: %s: %v", node.Name, err)
				}
			}
		})
	}
}

// submit submits the rows, a few in each transaction.
func submit(t *testing.T, f *nettest.Fixture, rows []iris.Row) []uint64 {
	t.Helper()
	var ids []uint64
	for part := range slices.Chunk(rows, 8) {
		ids = append(ids, f.MustSubmit(t, part...)...)
	}
	return ids
}

// lyingWorker makes a program that takes the place of the worker and adds wrong to the first byte of every output.
func lyingWorker(t *testing.T, wrong byte) string {
	t.Helper()
	honest, err := localnet.Binary("opengradient-worker")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "worker.sh")
	text := fmt.Sprintf("#!/bin/sh\nexec '%s' -real '%s' -wrong %d -- \"$@\"\n", proxy(t), honest, wrong)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return script
}

// proxy builds the lying worker.
func proxy(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "opengradient-worker-byzantine")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", path, "./testutil/byzantine/cmd/opengradient-worker-byzantine")
	build.Dir = localnet.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	return path
}
