// Package verify holds the command that checks what the chain has recorded of a request, without trust in a node.
package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"

	"github.com/opengradient/opengradient/client/proof"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
)

const (
	flagHeight     = "height"
	flagHash       = "trusted-hash"
	flagTrusted    = "trusted-height"
	flagPeriod     = "trusting-period"
	flagAt         = "at"
	flagSequential = "sequential"
	flagTrustNode  = "trust-node"
	flagWitness    = "witness"
	flagSave       = "save"
	flagEvidence   = "evidence"
	flagInputs     = "inputs"
	flagUntrusted  = "untrusted"
	flagRecorded   = "allow-recorded"
	flagRecompute  = "recompute"
	flagModelFile  = "model-file"
)

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify ID|FILE",
		Short: "Prove what the chain has recorded of a request, from one header that you trust",
		Long: `Prove what the chain has recorded of a request: request, model, inputs, result, receipt. Everything is derived from one block
header that you trust, given by its height and hash. The node that is asked is not trusted: headers are checked as a light client
does, every signature included, values by their ICS-23 proofs against the application hash, and the verdict of the validators is
derived again on this machine.

With --save all of it goes into one file, which "verify FILE" checks without any node. A change of any byte is noticed, and the
message names what does not fit. A file without a trusted header shows that it is consistent, and not that it is of your chain:
the command then fails unless --untrusted is given. The verdict of a round that compared outputs takes its evidence, which nodes drop
after a time and anybody can take out of a file: without it the verdict is recorded and not derived, and --allow-recorded has to say that
this is enough.

A trusted hash comes from elsewhere than the node that is asked: a node of your own, or several explorers that agree. The header
is trusted for --trusting-period, which has to be shorter than the unbonding time of the chain. See docs/proofs.md.`,
		Example: `  opengradientd verify 7 --trusted-height 1200 --trusted-hash 9F3C… --save request-7.proof
  opengradientd verify request-7.proof --trusted-height 1200 --trusted-hash 9F3C…
  opengradientd verify 7 --trust-node --recompute`,
		Args: cobra.ExactArgs(1),
		RunE: run,
	}
	f := cmd.Flags()
	f.Int64(flagTrusted, 0, "`HEIGHT` of the header that you trust")
	f.String(flagHash, "", "its `HASH` in hexadecimal")
	f.Duration(flagPeriod, proof.DefaultTrustingPeriod, "`TIME` for which it can be trusted; shorter than the unbonding time of the chain")
	f.String(flagAt, "", "verify as of this `TIME` (RFC 3339) and not of now")
	f.Bool(flagSequential, false, "take adjacent headers only, and do not ask how old they are")
	f.Bool(flagTrustNode, false, "believe the node: take its last header in the place of a trusted one")
	f.StringArray(flagWitness, nil, "RPC `ADDRESS` of another node, which has to have the same header; can be repeated")
	f.Int64(flagHeight, 0, "prove the state after the block of this `HEIGHT`; without it the last that can be")
	f.String(flagSave, "", "`FILE` to write the proof to")
	f.String(flagEvidence, "", "`FILE` with the evidence, as \"query verification replay --save\" writes it, for a node that has dropped it")
	f.String(flagInputs, "", "`FILE` with the canonical encoding of the inputs, for a node that has dropped them")
	f.Bool(flagUntrusted, false, "succeed for a file that is consistent, without a trusted header")
	f.Bool(flagRecorded, false, "succeed for a verdict that the chain has recorded and that is not derived again, for want of the evidence")
	f.Bool(flagRecompute, false, "run the model on this machine too, and compare")
	f.String(flagModelFile, "", "ONNX `FILE` of the model; without it the node is asked")
	f.String("worker", "", "`PATH` of the worker (default: beside this program, then on PATH)")
	f.String("library", "", "`PATH` of the ONNX Runtime library (default: $OPENGRADIENT_ONNXRUNTIME, then <home>/lib)")
	session.AddQueryFlags(cmd)
	return cmd
}

// settings are the flags.
type settings struct {
	trust                                 proof.Trust
	clock                                 proof.Clock
	height                                int64
	trustNode, untrusted, recompute, json bool
	recorded                              bool // accepts a verdict that was not derived
	witnesses                             []string
	save, evidence, inputs, modelFile     string
	worker, library                       string
}

func readSettings(cmd *cobra.Command) (s settings, err error) {
	f := cmd.Flags()
	var hash, at string
	texts := map[string]*string{
		flagHash: &hash, flagAt: &at, flagSave: &s.save, flagEvidence: &s.evidence, flagInputs: &s.inputs, flagModelFile: &s.modelFile,
		"worker": &s.worker, "library": &s.library,
	}
	for name, into := range texts {
		if *into, err = f.GetString(name); err != nil {
			return s, err
		}
	}
	for name, into := range map[string]*bool{
		flagSequential: &s.clock.Sequential, flagTrustNode: &s.trustNode, flagUntrusted: &s.untrusted, flagRecompute: &s.recompute,
		flagRecorded: &s.recorded,
	} {
		if *into, err = f.GetBool(name); err != nil {
			return s, err
		}
	}
	var trusted int64
	for name, into := range map[string]*int64{flagTrusted: &trusted, flagHeight: &s.height} {
		if *into, err = f.GetInt64(name); err != nil {
			return s, err
		}
	}
	if s.clock.TrustingPeriod, err = f.GetDuration(flagPeriod); err != nil {
		return s, err
	}
	if s.witnesses, err = f.GetStringArray(flagWitness); err != nil {
		return s, err
	}
	if s.json, err = session.AsJSON(cmd); err != nil {
		return s, err
	}
	return s, s.check(trusted, hash, at)
}

// check reads the values that have a form of their own.
func (s *settings) check(trusted int64, hash, at string) (err error) {
	if s.clock.TrustingPeriod <= 0 {
		return fmt.Errorf("--%s: expected a time above zero, such as 336h, got %s", flagPeriod, s.clock.TrustingPeriod)
	}
	if at != "" {
		if s.clock.Now, err = time.Parse(time.RFC3339, at); err != nil {
			return fmt.Errorf("--%s: expected a time such as 2026-01-31T12:00:00Z, got %q", flagAt, at)
		}
	}
	switch given := trusted != 0; {
	case given != (hash != ""):
		return fmt.Errorf("expected --%s and --%s together, got one of them", flagTrusted, flagHash)
	case given && s.trustNode:
		return fmt.Errorf("expected a trusted header or --%s, got both", flagTrustNode)
	case given:
		s.trust, err = proof.ParseTrust(trusted, hash)
	}
	return err
}

// errUntrusted is a file that fits together, of which nobody has said that it is of the right chain.
var errUntrusted = errors.New("the file is consistent, but no trusted header was given: nothing shows that it is of the chain you mean")

// errRecorded is a verdict that the chain has stored, of which the file does not show how it came about.
var errRecorded = &proof.Error{
	Part: proof.PartEvidence, Expected: "that of the round, since its verdict was found by comparing outputs", Got: "none in the proof",
	Help: "The verdict is recorded and was not derived again. Nodes drop the evidence after a time, and anybody can take it out of a file. " +
		"Ask for a file that has it, or collect the proof with --" + flagEvidence + "; or accept the word of the validators with --" + flagRecorded,
}

func run(cmd *cobra.Command, args []string) error {
	s, err := readSettings(cmd)
	if err != nil {
		return err
	}
	clientCtx, err := client.GetClientQueryContext(cmd)
	if err != nil {
		return err
	}
	id, online := requestID(args[0])
	var file *proof.File
	if online {
		file, err = s.collect(cmd.Context(), cmd.ErrOrStderr(), clientCtx.NodeURI, id)
	} else {
		file, err = s.open(args[0])
	}
	if err != nil {
		return s.refuse(cmd, id, err)
	}
	return s.verify(cmd, clientCtx, file, online)
}

// IsFile tells whether an argument of the command names a file, which is checked without a node.
func IsFile(argument string) bool {
	_, online := requestID(argument)
	return !online
}

// requestID reads the number of a request; a file of that name is written with its folder, as ./7.
func requestID(argument string) (id uint64, ok bool) {
	id, err := strconv.ParseUint(argument, 10, 64)
	return id, err == nil
}

// refuse prints for programs what could not even be read or collected; people have the error.
func (s *settings) refuse(cmd *cobra.Command, id uint64, failed error) error {
	if !s.json {
		return failed
	}
	return errors.Join(newAnswer(proof.Report{RequestID: id, Checks: []proof.Check{}}, failed).print(cmd.OutOrStdout(), true), failed)
}

// verify checks a file that was read or collected, prints the report and saves the file.
func (s *settings) verify(cmd *cobra.Command, clientCtx client.Context, file *proof.File, online bool) error {
	// What comes of a file without a trusted header is decided below, once the report is there.
	report, failed := file.Verify(proof.Options{Trust: s.trust, Untrusted: s.trust.IsZero(), Clock: s.clock})
	if failed == nil && report.Verdict != proof.Derived && !s.recorded {
		failed = errRecorded
	}
	answer := newAnswer(report, failed)
	if failed == nil && s.recompute {
		answer.Recomputation, failed = s.rerun(cmd.Context(), clientCtx, report.Record, online)
		answer.fail(failed)
	}
	if failed == nil && s.save != "" {
		if failed = os.WriteFile(s.save, file.Marshal(), 0o644); failed == nil {
			answer.Saved = s.save
		}
	}
	accepted := report.Trusted || s.untrusted || online && s.trustNode
	if failed == nil && !accepted {
		failed = errUntrusted
		answer.fail(failed)
	}
	if err := answer.print(cmd.OutOrStdout(), s.json); err != nil {
		return err
	}
	if errors.Is(failed, errUntrusted) {
		return fmt.Errorf("%w. Compare the hash of header %d with what others say, and give it with --%s %d --%s %s; or accept the file as it is with --%s",
			failed, report.Proof.Height, flagTrusted, report.Proof.Height, flagHash, report.Proof.Hash, flagUntrusted)
	}
	return failed
}

// open reads a file that was saved.
func (s *settings) open(path string) (*proof.File, error) {
	if s.trustNode || s.height != 0 || len(s.witnesses) > 0 || s.evidence != "" || s.inputs != "" {
		return nil, fmt.Errorf("%s: expected --%s, --%s, --%s, --%s and --%s with the number of a request only: a file is checked without a node",
			path, flagTrustNode, flagHeight, flagWitness, flagEvidence, flagInputs)
	}
	b, err := readBounded(path, proof.MaxFileBytes)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("expected the number of a request or a proof file, got %q: %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	file, err := proof.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// known makes an error of the context say that it was the user who ended the command.
func known(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
