package model

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	sdk "github.com/cosmos/cosmos-sdk/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/push"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// maxParallel bounds the transactions in flight: about what two blocks have room for.
const maxParallel = 24

func newPushCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "push FILE --name NAME",
		Short: "Register a model file, and wait for the verdict of the network",
		Long: `Register a model file as the next version of a name, and wait until the network has come to a verdict.

The file is inspected here first: what is refused here costs nothing. Then the exact cost is shown, and you are asked. Small
files go in one transaction, others in chunks of 256 KiB with several in flight. A push that was interrupted, in whatever way,
goes on when the command is run again: what the chain holds is not sent or paid for again.

With --source the chain does not hold the file: nodes get it from there, from each other or from their own disks.

The front matter of the card fills license, labels (tags) and task (pipeline_tag). The model is tried on golden inputs: yours,
or derived ones, within the ranges and with the symbols that you state. A model whose inputs are indexes needs ranges.

A model that is rejected is an error that says why, and what each node said.`,
		Example: `  opengradientd model push iris.onnx --name iris --task classification --from alice
  opengradientd model push bert.onnx --name bert --card CARD.md --range input_ids=0:30521 --symbol sequence=16 --from alice
  opengradientd model push large.onnx --name large --task generation --source https://models.example.org/large.onnx --from alice --yes`,
		Args: cobra.ExactArgs(1),
		RunE: runPush,
	}
	session.AddSignFlags(cmd)
	addManifestFlags(cmd)
	f := cmd.Flags()
	f.StringArray("source", nil, "`URL` of the file (https or oci with a digest), to register it by reference; may be repeated")
	f.StringArray("tag", nil, "`TAG` to point to the version once it is admitted; may be repeated")
	f.Int("parallel", modelpush.DefaultOptions().Window, fmt.Sprintf("`NUMBER` of transactions in flight, 1 to %d", maxParallel))
	f.Bool("no-wait", false, "return once the file is registered")
	f.Duration("timeout", 30*time.Minute, "longest time to wait for the verdict")
	cmd.MarkFlagsMutuallyExclusive("tag", "no-wait")
	return cmd
}

// pushResult is what push prints.
type pushResult struct {
	view.Model
	// Paid is what this run cost; zero when the file was registered already.
	Paid        view.Quote        `json:"paid"`
	Tags        []string          `json:"tags"`
	Certificate *view.Certificate `json:"certificate"`
	Proofs      []view.Proof      `json:"proofs"`
}

// pushJob is one run of the command.
type pushJob struct {
	cmd     *cobra.Command
	json    bool
	tags    []string
	pusher  *push.Pusher
	client  client.Context
	request push.Request
}

func runPush(cmd *cobra.Command, args []string) error {
	job, err := newPushJob(cmd, args[0])
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	plan, err := job.pusher.Plan(ctx, job.request)
	if err != nil {
		return err
	}
	if err := job.quote(plan); err != nil {
		return err
	}
	bar := newProgress(cmd, job.json, "pushing "+job.request.Manifest.Name, job.request.Digest.Size)
	err = job.pusher.Run(ctx, job.request, plan, bar.set)
	bar.finish()
	if err != nil {
		return err
	}
	return job.finish(plan)
}

// newPushJob reads files and flags, and connects. The file is inspected before anything else is done.
func newPushJob(cmd *cobra.Command, path string) (*pushJob, error) {
	json, err := session.AsJSON(cmd)
	if err != nil {
		return nil, err
	}
	manifest, err := readManifest(cmd)
	if err != nil {
		return nil, err
	}
	f := cmd.Flags()
	sources, err := f.GetStringArray("source")
	if err != nil {
		return nil, err
	}
	tags, err := f.GetStringArray("tag")
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		if err := types.ValidateTag(tag); err != nil {
			return nil, fmt.Errorf("--tag: %w", err)
		}
	}
	options := modelpush.DefaultOptions()
	if options.Window, err = f.GetInt("parallel"); err != nil {
		return nil, err
	}
	if options.Window < 1 || options.Window > maxParallel {
		return nil, fmt.Errorf("--parallel: expected 1 to %d, got %d", maxParallel, options.Window)
	}
	file, err := readBounded(path, maxModelFile)
	if err != nil {
		return nil, err
	}
	found, err := inspectFile(file)
	if err != nil {
		return nil, err
	}
	clientCtx, w, err := signer(cmd)
	if err != nil {
		return nil, err
	}
	queries := types.NewQueryClient(clientCtx)
	params, err := queries.Params(cmd.Context(), &types.QueryParamsRequest{})
	if err != nil {
		return nil, err
	}
	return &pushJob{
		cmd: cmd, json: json, tags: tags, client: clientCtx,
		pusher: &push.Pusher{Wallet: w, Queries: queries, Params: params.Params, Options: options},
		request: push.Request{
			File: bytes.NewReader(file), Digest: found.digest, Manifest: manifest, Inspection: types.NewInspection(found.report), Sources: sources,
		},
	}, nil
}

// quote says what is left to do and what it costs, and asks.
func (j *pushJob) quote(plan push.Plan) error {
	if plan.Way == push.WayNone {
		j.cmd.PrintErrf("The file is registered already, as %s:%d.\n", plan.Model.Name, plan.Model.Version)
		return nil
	}
	if plan.Way == push.WayResume {
		j.cmd.PrintErrf("Upload %d goes on: %d of %d chunks are there.\n", plan.Upload.Id, len(j.request.Digest.Chunks)-len(plan.Missing), len(j.request.Digest.Chunks))
	}
	if err := j.afford(j.cmd.Context(), plan.Cost.Total()); err != nil {
		return err
	}
	if !j.json {
		if err := view.Quoted(j.cmd.ErrOrStderr(), view.NewQuote(plan.Cost)); err != nil {
			return err
		}
	}
	return session.Confirm(j.cmd, fmt.Sprintf("Push %s (%s) as %s for %s", j.cmd.Flags().Arg(0), view.Size(uint64(j.request.Digest.Size)),
		j.request.Manifest.Name, view.NewQuote(plan.Cost).Total))
}

// afford checks that the account has what is needed, so that nothing is begun that cannot be ended.
func (j *pushJob) afford(ctx context.Context, need sdk.Coins) error {
	for _, coin := range need {
		res, err := banktypes.NewQueryClient(j.client).Balance(ctx, &banktypes.QueryBalanceRequest{
			Address: j.pusher.Wallet.Address.String(), Denom: coin.Denom,
		})
		if err != nil {
			return err
		}
		if res.Balance.Amount.LT(coin.Amount) {
			return fmt.Errorf("balance of %s: expected at least %s, got %s", j.pusher.Wallet.Address, coin, res.Balance)
		}
	}
	return nil
}

// finish waits for the verdict, sets tags and prints the result.
func (j *pushJob) finish(plan push.Plan) error {
	ctx := j.cmd.Context()
	noWait, err := j.cmd.Flags().GetBool("no-wait")
	if err != nil {
		return err
	}
	var m types.Model
	if noWait {
		res, err := j.pusher.Queries.Model(ctx, &types.QueryModelRequest{Model: j.request.SHA256()})
		if err != nil {
			return err
		}
		m = res.Model
	} else if m, err = j.await(ctx); err != nil {
		return err
	}
	if m.Status.Usable() {
		for _, tag := range j.tags {
			msg := &types.MsgSetTag{Owner: j.pusher.Wallet.Address.String(), Name: m.Name, Tag: tag, Version: m.Version}
			if err := j.pusher.Wallet.Execute(ctx, msg, smallGas, j.pusher.Options, nil); err != nil {
				return fmt.Errorf("tag %s: %w", tag, err)
			}
		}
	}
	return j.print(ctx, m, plan)
}

// await follows the model and shows each stage.
func (j *pushJob) await(ctx context.Context) (types.Model, error) {
	timeout, err := j.cmd.Flags().GetDuration("timeout")
	if err != nil {
		return types.Model{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	f := push.Follower{Queries: j.pusher.Queries, Scheduling: schedulingtypes.NewQueryClient(j.client), Interval: lookInterval}
	return f.Await(ctx, j.request.SHA256(), func(s push.Stage) {
		switch {
		case j.json:
		case s.Status == types.MODEL_STATUS_ADMITTING:
			j.cmd.PrintErrf("admitting: nodes with %d of %d power have spoken\n", s.Said, s.Power)
		default:
			j.cmd.PrintErrln(s.Status.Word())
		}
	})
}

func (j *pushJob) print(ctx context.Context, m types.Model, plan push.Plan) error {
	details, err := readDetails(ctx, j.pusher.Queries, m.Sha256)
	if err != nil {
		return err
	}
	details.Model = view.NewModel(m)
	if j.json {
		err = view.JSON(j.cmd.OutOrStdout(), pushResult{
			Model: details.Model, Paid: view.NewQuote(plan.Cost), Tags: details.Tags, Certificate: details.Certificate, Proofs: details.Proofs,
		})
	} else {
		err = printPushed(j.cmd, details)
	}
	if err != nil {
		return err
	}
	if m.Status.Over() {
		proofs, err := push.Proofs(ctx, j.pusher.Queries, m.Sha256)
		if err != nil {
			return err
		}
		return push.Rejection(m, proofs)
	}
	return nil
}

func printPushed(cmd *cobra.Command, d view.Details) error {
	classes := ""
	if d.Certificate != nil {
		classes = "  proven in class"
		for i, c := range d.Certificate.Classes {
			if i > 0 {
				classes += ","
			}
			classes += fmt.Sprintf(" %d", c.EnvironmentClass)
		}
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  sha256 %s  %s%s\n", d.Reference, d.SHA256, d.Status, classes)
	return err
}
