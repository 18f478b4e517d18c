package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/client"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

func args(more ...string) []string {
	return append([]string{"sum", "--from", "alice", "--gas-prices", "0.01uopg", "--yes"}, more...)
}

// decode reads one document strictly.
func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var document T
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&document), text)
	_, err := decoder.Token()
	require.ErrorIs(t, err, io.EOF, "one document")
	return document
}

func TestRunShowsTheAnswer(t *testing.T) {
	r := newRPC(t)
	before, sequence := r.balance(), r.sequence()
	out, problems, err := r.run(t.Context(), "", args("x=1.5,2")...)
	require.NoError(t, err)
	require.Regexp(t, `^sum:1  request 1  final at height \d+

OUTPUT  DATATYPE  SHAPE   VALUES
y       FP32      \[1, 1\]  3.5

receipt 1  output root [0-9a-f]{64}
fee \d+uopg  gas \d+uopg
verify with: opengradientd verify 1 --trust-node
$`, out)
	require.Regexp(t, `^request 1: accepted at height \d+
request 1: assigned at height \d+
request 1: final at height \d+
$`, problems)
	require.Equal(t, sequence+1, r.sequence())
	var fee, gas int64
	_, err = fmt.Sscanf(out[strings.Index(out, "\nfee ")+1:], "fee %duopg  gas %duopg", &fee, &gas)
	require.NoError(t, err)
	require.Equal(t, fee+gas, before-r.balance(), "paid what is shown")
}

func TestRunAnswersPrograms(t *testing.T) {
	r := newRPC(t)
	before := r.balance()
	out, problems, err := r.run(t.Context(), "[[1,2],[3,4]]", args("--input", "x=@-", "--wait", "settled", "--output", "json", "--tier", "committee")...)
	require.NoError(t, err)
	require.Empty(t, problems)
	d := decode[document](t, out)
	require.Equal(t, "sum", d.ModelName)
	require.Equal(t, "1", d.ModelVersion)
	require.JSONEq(t, `[{"name":"y","datatype":"FP32","shape":[2,1],"data":[3,7]}]`, string(d.Outputs))
	p := d.Parameters
	require.Equal(t, "settled", p.Stage)
	require.Equal(t, "committee", p.Tier)
	require.Positive(t, p.SubmittedHeight)
	require.Greater(t, p.Height, p.SubmittedHeight)
	require.Greater(t, p.SettledHeight, p.Height)
	require.Len(t, p.TxHash, 64)
	require.Equal(t, number(t, p.Fee)+number(t, p.GasFee)-number(t, p.Refunded), before-r.balance())
	for _, hash := range []string{p.OutputRoot, p.InputRoot, p.RequestDigest, p.ModelSHA256} {
		require.Len(t, hash, 64)
	}
	require.NotEmpty(t, p.IdempotencyKey)
	require.Empty(t, p.Error)
}

func number(t *testing.T, a amount) int64 {
	t.Helper()
	n, err := a.Int64()
	require.NoError(t, err)
	return n
}

// TestRunTakesAnyMaximum gives a maximum fee that fits no machine word.
func TestRunTakesAnyMaximum(t *testing.T) {
	r := newRPC(t)
	out, _, err := r.run(t.Context(), "", args("x=1,2", "--max-fee", "100000000000000000000uopg", "--output", "json")...)
	require.NoError(t, err)
	d := decode[document](t, out)
	require.Equal(t, "final", d.Parameters.Stage)
	require.EqualValues(t, "100000000000000000000", d.Parameters.MaxFee)
	require.Contains(t, out, `"max_fee": 100000000000000000000,`)
}

func TestRunDoesNotWait(t *testing.T) {
	r := newRPC(t)
	r.silent = true
	out, _, err := r.run(t.Context(), "", args("x=1,2", "--wait", "none", "--output", "json")...)
	require.NoError(t, err)
	d := decode[document](t, out)
	require.Equal(t, uint64(1), d.Parameters.RequestID)
	require.JSONEq(t, `[]`, string(d.Outputs))
	out, _, err = r.run(t.Context(), "", args("x=1,2", "--wait", "none")...)
	require.NoError(t, err)
	require.Contains(t, out, "wait with: opengradientd query inference wait 2")
}

const many = `[
	{"id":"a","inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]},
	{"id":"b","inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[5,6]}]}
]`

// TestRunAgain gives the same command twice: it is answered twice and charged once.
func TestRunAgain(t *testing.T) {
	r := newRPC(t)
	file := filepath.Join(t.TempDir(), "many.json")
	require.NoError(t, os.WriteFile(file, []byte(many), 0o600))
	command := args(file, "--output", "json", "--idempotency-key", "k")
	out, _, err := r.run(t.Context(), "", command...)
	require.NoError(t, err)
	first := decode[[]document](t, out)
	require.Len(t, first, 2)
	require.Equal(t, "a b k-1 k-2", strings.Join([]string{first[0].ID, first[1].ID, first[0].Parameters.IdempotencyKey, first[1].Parameters.IdempotencyKey}, " "))
	require.Contains(t, string(first[0].Outputs), `3`)
	require.Contains(t, string(first[1].Outputs), `11`)

	before, sequence := r.balance(), r.sequence()
	out, _, err = r.run(t.Context(), "", command...)
	require.NoError(t, err)
	require.Equal(t, before, r.balance())
	require.Equal(t, sequence, r.sequence())
	for i, d := range decode[[]document](t, out) {
		require.Equal(t, first[i].Parameters.RequestID, d.Parameters.RequestID)
		require.True(t, d.Parameters.AnsweredBefore)
		require.EqualValues(t, "0", d.Parameters.Fee)
		require.JSONEq(t, string(first[i].Outputs), string(d.Outputs))
	}
}

// TestRunRefusesBeforeItSigns gives commands that must cost nothing.
func TestRunRefusesBeforeItSigns(t *testing.T) {
	r := newRPC(t)
	before, sequence := r.balance(), r.sequence()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"nobody to ask":     {[]string{"sum", "x=1,2", "--from", "alice", "--gas-prices", "0.01uopg"}, "expected --yes where nobody can be asked"},
		"no key":            {[]string{"sum", "x=1,2", "--yes"}, "--from: expected the name of a key, got none"},
		"another key":       {[]string{"sum", "x=1,2", "--yes", "--from", "bob"}, "bob.info: key not found"},
		"no input":          {args(), "--input: expected a file, - or NAME=VALUE, got none"},
		"another name":      {args("z=1,2"), `inputs["z"]: expected an input of the model: x, got an unknown name`},
		"too few":           {args("x=1,2,3"), `inputs["x"].data: expected a multiple of 2 elements for FP32[N,2], got 3 elements`},
		"another shape":     {args("x=[[1,2,3]]"), `inputs["x"].shape: expected dimension 1 = 2 as in FP32[N,2], got 3`},
		"another output":    {args("x=1,2", "--outputs", "z"), `outputs["z"]: expected an output of the model: y`},
		"too low a fee":     {args("x=1,2", "--max-fee", "1"), "max_fee: expected at least "},
		"wait for what":     {args("x=1,2", "--wait", "long"), "--wait: expected one of final, settled, none"},
		"form of answer":    {args("x=1,2", "--output", "yaml"), "--output: expected text or json"},
		"unknown model":     {append([]string{"summ"}, args("x=1,2")[1:]...), `model: expected a model of the chain (see "opengradientd model list"), got "summ", which it does not know`},
		"name of no model":  {append([]string{"Sum!"}, args("x=1,2")[1:]...), `model: expected name, name:version, name:tag or a SHA-256`},
		"one of two is bad": {args("--input", "x=[[1,2],[3]]"), `inputs["x"].data`},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := r.run(t.Context(), "", tc.args...)
			require.ErrorContains(t, err, tc.want)
			require.Empty(t, out)
		})
	}
	require.Equal(t, before, r.balance())
	require.Equal(t, sequence, r.sequence())
	require.Zero(t, r.sent)
}

func TestRunTellsThatNoNodeAnswers(t *testing.T) {
	r := newRPC(t)
	r.down = errors.New("connection refused")
	_, _, err := r.run(t.Context(), "", args("x=1,2")...)
	require.ErrorContains(t, err, "connection refused")
}

func TestRunGivesUpWaiting(t *testing.T) {
	r := newRPC(t)
	r.silent = true
	out, _, err := r.run(t.Context(), "", args("x=1,2", "--timeout", "2s", "--output", "json")...)
	require.ErrorContains(t, err, `request 1 goes on without being waited for, "opengradientd query inference wait 1" shows its answer`)
	d := decode[document](t, out)
	require.Equal(t, uint64(1), d.Parameters.RequestID)
	require.Contains(t, d.Parameters.Error, "goes on")
}

func TestUnsentAndUnfinishedSayHowToGoOn(t *testing.T) {
	r := &oneRun{request: client.Request{IdempotencyKey: "k"}, submission: client.Submission{RequestID: 7}}
	ctx := t.Context()
	require.Equal(t, errors.ErrUnsupported, r.unsent(errors.ErrUnsupported), "it was not sent")
	require.EqualError(t, r.unsent(context.Canceled), "nothing was signed: context canceled")
	require.EqualError(t, r.unsent(&client.PendingError{Key: "k", Err: context.Canceled}),
		"the request is signed and may still be executed: give the same command with --idempotency-key k to follow it, nothing is charged twice: context canceled")
	failed := &client.FailedError{Request: inferencetypes.Request{Id: 7}}
	require.Equal(t, error(failed), r.unfinished(ctx, failed, ""))
}

func TestShow(t *testing.T) {
	for name, tc := range map[string]struct {
		show *show
		want string
	}{
		"lines":    {&show{}, "request 7: accepted at height 3\nrequest 7: assigned at height 4, attempt 2\n"},
		"quiet":    {&show{quiet: true}, ""},
		"terminal": {&show{terminal: true}, "\r\x1b[Ksigning  0.0 s\r\x1b[Krequest 7: accepted at height 3  0.0 s\r\x1b[Krequest 7: assigned at height 4, attempt 2  0.0 s\r\x1b[K"},
		"many":     {&show{terminal: true, many: 2}, "\r\x1b[K2 to send  0.0 s\r\x1b[K1 accepted, 1 to send  0.0 s\r\x1b[K1 assigned, 1 to send  0.0 s\r\x1b[K"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := tc.show
			s.out, s.now, s.reached = &out, func() time.Time { return time.Time{} }, make([]client.Stage, max(1, s.many))
			r := &oneRun{submission: client.Submission{RequestID: 7}}
			s.stage(0, "signing", 0)
			s.event(0, r, client.Event{Stage: client.StageAccepted, Height: 3})
			s.event(0, r, client.Event{Stage: client.StageAssigned, Height: 4, Attempt: 2})
			s.end()
			require.Equal(t, tc.want, out.String())
		})
	}
}

func TestValues(t *testing.T) {
	for name, tc := range map[string]struct {
		tensor client.Tensor
		want   string
	}{
		"scalar":       {client.Int64s("y", nil, []int64{5}), "5"},
		"line":         {client.Float32s("y", []int64{3}, []float32{0.1, 2, 3}), "0.1, 2, 3"},
		"one row":      {client.Float32s("y", []int64{1, 3}, []float32{0.1, 2, 3}), "0.1, 2, 3"},
		"rows":         {client.Uint8s("y", []int64{2, 2}, []uint8{1, 2, 3, 4}), "[1, 2], [3, 4]"},
		"rows of rows": {client.Uint8s("y", []int64{2, 2, 2}, []uint8{1, 2, 3, 4, 5, 6, 7, 8}), "[[1, 2], [3, 4]], [[5, 6], [7, 8]]"},
		"columns":      {client.Uint8s("y", []int64{2, 1}, []uint8{1, 2}), "[1], [2]"},
		"texts":        {client.Strings("y", []int64{2}, []string{"a, b", "c\n"}), `"a, b", "c\n"`},
		"nothing":      {client.Uint8s("y", []int64{0, 2}, nil), ""},
		"many":         {client.Uint8s("y", []int64{30}, make([]uint8, 30)), strings.Repeat("0, ", 24) + "… 30 in all"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := values(tc.tensor)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestHelp(t *testing.T) {
	cmd := NewCommand()
	require.Contains(t, cmd.Example, "opengradientd run iris")
	for line := range strings.Lines(cmd.Long) {
		require.LessOrEqual(t, len(line), 128, line)
	}
	for _, flag := range []string{"wait", "tier", "sealing", "fee-class", "output", "layout", "color"} {
		complete, has := cmd.GetFlagCompletionFunc(flag)
		require.True(t, has, flag)
		words, directive := complete(cmd, nil, "")
		require.NotEmpty(t, words, flag)
		require.Equal(t, cobra.ShellCompDirectiveNoFileComp, directive)
	}
}

// TestSameNode repeats the flags that name a node, and only those that were given.
func TestSameNode(t *testing.T) {
	cmd := NewCommand()
	cmd.Flags().String("home", "", "")
	require.NoError(t, cmd.ParseFlags([]string{"--node", "tcp://node:1", "--home", "h", "--from", "alice"}))
	require.Equal(t, " --home h --node tcp://node:1", sameNode(cmd))
	require.Empty(t, sameNode(NewCommand()))
}
