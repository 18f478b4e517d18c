package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"

	"github.com/opengradient/opengradient/x/inference/client/wish"
	"github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	flagEvidence = "evidence"
	flagSave     = "save"
	// maxEvidenceFile bounds what is read.
	maxEvidenceFile = verificationtypes.MaxEvidenceBytes
)

// NewVerificationQueryCmd gives the query commands of x/verification that are not generated. They are here because they
// begin with a receipt, which that module does not know.
func NewVerificationQueryCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: verificationtypes.ModuleName, Short: "Query rounds, snapshots, conduct and evidence; derive a verdict again",
		DisableFlagParsing: true, SuggestionsMinimumDistance: 2, RunE: client.ValidateCmd,
	}
	cmd.AddCommand(newReplayCmd())
	return cmd
}

func newReplayCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Derive the verdict of a settled request again and compare it with its receipt",
		Long: "Derive the verdict of a settled request again, on this machine, and compare it with its receipt. An exact verdict " +
			"follows from the receipt and the power snapshot alone. One that was found by comparing outputs takes the evidence of " +
			"the round, which nodes keep for a governed time: save it with --save, and give it later with --evidence. Its root is in the " +
			"receipt, so it need not be trusted.\n\n" +
			"The command fails, with what differs, when the verdict cannot be derived. It trusts the node for the receipt, the " +
			"snapshot and the parameters: ask a node of your own, or several.",
		Example: `opengradientd query verification replay 7
opengradientd query verification replay 7 --save evidence-7.bin
opengradientd query verification replay 7 --evidence evidence-7.bin --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, clientCtx, err := requestQuery(cmd, args[0])
			if err != nil {
				return err
			}
			r := replayer{inference: types.NewQueryClient(clientCtx), verification: verificationtypes.NewQueryClient(clientCtx)}
			if r.load, err = evidenceFile(cmd); err != nil {
				return err
			}
			if r.save, err = cmd.Flags().GetString(flagSave); err != nil {
				return err
			}
			done, err := r.replay(cmd.Context(), id)
			if err != nil {
				return err
			}
			return done.print(cmd.OutOrStdout(), clientCtx.OutputFormat)
		},
	}
	flags.AddQueryFlagsToCmd(cmd)
	cmd.Flags().String(flagEvidence, "", "file with the evidence, as --save writes it; without it the node is asked when there is need")
	cmd.Flags().String(flagSave, "", "file that the evidence is written to; what is replayed is then the evidence, also for an exact verdict")
	return cmd
}

// evidenceFile reads the evidence that a flag names; nil without the flag.
func evidenceFile(cmd *cobra.Command) ([]byte, error) {
	file, err := cmd.Flags().GetString(flagEvidence)
	if err != nil || file == "" {
		return nil, err
	}
	return wish.ReadFile(cmd.InOrStdin(), file, maxEvidenceFile)
}

// replayer derives verdicts again from what a node has.
type replayer struct {
	inference    types.QueryClient
	verification verificationtypes.QueryClient
	load         []byte // evidence that is given; nil asks the node when there is need
	save         string // file for the evidence; none when empty
}

// replayed is a verdict that was derived again.
type replayed struct {
	receipt  types.Receipt
	snapshot verificationtypes.Snapshot
	verdict  verificationtypes.Replayed
	evidence bool // the verdict was derived from the evidence and not from the receipt alone
}

func (r replayer) replay(ctx context.Context, id uint64) (replayed, error) {
	found, err := r.inference.Receipt(ctx, &types.QueryReceiptRequest{Id: id})
	if err != nil {
		return replayed{}, err
	}
	done := replayed{receipt: found.Receipt}
	if done.receipt.RequestId != id {
		return replayed{}, fmt.Errorf("expected the receipt of request %d, got that of %d", id, done.receipt.RequestId)
	}
	if err := done.receipt.Validate(); err != nil {
		return replayed{}, err
	}
	snapshot, err := r.verification.Snapshot(ctx, &verificationtypes.QuerySnapshotRequest{Id: done.receipt.SnapshotId})
	if err != nil {
		return replayed{}, err
	}
	done.snapshot = snapshot.Snapshot
	if err := done.snapshot.Validate(); err != nil {
		return replayed{}, err
	}
	claim := done.receipt.Claim()
	done.evidence = claim.Arbitrated || r.load != nil || r.save != ""
	if !done.evidence {
		done.verdict, err = claim.Replay(done.snapshot)
	} else {
		done.verdict, err = r.replayEvidence(ctx, claim, done.snapshot)
	}
	if err != nil {
		return replayed{}, fmt.Errorf("request %d: the verdict of its receipt was not derived again: %w", id, err)
	}
	return done, nil
}

func (r replayer) replayEvidence(ctx context.Context, claim verificationtypes.Claim, snapshot verificationtypes.Snapshot) (verificationtypes.Replayed, error) {
	encoded := r.load
	if encoded == nil {
		kept, err := r.verification.Evidence(ctx, &verificationtypes.QueryEvidenceRequest{RequestId: claim.RequestID})
		if status.Code(err) == codes.NotFound {
			return verificationtypes.Replayed{}, noEvidence(claim, err)
		}
		if err != nil {
			return verificationtypes.Replayed{}, err
		}
		encoded = kept.Encoded
	}
	// Nothing in the bytes is used, and nothing is saved, before they are known to be what the receipt names.
	evidence, err := claim.OpenEvidence(encoded)
	if err != nil {
		return verificationtypes.Replayed{}, err
	}
	params, err := r.verification.ParamsVersion(ctx, &verificationtypes.QueryParamsVersionRequest{Version: evidence.Round.ParamsVersion})
	if err != nil {
		return verificationtypes.Replayed{}, err
	}
	verdict, err := claim.ReplayEvidence(snapshot, params.Params, encoded)
	if err != nil || r.save == "" {
		return verdict, err
	}
	return verdict, os.WriteFile(r.save, encoded, 0o644)
}

// noEvidence says what to do when a node keeps no evidence of a request.
func noEvidence(claim verificationtypes.Claim, err error) error {
	if claim.Arbitrated {
		return fmt.Errorf("the node has no evidence of it (any more), and its verdict was arbitrated; give a copy with --%s: %w", flagEvidence, err)
	}
	return fmt.Errorf("the node has no evidence to save: nodes keep it for a governed time, of rounds with more than one outcome or a "+
		"fault. The verdict is exact and follows from the receipt; leave out --%s: %w", flagSave, err)
}
