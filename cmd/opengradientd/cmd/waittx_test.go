package cmd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

func TestSentHash(t *testing.T) {
	hash := strings.Repeat("AB", 32)
	for name, tc := range map[string]struct {
		args  []string
		input string
		want  string
	}{
		"given":      {[]string{hash}, "", hash},
		"JSON":       {nil, `{"height":"0","txhash":"` + hash + `","code":0}`, hash},
		"YAML":       {nil, "code: 0\ntxhash: " + hash + "\n", hash},
		"too short":  {[]string{"AB"}, "", ""},
		"no hash":    {nil, "code: 0\n", ""},
		"no digits":  {[]string{strings.Repeat("xy", 32)}, "", ""},
		"no input":   {nil, "", ""},
		"half of it": {nil, "txhash: " + hash[:40], ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := sentHash(strings.NewReader(tc.input), tc.args)
			require.Equal(t, tc.want, got)
			if tc.want == "" {
				require.ErrorContains(t, err, "expected")
			}
		})
	}
}

func TestAwaitTx(t *testing.T) {
	looks := 0
	res, err := awaitTx(t.Context(), "AB", func() (*sdk.TxResponse, error) {
		if looks++; looks < 3 {
			return nil, errors.New("tx (AB) not found")
		}
		return &sdk.TxResponse{Height: 7}, nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 7, res.Height)
	require.Equal(t, 3, looks)

	_, err = awaitTx(t.Context(), "AB", func() (*sdk.TxResponse, error) { return nil, errors.New("indexing is disabled") })
	require.ErrorContains(t, err, "indexing is disabled")

	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = awaitTx(ctx, "AB", func() (*sdk.TxResponse, error) { return nil, errors.New("tx (AB) not found") })
	require.ErrorContains(t, err, "it may still come")
}
