package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	sdkmath "cosmossdk.io/math"
	sdkclient "github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/client/wish"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// job is one run of the command.
type job struct {
	cmd     *cobra.Command
	json    bool
	until   client.Stage
	timeout time.Duration
	chain   *client.Client
	account *client.Account
	runs    []*oneRun
	show    *show
}

// oneRun is one request of it.
type oneRun struct {
	id         string // the requester's own, from a request in JSON
	request    client.Request
	checked    client.Checked
	submission client.Submission
	status     client.Status
	err        error
}

// newJob reads the flags, connects, and reads the inputs.
func newJob(cmd *cobra.Command, args []string) (*job, error) {
	j := &job{cmd: cmd}
	var err error
	if j.json, err = session.AsJSON(cmd); err != nil {
		return nil, err
	}
	if j.until, err = readStage(cmd); err != nil {
		return nil, err
	}
	if j.timeout, err = cmd.Flags().GetDuration(flagTimeout); err != nil {
		return nil, err
	}
	connection, err := sdkclient.GetClientTxContext(cmd)
	if err != nil {
		return nil, err
	}
	if connection.FromAddress.Empty() {
		return nil, errors.New("--from: expected the name of a key, got none")
	}
	if j.chain, err = client.New(cmd.Context(), connection); err != nil {
		return nil, err
	}
	w, err := wish.Read(cmd, args[0], args[1:], func() ([]tensor.Spec, error) { return signature(cmd.Context(), j.chain, args[0]) })
	if err != nil {
		return nil, errors.Join(err, j.chain.Close())
	}
	j.runs = requests(w)
	j.show = newShow(cmd, j.json, len(j.runs))
	if j.account, err = newAccount(cmd, j.chain, connection); err != nil {
		return nil, errors.Join(err, j.chain.Close())
	}
	return j, nil
}

func (j *job) close() {
	_ = j.account.Close() // what it signed was executed, or is told of as pending
	_ = j.chain.Close()
}

// signature are the inputs of a model that was admitted.
func signature(ctx context.Context, chain *client.Client, model string) ([]tensor.Spec, error) {
	m, err := chain.Model(ctx, model)
	if err != nil {
		return nil, err
	}
	return m.InputSpecs()
}

// requests are what a wish means for the chain, each with a key of its own: so that it is known before anything is signed.
func requests(w wish.Wish) []*oneRun {
	runs := make([]*oneRun, len(w.Requests))
	for i, r := range w.Requests {
		key := w.IdempotencyKey
		switch {
		case key == "":
			key = client.NewKey()
		case len(w.Requests) > 1:
			key = fmt.Sprintf("%s-%d", key, i+1)
		}
		runs[i] = &oneRun{id: r.ID, request: client.Request{
			Model: w.Model, Inputs: r.Inputs, Outputs: r.Outputs, Tier: w.Tier, Sealing: w.Sealing, FeeClass: w.FeeClass,
			MaxFee: w.MaxFee, IdempotencyKey: key, ReuseBlocks: w.ReuseBlocks,
		}}
	}
	return runs
}

func newAccount(cmd *cobra.Command, chain *client.Client, connection sdkclient.Context) (*client.Account, error) {
	f := cmd.Flags()
	price, err := f.GetString(flags.FlagGasPrices)
	if err != nil {
		return nil, err
	}
	adjustment, err := f.GetFloat64(flags.FlagGasAdjustment)
	if err != nil {
		return nil, err
	}
	note, err := f.GetString(flags.FlagNote)
	if err != nil {
		return nil, err
	}
	return chain.NewAccount(cmd.Context(), client.AccountConfig{
		Keyring: connection.Keyring, Key: connection.FromName, GasPrice: price, GasAdjustment: adjustment, Note: note,
		FeeGranter: connection.FeeGranter,
	})
}

// check checks every request and asks for its price, before any of them is signed.
func (j *job) check(ctx context.Context) error {
	for i, r := range j.runs {
		var err error
		if r.checked, err = j.account.Check(ctx, r.request); err != nil {
			return j.about(i, err)
		}
	}
	return nil
}

// about says which request an error is about, when there are several.
func (j *job) about(i int, err error) error {
	if len(j.runs) == 1 {
		return err
	}
	return fmt.Errorf("request %d: %w", i+1, err)
}

// ask says what it costs and asks whether to go on.
func (j *job) ask() error {
	fee, most := sdkmath.ZeroInt(), sdkmath.ZeroInt()
	gas := sdk.NewCoins()
	for _, r := range j.runs {
		fee, most, gas = fee.Add(r.checked.Fee.Total), most.Add(r.checked.MaxFee), gas.Add(r.checked.GasFee)
	}
	m := j.runs[0].checked.Model
	what := fmt.Sprintf("Run %s:%d", m.Name, m.Version)
	if len(j.runs) > 1 {
		what += fmt.Sprintf(" %d times", len(j.runs))
	}
	what += fmt.Sprintf(" for %s, at most %s", coin(fee), coin(most))
	if !gas.IsZero() {
		what += fmt.Sprintf(", and %s of gas fees", gas)
	}
	return session.Confirm(j.cmd, what)
}

func coin(amount sdkmath.Int) string { return sdk.NewCoin(inferencetypes.Denom, amount).String() }
