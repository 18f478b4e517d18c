// Package run is the command that asks a model and shows the answer.
package run

import (
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/x/inference/client/wish"
)

const (
	flagWait    = "wait"
	flagTimeout = "timeout"
)

// stages are what --wait takes.
var stages = []struct {
	word  string
	until client.Stage
}{{"final", client.StageFinal}, {"settled", client.StageSettled}, {"none", client.StageAccepted}}

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run MODEL [INPUT...] --from KEY",
		Short: "Run a model, wait for the validators' answer and show it",
		Long: `Run a model, wait for the validators' answer and show it.

The inputs are checked against the signature of the model and the price is asked before anything is signed: what is refused
here costs nothing. Then the price is shown and you are asked. While validators work, the stages are shown as they come.

Inputs and outputs are public, also those of sealed requests.

` + wrap(wish.InputNote) + `

With several requests in a file each becomes a transaction of its own, and they are run side by side.

By default the command ends when the answer is final. --wait settled waits until the receipt, its permanent record, is sealed
some blocks later; --wait none returns the id of the request at once. A request goes on whether anybody waits for it or not.

With --idempotency-key a command that was interrupted, in whatever way, can be given again: the chain answers a key once, and
charges for it once. Several requests take the key with -1, -2 and so on behind it.

With --output json the answer has the form of the Open Inference Protocol; its parameters name the request, the transaction,
heights, roots and fees in uopg. Fields are added to and never renamed. Stages and questions go to standard error.`,
		Example: `  opengradientd run iris features=5.1,3.5,1.4,0.2 --from alice
  opengradientd run iris --input request.json --from alice --yes --output json
  opengradientd run resnet cat.png --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --from alice
  opengradientd run bert input_ids=@ids.npy attention_mask=@mask.npy --outputs logits --tier committee --from alice
  cat batch.npz | opengradientd run iris - --from alice --yes --wait settled`,
		Args: cobra.MinimumNArgs(1),
		RunE: execute,
	}
	session.AddPayFlags(cmd, client.DefaultGasAdjustment)
	wish.AddFlags(cmd, "request")
	wish.AddKeyFlags(cmd)
	words := make([]string, len(stages))
	for i, s := range stages {
		words[i] = s.word
	}
	cmd.Flags().String(flagWait, words[0], "how long to wait, `"+strings.Join(words, "|")+"`")
	cmd.Flags().Duration(flagTimeout, 5*time.Minute, "longest `TIME` to wait")
	session.Complete(cmd, flagWait, words...)
	return cmd
}

// wrap breaks a text into lines as the rest of the help has them.
func wrap(text string) string {
	const width = 126
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

func execute(cmd *cobra.Command, args []string) error {
	// Who interrupts the command is told what goes on without it.
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	cmd.SetContext(ctx)
	j, err := newJob(cmd, args)
	if err != nil {
		return err
	}
	defer j.close()
	if err := j.check(ctx); err != nil {
		return err
	}
	if err := j.ask(); err != nil {
		return err
	}
	j.perform(ctx)
	return j.finish()
}

// readStage reads --wait.
func readStage(cmd *cobra.Command) (client.Stage, error) {
	word, err := cmd.Flags().GetString(flagWait)
	if err != nil {
		return 0, err
	}
	words := make([]string, len(stages))
	for i, s := range stages {
		words[i] = s.word
	}
	at := slices.Index(words, word)
	if at < 0 {
		return 0, fmt.Errorf("--%s: expected one of %s, got %.64q", flagWait, strings.Join(words, ", "), word)
	}
	return stages[at].until, nil
}
