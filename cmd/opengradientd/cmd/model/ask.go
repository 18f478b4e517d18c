package model

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client/flags"
)

// errDeclined is a question that was answered with no. Nothing was done.
var errDeclined = errors.New("declined, nothing was sent")

// confirm asks unless --yes is given. It fails when the answer is no, and when there is nobody to ask.
func confirm(cmd *cobra.Command, question string) error {
	yes, err := cmd.Flags().GetBool(flags.FlagSkipConfirmation)
	if yes || err != nil {
		return err
	}
	if !isTerminal(cmd.InOrStdin()) {
		return fmt.Errorf("%s: expected --%s where nobody can be asked", question, flags.FlagSkipConfirmation)
	}
	return ask(cmd.InOrStdin(), cmd.ErrOrStderr(), question)
}

func ask(in io.Reader, out io.Writer, question string) error {
	fmt.Fprintf(out, "%s. Go on? [y/N] ", question)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	default:
		return errDeclined
	}
}
