package session

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/cosmos/cosmos-sdk/client/flags"
)

// ErrDeclined is a question that was answered with no. Nothing was done.
var ErrDeclined = errors.New("declined, nothing was sent")

// Confirm asks unless --yes is given. It fails when the answer is no, and when there is nobody to ask.
func Confirm(cmd *cobra.Command, question string) error {
	yes, err := cmd.Flags().GetBool(flags.FlagSkipConfirmation)
	if yes || err != nil {
		return err
	}
	if !IsTerminal(cmd.InOrStdin()) {
		return fmt.Errorf("%s: expected --%s where nobody can be asked", question, flags.FlagSkipConfirmation)
	}
	return Ask(cmd.InOrStdin(), cmd.ErrOrStderr(), question)
}

// Ask asks a question on out and reads the answer. It fails with ErrDeclined unless the answer is yes.
func Ask(in io.Reader, out io.Writer, question string) error {
	fmt.Fprintf(out, "%s. Go on? [y/N] ", question)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	default:
		return ErrDeclined
	}
}

// IsTerminal says whether somebody sits before a stream.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	return term.IsTerminal(int(file.Fd()))
}
