package cmd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtx "github.com/cosmos/cosmos-sdk/x/auth/tx"
)

const (
	flagWaitTimeout = "timeout"
	// txInterval is the time between two looks for a transaction.
	txInterval = 250 * time.Millisecond
	// maxSent bounds what is read of the output of a command that has sent a transaction, in bytes.
	maxSent = 1 << 20
)

// waitTxCommand waits for a transaction. The command of the SDK waits for an event, and misses it when a block takes the
// transaction after the event was asked for and before the transaction is indexed.
func waitTxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wait-tx [HASH]",
		Short: "Wait until a block has a transaction, and show what became of it",
		Long:  "Wait until a block has a transaction, and show what became of it. Without a hash the output of the command that sent it is read from standard input.",
		Example: `  opengradientd query wait-tx 2A7F… --timeout 30s
  opengradientd tx bank send alice og1… 10uopg --yes --output json | opengradientd query wait-tx`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientCtx, err := client.GetClientQueryContext(cmd)
			if err != nil {
				return err
			}
			timeout, err := cmd.Flags().GetDuration(flagWaitTimeout)
			if err != nil {
				return err
			}
			hash, err := sentHash(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			res, err := awaitTx(ctx, hash, func() (*sdk.TxResponse, error) { return authtx.QueryTx(clientCtx.WithCmdContext(ctx), hash) })
			if err != nil {
				return err
			}
			return clientCtx.PrintProto(res)
		},
	}
	flags.AddQueryFlagsToCmd(cmd)
	cmd.Flags().Duration(flagWaitTimeout, 30*time.Second, "longest `TIME` to wait")
	return cmd
}

var txHash = regexp.MustCompile(`(?:"txhash" *: *"|\btxhash: *"?)([0-9A-Fa-f]{64})\b`)

// sentHash is the hash of a transaction, as it was given or as the command that sent it has printed it.
func sentHash(in io.Reader, args []string) (string, error) {
	if len(args) == 1 {
		if b, err := hex.DecodeString(args[0]); err != nil || len(b) != 32 {
			return "", fmt.Errorf("hash: expected 64 hexadecimal digits, got %.80q", args[0])
		}
		return args[0], nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSent))
	if err != nil {
		return "", err
	}
	found := txHash.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("standard input: expected a txhash as a command that sends a transaction prints it, got %.80q", text)
	}
	return string(found[1]), nil
}

// awaitTx looks again and again until a node has indexed a transaction.
func awaitTx(ctx context.Context, hash string, look func() (*sdk.TxResponse, error)) (*sdk.TxResponse, error) {
	ticker := time.NewTicker(txInterval)
	defer ticker.Stop()
	for {
		res, err := look()
		if err == nil {
			return res, nil
		}
		if ctx.Err() == nil && !strings.Contains(err.Error(), "not found") {
			return nil, fmt.Errorf("transaction %s: %w", hash, err)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, fmt.Errorf("transaction %s: expected a block to have it in time, got none so far; it may still come", hash)
			}
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}
