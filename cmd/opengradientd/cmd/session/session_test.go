package session

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestOutputIsTextOrJSON(t *testing.T) {
	cmd := &cobra.Command{}
	AddOutputFlag(cmd)
	require.NoError(t, cmd.ParseFlags([]string{"--output", "yaml"}))
	_, err := AsJSON(cmd)
	require.EqualError(t, err, `--output: expected text or json, got "yaml"`)
}

func TestAsk(t *testing.T) {
	for answer, want := range map[string]error{"y\n": nil, "YES\n": nil, "y": nil, "n\n": ErrDeclined, "\n": ErrDeclined, "": ErrDeclined, "yellow\n": ErrDeclined} {
		var out bytes.Buffer
		require.ErrorIs(t, Ask(strings.NewReader(answer), &out, "Pay 5uopg"), want, answer)
		require.Equal(t, "Pay 5uopg. Go on? [y/N] ", out.String())
	}
}

func TestConfirmNeedsSomebodyToAsk(t *testing.T) {
	cmd := &cobra.Command{}
	cmd.Flags().Bool("yes", false, "")
	cmd.SetIn(strings.NewReader("y\n"))
	require.EqualError(t, Confirm(cmd, "Pay 5uopg"), "Pay 5uopg: expected --yes where nobody can be asked")
	require.NoError(t, cmd.ParseFlags([]string{"--yes"}))
	require.NoError(t, Confirm(cmd, "Pay 5uopg"))
}
